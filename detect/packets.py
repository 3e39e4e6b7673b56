"""Reads a container through without decoding: how many packets each stream really has, and when they are shown.

Headers are claims; these are facts. Only integers are kept, in the stream's own time base: 17 bytes a picture.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np
from av.container import InputContainer
from av.packet import Packet
from numpy.typing import NDArray

from detect.bitstream import Test, reference_test
from detect.config import Limits
from detect.container import ErrorLog, translated
from detect.errors import InputError, LimitExceeded, UnreadableMedia

MISSING = -(2**63)
"""FFmpeg's AV_NOPTS_VALUE: a packet without a time."""

_MAX_FAILURES = 4_096
"""Reads that may fail before reading stops; past a damaged place the next packet may be whole."""


@dataclass(slots=True)
class Packets:
    """One stream's packets."""

    count: int = 0
    num_corrupt: int = 0
    """Marked by the demuxer: cut short, or with a gap before them."""
    num_bytes: int = 0
    first: int | None = None
    """Earliest presentation time; what a decoder drops at the start of a sound track is not presented."""
    last: int | None = None
    """Latest end of presentation."""
    num_unsure: int = 0
    """Pictures of which the packet does not tell whether they are references."""
    _pts: array[int] = field(default_factory=lambda: array("q"))
    _ends: array[int] = field(default_factory=lambda: array("q"))
    _flags: bytearray = field(default_factory=bytearray)

    @property
    def pts(self) -> NDArray[np.int64]:
        """(n,) presentation times of pictures in decoding order, `MISSING` where there is none; without those hidden."""
        return np.frombuffer(self._pts, np.int64) if self._pts else np.zeros(0, np.int64)

    @property
    def ends(self) -> NDArray[np.int64]:
        """(n,) as `pts`, plus the duration that the packet claims."""
        return np.frombuffer(self._ends, np.int64) if self._ends else np.zeros(0, np.int64)

    @property
    def key(self) -> NDArray[np.bool_]:
        """(n,) whether a picture can be decoded alone."""
        return np.frombuffer(self._flags, np.uint8) & 1 == 1

    @property
    def reference(self) -> NDArray[np.bool_]:
        """(n,) whether other pictures are predicted from this one, as far as known."""
        return np.frombuffer(self._flags, np.uint8) & 2 == 2

    def add(self, packet: Packet, test: Test | None, *, is_picture: bool) -> None:
        """Take a packet's numbers."""
        self.count += 1
        self.num_bytes += packet.size
        self.num_corrupt += packet.is_corrupt
        pts = MISSING if packet.pts is None else packet.pts
        end = pts if pts == MISSING else pts + max(0, packet.duration or 0)
        if packet.is_discard:  # hidden by an edit list: decoded for those that follow, never shown
            return
        if pts != MISSING:
            if self.first is None or pts < self.first:
                self.first = pts
            if self.last is None or end > self.last:
                self.last = end
        if is_picture:
            reference = test(memoryview(packet)) if test else None
            self.num_unsure += reference is None
            self._pts.append(pts)
            self._ends.append(end)
            self._flags.append(packet.is_keyframe | (reference is not False) << 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The whole container, read through."""

    streams: dict[int, Packets]
    num_failures: int
    """Places where reading failed and went on behind."""
    messages: tuple[str, ...]
    """What FFmpeg complained of meanwhile, the first few."""


def read_through(container: InputContainer, limits: Limits) -> Reading:
    """Demultiplex everything once.

    Raises:
        LimitExceeded: `packets`, or out of memory.
        UnsupportedMedia: the container refers to something outside itself.
    """
    streams = {stream.index: Packets() for stream in container.streams}
    video = {stream.index for stream in container.streams.video}
    tests = {
        stream.index: reference_test(stream.codec_context.codec.canonical_name, stream.codec_context.extradata)
        for stream in container.streams.video
        if stream.codec_context is not None
    }
    log = ErrorLog()
    total = failures = 0
    packets = container.demux()
    while failures < _MAX_FAILURES:
        try:
            with log, translated("the container"):
                packet = next(packets, None)
        except UnreadableMedia as error:
            if error.reason == "io_error":
                raise
            failures += 1
            packets = container.demux()
            continue
        except InputError:
            raise
        if packet is None:
            break
        if packet.size == 0:
            continue
        total += 1
        if total > limits.max_packets:
            raise LimitExceeded("packets", f"more than {limits.max_packets} packets")
        index = packet.stream_index
        streams[index].add(packet, tests.get(index), is_picture=index in video)
    return Reading(streams=streams, num_failures=failures, messages=tuple(log.lines))
