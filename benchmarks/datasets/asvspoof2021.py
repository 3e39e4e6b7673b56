"""ASVspoof 2021 LA and DF: the attacks of 2019 through telephone lines, and many more through lossy compression.

Liu et al., ASVspoof 2021: Towards Spoofed and Deepfake Speech Detection in the Wild, IEEE/ACM Transactions on Audio,
Speech, and Language Processing 31, 2023. Neither has training data of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from benchmarks.datasets.dataset import LABEL_WORDS, Counts, DataSet, Listing, Published, lines_of, word
from benchmarks.trials import Trial, Unit, labels_of
from detect.errors import ConfigError
from detect.types import Modality

Track = Literal["LA", "DF"]

_COLUMNS: dict[Track, tuple[str, ...]] = {
    "LA": ("speaker", "trial", "codec", "transmission", "attack", "key", "trim", "subset"),
    "DF": (
        *("speaker", "trial", "codec", "source", "attack", "key", "trim", "subset", "vocoder"),
        *("task", "team", "gender_pair", "language"),
    ),
}
"""Of `trial_metadata.txt`, after the organizers' eval-package; the last four of DF are `-` but for VCC 2020."""
_NO_FACTS = frozenset({"trial", "attack", "key", "subset"})
"""Columns that a trial has as something else."""
_NOTHING = frozenset({"-", "bonafide"})
"""What columns of facts say where there is nothing to say; a bona fide trial of DF has the vocoder `bonafide`."""
_SUBSETS = {name: name for name in ("progress", "eval", "hidden")}


def _read(track: Track, root: Path) -> Listing:
    folders = _flac_folders(track, root)
    notes = [f"The files lie in {len(folders)} folders: {', '.join(folders)}."] if len(folders) > 1 else []
    return Listing(trials=list(_trials(track, _keys(track, root), root, folders)), notes=notes)


def _flac_folders(track: Track, root: Path) -> list[str]:
    """Where files may lie below the folder: the archive of DF has four parts, which may be unpacked each on its own."""
    name = f"ASVspoof2021_{track}_eval"
    patterns = ("flac", f"{name}/flac", f"{name}_part*/flac", f"{name}_part*/{name}/flac")
    found = [path for pattern in patterns for path in sorted(root.glob(pattern)) if path.is_dir()]
    if not found:
        raise ConfigError(
            f"{root} has neither flac nor {name}/flac: ASVspoof 2021 {track} is the folder {name}, or the one that "
            "holds it or its parts"
        )
    return [path.relative_to(root).as_posix() for path in found]


def _keys(track: Track, root: Path) -> Path:
    """The organizers' keys, inside the folder or beside it."""
    inside = f"keys/{track}/CM/trial_metadata.txt"
    for folder in (root, root.parent):
        for unpacked in (inside, f"{track}-keys-full/{inside}"):
            if (path := folder / unpacked).is_file():
                return path
    raise ConfigError(f"{root} has no {inside}, nor is it beside: unpack {track}-keys-full.tar.gz in it or beside it")


def _trials(track: Track, keys: Path, root: Path, folders: Sequence[str]) -> Iterator[Trial]:
    # Nothing says which part holds which file: with several folders they are looked into, once each.
    elsewhere = {path.name: folder for folder in folders[1:] for path in (root / folder).iterdir()}
    columns = _COLUMNS[track]
    facts = [name for name in columns if name not in _NO_FACTS]
    labels = {key: labels_of(voice=label) for key, label in LABEL_WORDS.items()}
    for place, fields in lines_of(keys):
        if len(fields) != len(columns):
            raise ConfigError(f"{place}: a line of the full keys has {len(columns)} fields, not {len(fields)}")
        row: Mapping[str, str] = dict(zip(columns, fields, strict=True))
        file = f"{row['trial']}.flac"
        yield Trial(
            id=row["trial"],
            path=f"{elsewhere.get(file, folders[0])}/{file}",
            unit=Unit.UTTERANCE,
            labels=word(row["key"], labels, place),
            attack=row["attack"] if row["key"] == "spoof" else "-",  # bona fide rows of LA have the attack `bonafide`
            group=row["speaker"],
            split=word(row["subset"], _SUBSETS, place),
            facts={name: row[name] for name in facts if row[name] not in _NOTHING},
        )


_TERMS = "ODC-By 1.0."
_SUBSET_TRAP = (
    "Papers report the subset eval; public leaderboards pool it with progress and hidden, whose silence is trimmed, "
    "and print several times the error rate for the same network (whether for this reason alone is not certain)."
)
_DECODER_TRAP = "libsndfile has been seen to fail on about two in five of the files, which FFmpeg decodes."
_LA19 = "trained on ASVspoof 2019 LA; "
_ARENA, _SUPERB = "Speech Anti-Spoofing Arena, lab260", "ASD-SUPERB"
_TAK = "Tak et al., Automatic Speaker Verification Spoofing and Deepfake Detection Using wav2vec 2.0, Odyssey 2022"


def _published(subset: str, metric: str, rows: Sequence[tuple[str, str, float, str]]) -> tuple[Published, ...]:
    """Numbers of one subset: system, what it was trained on, value, source."""
    return tuple(
        Published(system=system, protocol=trained + subset, metric=metric, value=value, source=source)
        for system, trained, value, source in rows
    )


