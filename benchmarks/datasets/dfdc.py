"""DFDC: the Deepfake Detection Challenge, the largest set of face swaps between consenting actors.

Dolhansky et al., The DeepFake Detection Challenge (DFDC) Dataset, 2020, arXiv:2006.07397.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.datasets.dataset import Counts, DataSet, Listing, Published, need, rows_of, word
from benchmarks.datasets.json_file import field_of, records_of
from benchmarks.trials import Label, Trial, Unit, labels_of
from detect.errors import ConfigError
from detect.types import Modality

_WORDS: dict[str, Label] = {"REAL": "bonafide", "FAKE": "spoof"}
_DIGITS: dict[str, Label] = {"0": "bonafide", "1": "spoof"}
"""Of `labels.csv` and of `is_fake` in the test split's `metadata.json`."""
_PART = re.compile(r"dfdc_train_part_([0-9]+)")
_HELP = "DFDC is a folder with train/dfdc_train_part_0 and so on, validation and test"


def _read(root: Path) -> Listing:
    trials, notes = _train(root)
    for split in ("validation", "test"):
        if (root / split).is_dir():
            trials += _measured(root, split)
        else:
            notes.append(f"{split} is not in this copy.")
    if not trials:
        raise ConfigError(f"{root}: {_HELP}")
    return Listing(trials=trials, notes=notes)


def _train(root: Path) -> tuple[list[Trial], list[str]]:
    """Trials of the parts that are there, in `train` or beside the other splits, and notes."""
    parts = {
        int(found[1]): folder
        for above in (root, root / "train")
        if above.is_dir()
        for folder in above.iterdir()
        if folder.is_dir() and (found := _PART.fullmatch(folder.name))
    }
    trials, orphans = [], 0
    for part, folder in sorted(parts.items()):
        protocol = need(folder / "metadata.json", "each part of the training split has its own")
        for place, name, record in records_of(protocol):
            label = word(field_of(record, "label", place), _WORDS, place)
            original = record.get("original") if label == "spoof" else name
            orphans += original is None
            path = f"{folder.relative_to(root).as_posix()}/{name}"
            trials.append(_trial(path, label, "train", original or name, {"part": str(part)}))
    notes = [] if len(parts) == 50 else [f"{len(parts)} of the 50 parts of the training split are in this copy."]
    if orphans:
        notes.append(f"Fakes of the training split that name no original, each a group of its own: {orphans}.")
    return trials, notes


def _measured(root: Path, split: str) -> Iterator[Trial]:
    """Trials of the validation or the test split, from either file of labels or from both."""
    folder = root / split
    table, metadata = folder / "labels.csv", folder / "metadata.json"
    if not table.is_file() and not metadata.is_file():
        raise ConfigError(f"{folder}: neither labels.csv nor metadata.json is there, so nothing is known of its videos")
    labels: dict[str, Label] = {}
    facts: dict[str, dict[str, str]] = {}
    if metadata.is_file():
        for place, name, record in records_of(metadata):
            labels[name] = word(str(field_of(record, "is_fake", place)), _DIGITS, place)
            facts[name] = {"augmentation": _augmentation(record.get("augmentations"))}
    if table.is_file():
        for place, row in rows_of(table, columns=("filename", "label")):
            name, label = row["filename"], word(row["label"], _DIGITS, place)
            if labels.setdefault(name, label) != label:
                raise ConfigError(f"{place}: metadata.json says otherwise of {name}")
    # No original is named here: every video is a group.
    return (_trial(f"{split}/{name}", label, split, name, facts.get(name, {})) for name, label in labels.items())


def _augmentation(record: Any) -> str:
    """Names of what was done to a video: `augmenter` changes the picture or sound, others lay something over it."""
    if not record:
        return "none"
    if not isinstance(record, dict):
        return str(record)
    return "+".join(sorted(name for kind, of in record.items() for name in (of if isinstance(of, dict) else [kind])))


def _trial(path: str, label: Label, split: str, group: str, facts: dict[str, str]) -> Trial:
    return Trial(
        id=path,
        path=path,
        unit=Unit.RECORDING,
        labels=labels_of(face=label),  # nothing is said of the voices, of which some are changed too
        attack="-",  # eight methods, and no word which of them made what
        group=group,
        split=split,
        facts=facts,
    )


DATA_SET = DataSet(
    name="dfdc",
    title="DFDC",
    modalities=(Modality.FACE,),
    read=_read,
    expected={
        "train": Counts(bonafide=19_154, spoof=100_000),
        "validation": Counts(bonafide=2_000, spoof=2_000),
        "test": Counts(bonafide=2_500, spoof=2_500),
    },
    corpora=frozenset({"dfdc"}),
    test_split="test",
    development_splits=frozenset({"train", "validation"}),
    homepage="https://ai.meta.com/datasets/dfdc/",
    how_to_get=(
        "Ask for it on its page, with an AWS account; the training split is also among the data of the Kaggle"
        " competition deepfake-detection-challenge. Unpack the parts below train; test alone is enough to measure."
    ),
    terms="DFDC licence agreement: research on detection, no redistribution; consenting, paid actors.",
    size="128,154 videos of 10 s with sound, 960 people in them; the training split has 472 GB in 50 parts",
    layout=(
        "train/dfdc_train_part_{0..49}/{metadata.json,aaqaifqrwn.mp4,...}\n"
        "validation/{labels.csv,...mp4}\n"
        "test/{metadata.json and/or labels.csv,...mp4}"
    ),
    traps=(
        "A fake may have a changed voice too, and no label says which: nothing can be measured of voices.",
        "Group the training split by original: a video and its fakes fall apart otherwise.",
        "validation and test name no original: intervals take every video there for independent and are too narrow.",
        "The test split on Kaggle is another: 400 videos without labels.",
        "A copy of the test split that goes round has 3,725 of its 5,000 videos (DeepfakeBench, issue 25).",
        "The challenge was decided by log loss on 10,000 videos; numbers from there do not compare.",
    ),
    published=tuple(
        Published(
            system=system,
            protocol=f"trained on FF++ c23 train; test split of DFDC; one {level} a trial",
            metric="AUC",
            value=value,
            source=source,
        )
        for system, level, value, source in (
            ("UCF", "frame", 0.7191, "Yan et al., DeepfakeBench, NeurIPS 2023"),
            ("Effort", "video", 0.843, "Yan et al., Effort, ICML 2025"),
            ("GenD", "video", 0.871, "Yermakov et al., Deepfake Detection that Generalizes Across Benchmarks, 2025"),
        )
    ),
)
