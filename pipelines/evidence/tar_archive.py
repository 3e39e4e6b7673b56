"""Tar archives, read once from front to back: as a file, or as they come out of a decompressor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Self

from detect.errors import InputError, LimitExceeded, UnreadableMedia
from pipelines.evidence import tar_headers
from pipelines.evidence.members import Member, from_unix
from pipelines.evidence.streams import CHUNK_BYTES, Budget, Stream, Window, read_full
from pipelines.evidence.tar_headers import BLOCK, Header, Span

_MAX_SPARSE_BLOCKS = 100_000
"""Of old maps: 2.1 million stretches."""
_MAX_MAP_BYTES = 64 << 20


class TarReader:
    """See `Reader`.

    Args:
        source: The archive's bytes.
        budget: Limits.
    """

    kind = "tar"

    def __init__(self, source: Stream, budget: Budget) -> None:
        self._source = _Position(source, budget)
        self._budget = budget
        self._end = 0
        """Where the next header is."""
        self.trouble: InputError | None = None
        self.facts: Mapping[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def find(self, key: str) -> Stream:
        """See `Reader.find`."""
        if key.isdecimal():
            self._end = int(key)  # a file is read from there, a decompressor up to there
        for member in self.members():
            if member.key == key:
                return member.open()
        raise UnreadableMedia("archive:member", f"there is no member {key}")

    def members(self) -> Iterator[Member]:
        """See `Reader.members`."""
        source = self._source
        extended: dict[bytes, list[bytes]] = {}
        first: int | None = None
        zeros = 0
        while True:
            try:
                source.skip_to(self._end)
                block = read_full(source, BLOCK)
            except UnreadableMedia as error:
                if error.reason != "truncated":
                    raise
                self._cut()
                return
            if len(block) < BLOCK:
                if block or not zeros or extended:
                    self._cut()
                return
            self._end += BLOCK
            if not block.strip(b"\0"):
                zeros += 1
                if zeros == 2:
                    self._epilogue()
                    return
                continue
            zeros = 0
            if not tar_headers.is_header(block):
                self.trouble = UnreadableMedia("archive:damaged", f"no member begins at byte {source.at - BLOCK}")
                extended, first = {}, None
                continue  # the next block that is a header goes on
            first = source.at - BLOCK if first is None else first
            header = tar_headers.parse(block)
            if header.type in (b"L", b"K", b"x", b"g", b"X"):
                self._extend(header, extended)
                continue
            member = self._member(header, extended, str(first))
            extended, first = {}, None
            if member is not None:
                yield member

    def _cut(self) -> None:
        if self.trouble is None:
            self.trouble = UnreadableMedia("archive:truncated", f"the archive ends early, at byte {self._source.at}")

    def _epilogue(self) -> None:
        """Read what follows the end: of a compressed archive only this verifies its checksum."""
        try:
            while self._source.read(CHUNK_BYTES):
                pass
        except UnreadableMedia as error:
            self.trouble = UnreadableMedia(f"archive:{error.reason}", error.message)

    def _extend(self, header: Header, extended: dict[bytes, list[bytes]]) -> None:
        """Take an extension header in; global ones hold nothing that is needed here."""
        self._end += _padded(max(header.size, 0))
        if header.type == b"g" or not 0 <= header.size <= tar_headers.MAX_EXTENSION_BYTES:
            return
        data = read_full(self._source, header.size)
        if header.type in (b"L", b"K"):
            extended[b"path" if header.type == b"L" else b"linkpath"] = [data.split(b"\0", 1)[0]]
        else:
            extended.update(tar_headers.pax_records(data))

    def _member(self, header: Header, extended: dict[bytes, list[bytes]], key: str) -> Member | None:
        def last(*keywords: bytes) -> bytes | None:
            return next((extended[keyword][-1] for keyword in keywords if keyword in extended), None)

        size = header.size
        stored = last(b"size")
        if stored is not None and stored.isdigit():
            size = int(stored)
        name = last(b"GNU.sparse.name", b"path") or header.name
        kind = tar_headers.kind(header, name)
        if kind in ("symlink", "hardlink", "special", "folder") and stored is None:
            size = size if kind == "hardlink" and b"path" in extended and size < 0 else 0
        size = max(size, 0)
        start = self._end
        spans: list[Span] | None = None
        real = size
        if header.type == b"S":
            spans, real = self._old_sparse(header)
            start = self._end
        elif (listed := tar_headers.pax_sparse(extended)) is not None:
            spans = listed
        self._end = start + _padded(size)
        if kind is None:
            return None
        in_data = last(b"GNU.sparse.major") == b"1"
        wanted = last(b"GNU.sparse.realsize", b"GNU.sparse.size")
        if wanted is not None and wanted.isdigit():
            real = int(wanted)
        modified = last(b"mtime")
        try:
            seconds = float(modified) if modified is not None else header.modified
        except ValueError:
            seconds = header.modified

        def open_() -> Stream:
            self._source.skip_to(start)
            data = _Member(self._source, size)
            if in_data:
                return _Sparse(data, _map_in_data(data), real, self._budget)
            return data if spans is None else _Sparse(data, spans, real, self._budget)

        notes = ("sparse",) if spans is not None or in_data else ()
        return Member(name, key, open_, kind, real, from_unix(seconds), notes)

    def _old_sparse(self, header: Header) -> tuple[list[Span], int]:
        spans = tar_headers.old_sparse(header.block, 386, 4)
        more = header.block[482]
        for _ in range(_MAX_SPARSE_BLOCKS):
            if not more:
                return spans, tar_headers.number(header.block[483:495])
            block = read_full(self._source, BLOCK)
            self._end += BLOCK
            if len(block) < BLOCK:
                break
            spans += tar_headers.old_sparse(block, 0, 21)
            more = block[504]
        raise LimitExceeded("archive:sparse", "the map of a sparse file is cut or longer than is read")


class _Position:
    """A stream that knows how far it has been read, and reads ahead: headers are small."""

    def __init__(self, source: Stream, budget: Budget) -> None:
        self._source = source
        self._budget = budget
        self._ahead = b""
        self._used = 0
        """Of the bytes read ahead."""
        self.at = 0
        self.notes: tuple[str, ...] = ()

    def read(self, num_bytes: int) -> bytes:
        if self._used == len(self._ahead):
            self._ahead, self._used = self._source.read(CHUNK_BYTES), 0
        data = self._ahead[self._used : self._used + num_bytes]
        self._used += len(data)
        self.at += len(data)
        return data

    def skip_to(self, position: int) -> None:
        """Read over what was not asked for, or jump where the source can.

        Raises:
            UnreadableMedia: it is not there.
        """
        there = min(position - self.at, len(self._ahead) - self._used)
        self._used += there
        self.at += there
        if self.at < position and isinstance(self._source, Window):
            if not self._source.skip(position - self.at):
                raise UnreadableMedia("truncated", f"the archive ends early, before byte {position}")
            self.at = position
        while self.at < position:
            self._budget.pulse.beats += 1
            if not self.read(min(position - self.at, CHUNK_BYTES)):
                raise UnreadableMedia("truncated", f"the archive ends early, at byte {self.at}")


class _Member:
    """The bytes of one member, while the archive stands there."""

    def __init__(self, source: _Position, size: int) -> None:
        self._source = source
        self._left = size
        self.notes: tuple[str, ...] = ()

    def read(self, num_bytes: int) -> bytes:
        if not self._left:
            return b""
        data = self._source.read(min(num_bytes, self._left))
        if not data:
            raise UnreadableMedia("truncated", f"{self._left} bytes of it are missing: the archive ends early")
        self._left -= len(data)
        return data


class _Sparse:
    """Puts the holes back, and counts them: 8 TB of nothing are refused as any 8 TB."""

    def __init__(self, data: Stream, spans: list[Span], size: int, budget: Budget) -> None:
        self._data = data
        self._spans = [span for span in spans if span.num_bytes > 0]
        self._size = size
        self._budget = budget
        self._at = 0
        self._index = 0
        self.notes: tuple[str, ...] = ()

    def read(self, num_bytes: int) -> bytes:
        if self._at >= self._size:
            return b""
        span = self._spans[self._index] if self._index < len(self._spans) else Span(self._size, 0)
        if self._at < span.offset:
            out = bytes(min(num_bytes, CHUNK_BYTES, min(span.offset, self._size) - self._at))
            self._budget.spend(len(out))
        else:
            backwards = self._index and span.offset < self._spans[self._index - 1].offset
            if backwards or span.offset + span.num_bytes > self._size:
                raise UnreadableMedia("damaged", "the map of a sparse file makes no sense")
            out = self._data.read(min(num_bytes, span.offset + span.num_bytes - self._at))
            if not out:
                raise UnreadableMedia("damaged", "a sparse file has less data than its map says")
        self._at += len(out)
        if span.num_bytes and self._at >= span.offset + span.num_bytes:
            self._index += 1
        return out


def _map_in_data(data: Stream) -> list[Span]:
    """The map of the format 1.0: decimal numbers, one a line, padded to a block, in front of the data."""
    text = b""
    while True:
        block = read_full(data, BLOCK)
        text += block
        lines = text.split(b"\n")
        if len(block) < BLOCK or len(text) > _MAX_MAP_BYTES or not lines[0].isdigit():
            raise UnreadableMedia("damaged", "the map of a sparse file makes no sense")
        if len(lines) - 1 > 2 * int(lines[0]):
            return tar_headers.spans_of(lines[1 : 1 + 2 * int(lines[0])])


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
