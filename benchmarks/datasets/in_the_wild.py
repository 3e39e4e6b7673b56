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
    protocol = need(root / "meta.csv", "In-the-Wild is the folder release_in_the_wild, with its meta.csv")
    trials = [
        Trial(
            id=row["file"],
            path=row["file"],
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


DATA_SET = DataSet(
    name="in-the-wild",
    title="In-the-Wild",
    modalities=(Modality.VOICE,),
    read=_read,
    expected={"test": Counts(bonafide=19_963, spoof=11_816)},
    corpora=frozenset({"in-the-wild"}),
    test_split="test",
    homepage="https://deepfake-total.com/in_the_wild",
    how_to_get="Download release_in_the_wild.zip and unpack it; the folder is release_in_the_wild.",
    terms="Apache-2.0; voices of real people.",
    size="31,779 WAV files, 37.9 h, 58 speakers",
    layout="meta.csv\n0.wav\n1.wav\n...",
    traps=("The label is written bona-fide, with a hyphen: a filter on bonafide drops every genuine recording.",),
    published=(
        Published(
            system="AASIST",
            protocol="trained on ASVspoof 2019 LA; all utterances, first 64,600 samples",
            metric="EER %",
            value=43.0,
            source="Speech Anti-Spoofing Arena, lab260",
        ),
        Published(
            system="SSL-AASIST (XLS-R)",
            protocol="trained on ASVspoof 2019 LA; all utterances",
            metric="EER %",
            value=10.46,
            source="Zhang et al., Audio Deepfake Detection with Self-Supervised XLS-R and SLS Classifier, 2024",
        ),
    ),
)
