"""Deepfake-Eval-2024: three parts, a third label word, a suffix that differs, `.dat`, and a name that is lost."""

from __future__ import annotations

from pathlib import Path

from benchmarks.trials import Label, Subject, Unit
from tests.benchmarks.datasets.tree import Media, Row, Tree, replace

_AUDIO = """\
Filename,Date,Ground Truth,Public Comments,Finetuning Set
oU0MuTlffWBW8HzTdz78Z0XkiYw.mp3,2024-11-14,Fake,,test
HICemuEclIn-ZDbqZVUULNCfNMI.wav,2024-11-11,Real,"said so ""live"" on air, twice",test
zPfC4LH_oIm_XOlfAxSDed8VIW4.dat,2024-10-02,Fake,,train
V3Pa18IAzPjtIv9NVldGgQ6KGRw.mp3,2024-10-29,Unknown,,test
"""
_VIDEO = """\
Filename,Date,Video Ground Truth,Audio Ground Truth,Public Comments,Finetuning Set,Media
oU0MuTlffWBW8HzTdz78Z0XkiYw.mp4,2024-11-14,Fake,Unknown,lip sync is off,test,https://example.org/1
N5cLQEZoxDfUq7lBNfU4wq6VcLI.mp4,2024-11-13,Real,Fake,"There is no record
of those words",test,https://example.org/2
EMU-LOZWXKGjPUBy5NgH8g5ULyA.mp4,2024-05-17,Real,Unknown,,test,https://example.org/3
HICemuEclIn-ZDbqZVUULNCfNMI.mp4,2024-11-11,Real,Real,,test,https://example.org/4
-QVbWlwGqPkhOTrOkdYjuFyyNh4.mp4,2024-11-14,Unknown,Unknown,,test,https://example.org/5
"""
_IMAGE = """\
Filename,Ground Truth,Finetuning Set
aB3dE5fG7hI9jK1lM3nO5pQ7rS9.jpg,Fake,Test
tU1vW3xY5zA7bC9dE1fG3hI5jK7.webp,Real,Test
#NAME?,Real,Test
"""
_MISSING = "video-data/EMU-LOZWXKGjPUBy5NgH8g5ULyA.mp4"


def _make(root: Path, media: Media) -> None:
    (root / "audio-metadata-publish.csv").write_text(_AUDIO, encoding="utf-8")
    (root / "video-metadata-publish-with-links.csv").write_text(_VIDEO, encoding="utf-8")
    (root / "image-metadata-publish.csv").write_text(_IMAGE, encoding="utf-8")
    for row in _ROWS:
        if not row.missing:
            media.write(root / row.path)
    media.write(root / "audio-data" / "V3Pa18IAzPjtIv9NVldGgQ6KGRw.mp3")


def _row(listed: str, labels: dict[Subject, Label], split: str = "test", path: str | None = None, **facts: str) -> Row:
    return Row(
        id=listed,
        path=path or listed,
        labels=labels,
        split=split,
        group=listed.partition("/")[2].rpartition(".")[0],
        missing=listed == _MISSING,
        facts=facts,
    )


_ROWS = (
    _row(
        "audio-data/oU0MuTlffWBW8HzTdz78Z0XkiYw.mp3",
        {"recording": "spoof", "voice": "spoof"},
        path="audio-data/oU0MuTlffWBW8HzTdz78Z0XkiYw.m4a",
        part="audio",
        month="2024-11",
    ),
    _row("audio-data/HICemuEclIn-ZDbqZVUULNCfNMI.wav", {"recording": "bonafide", "voice": "bonafide"}),
    _row("audio-data/zPfC4LH_oIm_XOlfAxSDed8VIW4.dat", {"recording": "spoof", "voice": "spoof"}, "train"),
    _row("video-data/oU0MuTlffWBW8HzTdz78Z0XkiYw.mp4", {"recording": "spoof", "face": "spoof"}, part="video"),
    _row(
        "video-data/N5cLQEZoxDfUq7lBNfU4wq6VcLI.mp4",
        {"recording": "spoof", "face": "bonafide", "voice": "spoof"},
    ),
    _row(_MISSING, {"face": "bonafide"}),
    _row(
        "video-data/HICemuEclIn-ZDbqZVUULNCfNMI.mp4",
        {"recording": "bonafide", "face": "bonafide", "voice": "bonafide"},
    ),
    _row("image-data/aB3dE5fG7hI9jK1lM3nO5pQ7rS9.jpg", {"recording": "spoof", "face": "spoof"}, part="image"),
    _row("image-data/tU1vW3xY5zA7bC9dE1fG3hI5jK7.webp", {"recording": "bonafide", "face": "bonafide"}),
)
UNITS = {"audio-data": Unit.UTTERANCE, "video-data": Unit.RECORDING, "image-data": Unit.FRAME}
"""What one trial is, by folder."""

TREE = Tree(
    name="deepfake-eval-2024",
    make=_make,
    rows=_ROWS,
    break_label=lambda root: replace(root / "audio-metadata-publish.csv", ",Unknown,", ",Unsure,"),
    notes=(
        "audio rows without any label, left aside: 1",
        "video rows without any label, left aside: 1",
        "image rows whose name a spreadsheet has broken, left aside: 1",
        "audio files found under another suffix than the listed one: 1",
    ),
)
