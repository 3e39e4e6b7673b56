"""The zip file of a bundle: written in one go to anything that takes bytes, the same for the same content.

Nothing is sought back to: a download can be sent while it is made. Larger than 4 GiB it becomes zip64 by itself.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import BinaryIO, Self

_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""Zip files know no time before it (APPNOTE.TXT 4.4.6: MS-DOS format)."""
_LATEST_YEAR = 2107
_PACKED = frozenset({"jpg", "png", "pdf", "bin"})
"""Endings of what is compressed already, or has to stay as it is."""
_UNIX = 3
_READABLE = 0o100644


class _Forward:
    """A target that can only be written to, whatever it is: files would otherwise be written in another way."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self.is_open = True

    def write(self, data: bytes) -> int:
        if self.is_open:
            self._target.write(data)
        return len(data)

    def flush(self) -> None:
        self._target.flush()


class Archive:
    """A zip file in the making, with the size and digest of everything in it. Use it as a context manager.

    Args:
        target: Takes the bytes.
        folder: Where in the zip file all paths begin.
        at: The time that all files carry.
    """

    def __init__(self, target: BinaryIO, folder: str, at: datetime) -> None:
        moment = at.astimezone(UTC)
        fits = _EARLIEST[0] <= moment.year <= _LATEST_YEAR
        self._time = moment.timetuple()[:6] if fits else _EARLIEST
        self._folder = folder
        self._forward = _Forward(target)
        self._zip = zipfile.ZipFile(self._forward, "w")  # type: ignore[call-overload]
        self.files: list[tuple[str, int, str]] = []
        """Path, size and SHA-256, in order of writing."""

    def add(self, path: str, data: bytes) -> None:
        """Write a file."""
        self.stream(path, [data], len(data))

    def stream(self, path: str, chunks: Iterable[bytes], num_bytes: int) -> str:
        """Write a file that comes in pieces.

        Args:
            path: Below the folder.
            chunks: Its bytes.
            num_bytes: How many there will be; decides on zip64.

        Returns:
            The SHA-256 of what was written.
        """
        entry = zipfile.ZipInfo(f"{self._folder}/{path}", self._time)
        is_packed = path.rpartition(".")[2] in _PACKED
        entry.compress_type = zipfile.ZIP_STORED if is_packed else zipfile.ZIP_DEFLATED
        entry.create_system, entry.external_attr = _UNIX, _READABLE << 16
        entry.file_size = num_bytes
        digest, count = hashlib.sha256(), 0
        with self._zip.open(entry, "w") as file:
            for chunk in chunks:
                file.write(chunk)
                digest.update(chunk)
                count += len(chunk)
        self.files.append((path, count, digest.hexdigest()))
        return digest.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # A zip file without its directory is none; `ZipFile` would write one at its end even after an error.
        self._forward.is_open = kind is None
        self._zip.close()