LA = DataSet(
    name="asvspoof2021-la",
    title="ASVspoof 2021 LA",
    modalities=(Modality.VOICE,),
    read=partial(_read, "LA"),
    expected={
        "progress": Counts(bonafide=1_676, spoof=14_788),
        "eval": Counts(bonafide=14_816, spoof=133_360),
        "hidden": Counts(bonafide=1_960, spoof=14_966),
    },
    checksums={"ASVspoof2021_LA_eval.tar.gz": "md5:2abee34d8b0b91159555fc4f016e4562"},
    corpora=frozenset({"asvspoof2021-la", "asvspoof2019-la", "vctk"}),
    test_split="eval",
    development_splits=frozenset({"progress"}),
    homepage="https://zenodo.org/records/4837263",
    how_to_get=(
        "Download ASVspoof2021_LA_eval.tar.gz from Zenodo and LA-keys-full.tar.gz from asvspoof.org, and unpack both; "
        "keys lies inside the folder ASVspoof2021_LA_eval or beside it."
    ),
    terms=_TERMS,
    size="181,566 FLAC files, 7.8 GB as an archive",
    layout=(
        "ASVspoof2021_LA_eval/flac/LA_E_9332881.flac\n"
        "keys/LA/CM/trial_metadata.txt      (or LA-keys-full/keys/LA/CM/trial_metadata.txt)"
    ),
    traps=(
        _SUBSET_TRAP,
        _DECODER_TRAP,
        "The key is field 6, not 5 as in 2019; code for 2019 reads only the bona fide trials, whose field 5 says so.",
        "Speakers and attacks A07 to A19 are those of ASVspoof 2019 LA eval.",
    ),
    published=(
        *_published("subset eval", "EER %", [("SSL-AASIST (XLS-R)", _LA19, 0.82, f"{_TAK}; mean of its runs 1.00")]),
        *_published("subset eval", "min t-DCF", [("SSL-AASIST (XLS-R)", _LA19, 0.2066, _TAK)]),
        *_published(
            "all 181,566 trials, progress and hidden among them",
            "EER %",
            [
                ("W2V2-AASIST", _LA19, 8.11, _ARENA),
                ("Spectra-AASIST", "training data not certain; ", 5.16, _ARENA),
                ("AASIST", _LA19, 12.35, _ARENA),
                ("UniSpeech-SAT, frozen, linear head", _LA19, 8.82, _SUPERB),
            ],
        ),
    ),
)

DF = DataSet(
    name="asvspoof2021-df",
    title="ASVspoof 2021 DF",
    modalities=(Modality.VOICE,),
    read=partial(_read, "DF"),
    expected={
        "progress": Counts(bonafide=5_768, spoof=53_557),
        "eval": Counts(bonafide=14_869, spoof=519_059),
        "hidden": Counts(bonafide=1_980, spoof=16_596),
    },
    checksums={
        "ASVspoof2021_DF_eval_part00.tar.gz": "md5:4f2cbae07cf3ede2a1dde3b8d2ee55ea",
        "ASVspoof2021_DF_eval_part01.tar.gz": "md5:1578c89ab433c2b60b1dce93bdf8fbec",
        "ASVspoof2021_DF_eval_part02.tar.gz": "md5:5497a35f0126e94a1d7a7d26db57b4f7",
        "ASVspoof2021_DF_eval_part03.tar.gz": "md5:42b7512ba2943e98a32a53c9608cf03c",
        "DF-keys-full.tar.gz": "md5:dabbc5628de4fcef53036c99ac7ab93a",
    },
    corpora=frozenset({"asvspoof2021-df", "asvspoof2019-la", "vctk", "vcc2018", "vcc2020"}),
    test_split="eval",
    development_splits=frozenset({"progress"}),
    homepage="https://zenodo.org/records/4835108",
    how_to_get=(
        "Download ASVspoof2021_DF_eval_part00.tar.gz to part03 from Zenodo and DF-keys-full.tar.gz from asvspoof.org, "
        "and unpack them, the parts together or each in a folder of its name; keys lies inside the folder or beside it."
    ),
    terms=_TERMS,
    size="611,829 FLAC files, 34.5 GB as four archives",
    layout=(
        "ASVspoof2021_DF_eval/flac/DF_E_2000011.flac\n"
        "(or ASVspoof2021_DF_eval_part00/ASVspoof2021_DF_eval/flac/..., and so on to part03)\n"
        "keys/DF/CM/trial_metadata.txt      (or DF-keys-full/keys/DF/CM/trial_metadata.txt)"
    ),
    traps=(
        _SUBSET_TRAP,
        _DECODER_TRAP,
        "Ninety-six in a hundred trials are spoofed.",
        "The key is field 6; a line has 13 fields, the last four of which are empty but for trials of VCC 2020.",
        "The four parts of the archive have the same folder inside: unpacked in one place they are one folder.",
    ),
    published=(
        *_published(
            "subset eval",
            "EER %",
            [
                ("Nes2Net-X (XLS-R)", _LA19, 1.49, "Liu et al., Nes2Net, 2025; mean of its runs 1.78"),
                ("SLS (XLS-R)", _LA19, 1.92, "Zhang et al., Self-Supervised XLS-R and SLS Classifier, 2024"),
                ("SSL-AASIST (XLS-R)", _LA19, 2.85, _TAK),
            ],
        ),
        *_published(
            "all 611,829 trials, progress and hidden among them",
            "EER %",
            [
                ("Spectra-AASIST", "training data not certain; ", 2.57, _ARENA),
                ("W2V2-AASIST", _LA19, 8.32, _ARENA),
                ("AASIST", _LA19, 17.04, _ARENA),
                ("XLS-R, frozen, linear head", _LA19, 4.33, _SUPERB),
            ],
        ),
    ),
)
