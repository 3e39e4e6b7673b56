"""DeepFakeDetection (DFD): scenes played by actors, and face swaps between them.

Dufour and Gully, Contributing Data to Deepfake Detection Research, Google AI Blog 2019. It is hosted and downloaded
with FaceForensics++, and shares nothing else with it.
"""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.datasets.dataset import Counts, DataSet, Listing, Published, names_below
from benchmarks.datasets.faceforensics import ACTORS, DFD, check_folders, video_folders
from benchmarks.trials import Trial, Unit, labels_of
from detect.errors import ConfigError
from detect.types import Modality

_NAMES = {
    ACTORS: re.compile(r"(?P<actor>[0-9]{2})__(?P<scene>.+)\.mp4"),
    DFD: re.compile(r"(?P<actor>[0-9]{2})_[0-9]{2}__(?P<scene>.+)__[A-Z0-9]{8}\.mp4"),
}
"""Of the originals and of the fakes; the first actor of a fake is the one whose body it shows."""


def _read(root: Path) -> Listing:
    check_folders(root)
    trials, notes = [], []
    for part in _NAMES:
        folders = video_folders(root, part)
        if not folders:
            notes.append(f"{part} is not in this copy.")
        for compression, folder in folders:
            trials += [_trial(root, part, folder, name, compression) for name in names_below(root / folder, ".mp4")]
    if not trials:
        raise ConfigError(f"{root}: DFD is {ACTORS} and {DFD} of FaceForensics++, and neither holds a video")
    return Listing(trials=trials, notes=notes)


def _trial(root: Path, part: str, folder: str, name: str, compression: str) -> Trial:
    found = _NAMES[part].fullmatch(name)
    if found is None:
        raise ConfigError(f"{root / folder / name}: no video of DFD is named like this")
    path = f"{folder}/{name}"
    return Trial(
        id=path,
        path=path,
        unit=Unit.RECORDING,
        labels=labels_of(face="bonafide" if part == ACTORS else "spoof"),  # none of the videos has sound
        attack="-" if part == ACTORS else "DeepFakeDetection",
        group=f"actor {found['actor']}",
        split="all",
        facts={"compression": compression, "scene": found["scene"]},
    )


DATA_SET = DataSet(
    name="dfd",
    title="DeepFakeDetection (Google, Jigsaw)",
    modalities=(Modality.FACE,),
    read=_read,
    # In three compressions, which are downloads of their own. There is no split: papers measure on all of it with what
    # was trained on FaceForensics++.
    expected={"all": Counts(bonafide=3 * 363, spoof=3 * 3_068)},
    corpora=frozenset({"dfd"}),
    test_split="all",
    default_filters={"compression": "c23"},
    homepage="https://github.com/ondyari/FaceForensics",
    how_to_get=(
        "Fill in the form that the repository of FaceForensics++ links to; a script comes by mail: run it with"
        " -d DeepFakeDetection_original and -d DeepFakeDetection, each with -c c23 -t videos."
    ),
    terms="FaceForensics terms of use: research only, no redistribution; consenting, paid actors.",
    size=(
        "363 originals and 3,068 fakes (some copies have 3,066) in three compressions, 28 actors, 16 scenes; c23 takes"
        " about 23 GB"
    ),
    layout=(
        "original_sequences/actors/{raw|c0,c23,c40}/videos/01__kitchen_pan.mp4   ACTOR__SCENE\n"
        "manipulated_sequences/DeepFakeDetection/{raw|c0,c23,c40}/videos/01_02__kitchen_pan__0XUW13RW.mp4"
        "   TARGET_SOURCE__SCENE__ID"
    ),
    traps=(
        "It has no split: whoever trains on a part of it and measures on the rest meets the same actors again.",
        "DeepfakeBench puts every video of it into train, val and test alike.",
        "It lies in the folder of FaceForensics++ without being part of it: the splits there name none of its videos.",
    ),
    published=tuple(
        Published(
            system=system,
            protocol=f"trained on FF++ c23 train; all of DFD, c23; one {level} a trial",
            metric="AUC",
            value=value,
            source=source,
        )
        for system, level, value, source in (
            ("Xception", "frame", 0.8163, "Yan et al., DeepfakeBench, NeurIPS 2023"),
            ("Effort", "video", 0.965, "Yan et al., Effort, ICML 2025"),
            ("GenD", "video", 0.970, "Yermakov et al., Deepfake Detection that Generalizes Across Benchmarks, 2025"),
        )
    ),
)
