"""DFD: inside the folder of FaceForensics++, without a split; scenes with underscores in their names."""

from __future__ import annotations

from pathlib import Path

from benchmarks.trials import Label, labels_of
from tests.benchmarks.datasets.tree import Media, Row, Tree

_ACTORS = "original_sequences/actors/c23/videos"
_FAKES = "manipulated_sequences/DeepFakeDetection/c23/videos"


def _row(folder: str, name: str, label: Label, scene: str, compression: str = "c23") -> Row:
    return Row(
        id=f"{folder}/{name}",
        path=f"{folder}/{name}",
        labels=labels_of(face=label),
        split="all",
        attack="-" if label == "bonafide" else "DeepFakeDetection",
        group=f"actor {name[:2]}",
        facts={"compression": compression, "scene": scene},
    )


_ROWS = [
    _row(_ACTORS, "01__kitchen_pan.mp4", "bonafide", "kitchen_pan"),
    _row(_ACTORS, "02__walking_down_indoor_hall_disgust.mp4", "bonafide", "walking_down_indoor_hall_disgust"),
    _row(_FAKES, "01_02__meeting_serious__YVGY8LOK.mp4", "spoof", "meeting_serious"),
    _row(_FAKES, "01_03__podium_speech_happy__480LQD1C.mp4", "spoof", "podium_speech_happy"),
    _row(_FAKES, "02_01__walking_and_outside_surprised__0XUW13RW.mp4", "spoof", "walking_and_outside_surprised"),
    _row(_FAKES.replace("c23", "c40"), "01_02__hugging_happy__YVGY8LOK.mp4", "spoof", "hugging_happy", "c40"),
]


def _make(root: Path, media: Media) -> None:
    for row in _ROWS:
        media.write(root / row.path)
    media.write(root / _ACTORS / "._01__kitchen_pan.mp4")
    media.write(root / "original_sequences/youtube/c23/videos/000.mp4")
    media.write(root / "manipulated_sequences/DeepFakeDetection/masks/videos/01_02__meeting_serious__YVGY8LOK.mp4")


def _break(root: Path) -> None:
    (root / _FAKES / "01_02__meeting_serious__YVGY8LOK.mp4").rename(root / _FAKES / "real_01_02.mp4")


TREE = Tree(name="dfd", make=_make, rows=_ROWS, break_label=_break)
