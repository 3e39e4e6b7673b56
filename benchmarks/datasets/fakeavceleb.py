"""FakeAVCeleb v1.2: celebrities from VoxCeleb2 with a changed face, a changed voice, or both.

Khalid et al., FakeAVCeleb: A Novel Audio-Video Multimodal Deepfake Dataset, NeurIPS 2021 Datasets and Benchmarks.

Its authors give no split. This one keeps a person on one side: the SHA-256 of `fakeavceleb:` and the identity, read as
a number, modulo 10; 0 and 1 are `test`, 2 is `dev`, the rest is `train`. The identity is the person in the picture
(`source`). Whose face or voice was put there may be a person of another split: the fact `donors_in` says so.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from benchmarks.datasets.dataset import Counts, DataSet, Listing, Published, need, word
from benchmarks.trials import Label, Trial, Unit, labels_of
from detect.errors import ConfigError
from detect.types import Modality

_HEADER = ("source", "target1", "target2", "method", "category", "type", "race", "gender")
"""The columns that can be trusted by name. Two follow: the file's name, under `path`, and its folder, under none."""
_WIDTH = len(_HEADER) + 2
_TYPES: dict[str, tuple[str, Label, Label]] = {
    "RealVideo-RealAudio": ("A", "bonafide", "bonafide"),
    "RealVideo-FakeAudio": ("B", "bonafide", "spoof"),
    "FakeVideo-RealAudio": ("C", "spoof", "bonafide"),
    "FakeVideo-FakeAudio": ("D", "spoof", "spoof"),
}
"""Folder to category, label of the face, label of the voice."""
_METHODS = {name: name for name in ("faceswap", "fsgan", "wav2lip", "rtvc", "faceswap-wav2lip", "fsgan-wav2lip")}
_METHODS["real"] = "-"
_IDENTITY = re.compile(r"id\d+")
IDENTITIES = 500
"""In v1.2, fifty for each of five origins and two genders."""
SPLIT_SHA256 = "f554aa4f1c1cf62ef04502f5bc0bc47be022531cf898a8492e23c6d703af4429"
"""`split_digest` of the 500 identities of v1.2: 338 in `train`, 49 in `dev`, 113 in `test`."""


def split_of(identity: str) -> str:
    """Which split a person belongs to."""
    remainder = int(hashlib.sha256(f"fakeavceleb:{identity}".encode()).hexdigest(), 16) % 10
    return "test" if remainder < 2 else "dev" if remainder == 2 else "train"


def split_digest(identities: Iterable[str]) -> str:
    """SHA-256 over the lines `identity TAB split`, in the order of identities."""
    lines = (f"{identity}\t{split_of(identity)}\n" for identity in sorted(set(identities)))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    # The header names nine columns and leaves the tenth, the folder, without a name; mended copies name both.
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        if tuple(header[: len(_HEADER)]) != _HEADER:
            raise ConfigError(f"{path}:1: the header should begin with {','.join(_HEADER)}")
        for values in reader:
            place = f"{path}:{reader.line_num}"
            if len(values) != _WIDTH:
                raise ConfigError(f"{place}: {len(values)} values instead of {_WIDTH}")
            yield place, dict(zip((*_HEADER, "file", "folder"), values, strict=True))


def _trial(place: str, row: dict[str, str]) -> Trial:
    category, face, voice = word(row["type"], _TYPES, place)
    if row["category"] != category:
        raise ConfigError(f"{place}: {row['type']} is category {category}, not {row['category']!r}")
    attack = word(row["method"], _METHODS, place)
    if (attack == "-") != (face == voice == "bonafide"):
        raise ConfigError(f"{place}: the method {row['method']!r} does not go with {row['type']}")
    # The folder begins with the name of the whole data set, which its own folder need not have.
    folder = PurePosixPath(row["folder"]).parts[1:]
    if folder[:1] != (row["type"],):
        raise ConfigError(f"{place}: the folder {row['folder']!r} is not one of {row['type']}")
    path = "/".join((*folder, row["file"]))
    split = split_of(row["source"])
    donors = [name for name in (row["target1"], row["target2"]) if _IDENTITY.fullmatch(name)]
    facts = {"category": category, "method": row["method"], "race": row["race"], "gender": row["gender"]}
    if donors:
        same = all(split_of(donor) == split for donor in donors)
        facts |= {"donors": " ".join(donors), "donors_in": "same split" if same else "other split"}
    return Trial(
        id=path,
        path=path,
        unit=Unit.RECORDING,
        labels=labels_of(face=face, voice=voice),
        attack=attack,
        group=row["source"],
        split=split,
        facts=facts,
    )


