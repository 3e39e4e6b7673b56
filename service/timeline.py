"""The report's timeline as rows of marks: across in per cent of its length, downwards in pixels.

One row a face track or voice and model, one for the segments of each modality and model, one for the sampled pictures
of each video stream. The work is bounded: a row draws at most `_MAX_MARKS` marks, and only `MAX_ROWS` tracks and voices
are drawn, however long the recording is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from detect.report import Body, ModelScore, Span, Track, Voice
from detect.types import Modality
from service.figures import clock, interval, signed
from service.texts import say

MAX_ROWS = 24
"""Tracks, and voices, that are drawn: as many as `detect.config.Exhibits` keeps pictures of."""
_MAX_MARKS = 160
"""A plot is about 700 px wide on a desk and 340 on a telephone: a mark keeps two pixels at least."""
_MAX_TICKS = 480
_MAX_TITLE = 400
"""Characters after which further causes of one drawn gap are not added to its tooltip; the lists name them all."""
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800)
_MAX_LABELS = 8
_HEIGHT = {"llr": 56, "logit": 40, "none": 24, "sampled": 22}
_LOW_HEIGHT = {"llr": 38, "logit": 30, "none": 24, "sampled": 22}
_FEW_ROWS = 12
"""Up to so many rows stand at full height: with the axis they fill one screen."""
_PADDING = 5
_FULL_BAR = math.log(100)
"""Least LLR of a full bar: a weak LLR (ENFSI 2015: a ratio under 10) then never fills more than half of it."""

Scale = Literal["llr", "logit", "none", "sampled"]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One drawn value."""

    left: float
    width: float
    """Per cent; 0 where the value belongs to one instant."""
    top: float
    height: float
    reach: tuple[float, float] | None
    """Top and bottom of the line from the lowest to the highest of several values."""
    kind: str
    flagged: bool
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A piece of the time axis."""

    left: float
    width: float
    title: str


@dataclass(slots=True, kw_only=True)
class Row:
    """One line of the timeline."""

    label: str
    model: str | None
    scale: Scale
    anchor: str | None = None
    overall: str = ""
    description: str = ""
    marks: list[Mark] = field(default_factory=list)
    bands: list[Stretch] = field(default_factory=list)
    """Where the face or the speech is."""
    gaps: list[Stretch] = field(default_factory=list)
    """Lost or not scored."""
    ticks: list[float] = field(default_factory=list)
    count: int = 0
    lowest: float = 0.0
    highest: float = 0.0
    highest_at: str = ""
    threshold: float | None = None
    """Distance of the flagging threshold from the top."""
    height: int = 0
    """Pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """All rows on one axis."""

    start: float
    end: float
    axis: list[tuple[float, str]]
    """Per cent and label."""
    full_bar: float
    rows: list[Row]

    @property
    def is_long(self) -> bool:
        """Whether its head and foot do not fit one screen."""
        return len(self.rows) > _FEW_ROWS

    def has(self, scale: Scale) -> bool:
        """Whether a row is drawn on this scale."""
        return any(row.scale == scale for row in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    span: Span
    value: float
    flagged: bool = False


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
    draft = _Draft(body, start, end)
    rows = draft.rows()
    return Timeline(start=start, end=end, axis=_axis(start, end), full_bar=draft.full_bar, rows=rows) if rows else None


def _spans(body: Body) -> Iterable[Span]:
    for coverage in body.coverage:
        yield from (Span(start_seconds=time, end_seconds=time) for time in coverage.sampled_seconds)
    for entry in (*body.abstentions, *body.defects):
        if entry.span is not None:
            yield entry.span
    for piece in (*body.segments, *body.tracks):
        yield piece.span
    for voice in body.voices:
        yield from (utterance.span for utterance in voice.utterances)


def _axis(start: float, end: float) -> list[tuple[float, str]]:
    step = next((step for step in _STEPS if (end - start) / step <= _MAX_LABELS), 86_400.0)
    decimals = 1 if step < 1 else 0
    first, last = math.ceil(start / step - 1e-9), math.floor(end / step + 1e-9)
    return [(100 * (n * step - start) / (end - start), clock(n * step, decimals)) for n in range(first, last + 1)]


class _Draft:
    """Rows in the making: what they share is the axis and the scales."""

    def __init__(self, body: Body, start: float, end: float) -> None:
        self._body = body
        self._start, self._end = start, end
        self._threshold = body.configuration.values.get("scoring", {}).get("flag_llr")
        self._tracks = highest(body.tracks, MAX_ROWS, lambda track: strength(track.scores))
        self._voices = highest(body.voices, MAX_ROWS, lambda voice: strength(voice.scores))
        self._calibrated = {model.name for model in body.models if model.status == "calibrated"}
        self._bounds: dict[str, tuple[float, float]] = {}
        self.full_bar = _FULL_BAR

    def rows(self) -> list[Row]:
        """Scales first, since a row is drawn against all others of its model."""
        plans: list[tuple[Row, list[_Point]]] = []
        for modality in Modality:
            plans += self._segment_plans(modality)
        for index, track in self._tracks:
            plans += self._track_plans(index, track)
        for index, voice in self._voices:
            plans += self._voice_plans(index, voice)
        for row, points in plans:
            values = [point.value for point in points]
            if row.scale == "llr":
                self.full_bar = max([self.full_bar, *map(abs, values)])
            elif values and row.model is not None:
                low, high = self._bounds.get(row.model, (math.inf, -math.inf))
                self._bounds[row.model] = (min([low, *values]), max([high, *values]))
        sampled = list(self._sampled())
        heights = _HEIGHT if len(sampled) + len(plans) <= _FEW_ROWS else _LOW_HEIGHT
        for row, points in [*((row, []) for row in sampled), *plans]:
            row.height = heights[row.scale]
            self._draw(row, points)
        return [*sampled, *(row for row, _ in plans)]

    def _segment_plans(self, modality: Modality) -> list[tuple[Row, list[_Point]]]:
        segments = [segment for segment in self._body.segments if segment.modality == modality]
        label = say(f"timeline.segments_{modality}")
        kinds = {"face": "video", "voice": "audio"}
        streams = {stream.index for stream in self._body.recording.streams if stream.kind == kinds[modality]}
        gaps = self._gaps({"recording", *(f"stream {index}" for index in streams)}, streams, modality)
        plans = []
        for model in _models(segment.scores for segment in segments):
            scale = self._scale(model)
            points = [
                _Point(span=segment.span, value=value, flagged=segment.flagged)
                for segment in segments
                for score in segment.scores
                if score.model == model and (value := score.llr if scale == "llr" else score.logit) is not None
            ]
            finding = next((entry for entry in self._body.findings if entry.subject == modality), None)
            row = Row(label=label, model=model, scale=scale, gaps=gaps)
            row.overall = _overall(finding.scores if finding else [], model, scale)
            plans.append((row, points))
        return plans

    def _track_plans(self, index: int, track: Track) -> list[tuple[Row, list[_Point]]]:
        band = self._stretch(track.span, f"{track.id}: {interval(track.span)}")
        gaps = self._gaps({track.id}, {track.stream}, Modality.FACE, within=track.span)
        plans = []
        for model in _models([track.scores]) or [None]:
            scale = self._scale(model)
            points = [
                _Point(span=Span(start_seconds=sample.time_seconds, end_seconds=sample.time_seconds), value=value)
                for sample in track.samples
                if (value := _value(sample.llrs, sample.logits, model, scale)) is not None
            ]
            row = Row(label=track.id, model=model, scale=scale, anchor=f"face-{index + 1}", bands=[band], gaps=gaps)
            row.overall = _overall(track.scores, model, scale)
            plans.append((row, points))
        return plans

    def _voice_plans(self, index: int, voice: Voice) -> list[tuple[Row, list[_Point]]]:
        bands = [self._stretch(utterance.span, "") for utterance in voice.utterances]
        gaps = self._gaps({voice.id}, {voice.stream}, Modality.VOICE)
        windows = [window for utterance in voice.utterances for window in utterance.windows]
        plans = []
        for model in _models([voice.scores]) or [None]:
            scale = self._scale(model)
            points = [
                _Point(span=window.span, value=value)
                for window in windows
                if (value := _value(window.llrs, window.logits, model, scale)) is not None
            ]
            row = Row(label=voice.id, model=model, scale=scale, anchor=f"voice-{index + 1}", gaps=gaps)
            row.bands = _merged(bands, 100 / _MAX_TICKS)
            row.overall = _overall(voice.scores, model, scale)
            plans.append((row, points))
        return plans

    def _sampled(self) -> Iterable[Row]:
        for coverage in self._body.coverage:
            times = coverage.sampled_seconds
            if not times:
                continue
            cells = sorted({round(self._percent(time) / 100 * _MAX_TICKS) for time in times})
            row = Row(label=say("timeline.sampled", stream=coverage.stream), model=None, scale="sampled")
            row.ticks = [100 * cell / _MAX_TICKS for cell in cells]
            row.gaps = self._gaps({f"stream {coverage.stream}"}, {coverage.stream}, Modality.FACE)
            row.count = len(times)
            row.overall = say("timeline.sampled_value", count=len(times))
            ends = {"first": clock(min(times)), "last": clock(max(times))}
            row.description = _with_gaps(say("timeline.sampled_description", count=len(times), **ends), row)
            yield row

    def _scale(self, model: str | None) -> Scale:
        if model is None:
            return "none"
        return "llr" if model in self._calibrated else "logit"

    def _percent(self, seconds: float) -> float:
        return round(100 * (min(max(seconds, self._start), self._end) - self._start) / (self._end - self._start), 3)

    def _stretch(self, span: Span, title: str) -> Stretch:
        left = self._percent(span.start_seconds)
        return Stretch(left=left, width=round(self._percent(span.end_seconds) - left, 3), title=title)

    def _gaps(
        self, subjects: set[str], streams: set[int], modality: Modality, within: Span | None = None
    ) -> list[Stretch]:
        gaps = [
            self._stretch(entry.span, f"{say(f'defect.{entry.kind}')} {entry.detail}")
            for entry in self._body.defects
            if entry.span is not None and (entry.stream is None or entry.stream in streams)
        ]
        gaps += [
            self._stretch(entry.span, f"{say(f'reason.{entry.reason}')} {entry.detail}")
            for entry in self._body.abstentions
            if entry.span is not None
            and entry.modality in (None, modality)
            and (entry.subject in subjects or entry.subject.split("/")[0] in subjects)
        ]
        if within is None and len(streams) == 1:
            gaps += self._absent(next(iter(streams)))
        return _merged(sorted(gaps, key=lambda gap: gap.left), 100 / _MAX_TICKS)

    def _absent(self, index: int) -> list[Stretch]:
        title = say("timeline.stream_absent")
        facts = next((stream for stream in self._body.recording.streams if stream.index == index), None)
        ends = []
        # A tenth of a second is less than the width of a tick in all but the shortest recordings.
        if facts is not None and facts.start_seconds is not None and facts.start_seconds > self._start + 0.1:
            ends.append(Span(start_seconds=self._start, end_seconds=facts.start_seconds))
        if facts is not None and facts.end_seconds is not None and facts.end_seconds < self._end - 0.1:
            ends.append(Span(start_seconds=facts.end_seconds, end_seconds=self._end))
        return [self._stretch(span, title) for span in ends]

    def _draw(self, row: Row, points: list[_Point]) -> None:
        if row.scale == "sampled":
            return
        row.count = len(points)
        if not points:
            row.description = _with_gaps(say("timeline.description_none"), row)
            return
        top = max(points, key=lambda point: point.value)
        row.lowest, row.highest = min(point.value for point in points), top.value
        row.highest_at = interval(top.span)
        row.description = _with_gaps(
            say(
                f"timeline.description_{row.scale}",
                count=len(points),
                lowest=signed(row.lowest),
                highest=signed(row.highest),
                at=row.highest_at,
            ),
            row,
        )
        if row.scale == "llr" and self._threshold is not None and 0 < self._threshold < self.full_bar:
            row.threshold = self._height(row, self._threshold)
        row.marks = [self._mark(row, cell) for cell in self._cells(points)]

    def _cells(self, points: list[_Point]) -> Iterable[list[_Point]]:
        if len(points) <= _MAX_MARKS:
            return [[point] for point in points]
        cells: dict[int, list[_Point]] = {}
        for point in points:
            middle = self._percent((point.span.start_seconds + point.span.end_seconds) / 2)
            cells.setdefault(min(int(middle / 100 * _MAX_MARKS), _MAX_MARKS - 1), []).append(point)
        return [cells[index] for index in sorted(cells)]

    def _mark(self, row: Row, cell: list[_Point]) -> Mark:
        values = [point.value for point in cell]
        mean, low, high = math.fsum(values) / len(values), min(values), max(values)
        span = Span(
            start_seconds=min(point.span.start_seconds for point in cell),
            end_seconds=max(point.span.end_seconds for point in cell),
        )
        left, right = self._percent(span.start_seconds), self._percent(span.end_seconds)
        y, base = self._height(row, mean), row.height / 2 if row.scale == "llr" else self._height(row, mean)
        texts = {"span": interval(span), "value": signed(mean)}
        return Mark(
            left=left,
            # A little less than the whole, so that neighbours stay apart.
            width=round(max(right - left - 0.2, 0.75 * (right - left)), 3),
            top=min(y, base),
            height=round(max(abs(y - base), 1.0), 1),
            reach=(self._height(row, high), self._height(row, low)) if len(cell) > 1 else None,
            kind=_kind(mean) if row.scale == "llr" else "logit",
            flagged=any(point.flagged for point in cell),
            title=say("timeline.mark", **texts)
            if len(cell) == 1
            else say("timeline.mark_cells", low=signed(low), high=signed(high), count=len(cell), **texts),
        )

    def _height(self, row: Row, value: float) -> float:
        room = row.height - 2 * _PADDING
        if row.scale == "llr":
            part = 0.5 - 0.5 * min(max(value / self.full_bar, -1.0), 1.0)
        else:
            low, high = self._bounds.get(row.model or "", (value, value))
            part = 0.5 if high == low else 1 - (value - low) / (high - low)
        return round(_PADDING + room * part, 1)


def _kind(llr: float) -> str:
    """Colour step: the ENFSI scale (2015) begins at a ratio of 2, `moderate` at 10, `moderately strong` at 100."""
    steps = sum(abs(llr) >= math.log(bound) for bound in (2, 10, 100))
    return "neutral" if steps == 0 else f"{'for' if llr > 0 else 'against'}-{steps}"


def _models(groups: Iterable[Sequence[ModelScore]]) -> list[str]:
    return list(dict.fromkeys(score.model for scores in groups for score in scores))


def _value(llrs: Mapping[str, float], logits: Mapping[str, float], model: str | None, scale: Scale) -> float | None:
    return None if model is None else (llrs if scale == "llr" else logits).get(model)


def _overall(scores: Sequence[ModelScore], model: str | None, scale: Scale) -> str:
    score = next((score for score in scores if score.model == model), None)
    if score is None:
        return say("timeline.value_none")
    if scale == "llr" and score.llr is not None:
        return say("timeline.value_llr", value=signed(score.llr))
    return say("timeline.value_logit", value=signed(score.logit))


def _with_gaps(description: str, row: Row) -> str:
    return f"{description} {say('timeline.gaps', count=len(row.gaps))}" if row.gaps else description


def _merged(stretches: Sequence[Stretch], distance: float) -> list[Stretch]:
    """Neighbours closer than `distance` per cent drawn as one; equal ones once."""
    merged: list[Stretch] = []
    for stretch in stretches:
        last = merged[-1] if merged else None
        if last is None or stretch.left > last.left + last.width + distance:
            merged.append(stretch)
            continue
        right = max(last.left + last.width, stretch.left + stretch.width)
        new = stretch.title and stretch.title not in last.title and len(last.title) < _MAX_TITLE
        title = f"{last.title} {stretch.title}" if new else last.title
        merged[-1] = Stretch(left=last.left, width=round(right - last.left, 3), title=title)
    return merged
