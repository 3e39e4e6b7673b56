"""ASVspoof 2019 LA: three protocols, with an enrolment file that none of them lists."""

from __future__ import annotations

from pathlib import Path

from benchmarks.datasets.dataset import LABEL_WORDS
from benchmarks.trials import labels_of
from tests.benchmarks.datasets.tree import Media, Row, Tree, replace

_LINES = {
    "train": ("LA_0079 LA_T_1138215 - - bonafide", "LA_0079 LA_T_9351820 - A01 spoof"),
    "dev": ("LA_0069 LA_D_1047731 - - bonafide", "LA_0069 LA_D_1105538 - A05 spoof"),
    "eval": (
        "LA_0039 LA_E_2834763 - A11 spoof",
        "LA_0014 LA_E_8877452 - A14 spoof",
        "LA_0030 LA_E_5849185 - - bonafide",
        "LA_0033 LA_E_4581379 - - bonafide",
        "LA_0001 LA_E_6163791 - A09 spoof",
    ),
}
_ENDINGS = {"train": "train.trn", "dev": "dev.trl", "eval": "eval.trl"}
_MISSING = "LA_E_6163791"
_PROTOCOLS = "LA/ASVspoof2019_LA_cm_protocols"
_WAVEFORM = {"A01": "neural waveform model", "A05": "vocoder", "A11": "griffin lim", "A14": "vocoder", "A09": "vocoder"}


def _make(root: Path, media: Media) -> None:
    (root / _PROTOCOLS).mkdir(parents=True)
    for split, lines in _LINES.items():
        protocol = root / _PROTOCOLS / f"ASVspoof2019.LA.cm.{_ENDINGS[split]}.txt"
        protocol.write_text("\n".join(lines) + "\n", encoding="utf-8")
        for line in lines:
            if (utterance := line.split()[1]) != _MISSING:
                media.write(root / f"LA/ASVspoof2019_LA_{split}/flac/{utterance}.flac")
    media.write(root / "LA/ASVspoof2019_LA_eval/flac/LA_E_A4697930.flac")  # enrols a speaker; no protocol lists it


def _row(line: str, split: str) -> Row:
    speaker, utterance, _, system, key = line.split()
    return Row(
        id=utterance,
        path=f"LA/ASVspoof2019_LA_{split}/flac/{utterance}.flac",
        labels=labels_of(voice=LABEL_WORDS[key]),
        split=split,
        attack=system,
        group=speaker,
        missing=utterance == _MISSING,
        facts={"waveform": _WAVEFORM[system]} if system != "-" else {},
    )


TREE = Tree(
    name="asvspoof2019-la",
    make=_make,
    rows=[_row(line, split) for split, lines in _LINES.items() for line in lines],
    break_label=lambda root: replace(root / _PROTOCOLS / "ASVspoof2019.LA.cm.eval.trl.txt", "bonafide", "genuine"),
)
