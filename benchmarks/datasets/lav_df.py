"""LAV-DF: speeches in which single words were changed, in the picture, in the sound or in both.

Cai et al., Glitch in the Matrix: A Large Scale Benchmark for Content Driven Audio-Visual Forgery Detection and
Localization, CVIU 2023.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.datasets.annotations import entries_of, flag_of, spans_of, text_of
from benchmarks.datasets.dataset import Counts, DataSet, Listing, Published, need, word
from benchmarks.trials import Span, Subject, Trial, Unit, labels_of
from detect.errors import ConfigError
from detect.types import Modality

_FULL, _SHORT = "metadata.json", "metadata.min.json"
_SPLITS = {name: name for name in ("train", "dev", "test")}


def _read(root: Path) -> Listing:
    # The short file lacks times and texts of words; both give the stretches, but the full one is the reference.
    if (root / _FULL).is_file():
        protocol = root / _FULL
    else:
        protocol = need(root / _SHORT, f"LAV-DF is a folder with {_FULL} or {_SHORT}, train, dev and test")
    entries = list(entries_of(protocol))
    originals = {text_of(entry, "file", place): _original(entry, place) for place, entry in entries}
    if len(originals) != len(entries):
        raise ConfigError(f"{protocol}: {len(entries) - len(originals)} files stand twice")
    trials, empty, contradictory, late = [], 0, 0, 0
    for place, entry in entries:
        spans, others = spans_of(entry, "fake_periods", place)
        trial = _trial(entry, place, spans, originals)
        empty += others
        contradictory += bool(spans) and not trial.is_spoof
        duration = entry.get("duration")
        late += isinstance(duration, int | float) and any(end > duration for _, end in spans)
        trials.append(trial)
    notes = []
    if empty:
        notes.append(f"stretches that last no time, left aside: {empty}")
    if contradictory:
        notes.append(f"recordings called genuine that give manipulated stretches, left aside: {contradictory}")
    if late:
        notes.append(f"recordings with a stretch that ends after their duration, kept as they are: {late}")
    return Listing(trials=trials, notes=notes)


def _original(entry: Mapping[str, Any], place: str) -> str | None:
    value = entry.get("original")
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ConfigError(f"{place}: original should be text or null, not {value!r}")
    return value if "/" in value else f"{entry.get('split')}/{value}"


def _trial(entry: Mapping[str, Any], place: str, spans: tuple[Span, ...], originals: Mapping[str, str | None]) -> Trial:
    file = text_of(entry, "file", place)
    video, audio = flag_of(entry, "modify_video", place), flag_of(entry, "modify_audio", place)
    labels = labels_of(face="spoof" if video else "bonafide", voice="spoof" if audio else "bonafide")
    # One list serves both: a word that was changed in a modality was changed at that time.
    stretches: dict[Subject, tuple[Span, ...]] = {
        subject: spans if label == "spoof" else () for subject, label in labels.items() if spans or label == "bonafide"
    }
    modified = [name for name, changed in (("modify_video", video), ("modify_audio", audio)) if changed]
    return Trial(
        id=file,
        path=file,
        unit=Unit.RECORDING,
        labels=labels,
        attack="+".join(modified) or "-",
        group=_source(file, originals),
        split=word(text_of(entry, "split", place), _SPLITS, place),
        facts={"stretches": str(len(spans))},
        spans=stretches,
    )


def _source(file: str, originals: Mapping[str, str | None]) -> str:
    seen = {file}
    while (original := originals.get(file)) is not None and original not in seen:
        seen.add(original)
        file = original
    return file


_BA_TFD = "Cai et al., README of ControlNet/LAV-DF"
_AUVIRE = "AuViRe, as reported by its authors"
_WITHIN = "trained on LAV-DF train; test, whole recordings, localisation of stretches"

DATA_SET = DataSet(
    name="lav-df",
    title="LAV-DF",
    modalities=(Modality.FACE, Modality.VOICE),
    read=_read,
    expected={
        "train": Counts(total=78_703),
        "dev": Counts(total=31_501),
        "test": Counts(total=26_100),
        "all": Counts(bonafide=36_431, spoof=99_873),
    },
    corpora=frozenset({"lav-df", "voxceleb2"}),
    test_split="test",
    development_splits=frozenset({"train", "dev"}),
    homepage="https://github.com/ControlNet/LAV-DF",
    how_to_get=(
        "Accept the terms and download from the links on the homepage (OneDrive, Google Drive or Hugging Face). The "
        "folder holds metadata.json, metadata.min.json, train, dev and test."
    ),
    terms="CC BY-NC 4.0 and the authors' terms and conditions: no commercial use; real people from VoxCeleb2.",
    size="136,304 MP4 files, about 26 GB (of a mirror), 25 frames a second",
    layout="metadata.json and/or metadata.min.json\ntrain/000000.mp4\ndev/...\ntest/...",
    traps=(
        "Stretches are in seconds; read as frame numbers they are wrong by a factor of 25.",
        "duration is that of padded sound; the picture lasts video_frames / 25 seconds.",
        "A few recordings (4, by a count of others) have a stretch that ends after their duration.",
        "No identities are given: groups are a source recording and what was made from it, not a person.",
    ),
    published=(
        Published(system="BA-TFD+", protocol=_WITHIN, metric="AP@0.5 %", value=96.30, source=_BA_TFD),
        Published(system="BA-TFD+", protocol=_WITHIN, metric="AP@0.75 %", value=84.96, source=_BA_TFD),
        Published(system="BA-TFD+", protocol=_WITHIN, metric="AP@0.95 %", value=4.44, source=_BA_TFD),
        Published(system="BA-TFD+", protocol=_WITHIN, metric="AR@100 %", value=81.62, source=_BA_TFD),
        Published(system="AuViRe", protocol=_WITHIN, metric="AP@0.5 %", value=98.88, source=_AUVIRE),
        Published(system="AuViRe", protocol=_WITHIN, metric="AP@0.75 %", value=96.05, source=_AUVIRE),
        Published(system="AuViRe", protocol=_WITHIN, metric="AP@0.95 %", value=41.80, source=_AUVIRE),
        Published(system="AuViRe", protocol=_WITHIN, metric="AR@100 %", value=95.18, source=_AUVIRE),
    ),
)
