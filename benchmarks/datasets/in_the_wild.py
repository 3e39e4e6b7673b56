"""In-the-Wild: speech of politicians and other public figures, genuine and cloned, from the web.

Mueller et al., Does Audio Deepfake Detection Generalize?, Interspeech 2022.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.datasets.dataset import Counts, DataSet, Listing, Published, need, rows_of, word
from benchmarks.trials import Label, Trial, Unit, labels_of
from detect.types import Modality

_WORDS: dict[str, Label] = {"bona-fide": "bonafide", "spoof": "spoof"}


def _read(root: Path) -> Listing:
    inside = "release_in_the_wild/" if (root / "release_in_the_wild").is_dir() else ""
    protocol = need(root / f"{inside}meta.csv", "In-the-Wild is the folder release_in_the_wild, with its meta.csv")
    trials = [
        Trial(
            id=row["file"],
            path=f"{inside}{row['file']}",
            unit=Unit.UTTERANCE,
            labels=labels_of(voice=word(row["label"], _WORDS, place)),
            attack="-",  # the authors name no systems
            group=row["speaker"],
            split="test",
            facts={"speaker": row["speaker"]},
        )
        for place, row in rows_of(protocol, columns=("file", "speaker", "label"))
    ]
    return Listing(trials=trials)


_LA19 = "trained on ASVspoof 2019 LA; all utterances"
_ARENA = "Speech Anti-Spoofing Arena, lab260"


def _published(system: str, value: float, source: str, protocol: str = _LA19) -> Published:
    return Published(system=system, protocol=protocol, metric="EER %", value=value, source=source)


DATA_SET = DataSet(
    name="in-the-wild",
    title="In-the-Wild",
    modalities=(Modality.VOICE,),
    read=_read,
    expected={"test": Counts(bonafide=19_963, spoof=11_816)},
    corpora=frozenset({"in-the-wild"}),
    test_split="test",
    homepage="https://deepfake-total.com/in_the_wild",
    how_to_get=(
        "Download release_in_the_wild.zip from the repository mueller91/In-The-Wild at Hugging Face and unpack it; the "
        "folder is release_in_the_wild, or the one that holds it."
    ),
    terms="CC BY-SA 4.0, as the authors' card at Hugging Face says; voices of real people.",
    size="31,779 WAV files of 58 speakers, 20.7 h bona fide and 17.2 h spoofed, about 8 GB (not certain) as a zip file",
    layout="meta.csv\n0.wav\n1.wav\n...\n31778.wav",
    traps=(
        "The label is written bona-fide, with a hyphen: a filter on bonafide drops every genuine recording.",
        "There is only a test set, and nothing says which system made a spoof.",
    ),
    published=(
        _published(
            "AASIST",
            43.0,
            _ARENA,
            "trained on ASVspoof 2019 LA; all utterances, first 64,600 samples",
        ),
        _published("W2V2-AASIST", 11.22, _ARENA),
        _published("SSL-AASIST (XLS-R)", 10.46, "Zhang et al., Self-Supervised XLS-R and SLS Classifier, 2024"),
        _published("SLS (XLS-R)", 7.46, "Zhang et al., Self-Supervised XLS-R and SLS Classifier, 2024"),
        _published("Nes2Net-X (XLS-R)", 5.15, "Liu et al., Nes2Net, 2025; mean of its runs 6.31"),
        _published(
            "AntiDeepfake XLS-R-2B",
            2.81,
            _ARENA,
            "trained on many public sets, ASVspoof 2019 to 5, MLAAD and WaveFake among them; all utterances",
        ),
    ),
)
