"""Any folder with a `protocol.csv`, as `training.protocol` describes it: the development data, and data of your own."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from benchmarks.corpora import corpora_named
from benchmarks.datasets.dataset import Counts, DataSet, Listing
from benchmarks.trials import Trial, Unit, labels_of
from detect.errors import ConfigError
from detect.types import Modality
from training.protocol import Trial as ProtocolTrial
from training.protocol import read_protocol

_SOUND = frozenset({".wav", ".flac", ".mp3", ".m4a", ".ogg", ".opus", ".aac", ".amr"})
_PICTURE = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
_CORPUS_COLUMNS = ("dataset", "corpus")
_NO_FACTS = frozenset({"path", "label", "attack", "system", "split", "group", "sha256", "pair"})
"""Columns that are something else of a trial, or are as many values as rows."""


def _read(root: Path) -> Listing:
    rows, notes = _without_doubles(root, read_protocol(root))
    return Listing(trials=[_trial(row) for row in rows], notes=notes)


def _trial(row: ProtocolTrial) -> Trial:
    suffix = PurePosixPath(row.path).suffix.lower()
    unit = Unit.UTTERANCE if suffix in _SOUND else Unit.FRAME if suffix in _PICTURE else Unit.RECORDING
    # A protocol has one label: of the voice where there is nothing but sound, else of the faces.
    labels = labels_of(voice=row.label) if unit is Unit.UTTERANCE else labels_of(face=row.label)
    return Trial(
        id=row.path,
        path=row.path,
        unit=unit,
        labels=labels,
        attack=row.attack,
        group=row.group,
        split=row.split,
        facts={name: value for name, value in row.facts.items() if value and _is_fact(name)},
        corpora=frozenset().union(*(corpora_named(row.facts.get(column, "")) for column in _CORPUS_COLUMNS)),
    )


def _is_fact(name: str) -> bool:
    return name not in _NO_FACTS and not name.startswith("source_")


def _without_doubles(root: Path, rows: Sequence[ProtocolTrial]) -> tuple[list[ProtocolTrial], list[str]]:
    """Of rows that name the same file the one whose digest is the file's.

    Raises:
        ConfigError: no digest tells which of them speaks of the file that is there.
    """
    times = Counter(row.path for row in rows)
    notes, kept = [], []
    for row in rows:
        if times[row.path] == 1:
            kept.append(row)
            continue
        if not row.facts.get("sha256"):
            raise ConfigError(f"{root / 'protocol.csv'}: {row.path} stands in {times[row.path]} rows")
        if row.facts["sha256"] == _sha256(root / row.path):
            kept.append(row)
        else:
            notes.append(
                f"{row.path}: a row that names other bytes than lie there ({row.facts['sha256'][:12]}) is left out"
            )
    return kept, notes


def _sha256(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


DATA_SET = DataSet(
    name="protocol",
    title="Protocol file",
    modalities=(Modality.FACE, Modality.VOICE),
    read=_read,
    expected={"test": Counts()},
    corpora=frozenset({"protocol"}),
    test_split="test",
    development_splits=frozenset({"train", "val", "overlap", "exclude"}),
    homepage="docs/training.md",
    how_to_get="Write a protocol.csv into a folder with recordings, pictures, sounds, or zip archives of them.",
    terms="Those of what lies in the folder.",
    size="Whatever lies in the folder.",
    layout="protocol.csv   path,label,attack|system,group|pair|speaker,split[,dataset|corpus,...]\na.mp4\nb.zip",
    traps=(
        "Rows that were split by source may still share a person: such rows get the split overlap and count nowhere.",
    ),
)
