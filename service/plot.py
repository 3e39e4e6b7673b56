"""Marks on one time axis: across in per cent of its length, downwards in pixels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from detect.report import Span
from service.figures import clock, interval, signed
from service.texts import say

_MAX_MARKS = 160
"""A plot is about 700 px wide on a desk and 340 on a telephone: a mark keeps two pixels at least."""
_MAX_TICKS = 480
_MAX_TITLE = 400
"""Characters after which further causes of one drawn gap are not added to its tooltip; the lists name them all."""
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800)
_MAX_LABELS = 8
_PADDING = 5
_FULL_BAR = math.log(100)
"""Least LLR of a full bar: a weak LLR (ENFSI 2015: a ratio under 10) then never fills more than half of it."""

Scale = Literal["llr", "logit", "none", "sampled"]


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
class Point:
    """A value and the time it belongs to."""

    span: Span
    value: float
    flagged: bool = False


class Plot:
    """One axis, and the scales that its rows share.

    Args:
        start: Left end, seconds.
        end: Right end, seconds; after `start`.
        threshold: Flagging threshold, LLR; None where the settings name none.
    """

    def __init__(self, start: float, end: float, threshold: float | None) -> None:
        self.start, self.end = start, end
        self.full_bar = _FULL_BAR
        """LLR that fills a bar."""
        self._threshold = threshold
        self._bounds: dict[str, tuple[float, float]] = {}

    def axis(self) -> list[tuple[float, str]]:
        """Per cent and label of the ticks."""
        length = self.end - self.start
        step = next((step for step in _STEPS if length / step <= _MAX_LABELS), length / _MAX_LABELS)
        decimals = 1 if step < 1 else 0
        first, last = math.ceil(self.start / step - 1e-9), math.floor(self.end / step + 1e-9)
        return [(100 * (n * step - self.start) / length, clock(n * step, decimals)) for n in range(first, last + 1)]

    def fit(self, row: Row, points: Sequence[Point]) -> None:
        """Widen the scale of a row's kind so that its points fit; all rows are fitted before one is drawn."""
        values = [point.value for point in points]
        if row.scale == "llr":
            self.full_bar = max([self.full_bar, *map(abs, values)])
        elif values and row.model is not None:
            low, high = self._bounds.get(row.model, (math.inf, -math.inf))
            self._bounds[row.model] = (min([low, *values]), max([high, *values]))

    def stretch(self, span: Span, title: str) -> Stretch:
        """A piece of the axis, cut at its ends."""
        left = self._percent(span.start_seconds)
        return Stretch(left=left, width=round(self._percent(span.end_seconds) - left, 3), title=title)

    def ticks(self, times: Sequence[float]) -> list[float]:
        """Places of instants, each place once."""
        cells = {round(self._percent(time) / 100 * _MAX_TICKS) for time in times}
        return [100 * cell / _MAX_TICKS for cell in sorted(cells)]

    def draw(self, row: Row, points: Sequence[Point]) -> None:
        """Marks, bounds and description of one row, whose height and scale are known."""
        row.count = len(points)
        if not points:
            row.description = with_gaps(say("timeline.description_none"), row)
            return
        top = max(points, key=lambda point: point.value)
        row.lowest, row.highest = min(point.value for point in points), top.value
        row.highest_at = interval(top.span)
        row.description = with_gaps(
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

    def _cells(self, points: Sequence[Point]) -> Iterable[list[Point]]:
        if len(points) <= _MAX_MARKS:
            return [[point] for point in points]
        cells: dict[int, list[Point]] = {}
        for point in points:
            middle = self._percent((point.span.start_seconds + point.span.end_seconds) / 2)
            cells.setdefault(min(int(middle / 100 * _MAX_MARKS), _MAX_MARKS - 1), []).append(point)
        return [cells[index] for index in sorted(cells)]

    def _mark(self, row: Row, cell: list[Point]) -> Mark:
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

    def _percent(self, seconds: float) -> float:
        return round(100 * (min(max(seconds, self.start), self.end) - self.start) / (self.end - self.start), 3)


def _kind(llr: float) -> str:
    """Colour step: the ENFSI scale (2015) begins at a ratio of 2, `moderate` at 10, `moderately strong` at 100."""
    steps = sum(abs(llr) >= math.log(bound) for bound in (2, 10, 100))
    return "neutral" if steps == 0 else f"{'for' if llr > 0 else 'against'}-{steps}"


def with_gaps(description: str, row: Row) -> str:
    """A row's description with the number of its gaps."""
    return f"{description} {say('timeline.gaps', count=len(row.gaps))}" if row.gaps else description


def merged(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Neighbours too close to be told apart drawn as one. They come in order of their left ends."""
    found: list[Stretch] = []
    for stretch in stretches:
        last = found[-1] if found else None
        if last is None or stretch.left > last.left + last.width + 100 / _MAX_TICKS:
            found.append(stretch)
            continue
        right = max(last.left + last.width, stretch.left + stretch.width)
        new = stretch.title and stretch.title not in last.title and len(last.title) < _MAX_TITLE
        title = f"{last.title} {stretch.title}" if new else last.title
        found[-1] = Stretch(left=last.left, width=round(right - last.left, 3), title=title)
    return found
