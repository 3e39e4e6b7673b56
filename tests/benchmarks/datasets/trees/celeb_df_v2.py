"""Celeb-DF v2: 1 is real in the list, one line stands twice, and what the list leaves out is for training."""

from __future__ import annotations

from pathlib import Path

from benchmarks.trials import labels_of
from tests.benchmarks.datasets.tree import Media, Row, Tree, replace

LIST = "List_of_testing_videos.txt"
_LINES = (
    "1 YouTube-real/00170.mp4",
    "1 Celeb-real/id1_0007.mp4",
    "0 Celeb-synthesis/id1_id0_0007.mp4",
    "0 Celeb-synthesis/id59_id16_0002.mp4",
    "0 Celeb-synthesis/id1_id0_0007.mp4",
)


def row(path: str, split: str, group: str, *, missing: bool = False) -> Row:
    """A trial: real or fake by its folder."""
    folder = path.partition("/")[0]
    is_spoof = folder == "Celeb-synthesis"
    return Row(
        id=path,
        path=path,
        labels=labels_of(face="spoof" if is_spoof else "bonafide"),
        split=split,
        attack=folder if is_spoof else "-",
        group=group,
        missing=missing,
        facts={"folder": folder},
    )


_ROWS = (
    row("YouTube-real/00170.mp4", "test", "youtube 00170"),
    row("Celeb-real/id1_0007.mp4", "test", "id1"),
    row("Celeb-synthesis/id1_id0_0007.mp4", "test", "id1"),
    row("Celeb-synthesis/id59_id16_0002.mp4", "test", "id59", missing=True),
    row("YouTube-real/00000.mp4", "train", "youtube 00000"),
    row("Celeb-real/id0_0000.mp4", "train", "id0"),
    row("Celeb-synthesis/id0_id1_0000.mp4", "train", "id0"),
    row("Celeb-synthesis/id1_id0_0000.mp4", "train", "id1"),
)


def _make(root: Path, media: Media) -> None:
    (root / LIST).write_text("\n".join(_LINES) + "\n")
    for one in _ROWS:
        if not one.missing:
            media.write(root / one.path)
    media.write(root / "Celeb-real/._id0_0000.mp4")


TREE = Tree(
    name="celeb-df-v2",
    make=_make,
    rows=_ROWS,
    break_label=lambda root: replace(root / LIST, "1 Celeb-real", "REAL Celeb-real"),
    notes=["name a video again: 1", "lists 4 videos; that of Celeb-DF v2 lists 518"],
)
