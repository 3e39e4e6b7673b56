"""A report as one HTML page for a person: no script, nothing fetched, every sentence from `web/texts.toml`.

The page is made for somebody who has to explain the result to somebody else, and for a court. So what is missing
stands beside the result, an uncalibrated result gives no conclusion, and faces stay blurred until a reader asks. Foreign
text passes `service.texts.visible` on its way out, whichever template puts it there.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from detect.report import (
    AbstentionEntry,
    Body,
    Coverage,
    Exhibit,
    FaceSample,
    Finding,
    Report,
    SegmentEntry,
    StreamFacts,
    Track,
    UtteranceEntry,
    Voice,
)
from detect.types import Modality, Reason
from service import figures
from service.texts import known, rows, say, sentences, visible
from service.timeline import MAX_ROWS, build_timeline, highest, strength

_WEB = Path(__file__).parent / "web"

_MAX_TABLE_ROWS = 120
"""Rows of one table of samples, utterances or segments: about three printed pages. The JSON report has all."""
_MAX_LISTED = 60
"""Entries of one kind (abstentions of one reason, tags of one table)."""
_MAX_PASSAGES = 12
_FIRST_DEFECTS = 4
"""Damage named beside the result; the rest is counted there and listed below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Conclusion:
    """What the box at the top says."""

    kind: Literal["calibrated", "uncalibrated", "not_scored", "failed"]
    headline: str
    meaning: list[str]
    finding: Finding | None
    """The one about the whole recording, where it is calibrated."""


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
    rows: list[FaceSample] | list[UtteranceEntry]
    num_rows: int
    models: list[str]
    calibrated: list[str]


