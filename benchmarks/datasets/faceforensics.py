"""FaceForensics++: a thousand videos from YouTube, and the face swaps and reenactments made of them.

Rossler et al., FaceForensics++: Learning to Detect Manipulated Facial Images, ICCV 2019; layout, splits and counts from
the repository ondyari/FaceForensics. The videos of actors that are downloaded with the same script are the data set
`dfd`: other people, other names and no split, and papers report them apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from benchmarks.datasets.dataset import Counts, DataSet, Listing, Published, word
from benchmarks.datasets.json_file import json_of
from benchmarks.trials import Trial, Unit, labels_of
from detect.errors import ConfigError
from detect.types import Modality

ORIGINALS, MANIPULATED = "original_sequences", "manipulated_sequences"
YOUTUBE = f"{ORIGINALS}/youtube"
ACTORS, DFD = f"{ORIGINALS}/actors", f"{MANIPULATED}/DeepFakeDetection"
METHODS = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures", "FaceShifter")
_FOLDERS = {ORIGINALS: ("youtube", "actors"), MANIPULATED: (*METHODS, "DeepFakeDetection")}
_COMPRESSIONS = ("raw", "c0", "c23", "c40")
"""Of H.264: a constant rate factor, or none for `raw`; older downloads say `c0` for what is `raw` now."""
_ASIDE = ("masks", "models")
"""Lie beside the compressions and hold no trials."""
_SPLITS = ("train", "val", "test")
_SPLIT_FOLDERS = ("splits", "dataset/splits", ".")
"""Where people put them: as in the authors' repository, or beside the videos."""
_NAME = re.compile(r"[0-9]{3}")
_HELP = "FaceForensics++ is a folder with original_sequences and manipulated_sequences"


def check_folders(root: Path) -> None:
    """Refuse a folder that is not what the authors' script downloads.

    Raises:
        ConfigError: neither of the two folders is there, or one holds a method nobody knows.
    """
    if not any((root / name).is_dir() for name in _FOLDERS):
        raise ConfigError(f"{root}: {_HELP}")
    for name, known in _FOLDERS.items():
        for folder in _subfolders(root / name):
            word(folder.name, dict.fromkeys(known), str(folder))


def video_folders(root: Path, part: str) -> list[tuple[str, str]]:
    """Compressions of one part, such as `original_sequences/youtube`, each with its folder of videos below the root.

    Raises:
        ConfigError: a folder is named as no compression is.
    """
    names = [folder.name for folder in _subfolders(root / part) if folder.name not in _ASIDE]
    for name in names:
        word(name, dict.fromkeys(_COMPRESSIONS), f"{root / part / name}")
    return [(name, f"{part}/{name}/videos") for name in names if (root / part / name / "videos").is_dir()]


def _subfolders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _pairs(root: Path) -> list[tuple[str, str, str]]:
    """Split, and the two videos of a pair, each of which is the target of a fake that shows the other's face."""
    for name in _SPLIT_FOLDERS:
        files = {split: root / name / f"{split}.json" for split in _SPLITS}
        if all(path.is_file() for path in files.values()):
            return [(split, *pair) for split, path in files.items() for pair in _pairs_of(path)]
    raise ConfigError(
        f"{root / 'splits'}: train.json, val.json and test.json are not there; the download script does not bring them:"
        " copy them from dataset/splits of the repository ondyari/FaceForensics"
    )


def _pairs_of(path: Path) -> Iterable[tuple[str, str]]:
    content = json_of(path)
    if not isinstance(content, list):
        raise ConfigError(f"{path}: a list of pairs is expected")
    for number, pair in enumerate(content, 1):
        match pair:
            case [str(first), str(second)] if _NAME.fullmatch(first) and _NAME.fullmatch(second):
                yield first, second
            case _:
                raise ConfigError(f"{path}: pair {number}: {pair!r} is not two names of three digits")


