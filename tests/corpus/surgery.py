"""Knives for files: ISO boxes found and rewritten, Matroska files put together element by element, bytes flipped.

No library writes files as wrong as these, so they are cut here, by the letter of ISO/IEC 14496-12 and RFC 9559.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"udta", b"dinf"}

# ------------------------------------------------------------------------------------------- ISO base media (MP4)


def box(kind: bytes, *payload: bytes) -> bytes:
    """One ISO box."""
    body = b"".join(payload)
    return struct.pack(">I", 8 + len(body)) + kind + body


def full_box(kind: bytes, version: int, flags: int, *payload: bytes) -> bytes:
    """One ISO box with version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *payload)


def find_boxes(data: bytes, kind: bytes) -> list[tuple[int, int]]:
    """(start, size) of each box of this kind at the top or inside the boxes that lead to a sample table."""
    return [(start, size) for name, start, size in _walk(data, 0, len(data)) if name == kind]


def _walk(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    while start + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, start)
        if size < 8:
            return
        yield name, start, size
        if name in _CONTAINERS:
            yield from _walk(data, start + 8, start + size)
        start += size


def overwrite(data: bytes, offset: int, new: bytes) -> bytes:
    """The same file with `new` at `offset`."""
    return data[:offset] + new + data[offset + len(new) :]


def insert_in_box(data: bytes, parents: Sequence[bytes], new: bytes) -> bytes:
    """Append a box to the last of the boxes named by `parents`, outermost first, and lengthen all of them.

    For files whose `moov` lies behind the media data: no chunk offset moves.
    """
    places = [find_boxes(data, kind)[0] for kind in parents]
    inner_start, inner_size = places[-1]
    end = inner_start + inner_size
    for start, size in places:
        data = overwrite(data, start, struct.pack(">I", size + len(new)))
    return data[:end] + new + data[end:]


def flip(data: bytes, count: int, start: int, end: int, seed: int = 0) -> bytes:
    """Invert `count` bytes between two offsets, the same for the same seed."""
    damaged = bytearray(data)
    for place in random.Random(seed).sample(range(start, end), count):  # noqa: S311  # repeatable damage, not secrecy
        damaged[place] ^= 0xFF
    return bytes(damaged)


# ------------------------------------------------------------------------------------------------------ Matroska

_SIMPLE_BLOCK, _CLUSTER, _SEGMENT, _TIMESTAMP = 0xA3, 0x1F43B675, 0x18538067, 0xE7


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One block: milliseconds on the timeline, and what is in it."""

    time: int
    data: bytes
    key: bool = True
    track: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One entry of the track table."""

    codec: str
    private: bytes = b""
    size: tuple[int, int] | None = None
    """(height, width) for pictures, None for sound."""
    default_duration: int | None = None
    """Nanoseconds between frames, as the header claims."""
    rate: float = 16_000.0
    channels: int = 1


