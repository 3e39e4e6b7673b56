"""Where checkpoints lie on this machine, and whether they are what the manifest says."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from platformdirs import user_cache_dir

from weights.digest import check_digest
from weights.errors import WeightsError, WeightsMismatch, WeightsNotFound
from weights.manifest import PACKAGE_FOLDER, Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """Whether a checkpoint is on this machine."""

    name: str
    state: Literal["present", "absent", "mismatch"]
    path: Path | None
    """The file that was found first; None where there is none."""
    detail: str
    """One sentence for a person."""


def cache_folder() -> Path:
    """Where fetched and converted checkpoints are kept: `weights` in `UNMASK_CACHE` or in the user's cache folder."""
    return Path(os.environ.get("UNMASK_CACHE") or user_cache_dir("unmask")) / "weights"


def search_folders(directories: Sequence[Path] | None = None) -> tuple[Path, ...]:
    """Folders that are searched, in order: those given, `UNMASK_WEIGHTS`, the cache, this package."""
    named = [Path(part) for part in os.environ.get("UNMASK_WEIGHTS", "").split(os.pathsep) if part]
    return (*(directories or ()), *named, cache_folder(), PACKAGE_FOLDER)


def locate(checkpoint: Checkpoint, directories: Sequence[Path] | None = None) -> Path:
    """The checkpoint's file, verified; for Keras HDF5 the safetensors file made of it.

    The first file of the right name decides. One with other content stops the search: falling back to the next folder
    would hide that somebody has changed it.

    Args:
        checkpoint: What to look for.
        directories: Folders to search before the usual ones.

    Raises:
        WeightsNotFound: it is in none of the folders; the message says what to type.
        WeightsMismatch: a file of its name has other content.
        WeightsError: a file or folder cannot be read, or the cache cannot be written.
    """
    for path, converted in _candidates(checkpoint, directories):
        if converted:
            _check_converted(path, checkpoint)
            return path
        check_digest(path, checkpoint.sha256, checkpoint.num_bytes)
        return path if checkpoint.converted is None else _convert(path, checkpoint)
    raise WeightsNotFound(_absent(checkpoint, directories))


def verify(checkpoint: Checkpoint, directories: Sequence[Path] | None = None) -> Presence:
    """Say whether `locate` would find the checkpoint; nothing is converted, nothing raised for its content.

    Raises:
        WeightsError: a file or folder cannot be read.
    """
    for path, converted in _candidates(checkpoint, directories):
        try:
            if converted:
                _check_converted(path, checkpoint)
            else:
                check_digest(path, checkpoint.sha256, checkpoint.num_bytes)
        except WeightsMismatch as error:
            return Presence(name=checkpoint.name, state="mismatch", path=path, detail=str(error))
        return Presence(
            name=checkpoint.name, state="present", path=path, detail=f"{path} is the file the manifest names"
        )
    return Presence(name=checkpoint.name, state="absent", path=None, detail=_absent(checkpoint, directories))


def _candidates(checkpoint: Checkpoint, directories: Sequence[Path] | None) -> Iterator[tuple[Path, bool]]:
    """Existing files of the checkpoint's names, and for each whether it is a converted one."""
    for folder in search_folders(directories):
        for file, converted in ((checkpoint.converted and checkpoint.converted.file, True), (checkpoint.file, False)):
            if file:
                path = folder / file
                try:
                    there = path.exists()
                except OSError as error:
                    raise WeightsError(f"{path} cannot be looked for: {error.strerror or error}") from error
                if there:
                    yield path, converted


def _check_converted(path: Path, checkpoint: Checkpoint) -> None:
    if checkpoint.converted is None:
        raise AssertionError("a converted file without a conversion")
    check_digest(path, checkpoint.converted.sha256)


def _convert(path: Path, checkpoint: Checkpoint) -> Path:
    """Convert a verified Keras file into the cache, once."""
    if checkpoint.converted is None:
        raise AssertionError("nothing to convert to")
    target = cache_folder() / checkpoint.converted.file
    if target.exists():
        _check_converted(target, checkpoint)
        return target
    from weights.keras import convert  # noqa: PLC0415 - h5py and numpy take longer to import than all else here

    content = convert(path, checkpoint.architecture)
    digest = hashlib.sha256(content).hexdigest()
    if digest != checkpoint.converted.sha256:
        raise WeightsMismatch(
            f"{path} was converted to SHA-256 {digest}; the manifest says {checkpoint.converted.sha256}. It is not used"
        )
    try:
        _write_whole(target, content)
    except OSError as error:
        raise WeightsError(
            f"{target} cannot be written: {error.strerror or error}. Set UNMASK_CACHE to a folder that can be"
        ) from error
    return target


def _write_whole(target: Path, content: bytes) -> None:
    """Write beside and rename, so that other processes see the whole file or none."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
        Path(name).chmod(0o644)  # mkstemp's 0600 would keep a shared cache to one user
        Path(name).replace(target)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _absent(checkpoint: Checkpoint, directories: Sequence[Path] | None) -> str:
    searched = ", ".join(str(folder) for folder in search_folders(directories))
    missing = f"{checkpoint.file} is in none of {searched}"
    if checkpoint.kind == "default":
        return f"{checkpoint.name} should be part of the installation and is not: {missing}. Install again"
    return (
        f"{checkpoint.name} is not on this machine: {missing}. Type `unmask weights fetch {checkpoint.name}`, with "
        "`--from DIR` where it has been copied to a folder, or set UNMASK_WEIGHTS to that folder"
    )
