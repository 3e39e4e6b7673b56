"""Protocol files: which recordings there are, their labels and splits, and the bytes of each.

A data set is a folder with a `protocol.csv`, whose `path` column names plain files or members of zip archives
(`faces_00.zip!/dfdc/bonafide/x.jpg`). Columns that every protocol has: `path`, `label`, and `attack` or `system`; the
others stay as they are in `Trial.facts`. Without a column `split` every row is for measuring only: `test`.
"""

from __future__ import annotations

import csv
import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, cast

from detect.errors import ConfigError

Label = Literal["bonafide", "spoof"]
_LABELS = ("bonafide", "spoof")
_SPLITS = ("train", "val", "test")
"""In the order in which a person who is in two of them is kept: what is measured is never touched."""
INSIDE = "!/"
"""Between an archive and its member."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One row of a protocol."""

    path: str
    """File below the data set's folder, or `archive.zip!/member`."""
    label: Label
    attack: str
    """How a spoof was made: the column `attack` or `system`; `-` for bona fide."""
    group: str
    """Trials of one group share an identity or a source."""
    split: str
    facts: Mapping[str, str]
    """The whole row."""

    @property
    def is_spoof(self) -> bool:
        """Whether the label says spoof."""
        return self.label == "spoof"


def read_protocol(folder: Path) -> list[Trial]:
    """Read `protocol.csv` of a data set.

    The group of a trial is the first of its columns `group`, `pair`, `speaker` and `source_repository` that is filled.

    Args:
        folder: The data set.

    A group, pair or speaker that stands in two splits is kept in the later of train, val and test only: its trials in
    the earlier one get the split `overlap`, which nothing uses. So a protocol that was split by source cannot leak a
    person.

    Returns:
        The trials in the file's order.

    Raises:
        ConfigError: there is no such file, a column is missing, or a label is neither bonafide nor spoof.
    """
    path = folder / "protocol.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            trials = [_trial(row, path) for row in csv.DictReader(file)]
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file; a data set is a folder with a protocol.csv") from error
    last: dict[tuple[str, str], int] = {}
    for trial in trials:
        for key in _identities(trial):
            last[key] = max(last.get(key, 0), _rank(trial.split))
    return [
        replace(trial, split="overlap")
        if 0 < _rank(trial.split) < max((last[key] for key in _identities(trial)), default=0)
        else trial
        for trial in trials
    ]


def _identities(trial: Trial) -> list[tuple[str, str]]:
    return [(key, trial.facts[key]) for key in ("group", "pair", "speaker") if trial.facts.get(key)]


def _rank(split: str) -> int:
    """Other splits than the three take no part."""
    return _SPLITS.index(split) + 1 if split in _SPLITS else 0


def protocol_sha256(folder: Path) -> str:
    """SHA-256 of the protocol file: what a result says it was measured on."""
    return hashlib.sha256((folder / "protocol.csv").read_bytes()).hexdigest()


def _trial(row: dict[str, str], path: Path) -> Trial:
    try:
        label, name = row["label"], row["path"]
        attack = row["attack"] if "attack" in row else row["system"]
    except KeyError as error:
        raise ConfigError(f"{path}: the column {error} is missing") from error
    if label not in _LABELS:
        raise ConfigError(f"{path}: {name} is labelled {label!r}; labels are bonafide and spoof")
    group = next((row[key] for key in ("group", "pair", "speaker", "source_repository") if row.get(key)), name)
    return Trial(
        path=name, label=cast("Label", label), attack=attack, group=group, split=row.get("split", "test"), facts=row
    )


class Members:
    """Reads the files of one data set; archives stay open between reads.

    Args:
        folder: The data set.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._archives: dict[str, zipfile.ZipFile] = {}

    def read(self, path: str) -> bytes:
        """Bytes of one file or archive member.

        Raises:
            ConfigError: it is not there.
        """
        try:
            if INSIDE not in path:
                return (self._folder / path).read_bytes()
            archive, member = path.split(INSIDE, 1)
            if archive not in self._archives:
                self._archives[archive] = zipfile.ZipFile(self._folder / archive)
            return self._archives[archive].read(member)
        except (FileNotFoundError, KeyError) as error:
            raise ConfigError(f"{self._folder}: {path} is in the protocol and not in the folder") from error

    def close(self) -> None:
        """Close the archives."""
        for archive in self._archives.values():
            archive.close()
        self._archives.clear()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the archives."""
        self.close()

    def __getstate__(self) -> Path:
        """Worker processes open the archives anew: a file offset must not be shared."""
        return self._folder

    def __setstate__(self, folder: Path) -> None:
        """Begin with no archive open."""
        self.__init__(folder)  # type: ignore[misc]
