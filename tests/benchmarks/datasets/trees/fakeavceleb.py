"""FakeAVCeleb: ten values under a header of nine names, a file that stands twice, and folders with a space."""

from __future__ import annotations

from pathlib import Path

from benchmarks.trials import Label, labels_of
from tests.benchmarks.datasets.tree import Media, Row, Tree, replace

_HEADER = "source,target1,target2,method,category,type,race,gender,path,\n"
_LINES = (
    "id00076,-,-,real,A,RealVideo-RealAudio,African,men,00109.mp4",
    "id00475,-,-,real,A,RealVideo-RealAudio,African,men,00099.mp4",
    "id00166,-,-,real,A,RealVideo-RealAudio,African,men,00010.mp4",
    "id07686,-,-,real,A,RealVideo-RealAudio,Asian (South),women,00254.mp4",
    "id00076,fake.mp4,-,rtvc,B,RealVideo-FakeAudio,African,men,00109_fake.mp4",
    "id00076,10,-,faceswap,C,FakeVideo-RealAudio,African,men,00109_10.mp4",
    "id00076,id00476,-,wav2lip,D,FakeVideo-FakeAudio,African,men,00109_10_id00476_wavtolip.mp4",
    "id00076,10,id00476,faceswap-wav2lip,D,FakeVideo-FakeAudio,African,men,00109_10_id00476_wavtolip.mp4",
    "id00475,id00076,-,wav2lip,D,FakeVideo-FakeAudio,African,men,00099_id00076_wavtolip.mp4",
    "id07686,id06439,-,wav2lip,D,FakeVideo-FakeAudio,Asian (South),women,00254_id06439_wavtolip.mp4",
)
_MISSING = "FakeVideo-FakeAudio/African/men/id00475/00099_id00076_wavtolip.mp4"


def _row(path: str, face: Label, voice: Label, split: str, attack: str = "-", **facts: str) -> Row:
    return Row(
        id=path,
        path=path,
        labels=labels_of(face=face, voice=voice),
        split=split,
        attack=attack,
        group=path.split("/")[3],
        missing=path == _MISSING,
        facts=facts,
    )


_ROWS = (
    _row("RealVideo-RealAudio/African/men/id00076/00109.mp4", "bonafide", "bonafide", "test", gender="men"),
    _row("RealVideo-RealAudio/African/men/id00475/00099.mp4", "bonafide", "bonafide", "test", race="African"),
    _row("RealVideo-RealAudio/African/men/id00166/00010.mp4", "bonafide", "bonafide", "dev"),
    _row("RealVideo-RealAudio/Asian (South)/women/id07686/00254.mp4", "bonafide", "bonafide", "train"),
    _row("RealVideo-FakeAudio/African/men/id00076/00109_fake.mp4", "bonafide", "spoof", "test", "rtvc"),
    _row("FakeVideo-RealAudio/African/men/id00076/00109_10.mp4", "spoof", "bonafide", "test", "faceswap"),
    _row(
        "FakeVideo-FakeAudio/African/men/id00076/00109_10_id00476_wavtolip.mp4",
        *("spoof", "spoof", "test", "wav2lip"),
        donors="id00476",
    ),
    _row(_MISSING, "spoof", "spoof", "test", "wav2lip", donors_in="same split"),
    _row(
        "FakeVideo-FakeAudio/Asian (South)/women/id07686/00254_id06439_wavtolip.mp4",
        *("spoof", "spoof", "train", "wav2lip"),
        race="Asian (South)",
    ),
)


def _make(root: Path, media: Media) -> None:
    text = _HEADER
    for line in _LINES:
        source, *_, kind, race, gender, _name = line.split(",")
        text += f"{line},FakeAVCeleb/{kind}/{race}/{gender}/{source}\n"
    (root / "meta_data.csv").write_text(text, encoding="utf-8")
    for row in _ROWS:
        if not row.missing:
            media.write(root / row.path)


TREE = Tree(
    name="fakeavceleb",
    make=_make,
    rows=_ROWS,
    break_label=lambda root: replace(root / "meta_data.csv", "RealVideo-FakeAudio", "RealVideo-CloneAudio"),
    notes=("list a file a second time: 1", "not that of v1.2"),
)
