"""A report as one HTML page for a person: no script, nothing fetched, every sentence from `web/texts.toml`.

The page is made for somebody who has to explain the result to somebody else, and for a court. So what is missing
stands beside the result, an uncalibrated result gives no conclusion, and faces stay blurred until a reader asks.
Foreign text passes `service.texts.visible` on its way out, whichever template puts it there.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from detect.report import Body, Coverage, Exhibit, FaceSample, Report, SegmentEntry, Track, UtteranceEntry, Voice
from detect.types import Modality
from service import figures, phrases
from service.conclusion import conclude, has_llr
from service.texts import HIDDEN, known, rows, say, sentences, visible
from service.timeline import MAX_ROWS, build_timeline, highest, strength

_WEB = Path(__file__).parent / "web"

_MAX_TABLE_ROWS = 120
"""Rows of one table of samples, utterances or segments: about three printed pages. The JSON report has all."""
_MAX_LISTED = 60
"""Entries of one kind (abstentions of one reason, tags of one table)."""
_MAX_PASSAGES = 12
_FIRST_DEFECTS = 4
"""Damage named beside the result; the rest is counted there and listed below."""
_SCALE_END = math.log(1e7)
"""Ends of the drawn scale of likelihood ratios: one decade beyond the last step of the ENFSI scale (2015)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Picture:
    exhibit: Exhibit | None
    id: str
    source: Markup | None
    """Its data: address; None where the picture is not there or not the one that the body names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """A track or a voice with what is shown of it."""

    number: int
    """Position in the body, from 1: part of its address in the page."""
    entry: Track | Voice
    moments: list[list[_Picture]]
    """Pictures of one instant stand together."""
    rows: Sequence[FaceSample | UtteranceEntry]
    num_rows: int
    models: list[str]
    calibrated: list[str]


def render_html(report: Report) -> str:
    """The whole page. The same report gives the same page, byte for byte."""
    body = report.body
    sha256 = body.recording.sha256
    template = _environment().get_template("report.html.j2")
    return template.render(
        report=report,
        body=body,
        recording=body.recording,
        run=report.run,
        conclusion=conclude(body),
        reasons={modality.value: phrases.reasons(body, modality) for modality in Modality},
        passages=_passages(body),
        threshold=body.configuration.values.get("scoring", {}).get("flag_llr"),
        first_defects=body.defects[:_FIRST_DEFECTS],
        abstentions=phrases.by_reason(body.abstentions),
        unscored=phrases.unscored(body),
        max_listed=_MAX_LISTED,
        timeline=build_timeline(body),
        segments=highest(body.segments, _MAX_TABLE_ROWS, lambda segment: strength(segment.scores)),
        tracks=_tracks(report),
        voices=_voices(report),
        # It goes into a style element for the foot of each printed page, so it has to be what it claims to be.
        page_sha256=sha256 if re.fullmatch("[0-9a-f]{64}", sha256) else None,
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_WEB),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(say=_say, sentences=sentences, rows=rows, known=known)
    environment.tests["weighed"] = has_llr
    environment.filters.update(
        between=phrases.between,
        block=_block,
        clock=figures.clock,
        content=phrases.content,
        flat=phrases.flat,
        interval=figures.interval,
        lasting=figures.length,
        moment=phrases.moment,
        percent=figures.percent,
        pin=lambda decades: _place(decades * math.log(10)),
        place=_place,
        plain=phrases.plain,
        ratio=figures.ratio,
        shape=phrases.shape,
        signed=figures.signed,
        size=figures.size,
        watched=_watched,
    )
    return environment


def _finalize(value: object) -> object:
    """Every value on its way into the page. Text that is not the page's own is made visible; nothing is no text."""
    if value is None:
        return say("page.not_stated")
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value


def _say(key: str, /, **values: object) -> Markup:
    """A sentence, escaped. One within another is not escaped twice."""
    unescaped = {name: value.unescape() if isinstance(value, Markup) else value for name, value in values.items()}
    return escape(say(key, **unescaped))


def _block(text: str) -> Markup:
    """Foreign text of several lines, for a `pre` element."""
    return Markup("\n").join(visible(text).split(HIDDEN.format(0x0A)))


def _passages(body: Body) -> list[SegmentEntry]:
    flagged = [segment for segment in body.segments if segment.flagged]
    return [segment for _, segment in highest(flagged, _MAX_PASSAGES, lambda segment: strength(segment.scores))]


def _tracks(report: Report) -> list[_Subject]:
    subjects = []
    for index, track in highest(report.body.tracks, MAX_ROWS, lambda track: strength(track.scores)):
        chosen = highest(track.samples, _MAX_TABLE_ROWS, lambda sample: _top(sample.llrs, sample.logits))
        subjects.append(_subject(report, index, track, [sample for _, sample in chosen], len(track.samples)))
    return subjects


def _voices(report: Report) -> list[_Subject]:
    subjects = []
    for index, voice in highest(report.body.voices, MAX_ROWS, lambda voice: strength(voice.scores)):
        chosen = highest(voice.utterances, _MAX_TABLE_ROWS, lambda utterance: strength(utterance.scores))
        subjects.append(_subject(report, index, voice, [utterance for _, utterance in chosen], len(voice.utterances)))
    return subjects


def _subject(
    report: Report, index: int, entry: Track | Voice, shown: Sequence[FaceSample | UtteranceEntry], num_rows: int
) -> _Subject:
    return _Subject(
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


def _moments(report: Report, names: Sequence[str]) -> list[list[_Picture]]:
    exhibits = {exhibit.id: exhibit for exhibit in report.body.exhibits}
    moments: dict[tuple[float, float, str], list[_Picture]] = {}
    for name in names:
        exhibit = exhibits.get(name)
        picture = _Picture(exhibit=exhibit, id=name, source=_source(report, exhibit))
        # A picture without its entry has no time: it stands alone, under its own name.
        key = (exhibit.span.start_seconds, exhibit.span.end_seconds, "") if exhibit else (math.inf, math.inf, name)
        moments.setdefault(key, []).append(picture)
    order = {"face": 0, "heat_map": 1, "spectrogram": 2}
    return [
        sorted(moments[key], key=lambda picture: order[picture.exhibit.kind] if picture.exhibit else 3)
        for key in sorted(moments)
    ]


def _source(report: Report, exhibit: Exhibit | None) -> Markup | None:
    """A picture as an address, if it is the one that the body names."""
    if exhibit is None or exhibit.id not in report.exhibits:
        return None
    try:
        picture = base64.b64decode(report.exhibits[exhibit.id], validate=True)
    except (binascii.Error, ValueError):
        return None
    if hashlib.sha256(picture).hexdigest() != exhibit.sha256:
        return None
    return Markup("data:{};base64,{}").format(exhibit.media_type, base64.b64encode(picture).decode("ascii"))


def _watched(coverage: Coverage) -> float:
    """Share of a stream that was looked at, per cent."""
    if coverage.total_seconds <= 0:  # a still picture lasts no time
        return figures.share(coverage.num_decoded, coverage.num_expected or coverage.num_decoded)
    return figures.share(coverage.examined_seconds, coverage.total_seconds)


def _place(llr: float) -> float:
    """Where an LLR stands on the drawn scale, per cent from the left."""
    return round(50 + 50 * min(max(llr / _SCALE_END, -1.0), 1.0), 2)
