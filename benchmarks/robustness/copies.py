"""Laundered copies of the files of trials, wherever a data set keeps them; every trial is accounted for."""

from __future__ import annotations

import hashlib
import tempfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from benchmarks.robustness.laundering import Laundering
from benchmarks.trials import Trial
from detect.errors import ConfigError
from training.protocol import INSIDE, Members

SEED = 1
"""Of what launderings draw, together with their name and the trial's path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """What came of the files of trials; each trial is in exactly one of the three."""

    made: Sequence[tuple[Trial, Path]]
    """With the copy."""
    missing: Sequence[Trial]
    """Whose file is not in this copy of the data set."""
    failed: Sequence[tuple[Trial, str]]
    """With the reason: of another kind than the laundering applies to, or not to be decoded."""


def launder_trials(
    trials: Iterable[Trial], root: Path, laundering: Laundering, folder: Path, *, seed: int = SEED
) -> Copies:
    """Write laundered copies of trials' files, members of archives among them.

    Args:
        trials: Their paths are below `root`, or `archive.zip!/member` with the archive below it.
        root: The data set's folder.
        laundering: What is done.
        folder: Where the copies go, named by a digest of the trial's path: data sets repeat names in their folders.
        seed: Another one draws other noise.

    Raises:
        ConfigError: the laundering is not available on this machine.
    """
    if laundering.missing:
        raise ConfigError(f"{laundering.name} is not available: {laundering.missing}")
    made: list[tuple[Trial, Path]] = []
    missing: list[Trial] = []
    failed: list[tuple[Trial, str]] = []
    with Members(root) as members, tempfile.TemporaryDirectory() as beside:
        for trial in trials:
            name = hashlib.sha256(trial.path.encode()).hexdigest()[:24]
            own_seed = zlib.crc32(f"{seed} {laundering.name} {trial.path}".encode())
            source = Path(beside) / f"{name}{PurePosixPath(trial.path).suffix}"
            try:
                _bring(members, root, trial, source)
            except ConfigError:  # what `Members` says of a file or member that is not there
                missing.append(trial)
                continue
            try:
                made.append((trial, laundering.apply(source, folder, own_seed)))
            except ConfigError as error:
                failed.append((trial, str(error)))
            finally:
                source.unlink()
    return Copies(made=made, missing=missing, failed=failed)


def _bring(members: Members, root: Path, trial: Trial, source: Path) -> None:
    """Put a trial's file at a place of its own, by a link where it is a file already."""
    if INSIDE in trial.path:
        source.write_bytes(members.read(trial.path))
        return
    path = (root / trial.path).absolute()
    if not path.is_file():
        raise ConfigError(f"{trial.path} is not there")
    source.symlink_to(path)