def _read(root: Path) -> Listing:
    check_folders(root)
    pairs = _pairs(root)
    trials, notes = [], []
    for part in (YOUTUBE, *(f"{MANIPULATED}/{method}" for method in METHODS)):
        folders = video_folders(root, part)
        if not folders:
            notes.append(f"{part} is not in this copy.")
        for compression, folder in folders:
            found = [_trial(folder, compression, *names) for pair in pairs for names in _videos(part, *pair)]
            if others := _others(root / folder, found):
                notes.append(f"Files left aside in {folder}, for no split lists them: {others}.")
            trials += found
    if any((root / part).is_dir() for part in (ACTORS, DFD)):
        notes.append("The videos of actors and DeepFakeDetection, which lie here too, are the data set dfd.")
    if not trials:
        raise ConfigError(f"{root}: {_HELP}, and none of them holds a folder such as youtube/c23/videos")
    return Listing(trials=trials, notes=notes)


def _videos(part: str, split: str, first: str, second: str) -> list[tuple[str, str, str, str]]:
    """Method, name, target and split of the two videos that a pair stands for in one part."""
    if part == YOUTUBE:
        return [("-", name, name, split) for name in (first, second)]
    method = part.removeprefix(f"{MANIPULATED}/")
    return [(method, f"{a}_{b}", a, split) for a, b in ((first, second), (second, first))]


def _trial(folder: str, compression: str, method: str, name: str, target: str, split: str) -> Trial:
    path = f"{folder}/{name}.mp4"
    return Trial(
        id=path,
        path=path,
        unit=Unit.RECORDING,
        labels=labels_of(face="bonafide" if method == "-" else "spoof"),  # none of the videos has sound
        attack=method,
        group=target,
        split=split,
        facts={"compression": compression},
        corpora=frozenset({"faceshifter"} if method == "FaceShifter" else ()),
    )


def _others(folder: Path, trials: Iterable[Trial]) -> int:
    listed = {trial.path.rpartition("/")[2] for trial in trials}
    return sum(path.suffix == ".mp4" and path.name not in listed for path in folder.iterdir())


DATA_SET = DataSet(
    name="faceforensics",
    title="FaceForensics++",
    modalities=(Modality.FACE,),
    read=_read,
    expected={  # of five methods, each in three compressions, which are downloads of their own
        "train": Counts(bonafide=3 * 720, spoof=3 * 5 * 720),
        "val": Counts(bonafide=3 * 140, spoof=3 * 5 * 140),
        "test": Counts(bonafide=3 * 140, spoof=3 * 5 * 140),
    },
    corpora=frozenset({"faceforensics"}),
    test_split="test",
    development_splits=frozenset({"train", "val"}),
    default_filters={"compression": "c23"},
    homepage="https://github.com/ondyari/FaceForensics",
    how_to_get=(
        "Fill in the form that the repository links to; a script comes by mail: run it with -d all -c c23 -t videos."
        " Copy dataset/splits of the repository into the folder as splits."
    ),
    terms="FaceForensics terms of use: research only, no redistribution; videos of real people from YouTube.",
    size="1,000 originals and 1,000 fakes of each of five methods, in three compressions; c23 takes about 10 GB",
    layout=(
        "original_sequences/youtube/{raw|c0,c23,c40}/videos/000.mp4\n"
        "manipulated_sequences/{Deepfakes,Face2Face,FaceSwap,NeuralTextures,FaceShifter}/"
        "{raw|c0,c23,c40}/videos/000_003.mp4   TARGET_SOURCE\n"
        "splits/{train,val,test}.json"
    ),
    traps=(
        "A pair of the split stands for two originals and for two fakes of each method, one in each direction.",
        "Papers mean four methods when they say FF++; FaceShifter came later and is a column of its own.",
        "Numbers of different compressions do not compare: c23 is usual, c40 is far harder.",
        "A fake shows the face of its source on the body of its target, so the two groups of a pair share people.",
    ),
    published=(
        Published(
            system="UCF",
            protocol="trained on FF++ c23 train; FF++ c23 test, four methods; one frame a trial",
            metric="AUC",
            value=0.9705,
            source="Yan et al., DeepfakeBench, NeurIPS 2023",
        ),
        Published(
            system="Xception",
            protocol="trained on FF++ c23 train; FF++ c23 test, four methods; one frame a trial",
            metric="AUC",
            value=0.9637,
            source="Yan et al., DeepfakeBench, NeurIPS 2023",
        ),
    ),
)
