"""AV-Deepfake1M++: files sorted by corpus, one JSON file beside each recording, and recordings without sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.trials import Label, labels_of
from tests.benchmarks.datasets.tree import Media, Row, Tree, replace

_VOX, _LRS, _SILENT = "vox_celeb_2/id01358/_1nATum8x78/00030", "lrs3/uhRhtFFhNzQ/00033", "silent_videos"
_STRETCH = [[0.48, 0.86]]


def _entry(
    file: str, modify_type: str, visual: list[list[float]], audio: list[list[float]], **more: Any
) -> dict[str, Any]:
    return {
        "file": file,
        "original": None,
        "split": "val",
        "modify_type": modify_type,
        "audio_model": "vits" if audio else None,
        "video_model": "Talklip" if visual else None,
        "fake_segments": visual or audio,
        "visual_fake_segments": visual,
        "audio_fake_segments": audio,
        "video_frames": 132,
        "audio_frames": 83968,
        **more,
    }


_VAL = (
    _entry(f"{_VOX}/real.mp4", "real", [], []),
    _entry(f"{_VOX}/real_video_fake_audio.mp4", "audio_modified", [], _STRETCH),
    _entry(f"{_LRS}/fake_video_fake_audio_p1.mp4", "both_modified", _STRETCH, _STRETCH),
    _entry(f"{_LRS}/real.mp4", "real", [], []),
    _entry(
        f"{_SILENT}/subject_17_ddvyjnjfad_vid_2_6/fake.mp4",
        "visual_modified",
        [[0.0, 1.0]],
        [],
        video_model="diff2lip",
        audio_frames=0,
    ),
    _entry(f"{_SILENT}/subject_17_ddvyjnjfad_vid_0_2/real.mp4", "real", [], [], audio_frames=0),
)
_MISSING = f"{_LRS}/real.mp4"


def _make(root: Path, media: Media) -> None:
    # As 7z leaves it when the archive is unpacked in a folder of its name.
    for entry in _VAL:
        path = root / "val" / "val" / entry["file"]
        if entry["file"] != _MISSING:
            media.write(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".json").write_text(json.dumps(entry), encoding="utf-8")
    (root / "testA_files.txt").write_text("000001.mp4\n", encoding="utf-8")


def _row(file: str, group: str, face: Label, voice: Label | None, attack: str = "-", **facts: str) -> Row:
    return Row(
        id=f"val/{file}",
        path=f"val/val/{file}",
        labels=labels_of(face=face, voice=voice),
        split="val",
        attack=attack,
        group=group,
        missing=file == _MISSING,
        facts=facts,
    )


_P = "vox_celeb_2/id01358"
TREE = Tree(
    name="av-deepfake1m-plusplus",
    make=_make,
    rows=[
        _row(f"{_VOX}/real.mp4", _P, "bonafide", "bonafide", source="vox_celeb_2"),
        _row(f"{_VOX}/real_video_fake_audio.mp4", _P, "bonafide", "spoof", "audio_modified", audio_model="vits"),
        _row(f"{_LRS}/fake_video_fake_audio_p1.mp4", "lrs3/uhRhtFFhNzQ", "spoof", "spoof", "both_modified"),
        _row(_MISSING, "lrs3/uhRhtFFhNzQ", "bonafide", "bonafide"),
        _row(
            f"{_SILENT}/subject_17_ddvyjnjfad_vid_2_6/fake.mp4",
            *("silent_videos/subject_17", "spoof", None, "visual_modified"),
            video_model="diff2lip",
        ),
        _row(f"{_SILENT}/subject_17_ddvyjnjfad_vid_0_2/real.mp4", "silent_videos/subject_17", "bonafide", None),
    ],
    break_label=lambda root: replace(root / "val" / "val" / _VOX / "real.json", '"real"', '"genuine"'),
    notes=("recordings of testA_files.txt without labels, left aside: 1",),
)
