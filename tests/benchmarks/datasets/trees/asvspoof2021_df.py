"""ASVspoof 2021 DF: parts of its archive unpacked each on its own, and columns that only trials of VCC 2020 fill."""

from __future__ import annotations

from pathlib import Path

from benchmarks.datasets.dataset import LABEL_WORDS
from benchmarks.trials import labels_of
from tests.benchmarks.datasets.tree import Media, Row, Tree, replace

_LINES = (
    "LA_0023 DF_E_2000011 nocodec asvspoof A14 spoof notrim progress traditional_vocoder - - - -",
    "TEF2 DF_E_2000013 low_m4a vcc2020 Task1-team20 spoof notrim eval neural_vocoder_autoregressive Task1 team20 FF E",
    "TGF1 DF_E_2000024 mp3m4a vcc2020 Task2-team12 spoof notrim eval traditional_vocoder Task2 team12 FF G",
    "LA_0043 DF_E_2000026 mp3m4a asvspoof A09 spoof notrim eval traditional_vocoder - - - -",
    "LA_0048 DF_E_2000058 mp3m4a asvspoof - bonafide notrim eval bonafide - - - -",
    "LA_0044 DF_E_2000503 high_ogg asvspoof - bonafide notrim eval bonafide - - - -",
    "VCC2TM1 DF_E_2006826 high_ogg vcc2018 HUB-N08 spoof notrim eval unknown - - - -",
    "LA_0037 DF_E_2007713 low_mp3 asvspoof - bonafide trim hidden bonafide - - - -",
)
_PARTS = {"DF_E_2000026": 2, "DF_E_2000503": 3, "DF_E_2006826": 2}
"""Which part of the archive holds a file, where it is not the first."""
_MISSING = "DF_E_2000024"
_KEYS = "DF-keys-full/keys/DF/CM/trial_metadata.txt"


def _path(trial: str) -> str:
    return f"ASVspoof2021_DF_eval_part{_PARTS.get(trial, 0):02}/ASVspoof2021_DF_eval/flac/{trial}.flac"


def _make(root: Path, media: Media) -> None:
    (root / _KEYS).parent.mkdir(parents=True)
    (root / _KEYS).write_text("\n".join(_LINES) + "\n", encoding="utf-8")
    for line in _LINES:
        if (trial := line.split()[1]) != _MISSING:
            media.write(root / _path(trial))


def _row(line: str) -> Row:
    speaker, trial, codec, source, attack, key, _, subset, vocoder, *_, language = line.split()
    facts = {"codec": codec, "source": source}
    if key == "spoof":
        facts["vocoder"] = vocoder
    if language != "-":
        facts["language"] = language
    return Row(
        id=trial,
        path=_path(trial),
        labels=labels_of(voice=LABEL_WORDS[key]),
        split=subset,
        attack=attack,
        group=speaker,
        missing=trial == _MISSING,
        facts=facts,
    )


TREE = Tree(
    name="asvspoof2021-df",
    make=_make,
    rows=[_row(line) for line in _LINES],
    break_label=lambda root: replace(root / _KEYS, "A14 spoof", "A14 fake"),
    notes=["The files lie in 3 folders"],
)
