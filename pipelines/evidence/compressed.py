"""Single compressed files: `.gz`, `.bz2`, `.xz`, `.zst`; and tar archives in one, as if they were one container."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Self

from detect.errors import InputError, UnreadableMedia
from pipelines.evidence import codecs
from pipelines.evidence.codecs import Decoder, Decompressing
from pipelines.evidence.members import Member, from_unix
from pipelines.evidence.streams import Budget, Stream, Window, pread, read_full
from pipelines.evidence.tar_archive import TarReader
from pipelines.evidence.tar_headers import BLOCK, is_header

DECODERS: dict[str, Callable[[], Decoder]] = {
    "gz": codecs.gz,
    "bz2": codecs.bzip2,
    "xz": codecs.xz,
    "zst": codecs.zstandard,
}
"""What can be decompressed, by the kind of the container."""
_SUFFIXES = {
    b".tgz": b".tar",
    b".taz": b".tar",
    b".tbz2": b".tar",
    b".tbz": b".tar",
    b".txz": b".tar",
    b".tzst": b".tar",
}
_NAME_BYTES = 4096
"""Of a gzip header that are searched for the end of the name."""


class CompressedReader:
    """See `Reader`.

    Args:
        path: Of the file.
        compression: `gz`, `bz2`, `xz` or `zst`.
        name: Of the file, for a member that has none of its own.
        budget: Counts what comes out.

    Raises:
        InputError: nothing comes out.
    """

    def __init__(self, path: Path, compression: str, name: bytes, budget: Budget) -> None:
        self._compression = compression
        self._name = name
        self._budget = budget
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._tar: TarReader | None = None
        self._own_trouble: InputError | None = None
        self.kind = compression
        self.facts: Mapping[str, str] = {}
        try:
            head = read_full(self._stream(), BLOCK)
        except InputError as error:
            self._own_trouble = error
            head = b""
        if is_header(head):
            self.kind = f"tar.{compression}"
            self._tar = TarReader(self._stream(), budget)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        os.close(self._descriptor)

    @property
    def trouble(self) -> InputError | None:
        """See `Reader.trouble`."""
        return self._tar.trouble if self._tar is not None else None

    def members(self) -> Iterator[Member]:
        """See `Reader.members`."""
        if self._tar is not None:
            yield from self._tar.members()
        elif self._own_trouble is not None:
            raise self._own_trouble
        else:
            yield Member(self._member_name(), "0", self._stream, modified=self._modified())

    def find(self, key: str) -> Stream:
        """See `Reader.find`."""
        if self._tar is not None:
            return self._tar.find(key)
        if key != "0":
            raise UnreadableMedia("archive:member", f"there is no member {key}")
        return self._stream()

    def _stream(self) -> Decompressing:
        window = Window(self._descriptor, 0, None)
        return Decompressing(window, DECODERS[self._compression], self._budget, several=True)

    def _member_name(self) -> bytes:
        """The name in a gzip header (RFC 1952), else the file's own without its suffix."""
        if self._compression == "gz":
            head = pread(self._descriptor, _NAME_BYTES, 0)
            if len(head) > 10 and head[3] & 8:
                at = 12 + int.from_bytes(head[10:12], "little") if head[3] & 4 else 10
                name = head[at:].split(b"\0", 1)[0]
                if name:
                    return name
        stem, dot, suffix = self._name.rpartition(b".")
        return stem + _SUFFIXES.get(b"." + suffix.lower(), b"") if dot and stem else self._name

    def _modified(self) -> str | None:
        head = pread(self._descriptor, 8, 0)
        seconds = int.from_bytes(head[4:8], "little")
        return from_unix(seconds) if self._compression == "gz" and seconds else None
