"""FaceForensics++: a pair is two videos of each method; masks and DFD lie in the same folders."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.trials import Label, labels_of
from tests.benchmarks.datasets.tree import Media, Row, Tree

_SPLITS = {"train": [["071", "054"]], "val": [["720", "672"]], "test": [["000", "003"]]}
_YOUTUBE = "original_sequences/youtube/c23/videos"
_DEEPFAKES = "manipulated_sequences/Deepfakes/c23/videos"
_SHIFTER = "manipulated_sequences/FaceShifter/c40/videos"
_MISSING = {f"{_YOUTUBE}/672.mp4", f"{_DEEPFAKES}/003_000.mp4", f"{_SHIFTER}/071_054.mp4"}


def _row(folder: str, name: str, split: str, label: Label, attack: str, compression: str) -> Row:
    path = f"{folder}/{name}.mp4"
    return Row(
        id=path,
        path=path,
        labels=labels_of(face=label),
        split=split,
        attack=attack,
        group=name[:3],
        missing=path in _MISSING,
        facts={"compression": compression},
    )


_ROWS = [
    row
    for split, [[a, b]] in _SPLITS.items()
    for row in (
        *(_row(_YOUTUBE, name, split, "bonafide", "-", "c23") for name in (a, b)),
        *(_row(_DEEPFAKES, name, split, "spoof", "Deepfakes", "c23") for name in (f"{a}_{b}", f"{b}_{a}")),
        *(_row(_SHIFTER, name, split, "spoof", "FaceShifter", "c40") for name in (f"{a}_{b}", f"{b}_{a}")),
    )
]


def _make(root: Path, media: Media) -> None:
    (root / "splits").mkdir()
    for split, pairs in _SPLITS.items():
        (root / "splits" / f"{split}.json").write_text(json.dumps(pairs, indent=2))
    for row in _ROWS:
        if not row.missing:
            media.write(root / row.path)
    media.write(root / "manipulated_sequences/Deepfakes/masks/videos/000_003.mp4")
    media.write(root / _DEEPFAKES / "000_003 (1).mp4")
    media.write(root / "original_sequences/actors/c23/videos/01__kitchen_pan.mp4")
    (root / "manipulated_sequences/.DS_Store").write_bytes(b"\0")


TREE = Tree(
    name="faceforensics",
    make=_make,
    rows=_ROWS,
    break_label=lambda root: (root / "manipulated_sequences/deepfakes/c23/videos").mkdir(parents=True),
    notes=["manipulated_sequences/NeuralTextures is not in this copy", "no split lists them: 1", "the data set dfd"],
)
