"""From a kind of container to its reader."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Self

from detect.errors import InputError, UnreadableMedia, UnsupportedMedia
from pipelines.evidence.compressed import DECODERS, CompressedReader
from pipelines.evidence.image import ImageReader
from pipelines.evidence.members import Member, Reader
from pipelines.evidence.options import Options
from pipelines.evidence.seven_zip import SevenZipReader
from pipelines.evidence.streams import Budget, Stream, Window
from pipelines.evidence.tar_archive import TarReader
from pipelines.evidence.troubles import Locked
from pipelines.evidence.zip_archive import ZipReader

_RAR5 = b"Rar!\x1a\x07\x01\x00"
_RAR5_ENCRYPTION_HEADER = 4
_RAR4_ENCRYPTED = 0x0080
"""MHD_PASSWORD of the main header (RARLAB, technote; UnRAR sources, headers.hpp)."""


def open_reader(kind: str, path: Path, name: bytes, options: Options, budget: Budget) -> Reader:
    """Open a container.

    Args:
        kind: As `signatures.nature` says.
        path: Where its bytes lie.
        name: What it is called in the evidence.
        options: Limits, passwords.
        budget: Counts what comes out of it.

    Raises:
        InputError: it cannot be opened.
    """
    try:
        if kind == "zip":
            return ZipReader(path, options, budget)
        if kind == "7z":
            return SevenZipReader(path, options, budget)
        if kind == "tar":
            return _PlainTar(path, budget)
        if kind == "image":
            return _Image(path, options, budget)
        if kind == "rar":
            raise _rar(path)
        if (compression := kind.removeprefix("tar.")) in DECODERS:
            return CompressedReader(path, compression, name, budget)
    except OSError as error:
        raise UnreadableMedia("io_error", f"it cannot be opened: {error.strerror or error}") from error
    raise UnreadableMedia("locator", f"nothing is opened as {kind!r}")


def _rar(path: Path) -> InputError:
    with path.open("rb") as file:
        head = file.read(32)
    if head.startswith(_RAR5):
        # Checksum of 4 bytes, size of the header as a number of 7 bits a byte, then its type.
        at = next((index + 1 for index in range(12, len(head)) if head[index] < 128), len(head))
        locked = head[at : at + 1] == bytes([_RAR5_ENCRYPTION_HEADER])
    else:
        locked = len(head) >= 12 and bool(int.from_bytes(head[10:12], "little") & _RAR4_ENCRYPTED)
    if locked:
        return Locked("rar", "a RAR archive, encrypted with its names; unpack it with RAR and scan the folder")
    return UnsupportedMedia("rar", "a RAR archive, which this version does not open; unpack it and scan the folder")


class _PlainTar(TarReader):
    """A tar archive in a file."""

    def __init__(self, path: Path, budget: Budget) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        super().__init__(Window(self._descriptor, 0, os.fstat(self._descriptor).st_size), budget)

    def __exit__(self, *exception: object) -> None:
        os.close(self._descriptor)


class _Image:
    """A disk image as a container like others."""

    kind = "image"

    def __init__(self, path: Path, options: Options, budget: Budget) -> None:
        def beat() -> None:
            budget.pulse.beats += 1

        self._budget = budget
        self._reader = ImageReader(path, include_deleted=options.include_deleted, on_progress=beat)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._reader.close()

    @property
    def facts(self) -> Mapping[str, str]:
        """See `Reader.facts`."""
        return self._reader.facts

    @property
    def trouble(self) -> InputError | None:
        """See `Reader.trouble`."""
        return self._reader.trouble

    def members(self) -> Iterator[Member]:
        """See `Reader.members`."""
        for file in self._reader.files():
            self._budget.pulse.beats += 1
            yield Member(
                file.name, file.key, partial(self.find, file.key), file.kind, file.num_bytes, file.modified,
                file.notes,
            )  # fmt: skip

    def find(self, key: str) -> Stream:
        """See `Reader.find`."""
        return _ImageStream(self._reader, key, self._budget)


class _ImageStream:
    """A file in an image: nothing expands there, but its bytes count against the member's limit."""

    def __init__(self, reader: ImageReader, key: str, budget: Budget) -> None:
        self._file = reader.open(key)
        self._budget = budget
        self.notes: tuple[str, ...] = ()

    def read(self, num_bytes: int) -> bytes:
        """See `Stream.read`."""
        self._budget.pulse.beats += 1
        return self._file.read(num_bytes)
