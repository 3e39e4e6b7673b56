"""In-the-Wild: one CSV file, and the hyphen in its label."""

from __future__ import annotations

from pathlib import Path

from benchmarks.trials import labels_of
from tests.benchmarks.datasets.tree import Media, Row, Tree, replace

_ROWS = (("0.wav", "Alec Guinness", "spoof"), ("1.wav", "Alec Guinness", "bona-fide"), ("2.wav", "Malcolm X", "spoof"))


def _make(root: Path, media: Media) -> None:
    (root / "meta.csv").write_text("file,speaker,label\n" + "".join(f"{a},{b},{c}\n" for a, b, c in _ROWS))
    for name in ("0.wav", "1.wav"):
        media.write(root / name)


TREE = Tree(
    name="in-the-wild",
    make=_make,
    rows=[
        Row(id="0.wav", path="0.wav", labels=labels_of(voice="spoof"), split="test", group="Alec Guinness"),
        Row(id="1.wav", path="1.wav", labels=labels_of(voice="bonafide"), split="test", group="Alec Guinness"),
        Row(id="2.wav", path="2.wav", labels=labels_of(voice="spoof"), split="test", missing=True),
    ],
    break_label=lambda root: replace(root / "meta.csv", "bona-fide", "genuine"),
)
