"""One pass over a sound track: samples of all channels, finite, cut to pieces, on the presentation timeline.

Time is counted in samples and checked against the time stamps. Where these jump ahead, a new run of samples begins at
the new time and the gap is kept; where they go back, which would put two sounds at one time, they are shifted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO

import av.error
import numpy as np
from av import AudioFrame, AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard
from numpy.typing import NDArray

from detect.config import Limits
from detect.container import ErrorLog, open_container
from detect.errors import LimitExceeded, UnreadableMedia, UnsupportedMedia
from detect.types import Float32Array, Interval

_MIN_RATE, _MAX_RATE = 1_000, 2**20 - 1
"""Hz. The upper is the highest that FLAC can state (RFC 9639, section 8.2); speech needs far more than the lower."""

_JUMP = Fraction(1, 20)
"""Seconds by which time stamps may differ from the count of samples. A millisecond's rounding (Matroska, FLV), one lost
packet (21 to 43 ms of AAC) and a drifting clock stay under it; it is short against a syllable (about 200 ms)."""

LOUDEST = 1e6
"""Times full scale. Beyond it, a number in a float stream is no sample, and its square would soon overflow."""

_MAX_LISTED = 8
"""Gaps and formats kept one by one: damage and hostility can bring one a packet."""

_MAX_FAILURES = 4_096
"""Reads that may fail before reading stops; past a damaged place the next packet may be whole."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piece:
    """About a second of all channels."""

    samples: Float32Array
    """(channels, n), finite."""
    rate: int
    start: Fraction
    follows: bool
    """Whether it continues the piece before without a gap, at the same rate."""


@dataclass(slots=True, kw_only=True)
class _Run:
    """A stretch without gap or change of format."""

    rate: int
    channels: int
    start: Fraction
    timed: bool
    """Whether `start` rests on a time stamp."""
    count: int = 0
    """Samples so far."""
    num_out: int = 0
    """Samples handed out."""

    @property
    def end(self) -> Fraction:
        return self.start + Fraction(self.count, self.rate)


class Gaps:
    """Jumps of the time stamps: the first few one by one, the others summed up."""

    def __init__(self) -> None:
        self.listed: list[Interval] = []
        self.num_more = 0
        self.more_seconds = Fraction(0)
        self.more: Interval | None = None
        """From the start of the first to the end of the last that is not listed."""

    def add(self, start: Fraction, end: Fraction) -> None:
        """Count one; they come in order of time."""
        if len(self.listed) < _MAX_LISTED:
            self.listed.append(Interval(start=start, end=end))
            return
        self.num_more += 1
        self.more_seconds += end - start
        self.more = Interval(start=start if self.more is None else self.more.start, end=end)


