"""DFDC preview: a JSON file keyed by path; the swapped actor's number comes first in a name and last in sense."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.trials import labels_of
from tests.benchmarks.datasets.tree import Media, Row, Tree, replace

_VIDEOS = (
    ("original_videos/643049/643049_A_001.mp4", "train", None, ()),
    ("original_videos/1260311/1260311_C_001.mp4", "test", None, ("low_fps",)),
    ("original_videos/1255229/1255229_B_002.mp4", "test", None, ()),
    ("method_A/643049/643049_A/1107252_643049_A_001.mp4", "train", "1107252", ()),
    ("method_A/1260311/1260311_C/1255229_1260311_C_001.mp4", "test", "1255229", ()),
    ("method_B/1260311/1260311_C/1255229_1260311_C_001.mp4", "test", "1255229", ("low_quality",)),
    ("method_B/1255229/1255229_B/1260311_1255229_B_002.mp4", "test", "1260311", ()),
)
_MISSING = _VIDEOS[-1][0]


def _make(root: Path, media: Media) -> None:
    records = {
        path: {
            "augmentations": list(augmentations),
            "label": "fake" if swapped else "real",
            "set": split,
            "swapped_id": swapped,
            "target_id": path.split("/")[1],
        }
        for path, split, swapped, augmentations in _VIDEOS
    }
    (root / "dataset.json").write_text(json.dumps(records, indent=4))
    for path in records:
        if path != _MISSING:
            media.write(root / path)


TREE = Tree(
    name="dfdc-preview",
    make=_make,
    rows=[
        Row(
            id=path,
            path=path,
            labels=labels_of(face="spoof" if swapped else "bonafide"),
            split=split,
            attack=path.split("/")[0] if swapped else "-",
            group=path.split("/")[1],
            missing=path == _MISSING,
            facts={"augmentation": "".join(augmentations) or "none"},
        )
        for path, split, swapped, augmentations in _VIDEOS
    ],
    break_label=lambda root: replace(root / "dataset.json", '"label": "fake"', '"label": "FAKE"'),
)
