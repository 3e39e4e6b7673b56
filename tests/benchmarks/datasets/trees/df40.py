"""DF40: JSON files of DeepfakeBench, paths of another machine, val that is test, and a fake in train and test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.trials import Label, labels_of
from tests.benchmarks.datasets.tree import Media, Row, Tree, replace

_MACHINE = "/Youtu_Pangu_Security_Public/youtu-pangu-public/zhiyuanyan/deepfakes_detection_datasets/"
_FF = "FaceForensics++/original_sequences/youtube/c23/frames"
_SWAP, _SWAP_CDF, _EDIT = (
    "DF40/simswap/ff/frames/071_054",
    "DF40/simswap/cdf/frames/id0_id1_0000",
    "DF40/e4e/ff/inversions",
)
_STAR, _SYNTHESIS = "DF40/StarGAN2", "DF40/ddim/cdf/Fake_from_Celeb-real/id0_0000"


def _videos(label: str, *folders: str, prefix: str = "") -> dict[str, Any]:
    return {
        folder.rsplit("/", 1)[1]: {"label": label, "frames": [f"{prefix}{folder}/000.png", f"{prefix}{folder}/012.png"]}
        for folder in folders
    }


def _write(root: Path, name: str, **labels: dict[str, Any]) -> None:
    path = root / "dataset_json" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({name: labels}), encoding="utf-8")


def _make(root: Path, media: Media) -> None:
    real, fake = _videos("simswap_Real", f"{_FF}/071", prefix=_MACHINE), _videos("simswap_Fake", _SWAP, prefix=_MACHINE)
    trained = _videos("simswap_Fake", "DF40_train/simswap/frames/993_989", prefix="./deepfakes_detection_datasets/")
    _write(
        root,
        "simswap_ff",
        simswap_Real={"train": {}, "test": real, "val": real},
        simswap_Fake={"train": trained, "test": fake, "val": fake},
    )
    swap = {"test": _videos("simswap_Fake", _SWAP_CDF) | _videos("ddim_fake", _SYNTHESIS)}
    _write(root, "simswap_cdf", simswap_Fake=swap)
    edit = {"071": {"label": "e4e_Fake", "frames": [f"{_EDIT}/071.png".replace("/", "\\")]}}
    # The genuine frames of 071 stand here a second time.
    _write(root, "e4e_ff", e4e_Fake={"train": edit, "test": edit}, e4e_Real={"test": _videos("FF-real", f"{_FF}/071")})
    _write(
        root,
        "starganv2",
        starganv2_Real={"test": {"1": {"label": "starganv2_Real", "frames": [f"{_STAR}/real/000001.jpg"]}}},
        starganv2_Fake={"test": {"1": {"label": "starganv2_Fake", "frames": [f"{_STAR}/fake/fake/000001.jpg"]}}},
    )
    for row in _ROWS:
        if not row.missing:
            media.write(root / row.path)


def _row(path: str, label: Label, group: str, attack: str = "-", split: str = "test", **facts: str) -> Row:
    missing = path == f"{_SWAP_CDF}/012.png"
    return Row(
        id=path,
        path=path,
        labels=labels_of(face=label),
        split=split,
        attack=attack,
        group=group,
        missing=missing,
        facts=facts,
    )


_ROWS = [
    *(_row(f"{_FF}/071/{n}.png", "bonafide", "ff/071", domain="ff") for n in ("000", "012")),
    *(_row(f"{_SWAP}/{n}.png", "spoof", "ff/071", "simswap", family="FS") for n in ("000", "012")),
    *(_row(f"{_SWAP_CDF}/{n}.png", "spoof", "cdf/id0", "simswap", domain="cdf") for n in ("000", "012")),
    *(_row(f"{_SYNTHESIS}/{n}.png", "spoof", "cdf/id0", "ddim", family="EFS") for n in ("000", "012")),
    *(
        _row(f"DF40_train/simswap/frames/993_989/{n}.png", "spoof", "ff/993", "simswap", split="train")
        for n in ("000", "012")
    ),
    _row(f"{_EDIT}/071.png", "spoof", "ff/071", "e4e", family="FE"),
    _row(f"{_STAR}/real/000001.jpg", "bonafide", "starganv2/000001"),
    _row(f"{_STAR}/fake/fake/000001.jpg", "spoof", "starganv2/000001", "starganv2", domain="starganv2"),
]

TREE = Tree(
    name="df40",
    make=_make,
    rows=_ROWS,
    break_label=lambda root: replace(
        root / "dataset_json" / "simswap_ff.json", '"simswap_Fake", "f', '"simswap_New", "f'
    ),
    notes=("both in train and in test, counted in test: 1",),
)
