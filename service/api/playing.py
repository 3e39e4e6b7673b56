"""A report laid out for a player: which boxes, voices, segments and gaps to show when.

A subject's scores are on the scale of LLRs where its checkpoint is calibrated, else on that of raw outputs: the two
are never mixed in one column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from detect.pixels import squared
from detect.report import Body, Coverage, ModelScore, Report, Span, StreamFacts, Track, Voice
from service.api.schemas.jobs import Finding
from service.api.schemas.timeline import (
    SpanSeconds,
    Timeline,
    TimelineAbstention,
    TimelineCaveat,
    TimelineConclusion,
    TimelineDefect,
    TimelineExhibit,
    TimelineModel,
    TimelineScores,
    TimelineSegment,
    TimelineStream,
    TimelineTrack,
    TimelineUtterance,
    TimelineVoice,
)
from service.conclusion import conclude

_MAX_ASPECT = 8
"""As `detect.streams`: a stored pixel of another shape is not credible, and is taken for square."""
_DECIMALS = 3
"""Of a score: more is neither drawn nor read."""

Scored = tuple[Mapping[str, float], Mapping[str, float]]
"""LLRs and logits of one sample or window, by checkpoint."""


def timeline_of(job_id: str, report: Report) -> Timeline:
    """What a player shows of a report.

    Args:
        job_id: Whose.
        report: Under the name that its reader knows.
    """
    body = report.body
    threshold = flag_llr(body)
    conclusion = conclude(body)
    return Timeline(
        job=job_id,
        filename=body.recording.name,
        media=body.recording.media,
        duration_seconds=body.recording.duration_seconds,
        examination=body.outcome.examination,
        message=body.outcome.message,
        flag_llr=threshold,
        conclusion=TimelineConclusion(
            kind=conclusion.kind, headline=conclusion.headline, meaning=list(conclusion.meaning)
        ),
        findings=[
            Finding(
                subject=entry.subject, status=entry.status, llr=entry.llr, verbal=entry.verbal, flagged=entry.flagged
            )
            for entry in body.findings
        ],
        models=[
            TimelineModel(name=model.name, modality=model.modality, status=model.status) for model in body.models
        ],
        streams=_streams(body),
        tracks=[_track(track, threshold) for track in body.tracks],
        voices=[_voice(voice, threshold) for voice in body.voices],
        segments=[
            TimelineSegment(
                modality=entry.modality,
                span=_pair(entry.span),
                subjects=entry.subjects,
                llr=_highest(entry.scores),
                flagged=entry.flagged,
            )
            for entry in body.segments
        ],
        abstentions=[
            TimelineAbstention(
                reason=entry.reason,
                subject=entry.subject,
                modality=entry.modality,
                span=_maybe(entry.span),
                detail=entry.detail,
            )
            for entry in body.abstentions
        ],
        defects=[
            TimelineDefect(
                kind=entry.kind, stream=entry.stream, span=_maybe(entry.span), count=entry.count, detail=entry.detail
            )
            for entry in body.defects
        ],
        caveats=[TimelineCaveat(kind=entry.kind, stream=entry.stream, detail=entry.detail) for entry in body.caveats],
        exhibits=[
            TimelineExhibit(
                span=_pair(entry.span), **entry.model_dump(exclude={"span", "media_type", "sha256"})
            )
            for entry in body.exhibits
        ],
        statements=body.statements,
    )  # fmt: skip


def flag_llr(body: Body) -> float | None:
    """LLR from which the report flags, in nats; None where the report does not say."""
    value = body.configuration.values.get("scoring", {}).get("flag_llr")
    return float(value) if isinstance(value, int | float) else None


def is_flagged(scores: Sequence[ModelScore], threshold: float | None) -> bool | None:
    """Whether a track or voice is flagged, as a segment is: by any checkpoint's LLR.

    Returns:
        None where nothing calibrated was scored: the machine says neither.
    """
    highest = _highest(scores)
    return None if highest is None or threshold is None else highest >= threshold


def _track(track: Track, threshold: float | None) -> TimelineTrack:
    samples = track.samples
    return TimelineTrack(
        id=track.id,
        stream=track.stream,
        span=_pair(track.span),
        static=track.static,
        flagged=is_flagged(track.scores, threshold) or False,
        times=[sample.time_seconds for sample in samples],
        boxes=[sample.box_px for sample in samples],
        detected=[sample.detected for sample in samples],
        not_scored=[sample.not_scored_because for sample in samples],
        scores=_columns(track.scores, [(sample.llrs, sample.logits) for sample in samples]),
        exhibits=track.exhibits,
    )


def _voice(voice: Voice, threshold: float | None) -> TimelineVoice:
    windows = [window for utterance in voice.utterances for window in utterance.windows]
    return TimelineVoice(
        id=voice.id,
        stream=voice.stream,
        channel=voice.channel,
        flagged=is_flagged(voice.scores, threshold) or False,
        utterances=[TimelineUtterance(id=entry.id, span=_pair(entry.span)) for entry in voice.utterances],
        windows=[_pair(window.span) for window in windows],
        scores=_columns(voice.scores, [(window.llrs, window.logits) for window in windows]),
        exhibits=voice.exhibits,
    )


def _columns(scores: Sequence[ModelScore], scored: Sequence[Scored]) -> list[TimelineScores]:
    columns = []
    for score in scores:
        calibrated = score.llr is not None
        values = [(llrs if calibrated else logits).get(score.model) for llrs, logits in scored]
        columns.append(
            TimelineScores(
                model=score.model,
                scale="llr" if calibrated else "logit",
                overall=_short(score.llr if calibrated else score.logit),
                values=[_short(value) for value in values],
            )
        )
    return columns


def _streams(body: Body) -> list[TimelineStream]:
    coverage = {entry.stream: entry for entry in body.coverage}
    return [_stream(facts, coverage.get(facts.index)) for facts in body.recording.streams]


def _stream(facts: StreamFacts, coverage: Coverage | None) -> TimelineStream:
    width, height = upright_size(facts)
    ends = facts.start_seconds, facts.end_seconds
    return TimelineStream(
        index=facts.index,
        kind=facts.kind,
        span=None if ends[0] is None or ends[1] is None else (ends[0], ends[1]),
        width_px=width,
        height_px=height,
        examined=facts.examined,
        not_examined_because=facts.not_examined_because,
        sampled=coverage.sampled_seconds if coverage is not None else [],
    )


def upright_size(facts: StreamFacts) -> tuple[int | None, int | None]:
    """Width and height of a stream's upright frames with square pixels, in which boxes are given."""
    if facts.width_px is None or facts.height_px is None:
        return None, None
    width, height = squared(facts.width_px, facts.height_px, _aspect(facts.sample_aspect_ratio))
    return (height, width) if (facts.rotation_degrees or 0) % 180 == 90 else (width, height)


def _aspect(text: str | None) -> Fraction:
    try:
        aspect = Fraction((text or "1:1").replace(":", "/"))
    except (ValueError, ZeroDivisionError):
        return Fraction(1)
    return aspect if Fraction(1, _MAX_ASPECT) <= aspect <= _MAX_ASPECT else Fraction(1)


def _highest(scores: Sequence[ModelScore]) -> float | None:
    return max((score.llr for score in scores if score.llr is not None), default=None)


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, _DECIMALS)


def _pair(span: Span) -> SpanSeconds:
    return span.start_seconds, span.end_seconds


def _maybe(span: Span | None) -> SpanSeconds | None:
    return None if span is None else _pair(span)
