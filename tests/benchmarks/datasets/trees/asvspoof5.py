"""ASVspoof 5: protocols in a folder of their own, spaces in files called .tsv, both ways of writing no codec."""

from __future__ import annotations

from pathlib import Path

from benchmarks.datasets.dataset import LABEL_WORDS
from benchmarks.trials import labels_of
from tests.benchmarks.datasets.tree import Media, Row, Tree, replace

_LINES = {
    "train": (
        "T_4850 T_0000000000 F - - - AC3 A05 spoof -",
        "T_3734 T_0000000011 F - - - - bonafide bonafide -",
    ),
    "dev": (
        "D_0062 D_0000000001 F - - - AC1 A11 spoof -",
        "D_0461 D_0000000190 M - - - - bonafide bonafide -",
    ),
    "eval": (
        "E_1607 E_0009538969 M C05 2 E_0009486171 AC1 A26 spoof -",
        "E_1607 E_0009486171 M - 0 - AC1 A26 spoof -",
        "E_0984 E_0001347504 F - 0 - - bonafide bonafide -",
        "E_0984 E_0006243315 F C11 7 E_0001347504 - bonafide bonafide -",
        "E_0147 E_0004581379 F C04 5 E_0004112233 AC2 A18 spoof -",
    ),
}
_PARTITIONS = {
    "train": ("ASVspoof5.train.tsv", "flac_T"),
    "dev": ("ASVspoof5.dev.track_1.tsv", "flac_D"),
    "eval": ("ASVspoof5.eval.track_1.tsv", "flac_E_eval"),
}
_MISSING = "E_0004581379"
_PROTOCOLS = "ASVspoof5_protocols"


def _make(root: Path, media: Media) -> None:
    (root / _PROTOCOLS).mkdir()
    for split, lines in _LINES.items():
        protocol, folder = _PARTITIONS[split]
        (root / _PROTOCOLS / protocol).write_text("\n".join(lines) + "\n", encoding="utf-8")
        for line in lines:
            if (utterance := line.split()[1]) != _MISSING:
                media.write(root / folder / f"{utterance}.flac")
    media.write(root / "flac_E_eval/E_0000000101.flac")  # enrols a speaker of track 2


def _row(line: str, split: str) -> Row:
    speaker, utterance, gender, codec, quality, _, adaptation, attack, key, _ = line.split()
    facts = {"gender": {"F": "female", "M": "male"}[gender], "codec": "C00" if codec == "-" else codec}
    if codec != "-":
        facts["codec_quality"] = quality
    if key == "spoof":
        facts["adaptation"] = adaptation
    return Row(
        id=utterance,
        path=f"{_PARTITIONS[split][1]}/{utterance}.flac",
        labels=labels_of(voice=LABEL_WORDS[key]),
        split=split,
        attack=attack if key == "spoof" else "-",
        group=speaker,
        missing=utterance == _MISSING,
        facts=facts,
    )


TREE = Tree(
    name="asvspoof5",
    make=_make,
    rows=[_row(line, split) for split, lines in _LINES.items() for line in lines],
    break_label=lambda root: replace(root / _PROTOCOLS / "ASVspoof5.eval.track_1.tsv", "A26 spoof", "A26 fake"),
)
