"""Known-file sets: digests of files that need no examination, and of files that must be flagged."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from detect.errors import ConfigError
from pipelines.known_formats import UnusableSet, text_digests
from pipelines.known_index import Digest, SortedDigests, cached
from pipelines.known_rds import MAGIC, Rds
from pipelines.names import escape

_LAYOUT = "1"
"""Of the cache; a change of what is kept in it is a change of this."""


class Match(NamedTuple):
    """A file that is in a set."""

    kind: Literal["ok", "alert"]
    set_name: str


class _KnownSet(NamedTuple):
    match: Match
    path: Path
    algorithms: frozenset[str]
    digests: Rds | SortedDigests


class KnownSets:
    """Sets of known files.

    A list is sorted into the cache at its first use, which takes minutes for one of 100 million; later it is only
    opened. An NSRL database with an index is queried where it lies.

    Args:
        ok: Files that need no examination; see `pipelines.known_formats` for the formats.
        alert: Files that must be flagged.
        cache: Folder for the sorted lists; made if it is not there. Its owner decides what is known, so it must be as
            trusted as the lists.
        on_progress: Called again and again while a list is sorted, for whoever watches that this process lives.

    Raises:
        ConfigError: a list cannot be read, is malformed (with its line) or empty, or the cache cannot be written.
    """

    def __init__(
        self,
        ok: Sequence[Path],
        alert: Sequence[Path],
        cache: Path,
        *,
        on_progress: Callable[[], None] = lambda: None,
    ) -> None:
        names = _names([*alert, *ok])
        self._sets = [_opened(path, Match("alert", names[path]), cache, on_progress) for path in alert]
        self._sets += [_opened(path, Match("ok", names[path]), cache, on_progress) for path in ok]
        self.algorithms: frozenset[str] = frozenset().union(*(known.algorithms for known in self._sets))
        """What must be computed of a file: some of `md5`, `sha1` and `sha256`."""

    def match(self, digests: Mapping[str, str]) -> Match | None:
        """The first set that a file is in; those to be flagged come first.

        Args:
            digests: In hexadecimal, by algorithm; at least by `algorithms`.

        Raises:
            ConfigError: a set cannot be read any more.
            KeyError: one of `algorithms` is not there.
        """
        values = {algorithm: bytes.fromhex(digests[algorithm]) for algorithm in self.algorithms}
        for known in self._sets:
            try:
                if any((algorithm, values[algorithm]) in known.digests for algorithm in known.algorithms):
                    return known.match
            except (UnusableSet, OSError) as error:
                raise ConfigError(f"known-file set {known.path}: {error}") from error
        return None


def _names(paths: Sequence[Path]) -> Mapping[Path, str]:
    """A set is called as its file, or by its path where two files have one name."""
    called = [path.name for path in set(paths)]
    return {path: escape(os.fsencode(path.name if called.count(path.name) == 1 else path)) for path in paths}


def _opened(path: Path, match: Match, cache: Path, on_progress: Callable[[], None]) -> _KnownSet:
    try:
        key = _key(path)  # before it is opened: a list put in its place meanwhile has another
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                digests = cached(cache, key, lambda: _text(path, key, file), on_progress)
                return _KnownSet(match, path, digests.algorithms, digests)
        database = Rds(path)
        if database.is_indexed:
            return _KnownSet(match, path, frozenset({database.algorithm}), database)
        with database:
            digests = cached(cache, key, lambda: _unchanged(path, key, database.digests()), on_progress)
        return _KnownSet(match, path, digests.algorithms, digests)
    except UnusableSet as error:
        raise ConfigError(f"known-file set {path}: {error}") from error
    except OSError as error:
        raise ConfigError(f"known-file set {path}: {error.filename or path}: {error.strerror}") from error


def _text(path: Path, key: str, file: BinaryIO) -> Iterator[Digest]:
    file.seek(0)
    return _unchanged(path, key, text_digests(file))


def _unchanged(path: Path, key: str, digests: Iterator[Digest]) -> Iterator[Digest]:
    """The digests of a list that has some and stays as it is while it is read."""
    empty = True
    for digest in digests:
        empty = False
        yield digest
    if empty:
        raise UnusableSet("names no digest")
    if _key(path) != key:
        raise UnusableSet("changed while it was read")


def _key(path: Path) -> str:
    """Name of a list's version in the cache, by the facts of its file: hashing 10 GB at each start takes too long.

    The time of the last change of the file's facts is one of them; copying another list's times over does not fake it.
    """
    version: list[object] = [_LAYOUT]
    if path.exists():
        facts = path.stat()
        version += (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
    if (log := Rds.log(path)).exists():
        facts = log.stat()  # less one: SQLite sets the log's owner, as it is, when it opens it
        version += (facts.st_ino, facts.st_size, facts.st_mtime_ns)
    return hashlib.sha256(repr(version).encode()).hexdigest()
