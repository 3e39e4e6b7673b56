"""ASVspoof 2021 LA: the data set's own folder, its keys inside, and `bonafide` where the attack should be."""

from __future__ import annotations

from pathlib import Path

from benchmarks.datasets.dataset import LABEL_WORDS
from benchmarks.trials import labels_of
from tests.benchmarks.datasets.tree import Media, Row, Tree, replace

_LINES = (
    "LA_0009 LA_E_9332881 alaw ita_tx A07 spoof notrim eval",
    "LA_0020 LA_E_7294490 g722 loc_tx bonafide bonafide notrim eval",
    "LA_0009 LA_E_5013670 alaw ita_tx bonafide bonafide notrim eval",
    "LA_0031 LA_E_5932896 none - A13 spoof notrim eval",
    "LA_0007 LA_E_4525281 pstn mad_tx A19 spoof notrim progress",
    "LA_0007 LA_E_3757378 opus sin_tx bonafide bonafide notrim progress",
    "LA_0037 LA_E_3379393 gsm ita_tx bonafide bonafide trim hidden",
)
_MISSING = "LA_E_5932896"
_KEYS = "keys/LA/CM/trial_metadata.txt"


def _make(root: Path, media: Media) -> None:
    (root / _KEYS).parent.mkdir(parents=True)
    (root / _KEYS).write_text("\n".join(_LINES) + "\n", encoding="utf-8")
    for line in _LINES:
        if (trial := line.split()[1]) != _MISSING:
            media.write(root / f"flac/{trial}.flac")
    names = "\n".join(line.split()[1] for line in _LINES) + "\n"
    (root / "ASVspoof2021.LA.cm.eval.trl.txt").write_text(names, encoding="utf-8")


def _row(line: str) -> Row:
    speaker, trial, codec, transmission, attack, key, trim, subset = line.split()
    return Row(
        id=trial,
        path=f"flac/{trial}.flac",
        labels=labels_of(voice=LABEL_WORDS[key]),
        split=subset,
        attack=attack if key == "spoof" else "-",
        group=speaker,
        missing=trial == _MISSING,
        facts={"codec": codec, "trim": trim} | ({"transmission": transmission} if transmission != "-" else {}),
    )


TREE = Tree(
    name="asvspoof2021-la",
    make=_make,
    rows=[_row(line) for line in _LINES],
    break_label=lambda root: replace(root / _KEYS, "A07 spoof", "A07 fake"),
)
