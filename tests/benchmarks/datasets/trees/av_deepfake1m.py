"""AV-Deepfake1M: lists by split, a hyphen, stretches of what was not modified, and a test part without labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.trials import Label, labels_of
from tests.benchmarks.datasets.tree import Media, Row, Tree, replace

_A, _B = "id00012/21Uxsk56VDQ/00002", "id04950/0QFuT2Ryxfg/00068"
_STRETCH = [[4.4, 4.64]]


def _entry(
    file: str, split: str, modify_type: str, visual: list[list[float]], audio: list[list[float]]
) -> dict[str, Any]:
    folder, name = file.rsplit("/", 1)
    return {
        "file": file,
        "original": f"{folder}/real.mp4" if name != "real.mp4" else f"dev/mp4/{folder}.mp4",
        "split": split,
        "modify_type": modify_type,
        "audio_model": "yourtts" if audio else "",
        "fake_segments": visual or audio,
        "audio_fake_segments": audio,
        "visual_fake_segments": visual,
        "video_frames": 161,
        "audio_frames": 102656,
    }


_VAL = (
    _entry(f"{_A}/real.mp4", "val", "real", [], []),
    _entry(f"{_A}/real_video_fake_audio.mp4", "val", "audio_modified", _STRETCH, _STRETCH),
    _entry(f"{_A}/fake_video_real_audio.mp4", "val", "visual_modified", _STRETCH, []),
    _entry(f"{_A}/fake_video_fake_audio.mp4", "val", "both-modified", _STRETCH, [[4.4, 4.6], [5.0, 5.0]]),
    _entry(f"{_B}/real.mp4", "val", "real", [], []),
)
_TRAIN = (
    _entry("id00018/5BCqbh0BnlM/00001/real.mp4", "train", "real", [], []),
    _entry("id00018/5BCqbh0BnlM/00001/fake_video_fake_audio.mp4", "train", "both_modified", _STRETCH, _STRETCH),
)
_MISSING = f"val/{_B}/real.mp4"


def _make(root: Path, media: Media) -> None:
    for split, entries in (("val", _VAL), ("train", _TRAIN)):
        (root / f"{split}_metadata.json").write_text(json.dumps(entries), encoding="utf-8")
        for entry in entries:
            if (path := f"{split}/{entry['file']}") != _MISSING:
                media.write(root / path)
    (root / "test_files.txt").write_text("000001.mp4\n000002.mp4\n", encoding="utf-8")
    media.write(root / "test" / "000001.mp4")


def _row(path: str, face: Label, voice: Label, attack: str = "-", **facts: str) -> Row:
    return Row(
        id=path,
        path=path,
        labels=labels_of(face=face, voice=voice),
        split=path.partition("/")[0],
        attack=attack,
        group=path.split("/")[1],
        missing=path == _MISSING,
        facts=facts,
    )


TREE = Tree(
    name="av-deepfake1m",
    make=_make,
    rows=[
        _row(f"val/{_A}/real.mp4", "bonafide", "bonafide"),
        _row(f"val/{_A}/real_video_fake_audio.mp4", "bonafide", "spoof", "audio_modified", audio_model="yourtts"),
        _row(f"val/{_A}/fake_video_real_audio.mp4", "spoof", "bonafide", "visual_modified"),
        _row(f"val/{_A}/fake_video_fake_audio.mp4", "spoof", "spoof", "both_modified"),
        _row(_MISSING, "bonafide", "bonafide"),
        _row("train/id00018/5BCqbh0BnlM/00001/real.mp4", "bonafide", "bonafide"),
        _row("train/id00018/5BCqbh0BnlM/00001/fake_video_fake_audio.mp4", "spoof", "spoof", "both_modified"),
    ],
    break_label=lambda root: replace(root / "val_metadata.json", "visual_modified", "video_modified"),
    notes=("for what was not modified, left aside: 1", "without labels, left aside: 2", "last no time, left aside: 1"),
)
