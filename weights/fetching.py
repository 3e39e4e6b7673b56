"""Bringing a checkpoint to this machine, from its authors' address or from a folder, verified either way."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedRandom
from pathlib import Path
from typing import TYPE_CHECKING

from weights.digest import check_digest
from weights.errors import WeightsError, WeightsMismatch, WeightsNotFound, WeightsUnavailable
from weights.manifest import Checkpoint
from weights.search import cache_folder

if TYPE_CHECKING:
    from weights.http import Progress

_CHUNK_BYTES = 1 << 20


def fetch(
    checkpoint: Checkpoint,
    *,
    into: Path | None = None,
    source: Path | None = None,
    url: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Bring the checkpoint's file to this machine.

    The file appears under its name only when it is whole and its digest right; until then it is `NAME.part`, which a
    later call goes on with. A file of that name with other content is replaced.

    Args:
        checkpoint: What to fetch.
        into: Folder to put it in; None takes the cache, where `locate` looks.
        source: Folder that holds the file under the manifest's name; None downloads.
        url: Address to download from; None takes the manifest's.
        progress: Called with the bytes that are there and the bytes there will be.

    Raises:
        WeightsUnavailable: it cannot be downloaded, or another process is fetching it.
        WeightsNotFound: `source` does not hold it, or the manifest gives no address.
        WeightsMismatch: what was offered is not what the manifest names; nothing of it is kept.
        WeightsError: the folder cannot be written.
    """
    target = (into if into is not None else cache_folder()) / checkpoint.file
    if _holds(target, checkpoint):
        return target
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(part) as file:
            try:
                if source is not None:
                    _copy(source / checkpoint.file, file, checkpoint, progress)
                else:
                    _download(url or checkpoint.url, file, checkpoint, progress)
            except WeightsMismatch:
                part.unlink()
                raise
            file.flush()
            os.fsync(file.fileno())
            part.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        raise WeightsError(f"{target} cannot be written: {error.strerror or error}") from error
    return target


def _holds(target: Path, checkpoint: Checkpoint) -> bool:
    try:
        if target.exists():
            check_digest(target, checkpoint.sha256, checkpoint.num_bytes)
            return True
    except WeightsMismatch:
        return False  # to be replaced: that is what the caller asks for
    return False


@contextmanager
def _locked(part: Path) -> Iterator[BufferedRandom]:
    """The part file, open for this process alone."""
    handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    with os.fdopen(handle, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Between opening and locking, another process may have finished and renamed this very file.
            taken = not part.exists() or part.stat().st_ino != os.fstat(file.fileno()).st_ino
        except BlockingIOError:
            taken = True
        if taken:
            raise WeightsUnavailable(f"another process is fetching {part.name.removesuffix('.part')} just now")
        yield file


def _copy(path: Path, file: BufferedRandom, checkpoint: Checkpoint, progress: Progress | None) -> None:
    if not path.is_file():
        raise WeightsNotFound(f"{path} is not there; {checkpoint.name} is looked for under the name {checkpoint.file}")
    try:
        with path.open("rb") as source:
            check_digest(path, checkpoint.sha256, checkpoint.num_bytes)
            file.truncate(0)
            done = 0
            while done < checkpoint.num_bytes and (
                chunk := source.read(min(_CHUNK_BYTES, checkpoint.num_bytes - done))
            ):
                file.write(chunk)
                done += len(chunk)
                if progress is not None:
                    progress(done, checkpoint.num_bytes)
    except PermissionError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}") from error
    _check(file, str(path), checkpoint)


def _download(url: str | None, file: BufferedRandom, checkpoint: Checkpoint, progress: Progress | None) -> None:
    if url is None:
        raise WeightsNotFound(f"the manifest gives no address for {checkpoint.name}: it is part of the installation")
    from weights.http import download  # noqa: PLC0415 - requests takes longer to import than all else here together

    resumed = file.seek(0, 2) > 0
    download(url, file, checkpoint.num_bytes, progress)
    try:
        _check(file, url, checkpoint)
    except WeightsMismatch:
        if not resumed:
            raise
        # The beginning may be of another file, or damaged since: once more, all of it.
        file.seek(0)
        file.truncate()
        download(url, file, checkpoint.num_bytes, progress)
        _check(file, url, checkpoint)


def _check(file: BufferedRandom, origin: str, checkpoint: Checkpoint) -> None:
    file.flush()
    file.seek(0)
    found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != checkpoint.sha256:
        raise WeightsMismatch(f"{origin} has SHA-256 {found}; the manifest says {checkpoint.sha256}. It is not kept")


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
