"""One pass over a sound track: samples of all channels, finite, cut to pieces, on the presentation clock.

Time is counted in samples and checked against the time stamps. Where these jump ahead, a new run of samples begins at
the new time and the gap is kept; where they go back, which would put two sounds at one time, they are shifted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
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
from detect.provenance import clean
from detect.streams import MAX_RATE_HZ
from detect.types import Float32Array, Interval

_MIN_RATE_HZ = 1_000
"""Speech needs far more; less is telemetry, or damage."""

_JUMP = 0.05
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


@dataclass(frozen=True, slots=True)
class _Format:
    """What all samples of a run have in common."""

    rate: int
    channels: int
    dtype: str


@dataclass(slots=True, kw_only=True)
class _Run:
    """A stretch without gap or change of format."""

    format: _Format
    start: Fraction
    timed: bool
    """Whether `start` rests on a time stamp."""
    count: int = 0
    """Samples so far."""
    num_out: int = 0
    """Samples handed out."""
    waiting: list[NDArray[Any]] = field(default_factory=list)
    """Arrays as decoded, (channels, n), not handed out yet."""

    def at(self, sample: int) -> Fraction:
        """Presentation time of a sample."""
        return self.start + Fraction(sample, self.format.rate)


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
    """One pass over the stream; the counts are complete when `pieces` is exhausted.

    Args:
        file: The recording, seekable.
        index: Of the stream in its container.
        zero: Start of the recording's presentation on the container's clock, seconds.
        limits: Channels, length.
    """

    def __init__(self, file: BinaryIO, index: int, zero: Fraction, limits: Limits) -> None:
        self._file, self._index, self._zero, self._limits = file, index, zero, limits
        self._log = ErrorLog()
        self._failures = 0
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
        return clean(self._log.lines[0]) if self._log.lines else "no message"

    def pieces(self) -> Iterator[Piece]:
        """Decode, put on the timeline, cut to pieces of about a second, turn to finite float.

        Yields:
            Pieces in order of time; none for a stream without samples.

        Raises:
            UnsupportedMedia: no decoder, or a sample format that numpy does not know.
            UnreadableMedia: no audio stream, or an impossible sample rate.
            LimitExceeded: more channels than allowed.
        """
        with open_container(self._file, self._limits) as container:
            stream = self._opened(container)
            clock = _Clock(stream, self._zero, self._limits)
            run: _Run | None = None
            for frame in self._frames(container, stream):
                samples = self._array(frame)
                shape = _Format(frame.sample_rate, samples.shape[0], samples.dtype.str)
                current = clock.place(run, shape, samples.shape[1], frame.pts)
                if run is not None and current is not run:
                    yield from self._cut(run)
                run = current
                run.waiting.append(samples)
                run.count += samples.shape[1]
                if run.count - run.num_out >= run.format.rate:
                    yield from self._cut(run)
            if run is not None:
                yield from self._cut(run)
            self.gaps, self.num_repaired = clock.gaps, clock.num_repaired

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
        return stream

    def _frames(self, container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
        """Decode whatever can be decoded, counting what cannot."""
        promised = 0
        try:
            for packet in self._packets(container, stream):
                if packet.size and not packet.is_discard:
                    promised += max(0, packet.duration or 0)
                try:
                    with self._log:
                        frames = packet.decode()
                except MemoryError:
                    raise
                except av.error.FFmpegError:
                    self._failures += 1
                    continue
                yield from (frame for frame in frames if frame.samples)
        finally:
            self.promised = promised * (stream.time_base or Fraction(0))

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

    def _array(self, frame: AudioFrame) -> NDArray[Any]:
        """(channels, n) as decoded."""
        if not _MIN_RATE_HZ <= frame.sample_rate <= MAX_RATE_HZ:
            raise UnreadableMedia("sample_rate", f"stream {self._index} claims {frame.sample_rate} samples a second")
        channels = frame.layout.nb_channels
        if not 1 <= channels <= self._limits.max_channels:
            raise LimitExceeded("channels", f"stream {self._index} has {channels} channels")
        try:
            samples: NDArray[Any] = frame.to_ndarray()
        except ValueError as error:
            raise UnsupportedMedia("codec", f"stream {self._index}: samples as {frame.format.name}") from error
        return samples if frame.format.is_planar else samples.reshape(-1, channels).T

    def _cut(self, run: _Run) -> Iterator[Piece]:
        """Hand out what is waiting of a run."""
        if not run.waiting:
            return
        samples = self._finite(np.ascontiguousarray(np.concatenate(run.waiting, axis=1)))
        run.waiting.clear()
        channels, count = samples.shape
        self.num_decoded += count
        self.num_values += samples.size
        self.seconds += Fraction(count, run.format.rate)
        if len(self.formats) <= _MAX_LISTED and (run.format.rate, channels) not in self.formats:
            self.formats.append((run.format.rate, channels))
        yield Piece(samples=samples, rate=run.format.rate, start=run.at(run.num_out), follows=run.num_out > 0)
        run.num_out += count

    def _finite(self, raw: NDArray[Any]) -> Float32Array:
        """To float32 in [-1, 1]; what is no number becomes 0 and is counted."""
        if raw.dtype.kind != "f":
            middle, scale = (128, 128) if raw.dtype == np.uint8 else (0, -int(np.iinfo(raw.dtype).min))
            samples = raw.astype(np.float32)
            samples -= np.float32(middle)
            samples *= np.float32(1 / scale)
            return samples
        if raw.min() >= -LOUDEST and raw.max() <= LOUDEST:  # false for NaN
            return raw.astype(np.float32, copy=False)
        bad = ~(np.abs(raw) <= LOUDEST)
        self.num_bad += int(bad.sum())
        return np.where(bad, 0, raw).astype(np.float32)


class _Clock:
    """Checks the count of samples against the time stamps."""

    def __init__(self, stream: AudioStream, zero: Fraction, limits: Limits) -> None:
        self._unit = stream.time_base or Fraction(1, stream.codec_context.sample_rate or 1)
        self._shift = -zero
        """Added to time stamps: zero of the presentation, and repairs."""
        self._quick = float(self._unit), float(self._shift)
        self._latest = limits.max_duration_seconds
        self._stamped_end: float | None = None
        self.gaps = Gaps()
        self.num_repaired = 0

    def place(self, run: _Run | None, shape: _Format, count: int, pts: int | None) -> _Run:
        """Find the run that a frame belongs to: the present one, or a new one after a gap or a change of format."""
        same = run is not None and run.format == shape
        if pts is None:
            self._stamped_end = None
            if run is not None and same:
                return run
            return _Run(format=shape, start=run.at(run.count) if run is not None else Fraction(0), timed=False)
        unit, shift = self._quick
        stamp = pts * unit + shift
        before, self._stamped_end = self._stamped_end, stamp + count / shape.rate
        if run is None:
            return _Run(format=shape, start=self._exact(pts), timed=True)
        if not run.timed and not run.num_out:
            run.start, run.timed = max(Fraction(0), self._exact(pts) - Fraction(run.count, run.format.rate)), True
        ahead = stamp - float(run.start) - run.count / run.format.rate  # in floats: exact fractions cost 10 us a frame
        if ahead > _JUMP and stamp <= self._latest:
            if before is not None and stamp - before > _JUMP:  # otherwise it is a clock that drifts; nothing is lost
                self.gaps.add(run.at(run.count), self._exact(pts))
            return _Run(format=shape, start=self._exact(pts), timed=True)
        if abs(ahead) > _JUMP:
            self._shift += run.at(run.count) - self._exact(pts)
            self._quick = unit, float(self._shift)
            self._stamped_end = float(run.at(run.count + count))
            self.num_repaired += 1
        return run if same else _Run(format=shape, start=run.at(run.count), timed=True)

    def _exact(self, pts: int) -> Fraction:
        return pts * self._unit + self._shift