def render_html(report: Report) -> str:
    """The whole page. The same report gives the same page, byte for byte."""
    body = report.body
    environment = _environment()
    sha256 = body.recording.sha256
    return environment.get_template("report.html.j2").render(
        report=report,
        body=body,
        recording=body.recording,
        run=report.run,
        when=_when(report.run.started_at),
        conclusion=_conclusion(body),
        overall=next((finding for finding in body.findings if finding.subject == "recording"), None),
        reasons={modality.value: _reasons(body, modality) for modality in Modality},
        modalities=[finding for finding in body.findings if finding.subject != "recording"],
        uncalibrated_beside=any(finding.status == "uncalibrated" for finding in body.findings),
        passages=_passages(body),
        threshold=body.configuration.values.get("scoring", {}).get("flag_llr"),
        first_defects=body.defects[:_FIRST_DEFECTS],
        abstentions=_by_reason(body.abstentions),
        unscored=Counter(
            sample.not_scored_because
            for track in body.tracks
            for sample in track.samples
            if sample.not_scored_because is not None
        ),
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
    environment.globals.update(
        say=_say,
        sentences=sentences,
        rows=rows,
        known=known,
        style=Markup("".join((_WEB / name).read_text(encoding="utf-8") for name in ("report.css", "report_print.css"))),
    )
    environment.filters.update(
        block=_block,
        clock=figures.clock,
        content=_content,
        between=_between,
        flat=lambda values: list(_flat(values)),
        interval=figures.interval,
        lasting=figures.length,
        percent=figures.percent,
        place=_place,
        plain=_plain,
        pin=_pin,
        ratio=figures.ratio,
        shape=_shape,
        signed=figures.signed,
        tally=_tally,
        size=figures.size,
        watched=_watched,
    )
    return environment


def _say(key: str, **values: object) -> Markup:
    """A sentence, escaped. One within another is not escaped twice."""
    plain = {name: value.unescape() if isinstance(value, Markup) else value for name, value in values.items()}
    return escape(say(key, **plain))


def _finalize(value: object) -> object:
    """Every value on its way into the page. Text that is not the page's own is made visible; nothing is no text."""
    if value is None:
        return say("page.not_stated")
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value


def _block(text: str) -> Markup:
    """Foreign text of several lines, for a `pre` element."""
    return Markup("").join(f"{line}\n" for line in visible(text).split("␊"))


def _when(started_at: str) -> str:
    try:
        moment = datetime.fromisoformat(started_at).astimezone(UTC)
    except ValueError:
        return started_at
    return say("header.when_value", day=f"{moment:%Y-%m-%d}", time=f"{moment:%H:%M:%S}")


def _conclusion(body: Body) -> _Conclusion:
    overall = next((finding for finding in body.findings if finding.subject == "recording"), None)
    if body.outcome.examination == "failed":
        meaning = [say(f"state.{body.outcome.state}"), say("conclusion.failed_meaning")]
        return _Conclusion(kind="failed", headline=say("conclusion.failed"), meaning=meaning, finding=None)
    if overall is not None and overall.status == "calibrated" and overall.verbal and overall.llr is not None:
        return _Conclusion(kind="calibrated", headline=overall.verbal, meaning=[], finding=overall)
    if any(finding.status == "uncalibrated" for finding in body.findings):
        meaning = sentences("conclusion.uncalibrated_meaning")
        return _Conclusion(kind="uncalibrated", headline=say("conclusion.uncalibrated"), meaning=meaning, finding=None)
    key = "no_subject" if body.outcome.state == "no_subject" else "not_scored"
    meaning = [say("conclusion.no_subject_meaning")]
    return _Conclusion(kind="not_scored", headline=say(f"conclusion.{key}"), meaning=meaning, finding=None)


def _passages(body: Body) -> list[SegmentEntry]:
    flagged = [segment for segment in body.segments if segment.flagged]
    return [segment for _, segment in highest(flagged, _MAX_PASSAGES, lambda segment: strength(segment.scores))]


def _by_reason(abstentions: Iterable[AbstentionEntry]) -> dict[Reason, list[AbstentionEntry]]:
    groups: dict[Reason, list[AbstentionEntry]] = {}
    for entry in abstentions:
        groups.setdefault(entry.reason, []).append(entry)
    return groups


_MODALITY = {
    Reason.NO_VIDEO_STREAM: Modality.FACE,
    Reason.NO_FRAMES: Modality.FACE,
    Reason.TOO_FEW_FRAMES: Modality.FACE,
    Reason.NO_FACE: Modality.FACE,
    Reason.FACE_TOO_SMALL: Modality.FACE,
    Reason.FACE_TOO_BLURRED: Modality.FACE,
    Reason.FACE_POSE_EXTREME: Modality.FACE,
    Reason.FACES_BEYOND_LIMIT: Modality.FACE,
    Reason.NO_AUDIO_STREAM: Modality.VOICE,
    Reason.NO_AUDIO_CONTENT: Modality.VOICE,
    Reason.NO_SPEECH: Modality.VOICE,
    Reason.SPEECH_TOO_SHORT: Modality.VOICE,
    Reason.CHANNELS_BEYOND_LIMIT: Modality.VOICE,
}
"""Reasons that speak of one modality even where their entry names none."""


def _reasons(body: Body, modality: Modality) -> list[str]:
    """Why a modality has gaps or is missing, each reason once."""
    found = (entry.reason for entry in body.abstentions if (entry.modality or _MODALITY.get(entry.reason)) == modality)
    return [say(f"reason.{reason}") for reason in dict.fromkeys(found)]


def _tally(counts: Counter[Reason]) -> str:
    """`The face is too small (3); ...`, most frequent first."""
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    words = [(say(f"reason.{reason}").rstrip("."), count) for reason, count in ranked]
    return "; ".join(say("completeness.samples_reason", reason=reason, count=count) for reason, count in words)


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


def _subject(report: Report, index: int, entry: Track | Voice, rows: list[Any], num_rows: int) -> _Subject:
    return _Subject(
        number=index + 1,
        entry=entry,
        moments=_moments(report, entry.exhibits),
        rows=rows,
        num_rows=num_rows,
        models=[score.model for score in entry.scores],
        calibrated=[score.model for score in entry.scores if score.llr is not None],
    )


def _top(llrs: dict[str, float], logits: dict[str, float]) -> tuple[float, float]:
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
    if exhibit is None or exhibit.id not in report.exhibits:
        return None
    try:
        picture = base64.b64decode(report.exhibits[exhibit.id], validate=True)
    except (binascii.Error, ValueError):
        return None
    if hashlib.sha256(picture).hexdigest() != exhibit.sha256:
        return None
    return Markup("data:{};base64,{}").format(exhibit.media_type, base64.b64encode(picture).decode("ascii"))


def _content(body: Body) -> str:
    """What the recording is, in a few words."""
    recording = body.recording
    kind = say(f"media.{recording.media or 'none'}")
    return f"{kind} ({recording.container})" if recording.container else kind


def _shape(stream: StreamFacts) -> str:
    """What the container says of one stream, in one line."""
    parts: list[str] = []
    if stream.width_px and stream.height_px:
        parts.append(f"{stream.width_px} × {stream.height_px} px")
    if stream.rotation_degrees:
        parts.append(f"{stream.rotation_degrees}°")
    if stream.sample_aspect_ratio not in (None, "1:1", "1/1"):
        parts.append(f"SAR {stream.sample_aspect_ratio}")
    if stream.average_rate is not None and stream.kind == "video":
        parts.append(f"{stream.average_rate} Hz")
    if stream.pixel_format is not None:
        parts.append(stream.pixel_format)
    if stream.rate_hz is not None:
        parts.append(f"{stream.rate_hz:,} Hz")
    if stream.channel_layout is not None or stream.channels is not None:
        parts.append(stream.channel_layout or f"{stream.channels} ch")
    if stream.language is not None:
        parts.append(stream.language)
    return ", ".join(parts)


def _between(values: Sequence[float]) -> str:
    """`41 to 57`, rounded; one number where both ends are the same."""
    if not values:
        return say("page.not_stated")
    low, high = round(min(values)), round(max(values))
    return str(low) if low == high else say("page.between", low=low, high=high)


def _watched(coverage: Coverage) -> float:
    """Share of a stream that was looked at, per cent."""
    if coverage.total_seconds <= 0:  # a still picture lasts no time
        return figures.share(coverage.num_decoded, coverage.num_expected or coverage.num_decoded)
    return figures.share(coverage.examined_seconds, coverage.total_seconds)


_SCALE_END = math.log(1e7)
"""Ends of the drawn scale: one decade beyond the last step of the ENFSI scale (2015)."""


def _place(llr: float) -> float:
    """Where an LLR stands on the drawn scale, per cent from the left."""
    return round(50 + 50 * min(max(llr / _SCALE_END, -1.0), 1.0), 2)


def _pin(decades: int) -> float:
    return _place(decades * math.log(10))


def _flat(values: dict[str, Any], path: str = "") -> Iterable[tuple[str, str]]:
    """Nested settings as `section.name` and value."""
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", _plain(value)


def _plain(value: object) -> str:
    """A setting or a fact of unknown kind in words."""
    if value is None:
        return say("page.not_stated")
    if isinstance(value, bool):
        return say("page.yes" if value else "page.no")
    if isinstance(value, str | int):
        return str(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value)) or say("page.none")
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
