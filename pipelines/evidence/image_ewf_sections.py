"""The structure of an EnCase image (EWF-E01, EWF-S01): sections, tables of chunks, header values, stored hashes.

A segment file is a chain of sections. Tables say where the chunks of the disk lie, yet not which chunks: the number of
a chunk follows from counting. Where a segment is missing, what lies behind is therefore counted from the end.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from detect.errors import UnreadableMedia, UnsupportedMedia
from pipelines.evidence.image_segments import MAX_SEGMENTS, SegmentFiles
from pipelines.evidence.members import from_unix

SIGNATURE = b"EVF\x09\x0d\x0a\xff\x00"
"""Metz, Expert Witness Compression Format specification, 3.1."""
HEAD = struct.Struct("<8sBHH")
"""Signature, 1, segment number, 0."""
_SECTION = struct.Struct("<16sQQ40xL")
_TABLE = struct.Struct("<L4xQ4xL")
_VOLUME = struct.Struct("<B3xLLLQ")
_SMALL_VOLUME = struct.Struct("<LLLLL")
"""EWF-S01: 1, chunks, sectors a chunk, bytes a sector, sectors; its section has 94 bytes of data."""
_ERRORS = struct.Struct("<L512xL")
_MAX_SECTIONS = 1_000_000
"""A segment of 7.9 EiB would have more; a table has 16,375 chunks or more in practice, so this is 500 TB a segment."""
_MAX_HEADER_BYTES = 1 << 20
"""Header values are some lines that an examiner typed."""
_MAX_CHUNK_BYTES = 1 << 28
"""The largest that acquisition tools offer is 32,768 sectors, 16 MiB; sectors of 4,096 bytes make it 128 MiB."""
_HEADER_KEYS = {
    "c": "case_number", "n": "evidence_number", "a": "description", "e": "examiner_name", "t": "notes",
    "av": "acquisition_software", "ov": "acquisition_system", "m": "acquired", "u": "system_date", "md": "model",
    "sn": "serial_number", "l": "device_label", "pid": "process_identifier", "ext": "extents",
}  # fmt: skip
"""Identifiers of header values; the same specification, 3.4 and 3.5."""


@dataclass(frozen=True, slots=True)
class Table:
    """Where chunks lie that follow one another."""

    segment: int
    base: int
    """Offset in the file that the entries count from."""
    entries_at: int
    """Offset in the file of the first entry, four bytes each."""
    num_chunks: int
    data_end: int
    """Offset in the file where the data of the last chunk must have ended."""


@dataclass(slots=True)
class Structure:
    """What the sections of all segments say."""

    tables: list[Table | None] = field(default_factory=list)
    """In order; None where tables are missing."""
    num_chunks: int = 0
    sectors_per_chunk: int = 0
    bytes_per_sector: int = 0
    num_sectors: int = 0
    facts: dict[str, str] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    """`md5`, `sha1`: of the disk, as stored."""
    unread: list[tuple[int, int]] = field(default_factory=list)
    """First sector and count, where the acquisition could not read the disk."""
    problems: list[str] = field(default_factory=list)
    """Sentences: damage of the structure."""
    missing: list[str] = field(default_factory=list)
    """Sentences: files that are not there."""


def read_structure(files: SegmentFiles) -> Structure:
    """Read the sections of all segments.

    Raises:
        UnreadableMedia: the first segment is missing, or nothing in it says how large the disk is.
        UnsupportedMedia: it is no EWF-E01 or EWF-S01 image.
    """
    structure = Structure()
    done = False
    expected = 1
    for number in sorted(files.paths):
        if number > MAX_SEGMENTS or not _begins_as(files, number, structure):
            continue
        if number > expected:
            _miss(structure, expected, number - 1)
        expected = number + 1
        done = _Segment(files, number, structure).read()
    if not structure.num_chunks:
        raise UnreadableMedia("image:damaged", "nothing in the image's segment files says how large the disk is")
    if not done and (not structure.tables or structure.tables[-1] is not None):
        structure.tables.append(None)
    if not done:
        structure.missing.append(f"segment files are missing or cut after number {expected - 1}")
    return structure


def _begins_as(files: SegmentFiles, number: int, structure: Structure) -> bool:
    """Whether a file is the segment that its name says."""
    head = files.read(number, 0, HEAD.size)
    name = files.paths[number].name
    if len(head) < HEAD.size or not head.startswith(SIGNATURE):
        if len(files.paths) == 1:
            raise UnsupportedMedia("image:format", f"{name} does not begin as an EnCase image")
        structure.problems.append(f"segment file {number} does not begin as one of an EnCase image")
        return False
    said = HEAD.unpack(head)[2]
    if said != number and len(files.paths) > 1:
        structure.problems.append(f"segment file {number} says that it is number {said}")
        return False
    if said != 1 and len(files.paths) == 1:
        _miss(structure, 1, said - 1)
    return True


def _miss(structure: Structure, first: int, last: int) -> None:
    text = f"segment file {first} is" if first == last else f"segment files {first} to {last} are"
    structure.missing.append(f"{text} missing")
    if not structure.tables or structure.tables[-1] is not None:
        structure.tables.append(None)


class _Segment:
    """One segment file, read into the structure."""

    def __init__(self, files: SegmentFiles, number: int, structure: Structure) -> None:
        self._files = files
        self._number = number
        self._structure = structure
        self._lost = False

    def read(self) -> bool:
        """Read its sections; return whether the image ends with it."""
        tables: list[Table | None] = []
        backups: list[Table | None] = []
        ended = done = False
        for kind, start, size in self._sections():
            data = start + _SECTION.size
            if kind in {b"volume", b"disk"}:
                self._read_volume(data, size)
            elif kind in {b"header", b"header2"}:
                self._read_header(data, size, "utf-16" if kind == b"header2" else "latin-1")
            elif kind in {b"table", b"table2"}:
                (tables if kind == b"table" else backups).append(self._read_table(data, start + size, size))
            elif kind in {b"hash", b"digest"}:
                self._read_hashes(data, kind)
            elif kind == b"error2":
                self._read_errors(data)
            elif kind in {b"next", b"done"}:
                ended, done = True, kind == b"done"
        self._keep(tables, backups)
        if not ended and not self._lost:
            self._structure.problems.append(f"the chain of sections of segment file {self._number} has no end")
        if not ended and (not self._structure.tables or self._structure.tables[-1] is not None):
            self._structure.tables.append(None)
        return done

    def _keep(self, tables: list[Table | None], backups: list[Table | None]) -> None:
        """Take each table, or its second copy where it is damaged."""
        for place, table in enumerate(tables):
            if table is None and len(backups) == len(tables):
                table = backups[place]  # noqa: PLW2901 - the copy stands for it
            if table is not None or not self._structure.tables or self._structure.tables[-1] is not None:
                self._structure.tables.append(table)

    def _sections(self) -> Iterator[tuple[bytes, int, int]]:
        """Type, offset and size of each section, as far as the chain holds."""
        position = HEAD.size
        for _ in range(_MAX_SECTIONS):
            raw = self._files.read(self._number, position, _SECTION.size)
            if len(raw) < _SECTION.size:
                self._lose(f"it ends at byte {position}, within the chain of its sections")
                return
            kind, following, size, checksum = _SECTION.unpack(raw)
            if zlib.adler32(raw[:72]) != checksum:
                self._lose(f"the section at byte {position} has a wrong checksum")
                return
            kind = kind.rstrip(b"\0")
            ends = kind in {b"next", b"done"}
            if not ends and following <= position:
                self._lose(f"the section at byte {position} leads back")
                return
            yield kind, position, size or (0 if ends else following - position)
            if ends:
                return
            position = following

    def _lose(self, what: str) -> None:
        self._lost = True
        self._structure.problems.append(f"segment file {self._number}: {what}")

    def _read_volume(self, data: int, size: int) -> None:
        if self._structure.num_chunks:
            return
        if size - _SECTION.size >= 1052 or size == 0:
            raw = self._files.read(self._number, data, 1052)
            if len(raw) < 1052 or zlib.adler32(raw[:1048]) != int.from_bytes(raw[1048:], "little"):
                self._structure.problems.append("the section that says how large the disk is has a wrong checksum")
                return
            media, chunks, per_chunk, sector_bytes, sectors = _VOLUME.unpack_from(raw)
            kinds = {0: "removable", 1: "fixed", 3: "optical", 0x10: "memory"}
            self._structure.facts["media_type"] = kinds.get(media, str(media))
        else:
            raw = self._files.read(self._number, data, 94)
            if len(raw) < 94 or zlib.adler32(raw[:90]) != int.from_bytes(raw[90:], "little"):
                self._structure.problems.append("the section that says how large the disk is has a wrong checksum")
                return
            _, chunks, per_chunk, sector_bytes, sectors = _SMALL_VOLUME.unpack_from(raw)
        if not (0 < per_chunk * sector_bytes <= _MAX_CHUNK_BYTES and sector_bytes % 512 == 0):
            raise UnreadableMedia("image:damaged", f"chunks of {per_chunk} sectors of {sector_bytes} bytes")
        if not (0 < sectors <= chunks * per_chunk):
            raise UnreadableMedia("image:damaged", f"{sectors} sectors in {chunks} chunks of {per_chunk}")
        structure = self._structure
        structure.num_chunks, structure.sectors_per_chunk = -(-sectors // per_chunk), per_chunk
        structure.bytes_per_sector, structure.num_sectors = sector_bytes, sectors

    def _read_table(self, data: int, end: int, size: int) -> Table | None:
        raw = self._files.read(self._number, data, _TABLE.size)
        if len(raw) < _TABLE.size or zlib.adler32(raw[:20]) != int.from_bytes(raw[20:], "little"):
            self._structure.problems.append(f"segment file {self._number}: a table of chunks has a wrong checksum")
            return None
        count, base, _ = _TABLE.unpack(raw)
        entries_at = data + _TABLE.size
        if not 0 < count * 4 <= max(size, 0):
            self._structure.problems.append(f"segment file {self._number}: a table of {count} chunks cannot be")
            return None
        entries = self._files.read(self._number, entries_at, count * 4 + 4)
        if self._holds_data(end, entries_at + count * 4 + 4):
            return Table(self._number, base, entries_at, count, end)
        if len(entries) < count * 4 + 4 or zlib.adler32(entries[:-4]) != int.from_bytes(entries[-4:], "little"):
            self._structure.problems.append(f"segment file {self._number}: a table of chunks has a wrong checksum")
            return None
        return Table(self._number, base, entries_at, count, data - _SECTION.size)

    @staticmethod
    def _holds_data(end: int, entries_end: int) -> bool:
        """Whether a table section has the chunks behind its entries, as in EWF-S01."""
        return end > entries_end + 4

    def _read_header(self, data: int, size: int, encoding: str) -> None:
        packed = self._files.read(self._number, data, min(max(size - _SECTION.size, 0), _MAX_HEADER_BYTES))
        try:
            text = zlib.decompressobj().decompress(packed, _MAX_HEADER_BYTES).decode(encoding, "replace")
        except zlib.error:
            self._structure.problems.append("the header values cannot be unpacked")
            return
        lines = text.replace("\r", "").split("\n")
        if len(lines) < 4:
            return
        for key, value in zip(lines[2].split("\t"), lines[3].split("\t"), strict=False):
            if key in _HEADER_KEYS and value.strip():
                self._structure.facts.setdefault(_HEADER_KEYS[key], _time(value) if key in "mu" else value.strip())

    def _read_hashes(self, data: int, kind: bytes) -> None:
        size = 36 if kind == b"hash" else 80
        raw = self._files.read(self._number, data, size)
        if len(raw) < size or zlib.adler32(raw[:-4]) != int.from_bytes(raw[-4:], "little"):
            self._structure.problems.append("the section of the stored hash has a wrong checksum")
            return
        if any(raw[:16]):
            self._structure.hashes.setdefault("md5", raw[:16].hex())
        if kind == b"digest" and any(raw[16:36]):
            self._structure.hashes.setdefault("sha1", raw[16:36].hex())

    def _read_errors(self, data: int) -> None:
        raw = self._files.read(self._number, data, _ERRORS.size)
        if len(raw) < _ERRORS.size or zlib.adler32(raw[:-4]) != int.from_bytes(raw[-4:], "little"):
            self._structure.problems.append("the list of unread sectors has a wrong checksum")
            return
        count = min(_ERRORS.unpack(raw)[0], _MAX_SECTIONS)
        entries = self._files.read(self._number, data + _ERRORS.size, count * 8)
        for place in range(len(entries) // 8):
            self._structure.unread.append(struct.unpack_from("<LL", entries, place * 8))


def _time(value: str) -> str:
    """ISO 8601 of a time in the header: seconds since 1970, or numbers in a row without a zone."""
    parts = value.split()
    if len(parts) == 1 and parts[0].isdecimal():
        return from_unix(int(parts[0])) or value
    if len(parts) >= 6 and all(part.isdecimal() for part in parts[:6]):
        year, month, day, hour, minute, second = (part.zfill(2) for part in parts[:6])
        return f"{year}-{month}-{day}T{hour}:{minute}:{second}"
    return value.strip()
