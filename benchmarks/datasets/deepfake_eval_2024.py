"""Deepfake-Eval-2024: sound, videos and pictures that people had doubts of in 2024, from 88 web sites.

Chandra et al., Deepfake-Eval-2024: A Multi-Modal In-the-Wild Benchmark of Deepfakes Circulated in 2024, 2025, arXiv
2503.02857.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from benchmarks.datasets.dataset import Counts, DataSet, Listing, Published, rows_of, word
from benchmarks.trials import Label, Subject, Trial, Unit
from detect.errors import ConfigError
from detect.types import Modality

_WORDS: dict[str, Label | None] = {"real": "bonafide", "fake": "spoof", "unknown": None}
_SPLITS = {"train": "train", "test": "test"}
_BROKEN = "#NAME?"
"""What a spreadsheet made of names that begin with a hyphen: they are lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One of the three."""

    unit: Unit
    columns: Mapping[Subject, str]
    """Where each subject's label stands."""


_PARTS = {
    "audio": _Part(unit=Unit.UTTERANCE, columns={"voice": "Ground Truth"}),
    "video": _Part(unit=Unit.RECORDING, columns={"face": "Video Ground Truth", "voice": "Audio Ground Truth"}),
    "image": _Part(unit=Unit.FRAME, columns={"face": "Ground Truth"}),
}


def _read(root: Path) -> Listing:
    trials: list[Trial] = []
    notes: list[str] = []
    absent = 0
    for name, part in _PARTS.items():
        # The one with links is the newer: the other was withdrawn for videos when its labels were corrected.
        paths = [root / f"{name}-metadata-publish-with-links.csv", root / f"{name}-metadata-publish.csv"]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            notes.append(f"the {name} part is not there: neither {paths[0].name} nor {paths[1].name}")
            absent += 1
            continue
        if name == "video" and path == paths[1]:
            notes.append(f"{path.name} may be from before 29 October 2025, when its authors corrected an error in it")
        found, told = _read_part(root, name, part, path)
        trials += found
        notes += told
    if absent == len(_PARTS):
        raise ConfigError(f"{root} is no Deepfake-Eval-2024: it has none of its files *-metadata-publish*.csv")
    return Listing(trials=trials, notes=notes)


def _read_part(root: Path, name: str, part: _Part, protocol: Path) -> tuple[list[Trial], list[str]]:
    folder = f"{name}-data"
    files = {path.name for path in (root / folder).glob("*") if not path.name.startswith("._")}
    by_stem = {PurePosixPath(file).stem: file for file in sorted(files, reverse=True)}
    trials: dict[str, Trial] = {}
    aside: Counter[str] = Counter()
    for place, row in rows_of(protocol, columns=("Filename", *part.columns.values(), "Finetuning Set")):
        labels = _labels(row, part.columns, place)
        listed = row["Filename"].strip()
        if listed == _BROKEN or not listed:
            aside["whose name a spreadsheet has broken"] += 1
        elif not row["Finetuning Set"].strip():
            aside["of neither train nor test"] += 1
        elif not labels:
            aside["without any label"] += 1
        else:
            stem = PurePosixPath(listed).stem
            trial = Trial(
                id=f"{folder}/{listed}",
                path=f"{folder}/{listed if listed in files else by_stem.get(stem, listed)}",
                unit=part.unit,
                labels=labels,
                group=stem,
                split=word(row["Finetuning Set"].strip().lower(), _SPLITS, place),
                facts={"part": name, **_facts(row)},
            )
            if trials.setdefault(trial.id, trial).labels != trial.labels:
                raise ConfigError(f"{place}: {listed} is labelled otherwise by an earlier row")
            aside["that stand a second time"] += trials[trial.id] is not trial
    notes = [f"{name} rows {what}, left aside: {number}" for what, number in aside.items() if number]
    renamed = sum(trial.path != trial.id for trial in trials.values())
    if renamed:
        notes.append(f"{name} files found under another suffix than the listed one: {renamed}")
    return list(trials.values()), notes


def _labels(row: Mapping[str, str], columns: Mapping[Subject, str], place: str) -> dict[Subject, Label]:
    known: dict[Subject, Label] = {}
    for subject, column in columns.items():
        if (label := word(row[column].strip().lower(), _WORDS, place)) is not None:
            known[subject] = label
    # A video whose sound nobody could judge is not genuine as a whole because its picture is.
    if "spoof" in known.values():
        known["recording"] = "spoof"
    elif len(known) == len(columns):
        known["recording"] = "bonafide"
    return known


def _facts(row: Mapping[str, str]) -> dict[str, str]:
    facts = {}
    if month := (row.get("Date") or "")[:7]:
        facts["month"] = month
    if language := row.get("Language"):
        facts["language"] = language
    return facts


_PAPER = "Chandra et al., 2025, arXiv 2503.02857"
_SUPERB = "ASD-SUPERB, table of Deepfake-Eval-2024"
_OFF_THE_SHELF = "as published, trained on other data; {} part (which split is not certain)"
_LA = "trained on ASVspoof 2019 LA; audio part, train and test, 1,976 recordings"

DATA_SET = DataSet(
    name="deepfake-eval-2024",
    title="Deepfake-Eval-2024",
    modalities=(Modality.FACE, Modality.VOICE),
    read=_read,
    expected={"train": Counts(), "test": Counts()},
    corpora=frozenset({"deepfake-eval-2024"}),
    test_split="test",
    development_splits=frozenset({"train"}),
    homepage="https://huggingface.co/datasets/nuriachandra/Deepfake-Eval-2024",
    how_to_get=(
        "Ask for access on the homepage, with evidence of work on deepfake detection, and download the folders "
        "audio-data, video-data and image-data and the files *-metadata-publish-with-links.csv. Any of the three parts "
        "will do."
    ),
    terms="CC BY-SA 4.0, behind a form that forbids harmful use; not for training generators; real people, some NSFW.",
    size="1,980 audio files (56.5 h), about 45 h of video, 1,975 pictures, in 52 languages; bytes not certain",
    layout=(
        "{audio,video,image}-metadata-publish-with-links.csv or {audio,video,image}-metadata-publish.csv\n"
        "audio-data/<name>.{mp3,m4a,mp4,wav,dat}\nvideo-data/<name>.mp4\nimage-data/<name>.{jpg,jpeg,png,webp}"
    ),
    traps=(
        "Three units in one data set: choose one with the fact part (audio, video, image).",
        "Names in the lists and on disk may differ in their suffix: files are matched by stem.",
        "Four audio files end in .dat and are MP4; readers that go by suffix lose them (1,976 scores of 1,980).",
        "A third word, Unknown, stands for what could not be judged: it is neither real nor fake.",
        "Names that begin with a hyphen became #NAME? in some lists.",
        "The list of videos had an error that was corrected on 29 October 2025; results from before differ.",
        "Audio of a video may be in the audio part: both are one group.",
    ),
    published=(
        Published(
            system="GenConViT",
            protocol=_OFF_THE_SHELF.format("video"),
            metric="AUC",
            value=0.63,
            source=_PAPER,
        ),
        Published(system="P3", protocol=_OFF_THE_SHELF.format("audio"), metric="AUC", value=0.58, source=_PAPER),
        Published(system="UFD", protocol=_OFF_THE_SHELF.format("image"), metric="AUC", value=0.56, source=_PAPER),
        Published(system="LFCC-GMM", protocol=_LA, metric="EER %", value=47.7, source=_SUPERB),
        Published(system="XLS-R, linear head", protocol=_LA, metric="EER %", value=50.5, source=_SUPERB),
    ),
)
