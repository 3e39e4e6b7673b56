"""A protocol file of one's own: a file, members of an archive, and a person who stands in two splits."""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from pathlib import Path

from benchmarks.trials import labels_of
from tests.benchmarks.datasets.tree import Media, Row, Tree, replace

_ROWS = (
    ("clips/a.mp4", "bonafide", "-", "ann", "test"),
    ("clips/b.mp4", "spoof", "swap", "ann", "test"),
    ("sound.zip!/one/c.wav", "bonafide", "-", "bob", "test"),
    ("sound.zip!/one/d.wav", "spoof", "tts", "eve", "test"),
    ("faces/e.png", "spoof", "swap", "ann", "train"),
    ("faces/f.png", "bonafide", "-", "joe", "train"),
)


def _make(root: Path, media: Media) -> None:
    for name, *_ in _ROWS:
        if "!/" not in name and name != "faces/f.png":
            media.write(root / name)
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(root / "sound.zip", "w") as archive:
        for name in ("one/c.wav", "one/d.wav"):
            media.write(Path(folder) / name)
            archive.write(Path(folder) / name, name)
    lines = [
        f"{path},{label},{attack},{group},{split},{_digest(root, path)},vctk"
        for path, label, attack, group, split in _ROWS
    ]
    # The first file stands twice, once with the digest of bytes that lie nowhere.
    lines.append(f"clips/a.mp4,spoof,swap,ann,test,{'0' * 64},vctk")
    (root / "protocol.csv").write_text("path,label,attack,group,split,sha256,corpus\n" + "\n".join(lines) + "\n")


def _digest(root: Path, path: str) -> str:
    return hashlib.sha256((root / path).read_bytes()).hexdigest() if (root / path).is_file() else ""


TREE = Tree(
    name="protocol",
    make=_make,
    rows=[
        Row(id=_ROWS[0][0], path=_ROWS[0][0], labels=labels_of(face="bonafide"), split="test", group="ann"),
        Row(id=_ROWS[1][0], path=_ROWS[1][0], labels=labels_of(face="spoof"), split="test", attack="swap", group="ann"),
        Row(
            id=_ROWS[2][0], path=_ROWS[2][0], labels=labels_of(voice="bonafide"), split="test", facts={"corpus": "vctk"}
        ),
        Row(id=_ROWS[3][0], path=_ROWS[3][0], labels=labels_of(voice="spoof"), split="test", attack="tts"),
        Row(
            id=_ROWS[4][0],
            path=_ROWS[4][0],
            labels=labels_of(face="spoof"),
            split="overlap",
            attack="swap",
            group="ann",
        ),
        Row(id=_ROWS[5][0], path=_ROWS[5][0], labels=labels_of(face="bonafide"), split="train", missing=True),
    ],
    break_label=lambda root: replace(root / "protocol.csv", "bonafide", "genuine"),
    notes=("other bytes",),
)
