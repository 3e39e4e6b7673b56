"""The zip file under a bundle: times and sizes that the format was not made for."""

from __future__ import annotations

import io
import os
import zipfile
from datetime import UTC, datetime
from typing import Any

import pytest

from service.bundle.archive import Archive


@pytest.mark.parametrize("year", [1970, 2107, 9999])
def test_a_time_that_zip_files_do_not_know_is_their_first(year: int) -> None:
    target = io.BytesIO()
    with Archive(target, "folder", datetime(year, 1, 2, tzinfo=UTC)) as archive:
        archive.add("a.txt", b"text")
    with zipfile.ZipFile(target) as read:
        assert read.infolist()[0].date_time[0] == (2107 if year == 2107 else 1980)


def test_what_is_larger_than_four_gigabytes_is_zip64() -> None:
    num_bytes = (4 << 30) + (64 << 20)
    target = _Sparse()
    block = bytes(64 << 20)
    with Archive(target, "folder", datetime(2026, 3, 4, tzinfo=UTC)) as archive:  # type: ignore[arg-type]
        archive.stream("evidence/recording.bin", (block for _ in range(num_bytes // len(block))), num_bytes)
        archive.add("behind.txt", b"text")
    with zipfile.ZipFile(target) as read:  # type: ignore[call-overload]
        entry = read.getinfo("folder/evidence/recording.bin")
        assert entry.file_size == num_bytes
        assert read.read("folder/behind.txt") == b"text"


class _Sparse(io.RawIOBase):
    """A file whose zeros take no room."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: dict[int, bytes] = {}
        self._size = self._at = 0

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        data = bytes(data)
        if data.count(0) < len(data):
            self._parts[self._size] = data
        self._size += len(data)
        return len(data)

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        self._at = place + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, count: int = -1) -> bytes:
        end = self._size if count < 0 else min(self._at + count, self._size)
        found = bytearray(end - self._at)
        for place, data in self._parts.items():
            left, right = max(place, self._at), min(place + len(data), end)
            if left < right:
                found[left - self._at : right - self._at] = data[left - place : right - place]
        self._at = end
        return bytes(found)
