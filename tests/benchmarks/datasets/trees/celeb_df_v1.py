"""Celeb-DF v1: the layout of version 2; here without one of its folders."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.datasets.tree import Media, Tree, replace
from tests.benchmarks.datasets.trees.celeb_df_v2 import LIST, row

_ROWS = (
    row("Celeb-real/id3_0001.mp4", "test", "id3"),
    row("Celeb-synthesis/id3_id4_0002.mp4", "test", "id3"),
    row("YouTube-real/00012.mp4", "test", "youtube 00012", missing=True),
    row("Celeb-real/id4_0005.mp4", "train", "id4"),
    row("Celeb-synthesis/id4_id3_0005.mp4", "train", "id4"),
)


def _make(root: Path, media: Media) -> None:
    lines = ("1 Celeb-real/id3_0001.mp4", "0 Celeb-synthesis/id3_id4_0002.mp4", "1 YouTube-real/00012.mp4")
    (root / LIST).write_text("".join(f"{line}\r\n" for line in lines))
    for one in _ROWS:
        if not one.missing:
            media.write(root / one.path)


TREE = Tree(
    name="celeb-df-v1",
    make=_make,
    rows=_ROWS,
    break_label=lambda root: replace(root / LIST, "0 Celeb-synthesis", "2 Celeb-synthesis"),
    notes=["YouTube-real is not in this copy"],
)
