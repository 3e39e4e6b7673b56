"""The sectors of an EnCase image (EWF-E01, EWF-S01), each chunk's checksum tested before a byte of it is given out.

libewf, which everybody uses for this, gives zeros for a chunk whose checksum is wrong and has no call in its Python
binding that would tell; and it does not open an image one of whose segments is missing. A recording with a hole of
zeros looks like a recording, so the format is read here.
"""

from __future__ import annotations

import bisect
import hashlib
import struct
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path

from detect.errors import UnreadableMedia
from pipelines.evidence.image_ewf_sections import Structure, Table, read_structure
from pipelines.evidence.image_media import Ranges, sectors_text
from pipelines.evidence.image_segments import SegmentFiles

_CACHED_CHUNKS = 64
"""2 MiB of the usual chunks of 32 KiB: what the metadata of a walk comes back to."""
_CACHED_TABLES = 16
_PROGRESS_CHUNKS = 256
"""8 MiB of the usual chunks: some 30 ms."""
_COMPRESSED = 0x8000_0000
_CHECKSUM_BYTES = 4


class EwfMedia:
    """Sectors in chunks.

    Args:
        paths: Segment files by number.

    Raises:
        UnreadableMedia: the first segment is missing or says nothing useful, or a file cannot be read.
        UnsupportedMedia: it is no such image.
    """

    def __init__(self, paths: Mapping[int, Path]) -> None:
        self._files = SegmentFiles(paths)
        try:
            structure = read_structure(self._files)
        except BaseException:
            self._files.close()
            raise
        self._chunk_bytes = structure.sectors_per_chunk * structure.bytes_per_sector
        self._num_chunks = structure.num_chunks
        self.num_bytes = structure.num_sectors * structure.bytes_per_sector
        self.damage = Ranges()
        self.doubtful = Ranges()
        for sector, count in structure.unread:
            start = min(sector * structure.bytes_per_sector, self.num_bytes)
            end = min(start + count * structure.bytes_per_sector, self.num_bytes)
            if start < end:
                self.doubtful.add(start, end)
        self._hashes = structure.hashes
        self._problems = list(structure.problems)
        self._starts: list[int] = []
        self._tables: list[Table] = []
        self._place(structure)
        self.facts: Mapping[str, str] = self._facts(structure, len(paths))
        self.incomplete = tuple(structure.missing)
        self._chunks: OrderedDict[int, bytes] = OrderedDict()
        self._entries: OrderedDict[int, tuple[int, ...]] = OrderedDict()

    def read_at(self, offset: int, count: int) -> bytes:
        """See `Media.read_at`."""
        end = min(offset + count, self.num_bytes)
        parts: list[bytes] = []
        while offset < end:
            number, within = divmod(offset, self._chunk_bytes)
            chunk = self._chunk(number)
            if chunk is None:
                break
            part = chunk[within : within + end - offset]
            parts.append(part)
            offset += len(part)
        if not parts and offset < end:
            raise UnreadableMedia("image:damaged", f"sector {offset // 512} of the image is damaged or missing")
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def verify(self, on_progress: Callable[[], None] | None = None) -> tuple[str, ...]:
        """See `Media.verify`: every chunk's checksum, then the stored MD5 and SHA-1."""
        digests = {name: hashlib.new(name, usedforsecurity=False) for name in self._hashes}
        for number in range(self._num_chunks):
            if on_progress is not None and number % _PROGRESS_CHUNKS == 0:
                on_progress()
            chunk = self._chunk(number)
            if chunk is not None:
                for digest in digests.values():
                    digest.update(chunk)
        said = list(self._problems)
        if self.damage:
            said.append(f"damaged or missing sectors: {self.damage}")
            if digests:
                said.append(f"the stored {', '.join(sorted(digests)).upper()} could not be compared")
            return tuple(said)
        for name, digest in sorted(digests.items()):
            if digest.hexdigest() != self._hashes[name]:
                text = f"the stored {name.upper()} is {self._hashes[name]}, that of the sectors {digest.hexdigest()}"
                said.append(text)
        return tuple(said)

    def close(self) -> None:
        """See `Media.close`."""
        self._files.close()

    def _place(self, structure: Structure) -> None:
        """Number the chunks: from the start up to the first gap, from the end back to the last."""
        tables = structure.tables
        gaps = [place for place, table in enumerate(tables) if table is None]
        before = tables[: gaps[0]] if gaps else tables
        behind = tables[gaps[-1] + 1 :] if gaps else []
        position = 0
        for table in before:
            position = self._put(position, table)
        count = sum(table.num_chunks for table in behind if table is not None)
        if behind and self._num_chunks - count < position:
            self._problems.append("there are more chunks than the disk has; those behind the gap are left out")
            behind, count = [], 0
        self._miss(position, self._num_chunks - count)
        position = self._num_chunks - count
        for table in behind:
            position = self._put(position, table)
        lost = sum(table.num_chunks for table in tables[gaps[0] : gaps[-1]] if table is not None) if gaps else 0
        if lost:
            self._problems.append(f"{lost} chunks lie between missing ones, and where they belong is not known")

    def _put(self, position: int, table: Table | None) -> int:
        if table is not None and position < self._num_chunks:
            self._starts.append(position)
            self._tables.append(table)
            return position + table.num_chunks
        return position

    def _miss(self, first: int, behind: int) -> None:
        if first < behind:
            self.damage.add(first * self._chunk_bytes, min(behind * self._chunk_bytes, self.num_bytes))

    def _facts(self, structure: Structure, num_segments: int) -> dict[str, str]:
        facts = {**structure.facts, "segments": str(num_segments)}
        facts.update({f"stored_{name}": digest for name, digest in structure.hashes.items()})
        if self.doubtful:
            facts["sectors_unread_at_acquisition"] = sectors_text(self.doubtful.ranges)
        return facts

    def _chunk(self, number: int) -> bytes | None:
        """The bytes of a chunk whose checksum is right; None where it is not, or the chunk is missing."""
        if number in self._chunks:
            self._chunks.move_to_end(number)
            return self._chunks[number]
        start = number * self._chunk_bytes
        size = min(self._chunk_bytes, self.num_bytes - start)
        known = self.damage.first(start, start + size)
        chunk = None if known is not None else self._unpack(number, size)
        if chunk is None:
            self.damage.add(start, start + size)
            return None
        self._chunks[number] = chunk
        if len(self._chunks) > _CACHED_CHUNKS:
            self._chunks.popitem(last=False)
        return chunk

    def _unpack(self, number: int, size: int) -> bytes | None:
        place = bisect.bisect_right(self._starts, number) - 1
        if place < 0 or number - self._starts[place] >= self._tables[place].num_chunks:
            return None
        table = self._tables[place]
        entries = self._table_entries(place)
        index = number - self._starts[place]
        if index + 1 >= len(entries):
            return None
        begin = table.base + (entries[index] & ~_COMPRESSED)
        following = entries[index + 1]
        end = table.base + (following & ~_COMPRESSED) if index + 2 < len(entries) else following
        if end <= begin:
            return None
        count = min(end - begin, self._chunk_bytes + self._chunk_bytes // 64 + 1024)  # zlib adds less than that
        stored = self._files.read(table.segment, begin, count)
        if entries[index] & _COMPRESSED:
            return _inflate(stored, size, self._chunk_bytes)
        data = _checked(stored, size) or _checked(stored, self._chunk_bytes)
        return data and data[:size]

    def _table_entries(self, place: int) -> tuple[int, ...]:
        """Entries of a table, and as the last where the data of the last chunk end, as an offset in the file."""
        if place not in self._entries:
            table = self._tables[place]
            raw = self._files.read(table.segment, table.entries_at, table.num_chunks * 4)
            self._entries[place] = (*struct.unpack(f"<{len(raw) // 4}L", raw[: len(raw) // 4 * 4]), table.data_end)
            if len(self._entries) > _CACHED_TABLES:
                self._entries.popitem(last=False)
        return self._entries[place]


def _checked(stored: bytes, size: int) -> bytes | None:
    """The bytes of a chunk that is stored as it is; None where its checksum is wrong."""
    data, checksum = stored[:size], stored[size : size + _CHECKSUM_BYTES]
    fits = len(checksum) == _CHECKSUM_BYTES and zlib.adler32(data) == int.from_bytes(checksum, "little")
    return data if fits else None


def _inflate(stored: bytes, size: int, largest: int) -> bytes | None:
    """Unpack a chunk; None where it is damaged or not of the right size. Some writers fill the last one up."""
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(stored, largest + 1)
    except zlib.error:
        return None
    return data[:size] if unpacker.eof and len(data) in {size, largest} else None
