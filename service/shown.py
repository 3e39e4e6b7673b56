"""Which parts of a report are shown, on a page as on paper: the tracks, voices, rows and pictures under the caps.

What is cut is always counted where it is cut; the JSON report has all of it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from detect.report import Body, Coverage, Exhibit, FaceSample, Report, SegmentEntry, Track, UtteranceEntry, Voice
from service import figures
from service.timeline import MAX_ROWS, highest, strength

MAX_TABLE_ROWS = 120
"""Rows of one table of samples, utterances or segments: about three printed pages. The JSON report has all."""
MAX_LISTED = 60
"""Entries of one kind (abstentions of one reason, tags of one table)."""
_MAX_PASSAGES = 12
FIRST_DEFECTS = 4
"""Damage named beside the result; the rest is counted there and listed below."""
_SCALE_END = math.log(1e7)
"""Ends of the drawn scale of likelihood ratios: one decade beyond the last step of the ENFSI scale (2015)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An exhibit, and its bytes."""

    exhibit: Exhibit | None
    id: str
    data: bytes | None
    """None where the picture is not there or not the one that the body names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A track or a voice with what is shown of it."""

    number: int
    """Position in the body, from 1: part of its address in the page."""
    entry: Track | Voice
    moments: list[list[Picture]]
    """Pictures of one instant stand together."""
    rows: Sequence[FaceSample | UtteranceEntry]
    num_rows: int
    models: list[str]
    calibrated: list[str]


def passages(body: Body) -> list[SegmentEntry]:
    """Where to look first: the strongest flagged segments, in order of time."""
    flagged = [segment for segment in body.segments if segment.flagged]
    return [segment for _, segment in highest(flagged, _MAX_PASSAGES, lambda segment: strength(segment.scores))]


def tracks(report: Report) -> list[Subject]:
    """The face tracks that are shown."""
    subjects = []
    for index, track in highest(report.body.tracks, MAX_ROWS, lambda track: strength(track.scores)):
        chosen = highest(track.samples, MAX_TABLE_ROWS, lambda sample: _top(sample.llrs, sample.logits))
        subjects.append(_subject(report, index, track, [sample for _, sample in chosen], len(track.samples)))
    return subjects


def voices(report: Report) -> list[Subject]:
    """The voices that are shown."""
    subjects = []
    for index, voice in highest(report.body.voices, MAX_ROWS, lambda voice: strength(voice.scores)):
        chosen = highest(voice.utterances, MAX_TABLE_ROWS, lambda utterance: strength(utterance.scores))
        subjects.append(_subject(report, index, voice, [utterance for _, utterance in chosen], len(voice.utterances)))
    return subjects


def _subject(
    report: Report, index: int, entry: Track | Voice, shown: Sequence[FaceSample | UtteranceEntry], num_rows: int
) -> Subject:
    return Subject(
        number=index + 1,
        entry=entry,
        moments=_moments(report, entry.exhibits),
        rows=shown,
        num_rows=num_rows,
        models=[score.model for score in entry.scores],
        calibrated=[score.model for score in entry.scores if score.llr is not None],
    )


def _top(llrs: Mapping[str, float], logits: Mapping[str, float]) -> tuple[float, float]:
    return max(llrs.values(), default=-math.inf), max(logits.values(), default=-math.inf)


def _moments(report: Report, names: Sequence[str]) -> list[list[Picture]]:
    exhibits = {exhibit.id: exhibit for exhibit in report.body.exhibits}
    moments: dict[tuple[float, float, str], list[Picture]] = {}
    for name in names:
        exhibit = exhibits.get(name)
        picture = Picture(exhibit=exhibit, id=name, data=picture_of(report, exhibit))
        # A picture without its entry has no time: it stands alone, under its own name.
        key = (exhibit.span.start_seconds, exhibit.span.end_seconds, "") if exhibit else (math.inf, math.inf, name)
        moments.setdefault(key, []).append(picture)
    order = {"face": 0, "heat_map": 1, "spectrogram": 2}
    return [
        sorted(moments[key], key=lambda picture: order[picture.exhibit.kind] if picture.exhibit else 3)
        for key in sorted(moments)
    ]


def picture_of(report: Report, exhibit: Exhibit | None) -> bytes | None:
    """A picture's bytes, if they are the ones that the body names."""
    if exhibit is None or exhibit.id not in report.exhibits:
        return None
    try:
        data = base64.b64decode(report.exhibits[exhibit.id], validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if hashlib.sha256(data).hexdigest() == exhibit.sha256 else None


def watched(coverage: Coverage) -> float:
    """Share of a stream that was looked at, per cent."""
    if coverage.total_seconds <= 0:  # a still picture lasts no time
        return figures.share(coverage.num_decoded, coverage.num_expected or coverage.num_decoded)
    return figures.share(coverage.examined_seconds, coverage.total_seconds)


def place(llr: float) -> float:
    """Where an LLR stands on the drawn scale, per cent from the left."""
    return round(50 + 50 * min(max(llr / _SCALE_END, -1.0), 1.0), 2)


def decade(power: int) -> float:
    """Where a likelihood ratio of ten to this power stands on the drawn scale, per cent from the left."""
    return place(power * math.log(10))
