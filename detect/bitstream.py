"""Whether a coded picture serves as a reference for others: a few bytes of its packet tell.

Pictures that no other is predicted from can be skipped without touching the rest. A decoder told to skip them drops
exactly those that `is_reference` denies, so what it will put out is known before it starts.
"""

from __future__ import annotations

from collections.abc import Callable

from av.buffer import Buffer

_SCANNED_BYTES = 1 << 14
"""The picture's own header lies behind parameter sets and messages of at most a few kilobytes."""

_MAX_UNITS = 64

Test = Callable[[memoryview], bool | None]
"""From a packet's bytes: whether its picture is a reference; None where they do not tell."""


def reference_test(codec: str, extradata: bytes | None) -> Test | None:
    """Choose the test for a codec; None where its pictures cannot be told apart cheaply.

    Args:
        codec: FFmpeg's canonical name.
        extradata: The stream's own, which says how its units are delimited.
    """
    extra = extradata or b""
    if codec == "h264":
        length = (extra[4] & 3) + 1 if len(extra) > 6 and extra[0] == 1 else 0  # ISO/IEC 14496-15, 5.3.3.1
        return lambda data: _first(data, length, _h264)
    if codec == "hevc":
        length = (extra[21] & 3) + 1 if len(extra) > 22 and extra[0] == 1 else 0  # ISO/IEC 14496-15, 8.3.3.1
        return lambda data: _first(data, length, _hevc)
    if codec in ("mpeg1video", "mpeg2video"):
        return _mpeg
    return None


def _h264(unit: bytes) -> tuple[bool, bool | None]:
    """(whether this is a slice, whether its picture is a reference): ITU-T H.264, 7.4.1."""
    return 1 <= unit[0] & 31 <= 5, unit[0] >> 5 & 3 != 0


def _hevc(unit: bytes) -> tuple[bool, bool | None]:
    """As `_h264`: ITU-T H.265, table 7-1. Even types below 16 are references to higher temporal layers only."""
    kind, layer = unit[0] >> 1 & 63, unit[1] & 7
    if kind > 31:
        return False, None
    return True, None if layer > 1 else kind > 15 or kind % 2 == 1


def _first(data: memoryview, length: int, of: Callable[[bytes], tuple[bool, bool | None]]) -> bool | None:
    """Test the first slice of a packet; `length` is the size of a unit's length field, 0 for start codes."""
    place = 0
    start = bytes(data[:_SCANNED_BYTES]) if length == 0 else b""
    for _ in range(_MAX_UNITS):
        if length:
            begin = place + length
            size = int.from_bytes(data[place:begin], "big")
        else:
            begin = start.find(b"\x00\x00\x01", place) + 3
            size = 0
            if begin < 3:
                return None
        unit = bytes(data[begin : begin + 2])
        if len(unit) < 2:
            return None
        is_slice, reference = of(unit)
        if is_slice:
            return reference
        place = begin + size
    return None


def _mpeg(data: memoryview) -> bool | None:
    """Bidirectional pictures are never references: ISO/IEC 13818-2, 6.3.9, picture_coding_type 3."""
    start = bytes(data[:_SCANNED_BYTES])
    place = start.find(b"\x00\x00\x01\x00")
    if place < 0 or place + 6 > len(start):
        return None
    return start[place + 5] >> 3 & 7 != 3


_EMPTY_VOP_BYTES = 10
"""MPEG-4 pictures that are declared not coded take 6 to 8 bytes (ISO/IEC 14496-2, 6.2.5, vop_coded = 0)."""


def is_hidden(codec: str, packet: Buffer) -> bool:
    """Whether a packet holds no picture that is shown: material for prediction only, or a repetition."""
    data = memoryview(packet)
    if codec == "vp8":  # RFC 6386, 9.1: show_frame
        return not data[0] >> 4 & 1
    if codec == "vp9":
        return _vp9_hidden(data)
    if codec in ("mpeg4", "msmpeg4v3"):
        return len(data) <= _EMPTY_VOP_BYTES
    return False


def _vp9_hidden(data: memoryview) -> bool:
    """VP9 Bitstream Specification 0.6, section 6.2 and annex B: a superframe ends with a picture that is shown."""
    if data[-1] & 0xE0 == 0xC0:
        return False
    bits = int.from_bytes(data[:2].tobytes().ljust(2, b"\0"), "big")
    profile = bits >> 13 & 1 | (bits >> 12 & 1) << 1
    place = 11 if profile < 3 else 10
    show_existing, show = bits >> place & 1, bits >> (place - 2) & 1
    return not show_existing and not show
