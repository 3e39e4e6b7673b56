"""A measurement as pictures. The same document makes the same bytes with the same matplotlib."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.throughput.batches import OURS
from benchmarks.throughput.document import Batches, Contest, Document, Row, Workers
from benchmarks.throughput.samples import ratios

_OWN, _OTHER = "#1b6ca8", "#9aa5ad"
"""Of bars: this program, and others."""
_WIDTH_INCHES = 7.0


def draw(document: Document, out: Path) -> list[Path]:
    """Write `throughput-PART.svg` for each part that was measured.

    Args:
        document: What was measured.
        out: Folder of the pictures.

    Returns:
        The files written.
    """
    written = []
    with mpl.rc_context(
        {
            "svg.hashsalt": "unmask",  # ids of elements are drawn from it
            "svg.fonttype": "none",  # text stays text: no outlines that depend on the fonts of this machine
            "font.family": "sans-serif",
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    ):
        for name, figure in _figures(document):
            path = out / f"throughput-{name}.svg"
            # Date and version of the library would make other bytes of the same numbers.
            figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
            written.append(path)
    return written


def _figures(document: Document) -> Iterator[tuple[str, Figure]]:
    if document.stages:
        bars = {f"{row.name} ({part.device})": row.values for part in document.stages for row in part.rows}
        yield "stages", _bars(bars, "seconds", own=list(bars)[2:])
    if document.contests:
        yield "baselines", _contests(document.contests)
    if document.batches is not None:
        yield "batches", _batches(document.batches)
    if document.workers is not None:
        yield "workers", _workers(document.workers)
    if document.cold is not None:
        yield "cold", _bars(_named(document.cold.rows), "seconds", own=[row.name for row in document.cold.rows])
    if document.memory is not None:
        peaks = {row.name: tuple(value / 1e6 for value in row.values) for row in document.memory.rows}
        yield "memory", _bars(peaks, "peak memory, MB", own=list(peaks)[:1])


def _named(rows: Sequence[Row]) -> dict[str, tuple[float, ...]]:
    return {row.name: row.values for row in rows}


def _bars(values: Mapping[str, Sequence[float]], label: str, *, own: Sequence[str]) -> Figure:
    """Medians as bars to the right, with whiskers from the smallest to the largest."""
    figure = Figure(figsize=(_WIDTH_INCHES, 0.9 + 0.32 * len(values)), layout="constrained")
    _draw_bars(figure.subplots(), values, label, own)
    return figure


def _draw_bars(axes: Axes, values: Mapping[str, Sequence[float]], label: str, own: Sequence[str]) -> None:
    places = range(len(values))
    colours = [_OWN if name in own else _OTHER for name in values]
    medians = [statistics.median(one) for one in values.values()]
    axes.barh(places, medians, xerr=_whiskers(list(values.values())), color=colours, ecolor="black", capsize=2)
    axes.set_yticks(places, list(values))
    axes.invert_yaxis()
    axes.set_xlabel(label)


def _whiskers(values: Sequence[Sequence[float]]) -> list[list[float]]:
    """How far the smallest and the largest are from the median, (2, n)."""
    medians = [statistics.median(one) for one in values]
    below = [median - min(one) for median, one in zip(medians, values, strict=True)]
    above = [max(one) - median for median, one in zip(medians, values, strict=True)]
    return [below, above]


def _contests(contests: Sequence[Contest]) -> Figure:
    count = sum(len(part.rows) for part in contests)
    figure = Figure(figsize=(_WIDTH_INCHES, 1.1 * len(contests) + 0.32 * count), layout="constrained")
    heights = [len(part.rows) for part in contests]
    grid = figure.subplots(len(contests), 1, squeeze=False, height_ratios=heights)
    for axes, part in zip(grid[:, 0], contests, strict=True):
        ours = part.rows[0].seconds
        values = {row.name: ratios(row.seconds, ours) for row in part.rows}
        _draw_bars(axes, values, f"time, x {part.rows[0].name}", [name for name in values if name.startswith(OURS)])
        axes.set_title(f"{part.title}, {part.device}", fontsize="medium", loc="left")
    return figure


def _batches(part: Batches) -> Figure:
    groups = [(key, list(rows)) for key, rows in groupby(part.rows, lambda row: (row.items, row.device))]
    figure = Figure(figsize=(_WIDTH_INCHES, 2.8 * len(groups)), layout="constrained")
    for axes, ((items, device), found) in zip(
        figure.subplots(len(groups), 1, squeeze=False)[:, 0], groups, strict=True
    ):
        for (checkpoint, way), rows in groupby(found, lambda row: (row.checkpoint, row.way)):
            kept = list(rows)
            colour = _OWN if way == OURS else _OTHER
            _line(axes, [row.size for row in kept], [row.per_second for row in kept], f"{checkpoint}, {way}", colour)
        axes.set_xscale("log", base=2)
        sizes = sorted({row.size for row in found})
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.set_xlabel("batch")
        axes.set_ylabel(f"{items} a second")
        axes.set_title(device, fontsize="medium", loc="left")
        axes.legend(fontsize="small", frameon=False)
    return figure


def _workers(part: Workers) -> Figure:
    bars = {
        f"{row.way}, {row.workers} worker{'' if row.workers == 1 else 's'}": ratios(
            row.per_minute, part.rows[0].per_minute
        )
        for row in part.rows
    }
    return _bars(bars, f"recordings a minute, x {part.rows[0].way}", own=list(bars))


def _line(axes: Axes, at: Sequence[float], values: Sequence[Sequence[float]], label: str, colour: str) -> None:
    medians = [statistics.median(one) for one in values]
    axes.errorbar(at, medians, yerr=_whiskers(values), label=label, color=colour, marker="o", markersize=4, capsize=2)
    axes.set_ylim(bottom=0)
