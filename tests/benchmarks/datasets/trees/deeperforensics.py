"""DeeperForensics-1.0: bona fide videos from FaceForensics++, source videos that are not, lists of distortions."""

from __future__ import annotations

from pathlib import Path

from benchmarks.trials import labels_of
from tests.benchmarks.datasets.tree import Media, Row, Tree

_SPLITS = {"train": ["000_M101.mp4"], "val": ["104_W136.mp4"], "test": ["980_W010.mp4", "103_M004.mp4"]}
_DISTORTIONS = {
    "end_to_end_level_2": {name: ("JPEG:2", "JPEG", "2") for names in _SPLITS.values() for name in names},
    "end_to_end_mix_2_distortions": {
        name: ("CS:3 GB:4", "CS+GB", "3+4") for names in _SPLITS.values() for name in names
    },
}
_TARGETS = "original_sequences/youtube/c23/videos"
_MISSING = {"manipulated_videos/end_to_end_level_2/103_M004.mp4", f"{_TARGETS}/000.mp4"}


def _row(path: str, name: str, split: str, attack: str, facts: dict[str, str]) -> Row:
    return Row(
        id=path,
        path=path,
        labels=labels_of(face="bonafide" if attack == "-" else "spoof"),
        split=split,
        attack=attack,
        group=name[:3],
        missing=path in _MISSING,
        facts={"gender": "male" if "M" in name else "female"} | facts,
    )


_ROWS = [
    row
    for split, names in _SPLITS.items()
    for name in names
    for row in (
        _row(f"{_TARGETS}/{name[:3]}.mp4", name, split, "-", {"distortion": "none"}),
        _row(f"manipulated_videos/end_to_end/{name}", name, split, "end_to_end", {"distortion": "none"}),
        _row(f"manipulated_videos/end_to_end_random_level/{name}", name, split, "end_to_end_random_level", {}),
        *(
            _row(
                f"manipulated_videos/{variant}/{name}",
                name,
                split,
                variant,
                {"distortion": of[name][1], "level": of[name][2]},
            )
            for variant, of in _DISTORTIONS.items()
        ),
    )
]


def _make(root: Path, media: Media) -> None:
    for split, names in _SPLITS.items():
        path = root / f"lists/splits/{split}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(names))
    for variant, of in _DISTORTIONS.items():
        path = root / f"lists/manipulated_videos_distortions_meta/manipulated_videos_{variant}_meta.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"manipulated_videos/{variant}/{name} {one[0]}\n" for name, one in of.items()))
    for row in _ROWS:
        if not row.missing:
            media.write(root / row.path)
    media.write(root / "source_videos/W136/light_up/surprise/camera_down/W136_light_up_surprise_camera_down.mp4")


TREE = Tree(
    name="deeperforensics",
    make=_make,
    rows=_ROWS,
    break_label=lambda root: (root / "manipulated_videos/end_to_end_level_6").mkdir(),
    notes=[
        "reenact_postprocess is not in this copy",
        "manipulated_videos_end_to_end_random_level_meta.txt is not in this copy",
        "source_videos is left aside",
    ],
)
