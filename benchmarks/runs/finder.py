"""Trials as evidence: what `pipelines.job` examines in place of what a walk would find."""

from __future__ import annotations

import hashlib
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from benchmarks.trials import Trial, split_sha256
from detect.errors import ConfigError
from detect.types import ItemState
from pipelines.evidence.scratch import Scratch
from pipelines.items import Entry, Step
from pipelines.names import SEPARATOR, escape
from training.protocol import INSIDE

_BATCH = 64
"""Items that are filed together."""
_CHUNK_BYTES = 1 << 20


class Finder:
    """Finds the files of trials, each with its digest; those that are not there give no item.

    Args:
        root: The data set's folder.
        trials: What to find.
        copies: Trial id to the file that stands for its own, a laundered copy; those without one are not found. None:
            the trials' own files.
    """

    def __init__(self, root: Path, trials: Sequence[Trial], copies: Mapping[str, Path] | None = None) -> None:
        self._root = root
        self._trials = trials
        self._copies = copies

    @property
    def facts(self) -> Mapping[str, Any]:
        """See `pipelines.job.Source`."""
        return {"split_sha256": split_sha256(self._trials), "num_trials": len(self._trials)}

    def find(self, scratch: Path, max_bytes: int) -> Iterator[list[Entry]]:
        """See `pipelines.job.Source`."""
        batch: list[Entry] = []
        for entry in self._entries(Scratch(scratch, max_bytes)):
            batch.append(entry)
            if len(batch) == _BATCH:
                yield batch
                batch = []
        yield batch

    def _entries(self, scratch: Scratch) -> Iterator[Entry]:
        if self._copies is not None:
            for trial in self._trials:
                if trial.id in self._copies:
                    yield from _plain(self._copies[trial.id], chain_of(trial))
            return
        plain, archives = by_archive(self._trials)
        for trial in plain:
            yield from _plain(self._root / trial.path, chain_of(trial))
        for archive, members in archives.items():
            yield from self._members(archive, members, scratch)

    def _members(self, archive: str, members: Mapping[str, Trial], scratch: Scratch) -> Iterator[Entry]:
        path = self._root / archive
        folder = unpacked(path)
        if folder is not None:
            for member, trial in members.items():
                yield from _plain(folder / member, chain_of(trial))
            return
        if not path.is_file():
            return
        for member, chunks in read_members(path, members.keys()):
            trial, digest, size = members[member], hashlib.sha256(), 0
            with scratch.copy(nested=False) as copy:
                for chunk in chunks:
                    digest.update(chunk)
                    copy.write(chunk)
                    size += len(chunk)
                name = copy.keep()
            yield Entry(
                chain=chain_of(trial),
                locator=(Step("file", escape(os.fsencode(path.absolute()))), Step("trial", escape(member.encode()))),
                num_bytes=size,
                sha256=digest.hexdigest(),
                spool=name,
            )


def by_archive(trials: Iterable[Trial]) -> tuple[list[Trial], dict[str, dict[str, Trial]]]:
    """Trials whose file lies in a folder; and for each archive, member to trial."""
    plain: list[Trial] = []
    archives: dict[str, dict[str, Trial]] = {}
    for trial in trials:
        archive, inside, member = trial.path.partition(INSIDE)
        if inside:
            archives.setdefault(archive, {})[member] = trial
        else:
            plain.append(trial)
    return plain, archives


def chain_of(trial: Trial) -> str:
    """The key of a trial's item in the ledger."""
    return SEPARATOR.join(escape(os.fsencode(part)) for part in trial.path.split(INSIDE))


def unpacked(archive: Path) -> Path | None:
    """The folder into which somebody has unpacked an archive, beside it and named like it; None where there is none."""
    name = archive.name
    for suffix in (".tar.gz", ".tgz", ".tar", ".zip"):
        if name.endswith(suffix) and (folder := archive.with_name(name.removesuffix(suffix))).is_dir():
            return folder
    return None


def member_names(archive: Path) -> set[str]:
    """Names of the files in a zip or tar archive.

    Raises:
        ConfigError: it is neither, or is damaged.
    """
    with _readable(archive):
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                return {info.filename for info in opened.infolist() if not info.is_dir()}
        with tarfile.open(archive, "r|*") as stream:
            return {_plain_name(entry) for entry in stream if entry.isfile()}


def read_members(archive: Path, names: Iterable[str]) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Members of a zip or tar archive, in the archive's order, each as chunks to be read before the next is asked for.

    Raises:
        ConfigError: it is neither, or is damaged.
    """
    wanted = set(names)
    with _readable(archive):
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                for info in opened.infolist():
                    if info.filename in wanted:
                        with opened.open(info) as member:
                            yield info.filename, _chunks(member, archive)
            return
        with tarfile.open(archive, "r|*") as stream:
            for entry in stream:
                if _plain_name(entry) in wanted and (file := stream.extractfile(entry)) is not None:
                    yield _plain_name(entry), _chunks(file, archive)


@contextmanager
def _readable(archive: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError) as error:
        raise ConfigError(f"{archive} cannot be read to its end: {error}") from error


def _plain_name(entry: tarfile.TarInfo) -> str:
    return entry.name.removeprefix("./")


def _chunks(file: IO[bytes], archive: Path) -> Iterator[bytes]:
    with _readable(archive):
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def _plain(path: Path, chain: str) -> Iterator[Entry]:
    locator = (Step("file", escape(os.fsencode(path.absolute()))),)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        return
    except OSError as error:
        yield Entry(
            chain=chain, locator=locator, state=ItemState.UNREADABLE, reason="read_error", message=f"{error.strerror}."
        )
        return
    yield Entry(chain=chain, locator=locator, num_bytes=size, sha256=digest)
