"""Members of a ZIP archive whose directory is lost: found by the header in front of each (PKWARE APPNOTE 4.3.7)."""

from __future__ import annotations

from collections.abc import Iterator

from detect.errors import UnreadableMedia
from pipelines.evidence import codecs
from pipelines.evidence.streams import CHUNK_BYTES, Budget, Window, pread
from pipelines.evidence.zip_directory import LOCAL, Record, extra_field

_MAGIC = b"PK\3\4"
_DESCRIPTOR_MAGIC = b"PK\7\x08"
_DESCRIPTOR = 8
_ALL = 0xFFFFFFFF
_VERSIONS = 100
"""Version 6.3 is the latest, written 63: what asks for more is chance."""


def recover(descriptor: int, size: int, budget: Budget, position: int = 0) -> Iterator[Record]:
    """Find members by their local headers, from a position on."""
    while (found := _find(descriptor, _MAGIC, position, size, budget)) is not None:
        record, end = _record(descriptor, found, size, budget)
        if record is None:
            position = found + 4
            continue
        yield record
        position = end


def _record(descriptor: int, at: int, size: int, budget: Budget) -> tuple[Record | None, int]:
    header = pread(descriptor, LOCAL.size, at)
    if len(header) < LOCAL.size:
        return None, at
    _, version, flags, method, time, date, crc, packed, full, num_name, num_extra = LOCAL.unpack(header)
    body = pread(descriptor, num_name + num_extra, at + LOCAL.size)
    start = at + LOCAL.size + num_name + num_extra
    if version & 0xFF > _VERSIONS or not num_name or len(body) < num_name + num_extra:
        return None, at
    name, extra = body[:num_name], body[num_name:]
    field = extra_field(extra, 1)
    if packed == _ALL and field is not None and len(field) >= 16:
        full, packed = (int.from_bytes(field[at : at + 8], "little") for at in (0, 8))
    end = start + packed
    if flags & _DESCRIPTOR and not packed:
        crc, packed, full, end = _described(descriptor, start, size, method, budget)
    record = Record(at, flags, method, time, date, crc, packed, full, name, extra, 0, 0, at)
    return record, min(max(end, start), size)


def _described(descriptor: int, start: int, size: int, method: int, budget: Budget) -> tuple[int, int, int, int]:
    """Find the end of a member whose sizes follow it.

    Returns:
        Checksum, packed size, size, and where the next member may begin.
    """
    if method == 8:
        stream = codecs.Decompressing(Window(descriptor, start, None), codecs.deflate, budget)
        count = 0
        try:
            while data := stream.read(CHUNK_BYTES):
                count += len(data)
                budget.check_member(count)
            at = start + stream.consumed
        except UnreadableMedia:  # cut, or damaged: reading it will say so again, and what follows has its own header
            at = start + stream.consumed
            later = _find(descriptor, _MAGIC, start, size, budget)
            return 0, (later or size) - start, 0, later or size
    else:
        found = _find(descriptor, _DESCRIPTOR_MAGIC, start, size, budget)
        at = found if found is not None else size
        count = at - start
    block = pread(descriptor, 24, at)
    shift = 4 if block.startswith(_DESCRIPTOR_MAGIC) else 0
    crc = int.from_bytes(block[shift : shift + 4], "little")
    return crc, at - start, count, at + shift + 12


def _find(descriptor: int, magic: bytes, position: int, size: int, budget: Budget) -> int | None:
    """Where a mark occurs next."""
    while position < size:
        budget.pulse.beats += 1
        block = pread(descriptor, CHUNK_BYTES, position)
        place = block.find(magic)
        if place >= 0:
            return position + place
        position += max(len(block) - len(magic) + 1, 1) if len(block) == CHUNK_BYTES else len(block) or 1
    return None