def _read(root: Path) -> Listing:
    protocol = need(root / "meta_data.csv", "FakeAVCeleb is the folder FakeAVCeleb_v1.2, with its meta_data.csv")
    trials: dict[str, Trial] = {}
    doubled = renamed = 0
    for place, row in _rows(protocol):
        trial = _trial(place, row)
        earlier = trials.setdefault(trial.id, trial)
        if earlier is trial:
            continue
        if earlier.labels != trial.labels:
            raise ConfigError(f"{place}: {trial.id} is labelled otherwise by an earlier row")
        doubled += 1
        renamed += earlier.attack != trial.attack
    identities = {trial.group for trial in trials.values()}
    digest = split_digest(identities)
    notes = [f"split by identity, derived here as the data set has none: sha256 {digest} over {len(identities)} people"]
    if digest != SPLIT_SHA256:
        notes.append(f"the list of people is not that of v1.2, which has {IDENTITIES} and the sha256 {SPLIT_SHA256}")
    if doubled:
        notes.append(
            f"rows that list a file a second time: {doubled}; each file counts once, with the method of its first row "
            f"(a later row names another one for {renamed})"
        )
    return Listing(trials=list(trials.values()), notes=notes)


DATA_SET = DataSet(
    name="fakeavceleb",
    title="FakeAVCeleb v1.2",
    modalities=(Modality.FACE, Modality.VOICE),
    read=_read,
    expected={
        "train": Counts(bonafide=338),
        "dev": Counts(bonafide=49),
        "test": Counts(bonafide=113),
        "all": Counts(bonafide=500, spoof=21_044),
    },
    corpora=frozenset({"fakeavceleb", "voxceleb2"}),
    test_split="test",
    development_splits=frozenset({"train", "dev"}),
    homepage="https://github.com/DASH-Lab/FakeAVCeleb",
    how_to_get=(
        "Ask through the form on the homepage; the authors send a download script. The folder is FakeAVCeleb_v1.2, "
        "with its meta_data.csv."
    ),
    terms="Those of the request form, for research; faces and voices of real people from VoxCeleb2.",
    size="21,544 MP4 files, about 6 GB: 500 bona fide, 500 with a changed voice, 9,709 face, 10,835 both",
    layout=(
        "meta_data.csv\nRealVideo-RealAudio/<race>/<men|women>/<id>/<clip>.mp4\nRealVideo-FakeAudio/...\n"
        "FakeVideo-RealAudio/...\nFakeVideo-FakeAudio/..."
    ),
    traps=(
        "The header of meta_data.csv names nine columns, its rows have ten: path is a file, its folder has none.",
        "meta_data.csv has 21,566 rows for 21,544 files; 22 files stand twice.",
        "Fakes begin with a short silence: its length alone tells them apart (Smeu et al., CVPR 2025).",
        "There is no official split; papers split at random, often with one person on both sides.",
        "Donors of faces and voices come from the same 500 people: to keep them apart too, filter on donors_in.",
    ),
    published=(
        Published(
            system="Xception-comp",
            protocol="trained on compressed FaceForensics++ (not certain); frames of the whole data set, picture only",
            metric="frame AUC",
            value=0.773,
            source="README of DASH-Lab/FakeAVCeleb, table of frame-level AUC (an earlier version says 0.734)",
        ),
    ),
)
