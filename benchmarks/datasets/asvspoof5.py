"""ASVspoof 5, track 1: crowdsourced read speech, 32 attacks, some adversarial, and eleven codecs.

Wang et al., ASVspoof 5: Design, collection and validation of resources for spoofing, deepfake, and adversarial attack
detection using crowdsourced speech, 2025 (arXiv 2502.08857). Counts are those of its protocols.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.datasets.dataset import LABEL_WORDS, Counts, DataSet, Listing, Published, lines_of, word
from benchmarks.trials import Trial, Unit, labels_of
from detect.errors import ConfigError
from detect.types import Modality

_PARTITIONS = {
    "train": ("ASVspoof5.train.tsv", "flac_T"),
    "dev": ("ASVspoof5.dev.track_1.tsv", "flac_D"),
    "eval": ("ASVspoof5.eval.track_1.tsv", "flac_E_eval"),
}
"""Protocol, and the folder that unpacking the partition's archives makes."""
_GENDERS = {"F": "female", "M": "male"}
_UNCODED = "C00"
"""What the database's paper calls the absence of a codec (its table 3); the protocols write `-`."""


def _read(root: Path) -> Listing:
    trials: list[Trial] = []
    for split, (name, folder) in _PARTITIONS.items():
        trials.extend(_trials(_protocol(root, name), split, folder))
    return Listing(trials=trials)


def _protocol(root: Path, name: str) -> Path:
    for path in (root / name, root / "ASVspoof5_protocols" / name):
        if path.is_file():
            return path
    raise ConfigError(
        f"{root} has no {name}, nor has its ASVspoof5_protocols: unpack ASVspoof5_protocols.tar.gz beside the flac "
        "folders of ASVspoof 5"
    )


def _trials(protocol: Path, split: str, folder: str) -> Iterator[Trial]:
    labels = {key: labels_of(voice=label) for key, label in LABEL_WORDS.items()}
    for place, fields in lines_of(protocol):
        if len(fields) != 10:
            raise ConfigError(f"{place}: a line has 10 fields, not {len(fields)}")
        speaker, utterance, gender, codec, quality, _, adaptation, attack, key, _ = fields
        facts = {"speaker": speaker, "gender": word(gender, _GENDERS, place)}
        facts["codec"] = _UNCODED if codec == "-" else codec
        if codec != "-":
            facts["codec_quality"] = quality
        if adaptation != "-":
            facts["adaptation"] = adaptation
        label = word(key, labels, place)
        yield Trial(
            id=utterance,
            path=f"{folder}/{utterance}.flac",
            unit=Unit.UTTERANCE,
            labels=label,
            attack=attack if key == "spoof" else "-",  # a bona fide line has the attack `bonafide`
            group=speaker,  # the codecs' variants of one utterance are of one speaker too
            split=split,
            facts=facts,
        )


_OPEN = "track 1, open condition (other data and pretrained networks allowed); all 680,774 utterances of eval"
_LA19 = "trained on ASVspoof 2019 LA; all 680,774 utterances of eval"
_SUMMARY = "Wang et al., ASVspoof 5: crowdsourced speech data, deepfakes, and adversarial attacks at scale, 2024"
_WAVLM = "Stourbe et al., Exploring WavLM Back-ends for Speech Spoofing and Deepfake Detection, 2024"
_SZU = "Xu et al., SZU-AFS Antispoofing System for the ASVspoof 5 Challenge, 2024"
_WEDEFENSE = "WeDefense toolkit's results"
_ARENA = "Speech Anti-Spoofing Arena, lab260"


def _published(system: str, protocol: str, source: str, *, dcf: float | None = None, eer: float) -> list[Published]:
    named = [("minDCF", dcf), ("EER %", eer)]
    return [
        Published(system=system, protocol=protocol, metric=metric, value=value, source=source)
        for metric, value in named
        if value is not None
    ]