class SoundTrack:
    """One pass over the stream; the counts are complete when `pieces` is exhausted."""

    def __init__(self, file: BinaryIO, index: int, limits: Limits) -> None:
        self._file, self._index, self._limits = file, index, limits
        self._log = ErrorLog()
        self._failures = 0
        self._shift = Fraction(0)
        self._stamped_end: Fraction | None = None
        self.num_decoded = 0
        """Samples a channel."""
        self.num_values = 0
        """Samples of all channels."""
        self.num_bad = 0
        """Of these, not finite."""
        self.seconds = Fraction(0)
        self.promised = Fraction(0)
        """Seconds by the packets."""
        self.formats: list[tuple[int, int]] = []
        """(rate, channels), in order of appearance."""
        self.gaps = Gaps()
        self.num_repaired = 0
        """Times that time stamps went back."""

    @property
    def num_errors(self) -> int:
        """What FFmpeg complained of; an exception without a message counts as one."""
        return max(self._log.count, self._failures)

    @property
    def message(self) -> str:
        """The first complaint."""
        return self._log.lines[0] if self._log.lines else "no message"

    def pieces(self) -> Iterator[Piece]:
        """Decode; sanitise; put on the timeline; cut to pieces of about a second."""
        run: _Run | None = None
        waiting: list[Float32Array] = []
        with open_container(self._file, self._limits) as container:
            for frame in self._frames(container):
                samples = self._values(frame)
                current = self._place(run, frame, samples.shape)
                if run is not None and current is not run:
                    yield from _cut(run, waiting)
                run = current
                waiting.append(samples)
                run.count += samples.shape[1]
                if run.count - run.num_out >= run.rate:
                    yield from _cut(run, waiting)
            if run is not None:
                yield from _cut(run, waiting)

    def _frames(self, container: InputContainer) -> Iterator[AudioFrame]:
        """Decode whatever can be decoded, counting what cannot."""
        for packet in self._packets(container, self._opened(container)):
            if packet.size and not packet.is_discard and packet.duration:
                self.promised += packet.duration * packet.time_base
            try:
                with self._log:
                    frames = packet.decode()
            except MemoryError:
                raise
            except av.error.FFmpegError:
                self._failures += 1
                continue
            yield from (frame for frame in frames if frame.samples)

    def _packets(self, container: InputContainer, stream: AudioStream) -> Iterator[Packet[AudioStream]]:
        packets = container.demux(stream)
        for _ in range(_MAX_FAILURES):
            try:
                yield from packets
            except MemoryError:
                raise
            except av.error.FFmpegError:
                self._failures += 1
                packets = container.demux(stream)
            else:
                return

    def _opened(self, container: InputContainer) -> AudioStream:
        stream = container.streams[self._index]
        if not isinstance(stream, AudioStream):
            raise UnreadableMedia("no_such_stream", f"stream {self._index} is not an audio stream")
        if stream.codec_context is None:
            raise UnsupportedMedia("codec", f"this build has no decoder for stream {self._index}")
        stream.codec_context.thread_count = 1  # so that all messages are this thread's and the order is fixed
        for other in container.streams:
            if other is not stream:
                other.discard = Discard.all
        self._origin = _origin(container)
        return stream

    def _values(self, frame: AudioFrame) -> Float32Array:
        """(channels, n) float32 in [-1, 1]; what is no number becomes 0 and is counted."""
        if not _MIN_RATE <= frame.sample_rate <= _MAX_RATE:
            raise UnreadableMedia("sample_rate", f"stream {self._index} claims {frame.sample_rate} samples a second")
        channels = frame.layout.nb_channels
        if not 1 <= channels <= self._limits.max_channels:
            raise LimitExceeded("channels", f"stream {self._index} has {channels} channels")
        try:
            raw: NDArray[Any] = frame.to_ndarray()
        except ValueError as error:
            raise UnsupportedMedia("codec", f"stream {self._index}: samples as {frame.format.name}") from error
        if not frame.format.is_planar:
            raw = raw.reshape(-1, channels).T
        self.num_decoded += raw.shape[1]
        self.num_values += raw.size
        self.seconds += Fraction(raw.shape[1], frame.sample_rate)
        if len(self.formats) <= _MAX_LISTED and (frame.sample_rate, channels) not in self.formats:
            self.formats.append((frame.sample_rate, channels))
        if raw.dtype == np.uint8:
            return (raw.astype(np.float32) - 128) / np.float32(128)
        if raw.dtype.kind == "i":
            return raw.astype(np.float32) / np.float32(-int(np.iinfo(raw.dtype).min))
        bad = ~(np.abs(raw) <= LOUDEST)
        self.num_bad += int(bad.sum())
        return np.where(bad, 0, raw).astype(np.float32)

    def _place(self, run: _Run | None, frame: AudioFrame, shape: tuple[int, ...]) -> _Run:
        """Find the run that a frame belongs to: the present one, or a new one after a gap or a change of format."""
        time = None
        if frame.pts is not None and frame.time_base is not None:
            time = frame.pts * frame.time_base - self._origin + self._shift
        jump = None if time is None or self._stamped_end is None else time - self._stamped_end
        duration = Fraction(shape[1], frame.sample_rate)
        self._stamped_end = None if time is None else time + duration
        fresh = _Run(rate=frame.sample_rate, channels=shape[0], start=time or Fraction(0), timed=time is not None)
        if run is None:
            return fresh
        same = (run.rate, run.channels) == (fresh.rate, fresh.channels)
        if time is None:
            fresh.start = run.end
            return run if same else fresh
        if same and not run.timed and not run.num_out:
            run.start, run.timed = max(Fraction(0), time - Fraction(run.count, run.rate)), True
        ahead = time - run.end
        if ahead > _JUMP and time <= self._limits.max_duration_seconds:
            if jump is not None and jump > _JUMP:  # otherwise it is a clock that drifts, and nothing is lost
                self.gaps.add(run.end, time)
            return fresh
        if abs(ahead) > _JUMP:
            self._shift -= ahead
            self._stamped_end = run.end + duration
            self.num_repaired += 1
        fresh.start = run.end
        return run if same else fresh


def _origin(container: InputContainer) -> Fraction:
    """Zero of the presentation timeline in the container's: where its earliest stream begins."""
    starts = [
        stream.start_time * stream.time_base
        for stream in container.streams
        if stream.type in ("audio", "video") and stream.start_time is not None and stream.time_base is not None
    ]
    return min(starts, default=Fraction(0))


def _cut(run: _Run, waiting: list[Float32Array]) -> Iterator[Piece]:
    """Hand out what is waiting of a run."""
    if not waiting:
        return
    samples = np.concatenate(waiting, axis=1)
    waiting.clear()
    start = run.start + Fraction(run.num_out, run.rate)
    yield Piece(samples=samples, rate=run.rate, start=start, follows=run.num_out > 0)
    run.num_out += samples.shape[1]
