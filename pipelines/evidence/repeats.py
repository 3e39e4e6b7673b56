"""Counts names that occur again in one container, at 16 bytes a name: archives can have millions."""

from __future__ import annotations

from array import array
from hashlib import blake2b


class Repeats:
    """An open-addressing table of 64-bit digests; only names that occur twice take more."""

    def __init__(self) -> None:
        self._table = array("Q", bytes(8 * 1024))
        self._count = 0
        self._again: dict[int, int] = {}

    def count(self, name: bytes) -> int:
        """How many times the name was asked for before."""
        digest = int.from_bytes(blake2b(name, digest_size=8).digest(), "little") or 1  # 0 marks a free place
        table, mask = self._table, len(self._table) - 1
        place = digest & mask
        while (there := table[place]) != digest:
            if not there:
                table[place] = digest
                self._count += 1
                if 2 * self._count > mask:
                    self._grow()
                return 0
            place = (place + 1) & mask
        times = self._again.get(digest, 0) + 1
        self._again[digest] = times
        return times

    def _grow(self) -> None:
        old, self._table = self._table, array("Q", bytes(16 * len(self._table)))
        table, mask = self._table, len(self._table) - 1
        for digest in old:
            if digest:
                place = digest & mask
                while table[place]:
                    place = (place + 1) & mask
                table[place] = digest