def element(number: int, payload: bytes) -> bytes:
    """One EBML element; its size is written in eight bytes."""
    return number.to_bytes((number.bit_length() + 7) // 8) + (1 << 56 | len(payload)).to_bytes(8) + payload


def _unsigned(number: int, value: int) -> bytes:
    return element(number, value.to_bytes(max(1, (value.bit_length() + 7) // 8)))


def _track_entry(number: int, track: Track) -> bytes:
    parts = [_unsigned(0xD7, number), _unsigned(0x73C5, number), _unsigned(0x83, 1 if track.size else 2)]
    parts.append(element(0x86, track.codec.encode()))
    if track.private:
        parts.append(element(0x63A2, track.private))
    if track.default_duration is not None:
        parts.append(_unsigned(0x23E383, track.default_duration))
    if track.size is not None:
        parts.append(element(0xE0, _unsigned(0xB0, track.size[1]) + _unsigned(0xBA, track.size[0])))
    else:
        parts.append(element(0xE1, element(0xB5, struct.pack(">d", track.rate)) + _unsigned(0x9F, track.channels)))
    return element(0xAE, b"".join(parts))


def matroska(
    tracks: Sequence[Track],
    packets: Sequence[Packet],
    *,
    duration: float | None = None,
    attachments: int = 0,
    packets_per_cluster: int = 50,
) -> bytes:
    """Put a Matroska file together, whatever its parts claim.

    Args:
        tracks: Numbered from 1.
        packets: In the order they are written; their times may jump.
        duration: Milliseconds, as the header claims.
        attachments: How many files are attached.
        packets_per_cluster: A new cluster begins after so many, or where the time leaves a block's 16 bits.
    """
    header = element(0x1A45DFA3, _unsigned(0x4286, 1) + element(0x4282, b"matroska") + _unsigned(0x4287, 4))
    info = _unsigned(0x2AD7B1, 1_000_000)
    if duration is not None:
        info += element(0x4489, struct.pack(">d", duration))
    table = b"".join(_track_entry(number, track) for number, track in enumerate(tracks, 1))
    body = [element(0x1549A966, info), element(0x1654AE6B, table)]
    if attachments:
        body.append(element(0x1941A469, b"".join(map(_attachment, range(1, attachments + 1)))))
    cluster: list[bytes] = []
    base = 0
    for packet in packets:
        if cluster and (len(cluster) >= packets_per_cluster or not -32_768 <= packet.time - base < 32_768):
            body.append(element(_CLUSTER, _unsigned(_TIMESTAMP, base) + b"".join(cluster)))
            cluster = []
        if not cluster:
            base = max(0, packet.time)
        flags = 0x80 if packet.key else 0
        block = bytes([0x80 | packet.track]) + struct.pack(">hB", packet.time - base, flags) + packet.data
        cluster.append(element(_SIMPLE_BLOCK, block))
    if cluster:
        body.append(element(_CLUSTER, _unsigned(_TIMESTAMP, base) + b"".join(cluster)))
    return header + element(_SEGMENT, b"".join(body))


def _attachment(number: int) -> bytes:
    name = element(0x466E, f"file{number}.ttf".encode())
    return element(
        0x61A7, name + element(0x4660, b"font/ttf") + element(0x465C, b"\0" * 16) + _unsigned(0x46AE, number)
    )


# -------------------------------------------------------------------------------------------------------- H.264

_START_CODE = b"\0\0\0\1"


class _Bits:
    """Writes bits, highest first."""

    def __init__(self) -> None:
        self._bits: list[int] = []

    def put(self, value: int, count: int) -> None:
        self._bits += [value >> place & 1 for place in reversed(range(count))]

    def golomb(self, value: int) -> None:
        """ue(v) of Rec. ITU-T H.264, 9.1."""
        length = (value + 1).bit_length()
        self.put(value + 1, 2 * length - 1)

    def finish(self) -> bytes:
        self.put(1, 1)
        self.put(0, -len(self._bits) % 8)
        return bytes(int("".join(map(str, self._bits[i : i + 8])), 2) for i in range(0, len(self._bits), 8))


def sequence_parameters(height: int, width: int) -> bytes:
    """NAL unit of a baseline sequence parameter set that claims this size (multiples of 16)."""
    bits = _Bits()
    for value in (66, 0, 62):  # profile, constraints, level 6.2
        bits.put(value, 8)
    for value in (0, 0, 2, 0):  # identifier, frame numbers of 4 bits, picture order by decoding, no references
        bits.golomb(value)
    bits.put(0, 1)
    bits.golomb(width // 16 - 1)
    bits.golomb(height // 16 - 1)
    bits.put(0b1100, 4)  # frames only, direct 8x8, no cropping, no VUI
    return b"\x67" + bits.finish()


def join_units(units: Sequence[bytes]) -> bytes:
    """An Annex B stream."""
    return b"".join(_START_CODE + unit for unit in units)


def split_units(stream: bytes) -> list[bytes]:
    """NAL units of an Annex B stream."""
    return [unit.rstrip(b"\0") for unit in stream.split(b"\0\0\1") if unit.strip(b"\0")]


def unit_type(unit: bytes) -> int:
    """nal_unit_type: 5 key slice, 7 sequence parameters, 8 picture parameters."""
    return unit[0] & 31