DATA_SET = DataSet(
    name="asvspoof5",
    title="ASVspoof 5, track 1",
    modalities=(Modality.VOICE,),
    read=_read,
    expected={
        "train": Counts(bonafide=18_797, spoof=163_560),
        "dev": Counts(bonafide=31_334, spoof=109_616),
        "eval": Counts(bonafide=138_688, spoof=542_086),
    },
    checksums={
        "ASVspoof5_protocols.tar.gz": "md5:865d0e894ea9f686f0f37e5ae3ae3616",
        "ASVspoof5.train.tsv": "md5:cbfa08e2fab1423e828f102bc97a22f0",
        "ASVspoof5.dev.track_1.tsv": "md5:e949dee1091a49b04943c548b5cf9860",
        "ASVspoof5.eval.track_1.tsv": "md5:50c0591d45a282cb787a5a4614394f67",
        "flac_T_aa.tar": "md5:b0cc86b14826a7701b52aad4f53daf9c",
        "flac_T_ab.tar": "md5:d05be3f4be7a343fdbdd0ed29fdff2e1",
        "flac_T_ac.tar": "md5:70d1ba4ad75a20aef3dae541fbd321e3",
        "flac_T_ad.tar": "md5:c9bb56af2cc410d98338d74babcb95c9",
        "flac_T_ae.tar": "md5:a3969816982f3e52300d6147ad796df7",
        "flac_D_aa.tar": "md5:df0be44957623991028cce59792beb17",
        "flac_D_ab.tar": "md5:1e8cd685d89b64502692f1bcf1a13db3",
        "flac_D_ac.tar": "md5:5e0031f08c30e4bdbf0c59f91b2d662b",
        "flac_E_aa.tar": "md5:a8c800766f3d4ef87971e2b4f29663e2",
        "flac_E_ab.tar": "md5:c35064188f54f07c87aba58de22534a0",
        "flac_E_ac.tar": "md5:ed7cbcd1b2847998b72472ddf6b445e3",
        "flac_E_ad.tar": "md5:626a080e994b05df49c577d7b3dede8d",
        "flac_E_ae.tar": "md5:05f19a5e64fa556714ae1b38eb2ea70b",
        "flac_E_af.tar": "md5:2ca2f52a3bbf827f7ec155ecb47e85d6",
        "flac_E_ag.tar": "md5:671200b5de2fc1e74a563b07b057af8f",
        "flac_E_ah.tar": "md5:eaf885b1299a61eb07f71e82e96dba37",
        "flac_E_ai.tar": "md5:b2625683bf440abae2af901a45542ad9",
        "flac_E_aj.tar": "md5:c50281c8233af6f3b0899604d21ade44",
    },
    corpora=frozenset({"asvspoof5", "mls"}),
    test_split="eval",
    development_splits=frozenset({"train", "dev"}),
    homepage="https://zenodo.org/records/14498691",
    how_to_get=(
        "Download the archives and ASVspoof5_protocols.tar.gz from Zenodo and unpack all in one folder; for results on "
        "eval the ten archives flac_E_aa.tar to flac_E_aj.tar and the protocols are enough."
    ),
    terms="ODC-By 1.0; the bona fide speech is under CC BY 4.0.",
    size="1,004,081 FLAC files in the protocols of track 1; eval has 80 GB",
    layout=(
        "ASVspoof5.{train,dev.track_1,eval.track_1}.tsv      (or in ASVspoof5_protocols)\n"
        "flac_T/T_0000000000.flac\n"
        "flac_D/D_0000000001.flac\n"
        "flac_E_eval/E_0009538969.flac"
    ),
    traps=(
        "The .tsv files have spaces between the fields and no header; their README says five columns, there are ten.",
        "Train and dev have no coded speech at all; three in four trials of eval are coded.",
        "Uncoded speech has codec - and quality - in train and dev, but codec - and quality 0 in eval.",
        "flac_D and flac_E_eval also hold utterances that enrol speakers for track 2; track 1 does not list them.",
        "Qualities 6 to 8 are devices of codec C11, and qualities of different codecs are not comparable.",
    ),
    published=(
        *_published("T45, fusion", _OPEN, _SUMMARY, dcf=0.075, eer=2.59),
        *_published("T27, fusion of WavLM systems", _OPEN, _WAVLM, dcf=0.0937, eer=3.42),
        *_published("WavLM-base, MHFA, single model", _OPEN, _WEDEFENSE, dcf=0.1028, eer=3.758),
        *_published("SZU-AFS, fusion", _OPEN, _SZU, dcf=0.115, eer=4.04),
        *_published("XLS-R, frozen, linear head", _LA19, "ASD-SUPERB", eer=14.4),
        *_published("UniSpeech-SAT, frozen, linear head", _LA19, "ASD-SUPERB", eer=15.0),
        *_published("AASIST", _LA19, _ARENA, eer=38.2),
        *_published("Spectra-AASIST", "training data not certain; all 680,774 utterances of eval", _ARENA, eer=14.06),
    ),
)
