"""The structure of JPEG, PNG and GIF files: where the picture ends, what travels with it, how long frames are shown.

An animation's frame times are needed before anything is decoded, and Pillow gives them only by decoding.
"""

from __future__ import annotations

from fractions import Fraction
from typing import BinaryIO

from detect.layout import Layout

_BLOCK_BYTES = 1 << 20
_MAX_BLOCKS = 10_000_000


def read_jpeg(file: BinaryIO, num_bytes: int) -> Layout:
    """Walk a JPEG file's segments (ITU-T T.81, annex B) to its end-of-image marker."""
    layout = Layout()
    place = 2
    for _ in range(_MAX_BLOCKS):
        file.seek(place)
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF:
            return layout
        marker = head[1]
        if marker == 0xFF:
            place += 1
        elif marker == 0xD9:
            layout.end = place + 2
            return layout
        elif marker == 0x01 or 0xD0 <= marker <= 0xD7:
            place += 2
        elif marker == 0xDA:
            layout.end = _find(file, place + 2, b"\xff\xd9")
            return layout
        else:
            size = int.from_bytes(head[2:], "big")
            if marker == 0xEB:  # APP11: JPEG universal metadata boxes (ISO/IEC 19566-5), which carry C2PA
                body = file.read(min(size, 256))
                if body.startswith(b"JP") and b"jumb" in body and b"c2pa" in body:
                    layout.c2pa = f"JUMBF in an APP11 segment at byte {place}"
            place += 2 + size
        if place >= num_bytes:
            return layout
    return layout


def _find(file: BinaryIO, place: int, wanted: bytes) -> int | None:
    """Byte behind the first occurrence of two bytes from `place` on."""
    file.seek(place)
    before = b""
    while block := file.read(_BLOCK_BYTES):
        at = (before + block).find(wanted)
        if at >= 0:
            return place - len(before) + at + len(wanted)
        place += len(block)
        before = block[-1:]
    return None


def read_png(file: BinaryIO, num_bytes: int) -> Layout:
    """Walk a PNG file's chunks (PNG Specification, third edition; animation in section 11.3.6)."""
    layout = Layout()
    place, seen_data, animated = 8, False, False
    for _ in range(_MAX_BLOCKS):
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            return layout
        size, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind == b"acTL":
            animated = True
        elif kind == b"caBX":
            layout.c2pa = f"a caBX chunk at byte {place}"
        elif kind == b"fcTL":
            body = file.read(26)
            if len(body) == 26:
                numerator, denominator = int.from_bytes(body[20:22], "big"), int.from_bytes(body[22:24], "big")
                layout.frame_seconds.append(Fraction(numerator, denominator or 100))
        elif kind == b"IDAT" and animated and not seen_data:
            seen_data = True
            if not layout.frame_seconds:  # a picture for readers that know no animation: Pillow shows it first
                layout.frame_seconds.append(Fraction(0))
        place += 12 + size
        if kind == b"IEND" or place >= num_bytes:
            layout.end = min(place, num_bytes)
            layout.promised = place
            break
    if not animated:
        layout.frame_seconds.clear()
    return layout


def read_gif(file: BinaryIO, num_bytes: int) -> Layout:
    """Walk a GIF file's blocks (GIF89a specification, sections 17 to 27)."""
    layout = Layout()
    file.seek(0)
    head = file.read(13)
    if len(head) < 13:
        return layout
    place = 13 + _palette_bytes(head[10])
    delay = Fraction(0)
    for _ in range(_MAX_BLOCKS):
        file.seek(place)
        block = file.read(16)
        if not block or block[0] == 0x3B:
            layout.end = min(place + 1, num_bytes) if block else None
            break
        if block[0] == 0x21:
            if block[1:2] == b"\xf9" and len(block) >= 6:
                delay = Fraction(int.from_bytes(block[4:6], "little"), 100)
            elif block[1:14] == b"\xff\x0bC2PA_GIF\x01":
                layout.c2pa = f"an application extension at byte {place}"
            next_place = _skip(file, place + 2)
        elif block[0] == 0x2C and len(block) >= 10:
            layout.frame_seconds.append(delay)
            next_place = _skip(file, place + 11 + _palette_bytes(block[9]))
        else:
            break
        if next_place is None:
            break
        place = next_place
    return layout


def _palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _skip(file: BinaryIO, place: int) -> int | None:
    """Byte behind a row of sub-blocks; None where the file ends before it."""
    for _ in range(_MAX_BLOCKS):
        file.seek(place)
        size = file.read(1)
        if not size:
            return None
        place += 1 + size[0]
        if not size[0]:
            return place
    return None
