"""The files that make up one disk image: `x.E01`, `x.E02`, ... or `x.001`, `x.002`, ...; and which of them are missing.

Only the numbers count that the names carry; whether the files belong together is for the readers of their content.
"""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from detect.errors import UnreadableMedia

MAX_SEGMENTS = 14_971
"""E01 to E99, then EAA to ZZZ (22 * 26 * 26): what the naming of EWF segment files can count (libewf, EWF format)."""
_MAX_OPEN = 64
"""A terabyte in segments of 640 MB is 1,700 files; a process may usually have 1,024 open."""
_EWF = re.compile(r"[es](?:0[1-9]|[1-9][0-9])\Z|[e-z][a-z][a-z]\Z", re.IGNORECASE)
_RAW = re.compile(r"[0-9]{3}\Z")


def segment_number(name: str) -> tuple[str, int] | None:
    """What a file's name says of its place.

    Returns:
        `ewf` or `raw` and the number, of EWF from 1; None where the name's suffix is no segment's.
    """
    stem, _, suffix = name.rpartition(".")
    if not stem:
        return None
    if _RAW.match(suffix):
        return "raw", int(suffix)
    if not _EWF.match(suffix):
        return None
    if suffix[1:].isdigit():
        return "ewf", int(suffix[1:])
    first, second, third = (ord(letter) - ord("a") for letter in suffix.lower())
    return "ewf", 100 + ((first - 4) * 26 + second) * 26 + third


def find_segments(path: Path, family: str) -> dict[int, Path]:
    """Find the segments that lie beside `path`, itself included.

    Args:
        path: Any segment.
        family: `ewf` or `raw`.

    Returns:
        By number. Where the name of `path` carries none: only itself, as the first.

    Raises:
        UnreadableMedia: the folder cannot be listed.
    """
    place = segment_number(path.name)
    if place is None or place[0] != family:
        return {1: path}
    stem = path.name.rpartition(".")[0]
    found: dict[int, Path] = {}
    try:
        names = sorted(os.listdir(path.parent))  # noqa: PTH208 - names, not paths: the folder may hold a million
    except OSError as error:
        raise UnreadableMedia("io_error", f"the folder of the image's segments cannot be listed: {error}") from error
    for name in names:
        if name.rpartition(".")[0] == stem and (other := segment_number(name)) and other[0] == family:
            found.setdefault(other[1], path.parent / name)
    found[place[1]] = path
    return dict(sorted(found.items()))


class SegmentFiles:
    """Reads of files by number, with few of them open. Close it."""

    def __init__(self, paths: Mapping[int, Path]) -> None:
        self.paths = dict(paths)
        self._open: OrderedDict[int, int] = OrderedDict()
        self._sizes: dict[int, int] = {}

    def size(self, number: int) -> int:
        """Bytes of a segment.

        Raises:
            UnreadableMedia: it cannot be opened.
        """
        if number not in self._sizes:
            self._sizes[number] = os.lseek(self._descriptor(number), 0, os.SEEK_END)
        return self._sizes[number]

    def read(self, number: int, offset: int, count: int) -> bytes:
        """Read; short at the file's end.

        Raises:
            UnreadableMedia: it cannot be opened or read.
        """
        parts = []
        descriptor = self._descriptor(number)
        try:
            while count > 0 and (part := os.pread(descriptor, count, offset)):
                parts.append(part)
                offset += len(part)
                count -= len(part)
        except OSError as error:
            raise UnreadableMedia("io_error", f"{self.paths[number].name}: {error.strerror}") from error
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Close every file."""
        while self._open:
            os.close(self._open.popitem()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _descriptor(self, number: int) -> int:
        if number in self._open:
            self._open.move_to_end(number)
            return self._open[number]
        while len(self._open) >= _MAX_OPEN:
            os.close(self._open.popitem(last=False)[1])
        try:
            self._open[number] = os.open(self.paths[number], os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise UnreadableMedia("io_error", f"{self.paths[number].name}: {error.strerror}") from error
        return self._open[number]
