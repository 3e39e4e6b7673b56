"""AV-Deepfake1M and AV-Deepfake1M++: speeches in which words were replaced, inserted or deleted, in picture and sound.

Cai et al., AV-Deepfake1M: A Large-Scale LLM-Driven Audio-Visual Deepfake Dataset, ACM Multimedia 2024; Cai et al.,
AV-Deepfake1M++: A Large-Scale Audio-Visual Deepfake Benchmark with Real-World Perturbations, 2025. Both are annotated
alike; the second sorts its files by the corpus they come from.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.datasets.annotations import entries_of, spans_of, text_of
from benchmarks.datasets.dataset import Counts, DataSet, Listing, Published, names_below, word
from benchmarks.datasets.json_file import json_of
from benchmarks.trials import Label, Span, Subject, Trial, Unit, labels_of
from detect.errors import ConfigError
from detect.types import Modality

_SPLITS = ("train", "val", "test")
_TYPES: dict[str, tuple[str, Label, Label]] = {
    "real": ("-", "bonafide", "bonafide"),
    "visual_modified": ("visual_modified", "spoof", "bonafide"),
    "audio_modified": ("audio_modified", "bonafide", "spoof"),
    "both_modified": ("both_modified", "spoof", "spoof"),
    "both-modified": ("both_modified", "spoof", "spoof"),
}
"""Word to attack, label of the face, label of the voice. The metadata use the underscore, the authors' loader a hyphen:
whichever of the two a copy has, it is the same."""
_FIELDS: dict[Subject, str] = {
    "recording": "fake_segments",
    "face": "visual_fake_segments",
    "voice": "audio_fake_segments",
}
_SPEAKER = re.compile(r"id\d+")
"""Of VoxCeleb2: what the paths of the first data set begin with, where those of the second have the corpus."""
_SUBJECT = re.compile(r"subject_\d+")


def _reader(title: str, *, by_corpus: bool) -> Callable[[Path], Listing]:
    def read(root: Path) -> Listing:
        trials: dict[str, Trial] = {}
        notes: Counter[str] = Counter()
        for split in _SPLITS:
            entries = [(place, entry, text_of(entry, "file", place)) for place, entry in _entries(root, split)]
            folder = _folder(root, split, {file.partition("/")[0] for _, _, file in entries})
            for place, entry, file in entries:
                if by_corpus == bool(_SPEAKER.match(file)):
                    other = "AV-Deepfake1M" if by_corpus else "AV-Deepfake1M++"
                    raise ConfigError(f"{place}: {file} is a path of {other}, and this should be {title}")
                trial = _trial(place, entry, file, split=split, folder=folder, notes=notes)
                if trials.setdefault(trial.id, trial) is not trial:
                    raise ConfigError(f"{place}: {file} stands twice")
        if not trials:
            raise ConfigError(f"{root} has no val_metadata.json and no train_metadata.json: {title} should have them")
        if all(trial.split != "test" for trial in trials.values()):
            for path in sorted(root.glob("test*_files.txt")):
                lines = path.read_text(encoding="utf-8").splitlines()
                notes[f"recordings of {path.name} without labels, left aside"] += sum(map(bool, lines))
        return Listing(
            trials=list(trials.values()), notes=[f"{what}: {number}" for what, number in notes.items() if number]
        )

    return read


def _entries(root: Path, split: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    # One list, or one file a recording: in a folder of their own (the first data set), beside the recordings (++).
    if (path := root / f"{split}_metadata.json").is_file():
        yield from entries_of(path)
        return
    for folder in (root / f"{split}_metadata", root / split):
        names = names_below(folder, ".json")
        for name in names:
            entry = json_of(folder / name)
            if not isinstance(entry, dict):
                raise ConfigError(f"{folder / name} holds no JSON object")
            yield str(folder / name), entry
        if names:
            return


def _folder(root: Path, split: str, tops: Iterable[str]) -> str:
    # Some unpack the archive into a folder of its name, some where it lies.
    for folder in (f"{split}/", f"{split}/{split}/", ""):
        if any((root / folder / top).is_dir() for top in sorted(tops)):
            return folder
    return f"{split}/"


def _trial(place: str, entry: Mapping[str, Any], file: str, *, split: str, folder: str, notes: Counter[str]) -> Trial:
    if entry.get("split", split) != split:
        raise ConfigError(f"{place}: {file} is of {entry['split']!r}, not of {split}")
    attack, face, voice = word(text_of(entry, "modify_type", place), _TYPES, place)
    silent = entry.get("audio_frames") == 0 and voice == "bonafide"
    labels = labels_of(face=face, voice=None if silent else voice)
    facts = {name: str(entry[name]) for name in ("audio_model", "video_model") if entry.get(name)}
    top, _, rest = file.partition("/")
    if _SPEAKER.fullmatch(top):
        group = top
    else:
        facts["source"] = top
        person = rest.partition("/")[0]
        group = f"{top}/{found[0] if (found := _SUBJECT.match(person)) else person}"
    return Trial(
        id=f"{split}/{file}",
        path=f"{folder}{file}",
        unit=Unit.RECORDING,
        labels=labels,
        attack=attack,
        group=group,
        split=split,
        facts=facts,
        spans=_spans(place, entry, labels, notes),
    )


def _spans(
    place: str, entry: Mapping[str, Any], labels: Mapping[Subject, Label], notes: Counter[str]
) -> dict[Subject, tuple[Span, ...]]:
    spans: dict[Subject, tuple[Span, ...]] = {}
    for subject, field in _FIELDS.items():
        if entry.get(field) is None:
            continue
        given, empty = spans_of(entry, field, place)
        notes["stretches that last no time, left aside"] += empty
        if labels.get(subject) == "bonafide":
            notes["lists of stretches for what was not modified, left aside"] += bool(given)
            spans[subject] = ()
        elif given and subject in labels:
            spans[subject] = given
    return spans


_BASELINES = "Cai et al., README of ControlNet/AV-Deepfake1M"
_AUVIRE = "AuViRe, as reported by its authors"
_WITHIN = "trained on AV-Deepfake1M train; test, whole recordings, scored by the organisers"
_CHALLENGE = "trained on AV-Deepfake1M++ train; test of the 2025 challenge, whole recordings, scored by the organisers"
_LAYOUT = (
    "train_metadata.json, val_metadata.json, {tests}\n{{train,val}}/{path}/*.mp4\n"
    "in place of a list: one JSON file a recording, {beside}"
)

DATA_SET = DataSet(
    name="av-deepfake1m",
    title="AV-Deepfake1M",
    modalities=(Modality.FACE, Modality.VOICE),
    read=_reader("AV-Deepfake1M", by_corpus=False),
    # Of the paper. By split they are not certain, but they add up to its totals of 286,721 and 860,039.
    expected={
        "train": Counts(bonafide=186_666, spoof=559_514),
        "val": Counts(bonafide=14_235, spoof=43_105),
        "test": Counts(bonafide=85_820, spoof=257_420),
    },
    corpora=frozenset({"av-deepfake1m", "voxceleb2"}),
    test_split="val",
    development_splits=frozenset({"train"}),
    homepage="https://github.com/ControlNet/AV-Deepfake1M",
    how_to_get=(
        "Sign the EULA, ask for access on Hugging Face (ControlNet/AV-Deepfake1M), unpack with 7z. The folder holds "
        "train_metadata.json, val_metadata.json, train, val and test. Labels of test are not given out; a "
        "test_metadata.json of the same form is read where there is one."
    ),
    terms="CC BY-NC 4.0, the authors' terms and an EULA: no commercial use; real people from VoxCeleb2.",
    size="1,146,760 MP4 files, 1,886 h, 2,068 speakers; bytes not certain",
    layout=_LAYOUT.format(
        tests="test_files.txt", path="<id>/<YouTube id>/<utterance>", beside="below {train,val}_metadata"
    ),
    traps=(
        (
            "modify_type has an underscore; the authors' loader asks for both-modified, with a hyphen, and so takes "
            "what was modified in both for unmodified."
        ),
        "Papers report test, whose labels only the organisers have: what is measured here is val.",
        "Some lists of stretches are filled for a modality that was not modified; modify_type decides.",
        "Stretches last some tenths of a second in recordings of many: a score of the whole says little of them.",
    ),
    published=(
        Published(system="UMMAFormer", protocol=_WITHIN, metric="AP@0.5 %", value=51.64, source=_BASELINES),
        Published(system="UMMAFormer", protocol=_WITHIN, metric="AP@0.75 %", value=28.07, source=_BASELINES),
        Published(system="UMMAFormer", protocol=_WITHIN, metric="AP@0.9 %", value=7.65, source=_BASELINES),
        Published(system="UMMAFormer", protocol=_WITHIN, metric="AP@0.95 %", value=1.58, source=_BASELINES),
        Published(system="BA-TFD+", protocol=_WITHIN, metric="AP@0.5 %", value=44.42, source=_BASELINES),
        Published(system="AuViRe", protocol=_WITHIN, metric="AUC", value=0.9978, source=_AUVIRE),
        Published(system="AuViRe", protocol=_WITHIN, metric="AP@0.5 %", value=96.5, source=_AUVIRE),
        Published(system="AuViRe", protocol=_WITHIN, metric="AP@0.75 %", value=89.3, source=_AUVIRE),
        Published(system="AuViRe", protocol=_WITHIN, metric="AP@0.9 %", value=42.9, source=_AUVIRE),
        Published(system="AuViRe", protocol=_WITHIN, metric="AP@0.95 %", value=11.7, source=_AUVIRE),
        Published(
            system="AuViRe",
            protocol="trained on LAV-DF train; AV-Deepfake1M, whole recordings (which split is not certain)",
            metric="AUC",
            value=0.657,
            source=_AUVIRE,
        ),
    ),
)

PLUS_PLUS = DataSet(
    name="av-deepfake1m-plusplus",
    title="AV-Deepfake1M++",
    modalities=(Modality.FACE, Modality.VOICE),
    read=_reader("AV-Deepfake1M++", by_corpus=True),
    expected={"train": Counts(), "val": Counts(bonafide=20_220, spoof=57_106), "test": Counts()},
    corpora=frozenset({"av-deepfake1m-plusplus", "voxceleb2", "lrs3"}),
    test_split="val",
    development_splits=frozenset({"train"}),
    homepage="https://huggingface.co/datasets/ControlNet/AV-Deepfake1M-PlusPlus",
    how_to_get=(
        "Register for the 2025 1M-Deepfakes Detection Challenge, sign its EULA, download from Hugging Face "
        "(ControlNet/AV-Deepfake1M-PlusPlus), and unpack with 7z. The folder holds train_metadata.json, "
        "val_metadata.json, train and val. Labels of testA and testB are not given out."
    ),
    terms="The EULA of the challenge: research only; real people from VoxCeleb2, LRS3 and elsewhere.",
    size="about 2 million MP4 files, 77,326 of them in val; bytes not certain",
    layout=_LAYOUT.format(
        tests="testA_files.txt, testB_files.txt",
        path="{vox_celeb_2,lrs3,silent_videos}/...",
        beside="beside the recordings",
    ),
    traps=(
        "Papers report testA and testB, whose labels only the organisers have: what is measured here is val.",
        "Some recordings have no sound (silent_videos); they say nothing of a voice.",
    ),
    published=(
        Published(
            system="Xception",
            protocol=_CHALLENGE,
            metric="AUC",
            value=0.5509,
            source="Cai et al., AV-Deepfake1M++, 2025, arXiv 2507.20579",
        ),
        Published(
            system="best of the 2025 challenge",
            protocol=_CHALLENGE,
            metric="AUC",
            value=0.9783,
            source="Cai et al., AV-Deepfake1M++, 2025, arXiv 2507.20579",
        ),
    ),
)
