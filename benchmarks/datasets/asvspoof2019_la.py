"""ASVspoof 2019 LA: text-to-speech and voice conversion from VCTK, clean; what most voice detectors are trained on.

Wang et al., ASVspoof 2019: a large-scale public database of synthesized, converted and replayed speech, Computer Speech
and Language 64, 2020. Counts are those of its protocols.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.datasets.dataset import LABEL_WORDS, Counts, DataSet, Listing, Published, lines_of, need, word
from benchmarks.trials import Trial, Unit, labels_of
from detect.errors import ConfigError
from detect.types import Modality

_LAYOUT = """\
ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.{train.trn,dev.trl,eval.trl}.txt
ASVspoof2019_LA_train/flac/LA_T_1138215.flac
ASVspoof2019_LA_dev/flac/LA_D_1047731.flac
ASVspoof2019_LA_eval/flac/LA_E_2834763.flac"""
_PROTOCOLS = {"train": "train.trn", "dev": "dev.trl", "eval": "eval.trl"}
_SYSTEMS: dict[str, tuple[str, str]] = {
    "A01": ("TTS", "neural waveform model"),
    "A02": ("TTS", "vocoder"),
    "A03": ("TTS", "vocoder"),
    "A04": ("TTS", "waveform concatenation"),
    "A05": ("VC", "vocoder"),
    "A06": ("VC", "spectral filtering"),
    "A07": ("TTS", "vocoder+GAN"),
    "A08": ("TTS", "neural waveform"),
    "A09": ("TTS", "vocoder"),
    "A10": ("TTS", "neural waveform"),
    "A11": ("TTS", "griffin lim"),
    "A12": ("TTS", "neural waveform"),
    "A13": ("TTS_VC", "waveform concatenation+waveform filtering"),
    "A14": ("TTS_VC", "vocoder"),
    "A15": ("TTS_VC", "neural waveform"),
    "A16": ("TTS", "waveform concatenation"),
    "A17": ("VC", "waveform filtering"),
    "A18": ("VC", "vocoder"),
    "A19": ("VC", "spectral filtering"),
}
"""Kind of system and how it makes the waveform, as the data set's README.LA.txt has them."""


def _read(root: Path) -> Listing:
    inside = "LA/" if (root / "LA").is_dir() else ""
    protocols = need(
        root / f"{inside}ASVspoof2019_LA_cm_protocols", "ASVspoof 2019 LA is the folder LA, with its cm_protocols"
    )
    trials: list[Trial] = []
    for split, ending in _PROTOCOLS.items():
        protocol = need(protocols / f"ASVspoof2019.LA.cm.{ending}.txt", f"it lists the {split} partition")
        trials.extend(_trials(protocol, split, f"{inside}ASVspoof2019_LA_{split}/flac"))
    return Listing(trials=trials)


def _trials(protocol: Path, split: str, folder: str) -> Iterator[Trial]:
    for place, fields in lines_of(protocol):
        if len(fields) != 5:
            raise ConfigError(f"{place}: a line has 5 fields, speaker, utterance, -, system and key; not {len(fields)}")
        speaker, utterance, _, system, key = fields
        label = word(key, LABEL_WORDS, place)
        facts = {"speaker": speaker}
        if label == "spoof":
            facts["synthesis"], facts["waveform"] = word(system, _SYSTEMS, place)
        yield Trial(
            id=utterance,
            path=f"{folder}/{utterance}.flac",
            unit=Unit.UTTERANCE,
            labels=labels_of(voice=label),
            attack=system if label == "spoof" else "-",
            group=speaker,
            split=split,
            facts=facts,
        )


_ALL = "trained on ASVspoof 2019 LA train; all 71,237 utterances of eval, one score an utterance"

DATA_SET = DataSet(
    name="asvspoof2019-la",
    title="ASVspoof 2019 LA",
    modalities=(Modality.VOICE,),
    read=_read,
    expected={
        "train": Counts(bonafide=2_580, spoof=22_800),
        "dev": Counts(bonafide=2_548, spoof=22_296),
        "eval": Counts(bonafide=7_355, spoof=63_882),
    },
    corpora=frozenset({"asvspoof2019-la", "vctk"}),
    test_split="eval",
    development_splits=frozenset({"train", "dev"}),
    homepage="https://datashare.ed.ac.uk/handle/10283/3336",
    how_to_get="Download LA.zip and unpack it; the folder is LA, or the one that holds LA.",
    terms="ODC-By 1.0; the speech is from VCTK (CC BY 4.0).",
    size="121,461 FLAC files in the protocols, 7.1 GB as a zip file",
    layout=_LAYOUT,
    traps=(
        "Nine in ten trials of eval are spoofed: a detector that always says spoof is right in 89.7 % of them.",
        "The flac folders of dev and eval also hold utterances that enrol speakers; the protocols leave them out.",
        "Silence at the ends of an utterance tells bona fide from spoof (Mueller et al., Speech is Silver, 2021).",
        "Nearly four in five utterances are shorter than the 4 s that many detectors fill by repeating the audio.",
    ),
    published=(
        Published(
            system="AASIST",
            protocol=_ALL,
            metric="EER %",
            value=0.83,
            source="Jung et al., AASIST, ICASSP 2022",
        ),
        Published(
            system="AASIST",
            protocol=_ALL + ", with the organizers' speaker verification",
            metric="min t-DCF",
            value=0.0275,
            source="Jung et al., AASIST, ICASSP 2022",
        ),
        Published(
            system="AASIST, trained again",
            protocol=_ALL,
            metric="EER %",
            value=3.2,
            source="ASD-SUPERB",
        ),
        Published(
            system="AASIST-L, 85 k parameters",
            protocol=_ALL,
            metric="EER %",
            value=0.99,
            source="Jung et al., AASIST, ICASSP 2022",
        ),
        Published(
            system="W2V2-AASIST",
            protocol=_ALL + ", scored again by the arena",
            metric="EER %",
            value=0.224,
            source="Speech Anti-Spoofing Arena, lab260",
        ),
        Published(
            system="Spectra-AASIST",
            protocol="training data not certain; all 71,237 utterances of eval, scored again by the arena",
            metric="EER %",
            value=0.159,
            source="Speech Anti-Spoofing Arena, lab260",
        ),
        Published(
            system="UniSpeech-SAT, frozen, linear head",
            protocol=_ALL,
            metric="EER %",
            value=1.35,
            source="ASD-SUPERB",
        ),
    ),
)
