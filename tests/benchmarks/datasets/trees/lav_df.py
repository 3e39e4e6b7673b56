"""LAV-DF: one JSON list, a stretch that lasts no time, one that ends too late, and a fake made from a fake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.trials import Label, labels_of
from tests.benchmarks.datasets.tree import Media, Row, Tree, replace


def _entry(file: str, original: str | None, modified: str, *periods: list[float]) -> dict[str, Any]:
    return {
        "file": file,
        "n_fakes": len(periods),
        "fake_periods": list(periods),
        "duration": 4.224,
        "original": original,
        "modify_video": "video" in modified,
        "modify_audio": "audio" in modified,
        "split": file.partition("/")[0],
        "video_frames": 103,
        "audio_channels": 1,
        "audio_frames": 65536,
    }


ENTRIES = (
    _entry("test/000000.mp4", None, ""),
    _entry("test/000001.mp4", "test/000000.mp4", "video audio", [1.44, 1.98], [3.0, 3.0]),
    _entry("test/000002.mp4", "test/000000.mp4", "video", [1.44, 1.98]),
    _entry("test/000003.mp4", "test/000001.mp4", "audio", [0.5, 99.0]),
    _entry("test/000004.mp4", None, ""),
    _entry("train/000005.mp4", None, ""),
    _entry("dev/000006.mp4", "dev/000007.mp4", "audio", [2, 2.5], [3.1, 3.4]),
    _entry("dev/000007.mp4", None, ""),
)
_MISSING = "test/000004.mp4"


def _make(root: Path, media: Media) -> None:
    (root / "metadata.min.json").write_text(json.dumps(ENTRIES), encoding="utf-8")
    for entry in ENTRIES:
        if entry["file"] != _MISSING:
            media.write(root / entry["file"])


def _row(file: str, face: Label, voice: Label, attack: str, group: str, stretches: int) -> Row:
    return Row(
        id=file,
        path=file,
        labels=labels_of(face=face, voice=voice),
        split=file.partition("/")[0],
        attack=attack,
        group=group,
        missing=file == _MISSING,
        facts={"stretches": str(stretches)},
    )


TREE = Tree(
    name="lav-df",
    make=_make,
    rows=[
        _row("test/000000.mp4", "bonafide", "bonafide", "-", "test/000000.mp4", 0),
        _row("test/000001.mp4", "spoof", "spoof", "modify_video+modify_audio", "test/000000.mp4", 1),
        _row("test/000002.mp4", "spoof", "bonafide", "modify_video", "test/000000.mp4", 1),
        _row("test/000003.mp4", "bonafide", "spoof", "modify_audio", "test/000000.mp4", 1),
        _row("test/000004.mp4", "bonafide", "bonafide", "-", "test/000004.mp4", 0),
        _row("train/000005.mp4", "bonafide", "bonafide", "-", "train/000005.mp4", 0),
        _row("dev/000006.mp4", "bonafide", "spoof", "modify_audio", "dev/000007.mp4", 2),
        _row("dev/000007.mp4", "bonafide", "bonafide", "-", "dev/000007.mp4", 0),
    ],
    break_label=lambda root: replace(root / "metadata.min.json", '"modify_audio": true', '"modify_audio": "maybe"'),
    notes=("last no time, left aside: 1", "after their duration, kept as they are: 1"),
)
