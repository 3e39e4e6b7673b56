"""The outer structure of ISO base media, Matroska and RIFF files: what it promises against what is there.

FFmpeg reads a file that was cut in half without complaint. The lengths that a container's outermost elements declare
tell a cut file from one whose header merely lies about its duration, and tell where foreign bytes begin.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import BinaryIO

_MAX_ELEMENTS = 200_000
"""Elements of one level that are walked: more than 24 h in fragments of 1 s have. Beyond, no end is known."""

_MAX_TEXT_BYTES = 1 << 20

_OUTERMOST = frozenset(
    {
        b"ftyp",
        b"moov",
        b"mdat",
        b"free",
        b"skip",
        b"wide",
        b"pnot",
        b"styp",
        b"moof",
        b"sidx",
        b"mfra",
        b"uuid",
        b"meta",
    }
)
"""Boxes whose length is believed though the file is shorter: ISO/IEC 14496-12, table 1, and QuickTime."""

_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""XMP Specification Part 3 (2020), ISO base media files."""
_C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
"""C2PA Technical Specification, embedding manifests into BMFF-based assets."""


@dataclass(slots=True, kw_only=True)
class Layout:
    """What a walk over the outermost elements found."""

    promised: int | None = None
    """Bytes that the file would have if it were whole; None where its structure does not say."""
    end: int | None = None
    """First byte behind the structure; None where that is not known."""
    c2pa: str | None = None
    """Where a C2PA manifest store sits."""
    xmp: bytes | None = None
    declared: Fraction | None = None
    """ISO base media: seconds, by the movie header. FFmpeg passes on the tracks' instead."""
    boxes: set[str] = field(default_factory=set)
    """ISO base media: types of the outermost boxes."""
    clockwise_degrees: dict[int, int] = field(default_factory=dict)
    """ISO base media: by track, how a player turns its picture."""
    frame_seconds: list[Fraction] = field(default_factory=list)
    """Animations: how long each frame is shown."""


def read_boxes(file: BinaryIO, num_bytes: int) -> Layout:
    """Walk an ISO base media or QuickTime file (ISO/IEC 14496-12, section 4.2)."""
    layout = Layout(end=0)
    for kind, start, body, end in _boxes(file, 0, num_bytes):
        if end > num_bytes and kind not in _OUTERMOST:  # four letters by chance: something else begins here
            break
        layout.boxes.add(kind.decode("latin-1"))
        layout.promised = end
        layout.end = min(end, num_bytes)
        if kind == b"uuid":
            file.seek(body)
            name = file.read(16)
            if name == _C2PA_UUID:
                layout.c2pa = f"a uuid box at byte {start}"
            elif name == _XMP_UUID:
                layout.xmp = file.read(min(end - body - 16, _MAX_TEXT_BYTES))
        elif kind == b"moov" and end <= num_bytes:
            layout.clockwise_degrees = dict(_turns(file, body, end))
            layout.declared = _movie_seconds(file, body, end)
    return layout


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield (type, start, start of the body, end); the last end may lie beyond `end`."""
    for _ in range(_MAX_ELEMENTS):
        if start + 8 > end:
            return
        file.seek(start)
        head = file.read(16)
        size, kind, body = int.from_bytes(head[:4], "big"), head[4:8], start + 8
        if size == 1 and len(head) == 16:
            size, body = int.from_bytes(head[8:], "big"), start + 16
        elif size == 0:
            size = end - start
        if size < body - start or not all(32 <= byte < 127 or byte == 0xA9 for byte in kind):
            return
        yield kind, start, body, start + size
        start += size


def _movie_seconds(file: BinaryIO, start: int, end: int) -> Fraction | None:
    """Duration by the movie header (ISO/IEC 14496-12, section 8.2.2)."""
    for kind, _, body, _ in _boxes(file, start, end):
        if kind != b"mvhd":
            continue
        file.seek(body)
        data = file.read(32)
        wide = data[:1] == b"\1"
        scale, length = (data[20:24], data[24:32]) if wide else (data[12:16], data[16:20])
        unknown = length == b"\xff" * len(length)
        if int.from_bytes(scale, "big") and int.from_bytes(length, "big") and not unknown:
            return Fraction(int.from_bytes(length, "big"), int.from_bytes(scale, "big"))
    return None


def _turns(file: BinaryIO, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield (track, degrees) from the track headers' matrices (ISO/IEC 14496-12, section 8.3.2)."""
    for kind, _, body, stop in _boxes(file, start, end):
        if kind != b"trak":
            continue
        for inner, _, place, last in _boxes(file, body, min(stop, end)):
            if inner != b"tkhd" or last - place < 84:
                continue
            file.seek(place)
            data = file.read(96)
            shift = 12 if data[0] == 1 else 0
            track = int.from_bytes(data[12 + shift // 12 * 8 :][:4], "big")
            matrix = data[40 + shift : 76 + shift]
            if len(matrix) == 36:
                a, b = (int.from_bytes(matrix[at : at + 4], "big", signed=True) for at in (0, 4))
                if a or b:
                    yield track, round(math.degrees(math.atan2(b, a))) % 360


def read_elements(file: BinaryIO, num_bytes: int) -> Layout:
    """Walk a Matroska file's two outermost elements (RFC 8794, RFC 9559)."""
    layout = Layout()
    place = 0
    for _ in range(64):
        file.seek(place)
        head = file.read(12)
        if len(head) < 2:
            break
        id_length = 9 - head[0].bit_length() if head[0] else 9
        rest = head[id_length:]
        if id_length > 4 or not rest or not rest[0]:
            break
        length = 9 - rest[0].bit_length()
        size = int.from_bytes(rest[:length], "big") & ((1 << 7 * length) - 1)
        if size == (1 << 7 * length) - 1:  # of unknown size: a live recording
            return Layout()
        place += id_length + length + size
        layout.promised, layout.end = place, min(place, num_bytes)
        if place >= num_bytes:
            break
    return layout


def read_riff(file: BinaryIO, num_bytes: int) -> Layout:
    """Walk a RIFF file (AVI, WAV, WebP) and the pieces that follow it in large AVI files (OpenDML 1.02)."""
    layout = Layout()
    place = 0
    for _ in range(_MAX_ELEMENTS):
        file.seek(place)
        head = file.read(12)
        size = int.from_bytes(head[4:8], "little")
        if head[:4] not in (b"RIFF",) or (place and head[8:12] != b"AVIX") or size in (0, 0xFFFFFFFF):
            break
        _chunks(file, place + 12, min(place + 8 + size, num_bytes), layout)
        place += 8 + size + size % 2
        layout.promised, layout.end = place - size % 2, min(place, num_bytes)
        if place >= num_bytes:
            break
    return layout


def _chunks(file: BinaryIO, place: int, end: int, layout: Layout) -> None:
    for _ in range(_MAX_ELEMENTS):
        if place + 8 > end:
            return
        file.seek(place)
        head = file.read(8)
        size = int.from_bytes(head[4:], "little")
        if head[:4] == b"C2PA":
            layout.c2pa = f"a C2PA chunk at byte {place}"
        elif head[:4] == b"ANMF":  # WebP Container Specification (RFC 9649, section 2.7.1.1)
            file.seek(place + 8 + 12)
            layout.frame_seconds.append(Fraction(int.from_bytes(file.read(3), "little"), 1000))
        place += 8 + size + size % 2
