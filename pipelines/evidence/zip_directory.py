"""The central directory of a ZIP archive, read as a stream: five million members take no more memory than five.

PKWARE APPNOTE 6.3.10, sections 4.3.12 (records), 4.3.14 to 4.3.16 (the end) and 4.5 (extra fields).
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from detect.errors import LimitExceeded, UnreadableMedia
from pipelines.evidence.streams import pread

RECORD = struct.Struct("<4s6H3L5H2L")
LOCAL = struct.Struct("<4s5H3L2H")
_END = struct.Struct("<4s4H2LH")
_LOCATOR64 = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_TAIL_BYTES = _END.size + 65_535 + _LOCATOR64.size
_READ_BYTES = 1 << 18
_ALL = 0xFFFFFFFF
_SOME = 0xFFFF


class Record(NamedTuple):
    """One member, as the directory has it."""

    position: int
    """Of the record, in the file; it is the member's key."""
    flags: int
    method: int
    time: int
    date: int
    crc: int
    packed: int
    size: int
    name: bytes
    extra: bytes
    system: int
    attributes: int
    offset: int
    """Of the member's local header, in the file."""


class Directory(NamedTuple):
    """Where the directory lies."""

    start: int
    num_bytes: int
    num_members: int
    base: int
    """What precedes the archive in its file: a program, a recording."""
    volumes: int
    """Files that the archive was split over."""


def find_directory(descriptor: int, size: int) -> Directory | None:
    """Look for the directory from the end of the file; None where there is none that fits."""
    begin = max(0, size - _TAIL_BYTES)
    tail = pread(descriptor, size - begin, begin)
    place = len(tail)
    while (place := tail.rfind(b"PK\5\6", 0, place)) >= 0:
        if place + _END.size <= len(tail):
            directory = _directory(descriptor, tail, place, begin)
            if directory is not None:
                return directory
    return None


def _directory(descriptor: int, tail: bytes, place: int, begin: int) -> Directory | None:
    _, disk, first_disk, _, count, num_bytes, offset, _ = _END.unpack_from(tail, place)
    end = begin + place
    volumes = disk + 1 if disk != _SOME else 1
    if place >= _LOCATOR64.size and tail.startswith(b"PK\6\7", place - _LOCATOR64.size):
        _, _, offset64, volumes64 = _LOCATOR64.unpack_from(tail, place - _LOCATOR64.size)
        for position in (offset64, end - _LOCATOR64.size - _END64.size):
            record = pread(descriptor, _END64.size, position) if 0 <= position < end else b""
            if record.startswith(b"PK\6\6") and len(record) == _END64.size:
                _, _, _, _, disk, first_disk, _, count, num_bytes, offset = _END64.unpack(record)
                end, volumes = position, max(volumes64, disk + 1)
                break
    if volumes > 1 or first_disk not in (0, _SOME):
        return Directory(0, 0, count, 0, max(volumes, 2))
    start = end - num_bytes
    base = start - offset
    if base < 0 or start < 0:
        return None
    if num_bytes and pread(descriptor, 4, start) != b"PK\1\2":
        return None
    return Directory(start, num_bytes, count, base, 1)


def read_records(descriptor: int, directory: Directory, start: int | None = None) -> Iterator[Record]:
    """Read the directory, or one record of it.

    Raises:
        UnreadableMedia: it is damaged from here on.
    """
    position = directory.start if start is None else start
    end = directory.start + directory.num_bytes
    buffer, at = b"", 0
    unpack, size = RECORD.unpack_from, RECORD.size
    while position < end:
        if at + size + 3 * 65_535 > len(buffer) and position + len(buffer) - at < end:
            buffer = pread(descriptor, min(_READ_BYTES + 3 * 65_535, end - position), position)
            at = 0
        if at + size > len(buffer) or buffer[at : at + 4] != b"PK\1\2":
            raise UnreadableMedia("archive:directory", f"the directory is damaged at byte {position}")
        (_, made, _, flags, method, time, date, crc, packed, full, num_name, num_extra, num_comment, _, _, attributes,
         offset) = unpack(buffer, at)  # fmt: skip
        stop = at + size + num_name
        name = buffer[at + size : stop]
        extra = buffer[stop : stop + num_extra] if num_extra else b""
        length = size + num_name + num_extra + num_comment
        if at + length > len(buffer):
            raise UnreadableMedia("archive:directory", f"the directory is damaged at byte {position}")
        if num_extra and _ALL in (full, packed, offset):
            full, packed, offset = _wide(extra, full, packed, offset)
        yield Record(
            position, flags, method, time, date, crc, packed, full, name, extra, made >> 8, attributes,
            offset + directory.base,
        )  # fmt: skip
        at += length
        position += length


def extra_field(extra: bytes, wanted: int) -> bytes | None:
    """Content of one extra field; None where it is not there."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == wanted:
            return extra[at + 4 : at + 4 + length]
        at += 4 + length
    return None


def _wide(extra: bytes, full: int, packed: int, offset: int) -> tuple[int, int, int]:
    """Take what did not fit 32 bits from the ZIP64 field, which has only those, in this order."""
    field = extra_field(extra, 1) or b""
    values, at = [full, packed, offset], 0
    for index, value in enumerate(values):
        if value == _ALL and at + 8 <= len(field):
            values[index] = int.from_bytes(field[at : at + 8], "little")
            at += 8
    return values[0], values[1], values[2]


def check_directory(descriptor: int, directory: Directory, max_members: int) -> None:
    """Read the directory through once, before any member: no two members may share bytes.

    Archives are written front to back, so comparing neighbours is nearly always enough; otherwise all ranges are
    sorted, 16 bytes a member. Overlapping members are how 10 MB expand to 281 TB (Fifield, "A better zip bomb", 2019).

    Raises:
        LimitExceeded: members overlap, or there are too many.
        UnreadableMedia: the directory is damaged or does not hold what it claims.
    """
    if directory.num_bytes // RECORD.size > max_members:
        raise LimitExceeded("archive:members", f"more than {max_members} members")
    count, last, ordered = 0, 0, True
    for record in read_records(descriptor, directory):
        count += 1
        if record.offset < last:
            ordered = False
            break
        last = record.offset + LOCAL.size + len(record.name) + record.packed
    if ordered and last > directory.start and count:
        raise LimitExceeded("archive:overlap", "a member reaches into the directory")
    if not ordered:
        _check_sorted(descriptor, directory)
    elif count & _SOME != directory.num_members & _SOME:
        raise UnreadableMedia(
            "archive:directory", f"the directory claims {directory.num_members} members and has {count}"
        )


def _check_sorted(descriptor: int, directory: Directory) -> None:
    ranges = array("Q")
    for record in read_records(descriptor, directory):
        ranges.append(min(record.offset, 1 << 62))
        ranges.append(min(record.offset + LOCAL.size + len(record.name) + record.packed, 1 << 62))
    pairs = np.frombuffer(ranges, dtype=np.uint64).reshape(-1, 2)
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    overlaps = int(np.count_nonzero(pairs[1:, 0] < pairs[:-1, 1]))
    if overlaps or int(pairs[-1, 1]) > directory.start:
        raise LimitExceeded("archive:overlap", f"{max(overlaps, 1)} of {len(pairs)} members share bytes with others")
