"""Celeb-DF, versions 1 and 2: interviews of celebrities from YouTube, and face swaps between them.

Li et al., Celeb-DF: A Large-scale Challenging Dataset for DeepFake Forensics, CVPR 2020; layout and counts from the
repository yuezunli/celeb-deepfakeforensics. Both versions look alike: one function reads them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from benchmarks.datasets.dataset import Counts, DataSet, Listing, Published, lines_of, names_below, need, word
from benchmarks.trials import Label, Trial, Unit, labels_of
from detect.errors import ConfigError
from detect.types import Modality

_LIST = "List_of_testing_videos.txt"
_WORDS: dict[str, Label] = {"1": "bonafide", "0": "spoof"}
"""Of the list: it says what is real, where most code says what is fake."""
_FOLDERS: dict[str, Label] = {"Celeb-real": "bonafide", "YouTube-real": "bonafide", "Celeb-synthesis": "spoof"}
_NAMES = {
    "Celeb-real": re.compile(r"(?P<target>id[0-9]+)_[0-9]+\.mp4"),
    "YouTube-real": re.compile(r"(?P<target>[0-9]+)\.mp4"),
    "Celeb-synthesis": re.compile(r"(?P<target>id[0-9]+)_id[0-9]+_[0-9]+\.mp4"),
}
"""The first celebrity of a fake is the one in the original video, the second the one whose face was put in (the
authors, issue 6 of their repository). Each video of YouTube-real shows a person of its own."""


def _read(root: Path, title: str, num_listed: int, most: Mapping[str, int]) -> Listing:
    """Both versions.

    Args:
        root: The folder.
        title: Of the version.
        num_listed: Lines of its published list.
        most: Videos in each of its folders: a folder with more is another version.
    """
    protocol = need(root / _LIST, f"{title} is a folder with {', '.join(_FOLDERS)} and {_LIST}")
    test, notes = _listed(protocol)
    if len(test) != num_listed:
        notes.append(f"{_LIST} lists {len(test)} videos; that of {title} lists {num_listed}.")
    trials = [_trial(path, "test", str(protocol)) for path in test]
    for folder in _FOLDERS:
        if not (root / folder).is_dir():
            notes.append(f"{folder} is not in this copy.")
            continue
        names = names_below(root / folder, ".mp4")
        if len(names) > most[folder]:
            raise ConfigError(f"{root / folder}: {len(names)} videos, and {title} has {most[folder]}: another version?")
        paths = (f"{folder}/{name}" for name in names)
        trials += [_trial(path, "train", str(root)) for path in paths if path not in test]
    return Listing(trials=trials, notes=notes)


def _listed(protocol: Path) -> tuple[dict[str, Label], list[str]]:
    """Videos of the test split in their order, and notes."""
    test: dict[str, Label] = {}
    doubles = 0
    for place, fields in lines_of(protocol):
        if len(fields) != 2:
            raise ConfigError(f"{place}: a label and a path are expected")
        label, path = word(fields[0], _WORDS, place), fields[1]
        if word(path.partition("/")[0], _FOLDERS, place) != label:
            raise ConfigError(f"{place}: the label {fields[0]} contradicts the folder of {path}; 1 stands for real")
        doubles += path in test
        test[path] = label
    return test, [f"Lines of {_LIST} that name a video again: {doubles}; it counts once."] if doubles else []


def _trial(path: str, split: str, where: str) -> Trial:
    folder, _, name = path.partition("/")
    found = _NAMES[folder].fullmatch(name)
    if found is None:
        raise ConfigError(f"{where}: no video of {folder} is named like {name}")
    label = _FOLDERS[folder]
    return Trial(
        id=path,
        path=path,
        unit=Unit.RECORDING,
        labels=labels_of(face=label),  # none of the videos has sound
        attack="-" if label == "bonafide" else folder,  # one method, without a name
        group=found["target"] if folder != "YouTube-real" else f"youtube {found['target']}",
        split=split,
        facts={"folder": folder},
    )


_USUAL = "FF++ c23 train"
_TRAINED = {
    "SBI, raw": "originals of FF++ raw train, blended with themselves",
    "SBI, c23": "originals of FF++ c23 train, blended with themselves",
}
_TERMS = "Terms to Use Celeb-DF: research only, no redistribution; videos of real people from YouTube."
_LAYOUT = (
    "Celeb-real/id0_0000.mp4   PERSON_VIDEO\nYouTube-real/00170.mp4\n"
    "Celeb-synthesis/id0_id16_0000.mp4   TARGET_SOURCE_VIDEO\n"
    "List_of_testing_videos.txt   1|0 PATH"
)
_TRAPS = (
    "In the list of test videos 1 is real and 0 is fake: the opposite of most code.",
    "The list is the test split; there is no validation split, and what is not listed is for training.",
    "Fakes of a celebrity of the test split are in the training split too.",
    "AUC of frames and of videos differ by about 0.07 for the same scores.",
)


def _published(rows: Sequence[tuple[str, str, float, str]], version: str) -> tuple[Published, ...]:
    return tuple(
        Published(
            system=system,
            protocol=f"trained on {_TRAINED.get(system, _USUAL)}; test list of Celeb-DF {version}; one {level} a trial",
            metric="AUC",
            value=value,
            source=source,
        )
        for system, level, value, source in rows
    )


_BENCH = "Yan et al., DeepfakeBench, NeurIPS 2023"

V1 = DataSet(
    name="celeb-df-v1",
    title="Celeb-DF v1",
    modalities=(Modality.FACE,),
    read=partial(
        _read,
        title="Celeb-DF v1",
        num_listed=100,
        most={"Celeb-real": 158, "YouTube-real": 250, "Celeb-synthesis": 795},
    ),
    expected={"train": Counts(total=1_103), "test": Counts(total=100)},
    corpora=frozenset({"celeb-df-v1", "celeb-df"}),
    test_split="test",
    development_splits=frozenset({"train"}),
    homepage="https://github.com/yuezunli/celeb-deepfakeforensics/tree/master/Celeb-DF-v1",
    how_to_get="Fill in the form that the repository links to; the link to Celeb-DF.zip comes by mail.",
    terms=_TERMS,
    size="1,203 videos: 158 and 250 real, 795 fake; that 100 of them are listed for testing is not certain",
    layout=_LAYOUT,
    traps=(*_TRAPS, "Its folders and names are those of version 2, and its fakes are of poorer quality."),
    published=_published([("SPSL", "frame", 0.8150, _BENCH)], "v1"),
)

V2 = DataSet(
    name="celeb-df-v2",
    title="Celeb-DF v2",
    modalities=(Modality.FACE,),
    read=partial(
        _read,
        title="Celeb-DF v2",
        num_listed=518,
        most={"Celeb-real": 590, "YouTube-real": 300, "Celeb-synthesis": 5_639},
    ),
    expected={"train": Counts(bonafide=712, spoof=5_299), "test": Counts(bonafide=178, spoof=340)},
    corpora=frozenset({"celeb-df-v2", "celeb-df"}),
    test_split="test",
    development_splits=frozenset({"train"}),
    homepage="https://github.com/yuezunli/celeb-deepfakeforensics",
    how_to_get="Fill in the form that the repository links to; the link to Celeb-DF-v2.zip comes by mail.",
    terms=_TERMS,
    size="6,529 videos: 590 and 300 real, 5,639 fake, 59 celebrities; about 10 GB",
    layout=_LAYOUT,
    traps=(*_TRAPS, "Version 3 (Celeb-DF++) adds other methods in folders of their own: it is not read here."),
    published=_published(
        [
            ("SPSL", "frame", 0.7650, _BENCH),
            ("SRM", "frame", 0.7552, _BENCH),
            ("UCF", "frame", 0.7527, _BENCH),
            ("Xception", "frame", 0.7365, _BENCH),
            ("UCF", "video", 0.8373, "issue 109 of the repository SCLBD/DeepfakeBench, whose AUC of frames is 0.7716"),
            ("SBI, raw", "video", 0.938, "Shiohara and Yamasaki, Detecting Deepfakes with Self-Blended Images, 2022"),
            ("SBI, c23", "video", 0.886, "the authors' weights for c23, as users of them report"),
            ("Effort", "video", 0.956, "Yan et al., Effort, ICML 2025"),
            ("GenD", "video", 0.960, "Yermakov et al., Deepfake Detection that Generalizes Across Benchmarks, 2025"),
        ],
        "v2",
    ),
)
