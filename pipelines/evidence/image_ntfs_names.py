"""Names of NTFS that are no Unicode: UTF-16 with halves of surrogate pairs alone, as Windows allows.

The Sleuth Kit writes `^` for what it cannot convert, so two names can become one. Where a name has that sign, it is
looked up again with libfsntfs, which keeps the halves.
"""

from __future__ import annotations

import io

import pyfsntfs

from detect.errors import UnreadableMedia
from pipelines.evidence.image_media import Media

_FILE_NAME = 0x30
"""Attribute type $FILE_NAME (Linux-NTFS project, NTFS documentation)."""
_INDEX_BITS = 48
"""Of a file reference; the others are its sequence number."""


class NtfsNames:
    """The names in the records of one volume."""

    def __init__(self, media: Media, offset: int, num_bytes: int) -> None:
        self._file = _Window(media, offset, num_bytes)
        self._volume: pyfsntfs.volume | None = None
        self._taken: dict[tuple[int, int], int] = {}

    def repair(self, name: bytes, record: int, parent: int) -> bytes:
        """The name with its lone halves, as UTF-8 would write them; `name` itself where it has none.

        Args:
            name: What was read, UTF-8.
            record: Number of the file's record.
            parent: Number of its folder's.
        """
        lone = self._lone(record, parent)
        if not lone:
            return name
        turn = self._taken.get((record, parent), 0)
        self._taken[record, parent] = turn + 1
        return lone[turn % len(lone)]

    def _lone(self, record: int, parent: int) -> list[bytes]:
        try:
            if self._volume is None:
                self._volume = pyfsntfs.volume()
                self._volume.open_file_object(self._file)
            entry = self._volume.get_file_entry(record)
            found = []
            for attribute in entry.attributes:
                if attribute.attribute_type != _FILE_NAME:
                    continue
                if attribute.parent_file_reference & ((1 << _INDEX_BITS) - 1) == parent:
                    found.append(attribute.name)
        except (OSError, MemoryError, UnreadableMedia):
            return []  # the name stays as the Sleuth Kit has it: no worse than before
        return [name.encode("utf-8", "surrogatepass") for name in found if not _is_unicode(name)]


def _is_unicode(name: str) -> bool:
    return not any(0xD800 <= ord(sign) <= 0xDFFF for sign in name)


class _Window(io.RawIOBase):
    """A volume as a file object, which is how libfsntfs reads."""

    def __init__(self, media: Media, offset: int, num_bytes: int) -> None:
        self._media = media
        self._start = offset
        self._num_bytes = num_bytes
        self._position = 0

    def get_size(self) -> int:
        """The name libfsntfs looks for."""
        return self._num_bytes

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._num_bytes}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, size: int = -1) -> bytes:
        count = max(0, self._num_bytes - self._position)
        part = self._media.read_at(self._start + self._position, count if size < 0 else min(size, count))
        self._position += len(part)
        return part
