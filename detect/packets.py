"""Reads a container through without decoding: how many packets each stream really has, and when they are shown.

Headers are claims; these are facts. Only integers are kept, in the stream's own time base: 17 bytes a picture.
"""

from __future__ import annotations

import math
import struct
from array import array
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from numpy.typing import NDArray

from detect.bitstream import Test, is_hidden, reference_test
from detect.config import Limits
from detect.container import ErrorLog, translated
from detect.errors import LimitExceeded, UnreadableMedia

MISSING = -(2**63)
"""FFmpeg's AV_NOPTS_VALUE: a packet without a time."""

_DRAINED_PACKETS = 1_024

_MAX_FAILURES = 4_096
"""Reads that may fail before reading stops; past a damaged place the next packet may be whole."""


@dataclass(slots=True)
class Packets:
    """One stream's packets."""

    codec: str = ""
    count: int = 0
    num_corrupt: int = 0
    """Marked by the demuxer: cut short, or with a gap before them."""
    num_encrypted: int = 0
    last_corrupt: bool = False
    """Whether the last packet is: at the end of a file FFmpeg asks for more than there is."""
    num_hidden: int = 0
    """Pictures that are never shown."""
    num_bytes: int = 0
    num_empty: int = 0
    """Without data: in AVI a picture shown once more."""
    first: int | None = None
    """Earliest presentation time. What a decoder drops at the start of a sound track (priming) is not presented."""
    last: int | None = None
    """Latest end of presentation."""
    num_unsure: int = 0
    """Pictures of which the packet does not tell whether they are references."""
    _pts: array[int] = field(default_factory=lambda: array("q"))
    _ends: array[int] = field(default_factory=lambda: array("q"))
    _heard: int = MISSING
    _flags: bytearray = field(default_factory=bytearray)

    @property
    def pts(self) -> NDArray[np.int64]:
        """(n,) presentation times of shown pictures in decoding order, `MISSING` where there is none."""
        return np.frombuffer(self._pts, np.int64) if self._pts else np.zeros(0, np.int64)

    @property
    def ends(self) -> NDArray[np.int64]:
        """(n,) as `pts`, plus the duration that the packet claims."""
        return np.frombuffer(self._ends, np.int64) if self._ends else np.zeros(0, np.int64)

    @property
    def key(self) -> NDArray[np.bool_]:
        """(n,) whether a picture can be decoded alone."""
        return (np.frombuffer(self._flags, np.uint8) & 1).astype(np.bool_)

    @property
    def reference(self) -> NDArray[np.bool_]:
        """(n,) whether other pictures are predicted from this one, as far as known."""
        return (np.frombuffer(self._flags, np.uint8) & 2).astype(np.bool_)

    def add_sound(self, packet: Packet[Any], ticks_a_sample: Fraction) -> None:
        """Take a sound packet's numbers; priming and padding that a decoder drops do not count as presented."""
        self._count(packet)
        if packet.pts is None:
            return
        begin, end = packet.pts, packet.pts + max(0, packet.duration or 0)
        if packet.has_sidedata("skip_samples"):
            head, tail = struct.unpack_from("<II", bytes(packet.get_sidedata("skip_samples")))
            self._heard = begin + round_half_up(head * ticks_a_sample)
            end -= round_half_up(tail * ticks_a_sample)
        if packet.is_discard:
            return
        begin = max(begin, self._heard)
        self.first = begin if self.first is None else min(self.first, begin)
        self.last = end if self.last is None else max(self.last, end)

    def add_picture(self, packet: Packet[Any], test: Test | None) -> None:
        """Take a picture's numbers; one that is hidden is decoded for its neighbours but never shown."""
        self._count(packet)
        if packet.is_discard or is_hidden(self.codec, packet):
            self.num_hidden += 1
            return
        pts = MISSING if packet.pts is None else packet.pts
        end = pts if packet.pts is None else packet.pts + max(0, packet.duration or 0)
        if packet.pts is not None:
            self.first = pts if self.first is None else min(self.first, pts)
            self.last = end if self.last is None else max(self.last, end)
        reference = test(memoryview(packet)) if test else None
        self.num_unsure += reference is None
        self._pts.append(pts)
        self._ends.append(end)
        self._flags.append(packet.is_keyframe | (reference is not False) << 1)

    def add_other(self, packet: Packet[Any]) -> None:
        """Count a packet of a stream that is not examined."""
        self._count(packet)

    def _count(self, packet: Packet[Any]) -> None:
        self.count += 1
        self.num_bytes += packet.size
        self.num_corrupt += packet.is_corrupt
        self.last_corrupt = packet.is_corrupt
        self.num_encrypted += packet.has_sidedata("encryption_info")


def round_half_up(value: Fraction) -> int:
    """Nearest integer as FFmpeg's av_rescale_q gives it for positive values."""
    return math.floor(value + Fraction(1, 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The whole container, read through."""

    streams: dict[int, Packets]
    num_failures: int
    """Places where reading failed and went on behind."""
    num_messages: int
    """Errors that FFmpeg logged meanwhile."""
    messages: tuple[str, ...]
    """The first few of them."""


def read_through(container: InputContainer, limits: Limits) -> Reading:
    """Demultiplex everything once.

    Raises:
        LimitExceeded: `packets`, or out of memory.
        UnsupportedMedia: the container refers to something outside itself.
    """
    streams = {stream.index: Packets(codec=_codec(stream)) for stream in container.streams}
    ticks_a_sample = {stream.index: _ticks_a_sample(stream) for stream in container.streams.audio}
    tests = {
        stream.index: None
        if stream.codec_context is None
        else reference_test(stream.codec_context.codec.canonical_name, stream.codec_context.extradata)
        for stream in container.streams.video
    }
    log = ErrorLog()
    total = failures = 0
    with log:
        while failures < _MAX_FAILURES:
            try:
                with translated("the container"):
                    for packet in container.demux():
                        index = packet.stream_index
                        if packet.size == 0:
                            streams[index].num_empty += packet.dts is not None
                            continue
                        total += 1
                        if total % _DRAINED_PACKETS == 0:
                            log.drain()
                        if total > limits.max_packets:
                            raise LimitExceeded("packets", f"more than {limits.max_packets} packets")
                        if index in ticks_a_sample:
                            streams[index].add_sound(packet, ticks_a_sample[index])
                        elif index in tests:
                            streams[index].add_picture(packet, tests[index])
                        else:
                            streams[index].add_other(packet)
            except UnreadableMedia as error:
                if error.reason == "io_error":
                    raise
                failures += 1
            else:
                break
    return Reading(streams=streams, num_failures=failures, num_messages=log.count, messages=tuple(log.lines))


def _codec(stream: Stream) -> str:
    return stream.codec_context.codec.canonical_name if stream.codec_context is not None else ""


def _ticks_a_sample(stream: AudioStream) -> Fraction:
    rate = stream.codec_context.sample_rate if stream.codec_context is not None else 0
    return Fraction(0) if not rate or not stream.time_base else 1 / (rate * stream.time_base)
