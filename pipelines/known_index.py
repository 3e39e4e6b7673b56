"""Sorted digests on disk: built once from a list of any length in little memory, then searched without loading them.

A list is dealt into 256 buckets by its digests' first byte, each bucket is sorted alone, and the sorted buckets follow
one another. Digests are uniform, so a bucket of a list of 100 million holds 400,000.
"""

from __future__ import annotations

import bisect
import errno
import fcntl
import json
import os
import shutil
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Final

import numpy as np

DIGEST_BYTES: Final = {"md5": 16, "sha1": 20, "sha256": 32}
"""RFC 1321 and FIPS 180-4; from the weakest to the strongest."""
_BUCKETS = 256
_FLUSH_BYTES = 65_536
"""Of a bucket in memory before it is appended to its file: 16 MiB for all of an algorithm's buckets."""
_PROGRESS_DIGESTS = 10_000
"""Between two calls of `on_progress`: about 20 ms."""
_WAIT_SECONDS = 0.05
"""Between two looks whether another process has done the sorting, which takes seconds to minutes."""
_CONTENTS = "contents.json"

Digest = tuple[str, bytes]
"""An algorithm and what it gave."""


class SortedDigests:
    """The sorted digests of one list, one file for each algorithm.

    Args:
        folder: As `build` made it.

    Raises:
        OSError: the folder cannot be read.
        ValueError: the folder is not whole.
    """

    def __init__(self, folder: Path) -> None:
        counts = _counts(folder)
        self.algorithms = frozenset(counts)
        self._files = {name: _Sorted(folder / name, DIGEST_BYTES[name], count) for name, count in counts.items()}

    def __contains__(self, digest: Digest) -> bool:
        """Whether a digest is in the list.

        Raises:
            OSError: reading fails.
        """
        algorithm, value = digest
        return algorithm in self._files and value in self._files[algorithm]

    def __len__(self) -> int:
        return sum(map(len, self._files.values()))


class _Sorted:
    """A file of sorted digests of one length.

    It is read, not mapped: a disk error shall be an exception, not a signal, and a process with bounded address space
    can have any number of lists.
    """

    def __init__(self, path: Path, width: int, count: int) -> None:
        self._width, self._count = width, count
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._descriptor)
        if os.fstat(self._descriptor).st_size != width * count:
            raise ValueError(f"{path} does not hold {count} digests")

    def __len__(self) -> int:
        return self._count

    def __contains__(self, value: bytes) -> bool:
        place = bisect.bisect_left(range(self._count), value, key=self._at)
        return place < self._count and self._at(place) == value

    def _at(self, place: int) -> bytes:
        value = os.pread(self._descriptor, self._width, place * self._width)
        if len(value) != self._width:
            raise OSError(errno.EIO, "the sorted list in the cache was cut")
        return value


def cached(
    cache: Path, key: str, digests: Callable[[], Iterable[Digest]], on_progress: Callable[[], None] = lambda: None
) -> SortedDigests:
    """The sorted digests kept under a key; made first if they are not there or not whole.

    Processes that ask at the same time wait for the one that builds.

    Args:
        cache: Folder; made if it is not there.
        key: Names the list and its version; good as a file name.
        digests: Reads the list.
        on_progress: Called again and again while it is read, sorted, or waited for.

    Raises:
        OSError: the cache cannot be read or written.
    """
    folder, work = cache / key, cache / f"{key}.building"
    if (kept := _kept(folder)) is not None:
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{key}.lock").open("a") as lock:
        while not _locked(lock):
            on_progress()
            time.sleep(_WAIT_SECONDS)
        if (kept := _kept(folder)) is not None:
            return kept
        for remains in (folder, work):
            if remains.exists():
                shutil.rmtree(remains)
        try:
            finished = work / "finished"
            finished.mkdir(parents=True)
            build(digests(), finished, work, on_progress)
            finished.rename(folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        return SortedDigests(folder)


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _kept(folder: Path) -> SortedDigests | None:
    """What is in the cache already; None if it is not there or not whole."""
    try:
        return SortedDigests(folder)
    except (FileNotFoundError, ValueError):
        return None


def build(digests: Iterable[Digest], folder: Path, work: Path, on_progress: Callable[[], None] = lambda: None) -> None:
    """Sort digests into an empty folder; repeated ones are kept once.

    Args:
        digests: In any order.
        folder: Where the result goes; complete once `contents.json` is in it.
        work: Where the buckets go meanwhile.
        on_progress: Called again and again.

    Raises:
        OSError: out of space, or another failure to write.
    """
    buckets: dict[str, _Buckets] = {}
    for number, (algorithm, value) in enumerate(digests):
        if number % _PROGRESS_DIGESTS == 0:
            on_progress()
        if algorithm not in buckets:
            buckets[algorithm] = _Buckets(work / f"{algorithm}-buckets")
        buckets[algorithm].add(value)
    counts = {}
    for algorithm, dealt in buckets.items():
        counts[algorithm] = 0
        with (folder / algorithm).open("wb") as file:
            for bucket in dealt.drain():
                on_progress()
                values = np.unique(np.frombuffer(bucket, dtype=f"S{DIGEST_BYTES[algorithm]}"))
                counts[algorithm] += len(values)
                file.write(values.tobytes())
            file.flush()
            os.fsync(file.fileno())
    with (folder / _CONTENTS).open("w") as file:
        json.dump(counts, file)
        file.flush()
        os.fsync(file.fileno())


class _Buckets:
    """Digests dealt by their first byte."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._pending = [bytearray() for _ in range(_BUCKETS)]

    def add(self, value: bytes) -> None:
        pending = self._pending[value[0]]
        pending += value
        if len(pending) >= _FLUSH_BYTES:
            # Opened anew each time: 256 open files an algorithm would eat the process's allowance.
            with (self._folder / str(value[0])).open("ab") as file:
                file.write(pending)
            pending.clear()

    def drain(self) -> Iterator[bytes]:
        """The buckets in order, those without a digest left out."""
        for number, pending in enumerate(self._pending):
            path = self._folder / str(number)
            written = path.read_bytes() if path.exists() else b""
            if written or pending:
                yield written + bytes(pending)
            path.unlink(missing_ok=True)
            pending.clear()


def _counts(folder: Path) -> Mapping[str, int]:
    counts = json.loads((folder / _CONTENTS).read_text())
    if not isinstance(counts, dict) or not all(
        name in DIGEST_BYTES and isinstance(count, int) and count > 0 for name, count in counts.items()
    ):
        raise ValueError(f"{folder / _CONTENTS} is damaged")
    return counts
