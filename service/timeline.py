"""What the report's timeline shows: one row a face track or voice and model, one for the segments of each modality.

The work is bounded: only `MAX_ROWS` tracks and voices are drawn, and `service.plot` draws a bounded number of marks in
a row, however long the recording is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from detect.report import Body, ModelScore, Span, Track, Voice
from detect.types import Modality
from service.figures import clock, interval, signed
from service.plot import Plot, Point, Row, Scale, Stretch, merged, with_gaps
from service.texts import say

MAX_ROWS = 24
"""Tracks, and voices, that are drawn: as many as `detect.config.Exhibits` keeps pictures of."""
_HEIGHT = {"llr": 56, "logit": 40, "none": 24, "sampled": 22}
_LOW_HEIGHT = {"llr": 38, "logit": 30, "none": 24, "sampled": 22}
_FEW_ROWS = 12
"""Up to so many rows stand at full height: with the axis they fill one screen."""
_END_SECONDS = 0.1
"""A stream that ends so little before the recording has no gap: containers round to frames."""
_STREAM_KIND = {Modality.FACE: "video", Modality.VOICE: "audio"}

Item = TypeVar("Item")
_Plan = tuple[Row, list[Point]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """All rows on one axis."""

    start: float
    end: float
    axis: list[tuple[float, str]]
    """Per cent and label."""
    full_bar: float
    """LLR that fills a bar."""
    rows: list[Row]

    @property
    def is_long(self) -> bool:
        """Whether its head and foot do not fit one screen."""
        return len(self.rows) > _FEW_ROWS

    def has(self, scale: Scale) -> bool:
        """Whether a row is drawn on this scale."""
        return any(row.scale == scale for row in self.rows)


def strength(scores: Sequence[ModelScore]) -> tuple[float, float]:
    """Sort key of a subject: its highest LLR, then its highest logit."""
    llrs = [score.llr for score in scores if score.llr is not None]
    return max(llrs, default=-math.inf), max((score.logit for score in scores), default=-math.inf)


def highest(items: Sequence[Item], limit: int, key: Callable[[Item], tuple[float, float]]) -> list[tuple[int, Item]]:
    """The `limit` items with the highest key, in their own order, each with its position."""
    ranked = sorted(range(len(items)), key=lambda index: (key(items[index]), -index), reverse=True)
    return [(index, items[index]) for index in sorted(ranked[:limit])]


def build_timeline(body: Body) -> Timeline | None:
    """Lay out what has a place in time; None where nothing has, or in a still picture."""
    if body.recording.media == "image":
        return None
    times = [point for span in _spans(body) for point in (span.start_seconds, span.end_seconds)]
    start, end = min([0.0, *times]), max([body.recording.duration_seconds or 0.0, *times])
    if end <= start:
        return None
    threshold = body.configuration.values.get("scoring", {}).get("flag_llr")
    plot = Plot(start, end, threshold)
    rows = _Rows(body, plot).drawn()
    return Timeline(start=start, end=end, axis=plot.axis(), full_bar=plot.full_bar, rows=rows) if rows else None


def _spans(body: Body) -> Iterable[Span]:
    for coverage in body.coverage:
        yield from (Span(start_seconds=time, end_seconds=time) for time in coverage.sampled_seconds)
    yield from (entry.span for entry in body.abstentions if entry.span is not None)
    yield from (entry.span for entry in body.defects if entry.span is not None)
    yield from (segment.span for segment in body.segments)
    yield from (track.span for track in body.tracks)
    for voice in body.voices:
        yield from (utterance.span for utterance in voice.utterances)


class _Rows:
    """Rows in the making: first what each shows, then how it is drawn, since rows share their scales."""

    def __init__(self, body: Body, plot: Plot) -> None:
        self._body, self._plot = body, plot
        self._calibrated = {model.name for model in body.models if model.status == "calibrated"}

    def drawn(self) -> list[Row]:
        """All rows, from the top."""
        body = self._body
        plans: list[_Plan] = []
        for modality in Modality:
            plans += self._of_segments(modality)
        for index, track in highest(body.tracks, MAX_ROWS, lambda track: strength(track.scores)):
            plans += self._of_track(index, track)
        for index, voice in highest(body.voices, MAX_ROWS, lambda voice: strength(voice.scores)):
            plans += self._of_voice(index, voice)
        sampled = list(self._of_samples())
        heights = _HEIGHT if len(sampled) + len(plans) <= _FEW_ROWS else _LOW_HEIGHT
        for row in sampled:
            row.height = heights[row.scale]
        for row, points in plans:
            row.height = heights[row.scale]
            self._plot.fit(row, points)
        for row, points in plans:
            self._plot.draw(row, points)
        return [*sampled, *(row for row, _ in plans)]

    def _of_samples(self) -> Iterable[Row]:
        for coverage in self._body.coverage:
            times = coverage.sampled_seconds
            if not times:
                continue
            row = Row(label=say("timeline.sampled", stream=coverage.stream), model=None, scale="sampled")
            row.ticks = self._plot.ticks(times)
            row.gaps = self._gaps({f"stream {coverage.stream}"}, {coverage.stream}, Modality.FACE)
            row.count = len(times)
            row.overall = say("timeline.sampled_value", count=len(times))
            ends = {"first": clock(min(times)), "last": clock(max(times))}
            row.description = with_gaps(say("timeline.sampled_description", count=len(times), **ends), row)
            yield row

    def _of_segments(self, modality: Modality) -> Iterable[_Plan]:
        segments = [segment for segment in self._body.segments if segment.modality == modality]
        kind = _STREAM_KIND[modality]
        streams = {stream.index for stream in self._body.recording.streams if stream.kind == kind}
        gaps = self._gaps({"recording", *(f"stream {index}" for index in streams)}, streams, modality)
        finding = next((entry for entry in self._body.findings if entry.subject == modality), None)
        for model in _models(segment.scores for segment in segments) if segments else []:
            scale = self._scale(model)
            points = [
                Point(span=segment.span, value=value, flagged=segment.flagged)
                for segment in segments
                for score in segment.scores
                if score.model == model and (value := score.llr if scale == "llr" else score.logit) is not None
            ]
            row = Row(label=say(f"timeline.segments_{modality}"), model=model, scale=scale, gaps=gaps)
            row.overall = _overall(finding.scores if finding else [], model, scale)
            yield row, points

    def _of_track(self, index: int, track: Track) -> Iterable[_Plan]:
        band = self._plot.stretch(track.span, f"{track.id}: {interval(track.span)}")
        gaps = self._gaps({track.id}, {track.stream}, Modality.FACE)
        for model in _models([track.scores]):
            scale = self._scale(model)
            points = [
                Point(span=Span(start_seconds=sample.time_seconds, end_seconds=sample.time_seconds), value=value)
                for sample in track.samples
                if (value := _value(sample.llrs, sample.logits, model, scale)) is not None
            ]
            row = Row(label=track.id, model=model, scale=scale, anchor=f"face-{index + 1}", bands=[band], gaps=gaps)
            row.overall = _overall(track.scores, model, scale)
            yield row, points

    def _of_voice(self, index: int, voice: Voice) -> Iterable[_Plan]:
        bands = merged([self._plot.stretch(utterance.span, "") for utterance in voice.utterances])
        gaps = self._gaps({voice.id}, {voice.stream}, Modality.VOICE)
        windows = [window for utterance in voice.utterances for window in utterance.windows]
        for model in _models([voice.scores]):
            scale = self._scale(model)
            points = [
                Point(span=window.span, value=value)
                for window in windows
                if (value := _value(window.llrs, window.logits, model, scale)) is not None
            ]
            row = Row(label=voice.id, model=model, scale=scale, anchor=f"voice-{index + 1}", bands=bands, gaps=gaps)
            row.overall = _overall(voice.scores, model, scale)
            yield row, points

    def _scale(self, model: str | None) -> Scale:
        if model is None:
            return "none"
        return "llr" if model in self._calibrated else "logit"

    def _gaps(self, subjects: set[str], streams: set[int], modality: Modality) -> list[Stretch]:
        """What was lost or not scored of these subjects, and where their only stream has nothing."""
        gaps = [
            self._plot.stretch(entry.span, f"{say(f'defect.{entry.kind}')} {entry.detail}")
            for entry in self._body.defects
            if entry.span is not None and (entry.stream is None or entry.stream in streams)
        ]
        gaps += [
            self._plot.stretch(entry.span, f"{say(f'reason.{entry.reason}')} {entry.detail}")
            for entry in self._body.abstentions
            if entry.span is not None
            and entry.modality in (None, modality)
            and (entry.subject in subjects or entry.subject.split("/")[0] in subjects)
        ]
        if len(streams) == 1:
            gaps += self._absent(next(iter(streams)))
        return merged(sorted(gaps, key=lambda gap: gap.left))

    def _absent(self, index: int) -> list[Stretch]:
        facts = next((stream for stream in self._body.recording.streams if stream.index == index), None)
        if facts is None:
            return []
        ends = []
        if facts.start_seconds is not None and facts.start_seconds > self._plot.start + _END_SECONDS:
            ends.append(Span(start_seconds=self._plot.start, end_seconds=facts.start_seconds))
        if facts.end_seconds is not None and facts.end_seconds < self._plot.end - _END_SECONDS:
            ends.append(Span(start_seconds=facts.end_seconds, end_seconds=self._plot.end))
        return [self._plot.stretch(span, say("timeline.stream_absent")) for span in ends]


def _models(groups: Iterable[Sequence[ModelScore]]) -> list[str | None]:
    """Names in order of appearance. None stands for a subject that nobody scored: it keeps its row."""
    return list(dict.fromkeys(score.model for scores in groups for score in scores)) or [None]


def _value(llrs: Mapping[str, float], logits: Mapping[str, float], model: str | None, scale: Scale) -> float | None:
    return None if model is None else (llrs if scale == "llr" else logits).get(model)


def _overall(scores: Sequence[ModelScore], model: str | None, scale: Scale) -> str:
    score = next((score for score in scores if score.model == model), None)
    if score is None:
        return say("timeline.value_none")
    if scale == "llr" and score.llr is not None:
        return say("timeline.value_llr", value=signed(score.llr))
    return say("timeline.value_logit", value=signed(score.logit))
