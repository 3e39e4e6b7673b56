"""DFDC preview: consenting actors, and two methods of face swapping between them.

Dolhansky et al., The Deepfake Detection Challenge (DFDC) Preview Dataset, 2019, arXiv:1910.08854.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.datasets.dataset import Counts, DataSet, Listing, Published, need, word
from benchmarks.datasets.json_file import field_of, records_of
from benchmarks.trials import Label, Trial, Unit, labels_of
from detect.errors import ConfigError
from detect.types import Modality

_WORDS: dict[str, Label] = {"real": "bonafide", "fake": "spoof"}
_FOLDERS: dict[str, Label] = {"original_videos": "bonafide", "method_A": "spoof", "method_B": "spoof"}
_SETS = {"train": "train", "test": "test"}


def _read(root: Path) -> Listing:
    protocol = need(root / "dataset.json", "the DFDC preview is the folder dfdc_preview_set, with its dataset.json")
    trials = [_trial(place, path, record) for place, path, record in records_of(protocol)]
    absent = [folder for folder in _FOLDERS if not (root / folder).is_dir()]
    return Listing(trials=trials, notes=[f"{folder} is not in this copy." for folder in absent])


def _trial(place: str, path: str, record: dict[str, Any]) -> Trial:
    label = word(field_of(record, "label", place), _WORDS, place)
    folder = path.partition("/")[0]
    if word(folder, _FOLDERS, place) != label:
        raise ConfigError(f"{place}: the label {record['label']!r} contradicts the folder")
    target = field_of(record, "target_id", place)
    if target is None:
        raise ConfigError(f"{place}: target_id is empty")
    augmentations = field_of(record, "augmentations", place)
    if not isinstance(augmentations, list):
        raise ConfigError(f"{place}: augmentations is no list")
    return Trial(
        id=path,
        path=path,
        unit=Unit.RECORDING,
        labels=labels_of(face=label),  # nothing is said of the voices
        attack="-" if label == "bonafide" else folder,
        group=str(target),
        split=word(field_of(record, "set", place), _SETS, place),
        facts={"augmentation": "+".join(map(str, augmentations)) or "none"},
    )


DATA_SET = DataSet(
    name="dfdc-preview",
    title="DFDC preview",
    modalities=(Modality.FACE,),
    read=_read,
    # Issue 63 of the repository SCLBD/DeepfakeBench; they add up to the 1,131 and 4,119 that are cited everywhere.
    expected={"train": Counts(bonafide=855, spoof=3_618), "test": Counts(bonafide=276, spoof=501)},
    corpora=frozenset({"dfdc-preview", "dfdc"}),
    test_split="test",
    development_splits=frozenset({"train"}),
    homepage="https://ai.meta.com/datasets/dfdc/",
    how_to_get=(
        "Ask for the DFDC on its page, with an AWS account; dfdc_preview_set.zip is beside the full set."
        " The folder is dfdc_preview_set."
    ),
    terms="DFDC licence agreement: research on detection, no redistribution; consenting, paid actors.",
    size=(
        "1,131 real and 4,119 fake videos, 66 actors, about 5 GB; the paper counts 4,464 for training and 780 for"
        " testing, six fewer in all"
    ),
    layout=(
        "dataset.json   PATH: {label, set, target_id, swapped_id, augmentations}\n"
        "original_videos/643049/643049_A_001.mp4   ACTOR_SCENE_TAKE\n"
        "{method_A,method_B}/1260311/1260311_C/1255229_1260311_C_001.mp4   SWAPPED_TARGET_SCENE_TAKE"
    ),
    traps=(
        "The file's name begins with whose face was put in; the actor who is seen is the second, target_id.",
        "There is no validation split, and DeepfakeBench takes test for it.",
        "The videos have sound, of which the labels say nothing.",
        "Some papers measure on all 5,250 videos and not on the test split.",
    ),
    published=(
        Published(
            system="UCF",
            protocol="trained on FF++ c23 train; test split of the DFDC preview; one frame a trial",
            metric="AUC",
            value=0.7594,
            source="Yan et al., DeepfakeBench, NeurIPS 2023",
        ),
        Published(
            system="Effort",
            protocol="trained on FF++ c23 train; DFDC preview, presumably its test split; one video a trial",
            metric="AUC",
            value=0.909,
            source="Yan et al., Effort, ICML 2025",
        ),
    ),
)
