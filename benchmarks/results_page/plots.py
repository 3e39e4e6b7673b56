"""Curves of a view's systems: ROC, DET, reliability, risk against coverage; and how each attack is told apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from statistics import NormalDist

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from benchmarks.bootstrap import Scored
from benchmarks.metrics import auc, det, reliability, risk_coverage, roc
from benchmarks.results_page.blocks import Plot
from benchmarks.results_page.breakdowns import by_attack
from benchmarks.results_page.intervals import ends
from benchmarks.results_page.numbers import marked
from benchmarks.results_page.samples import Sample
from benchmarks.results_page.svg import INK, QUIET, colour, dash, draw
from benchmarks.results_page.views import View
from benchmarks.tables import classes

FloatArray = NDArray[np.float64]
Curve = tuple[FloatArray, FloatArray]

_SIDE = 3.9
"""Inches: at a plot's width on a phone, 9 point text is then as large as the page's."""
_LEGEND_LINE = 0.18
"""Inches that a system takes in the legend."""
_RESOLUTION = 600
"""Steps of an axis that can be told apart on a screen: curves of tens of thousands of trials are thinned to these."""
_DET_TICKS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
"""Rates at which the DET's axes are labelled; they end at the first and the last."""
_WIDTH = 5.2
"""Inches of the attacks' bars: names stand beside them."""
_BAR = 0.13
"""Inches that a system takes in an attack's bars."""


def plots(view: View, found: Sequence[Sample], of: str, *, name: str) -> list[Plot]:
    """All plots of a view for which there are scores of both classes.

    Args:
        view: For the titles.
        found: Its systems.
        of: The subset, for the titles.
        name: Of the run, for ids; lower case with hyphens.
    """
    separating = [(place, sample) for place, sample in enumerate(found) if _both(sample.separating)]
    calibrated = [(place, sample) for place, sample in enumerate(found) if _both(sample.llrs)]
    kinds: list[tuple[str, Sequence[tuple[int, Sample]], Callable[[Axes, Sequence[tuple[int, Sample]]], None], str]] = [
        ("ROC", separating, _roc, "share of spoofs flagged against share of bona fide flagged"),
        ("DET", separating, _det, "share of spoofs missed against share of bona fide flagged, on normal deviates"),
        ("Reliability", calibrated, _reliability, "share of spoofs against the probability that the LLRs give"),
        ("Risk and coverage", calibrated, _risk, "share of wrong decisions against the share of trials decided"),
    ]
    made = []
    for kind, shown, paint, what in kinds:
        if shown:
            told = "; ".join(f"{marked(sample.system)}: {_told(kind, sample)}" for _, sample in shown)
            alternative = f"{kind} of {of}, {view.noun}: {what}. {told}. The numbers stand in the tables."
            size = (_SIDE, _SIDE + _LEGEND_LINE * (len(shown) + 1))
            svg = draw(
                partial(_painted, paint, shown),
                inches=size,
                name=f"{name}-{view.noun}-{_slug(kind)}",
                alternative=alternative,
            )
            made.append(Plot(title=f"{kind}: {of}, {view.noun}", svg=svg, alternative=alternative))
    return [*made, *_attacks(view, separating, of, name)]


def _painted(
    paint: Callable[[Axes, Sequence[tuple[int, Sample]]], None], shown: Sequence[tuple[int, Sample]], axes: Axes
) -> None:
    paint(axes, shown)


def _both(scored: Sequence[Scored]) -> bool:
    return len({one.is_spoof for one in scored}) == 2


def _slug(kind: str) -> str:
    return kind.lower().replace(" ", "-")


def _told(kind: str, sample: Sample) -> str:
    if kind in {"ROC", "DET"}:
        bonafide, spoof = classes(sample.separating)
        return f"AUC {auc(bonafide=bonafide, spoof=spoof):.3f}"
    return f"{len(sample.llrs):,} trials"


def _roc(axes: Axes, shown: Sequence[tuple[int, Sample]]) -> None:
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8, label="chance")
    for place, sample in shown:
        bonafide, spoof = classes(sample.separating)
        curve = roc(bonafide=bonafide, spoof=spoof)
        _line(axes, place, sample, (curve.fpr, curve.tpr))
    _square(axes, "bona fide flagged", "spoofs flagged")


def _det(axes: Axes, shown: Sequence[tuple[int, Sample]]) -> None:
    ticks = [NormalDist().inv_cdf(rate) for rate in _DET_TICKS]
    axes.plot([ticks[0], ticks[-1]], [-ticks[0], -ticks[-1]], color=QUIET, linewidth=0.8, label="chance")
    for place, sample in shown:
        bonafide, spoof = classes(sample.separating)
        curve = det(bonafide=bonafide, spoof=spoof)
        _line(axes, place, sample, (curve.fpr, curve.fnr))
    labels = [f"{rate:.3%}".rstrip("0%").rstrip(".") + " %" for rate in _DET_TICKS]
    axes.set_xticks(ticks, labels, rotation=45)
    axes.set_yticks(ticks, labels)
    axes.set(xlim=(ticks[0], ticks[-1]), ylim=(ticks[0], ticks[-1]), aspect="equal")
    axes.set(xlabel="bona fide flagged", ylabel="spoofs missed")


def _reliability(axes: Axes, shown: Sequence[tuple[int, Sample]]) -> None:
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8, label="calibrated")
    for place, sample in shown:
        bonafide, spoof = classes(sample.llrs)
        curve = reliability(bonafide=bonafide, spoof=spoof)
        _line(axes, place, sample, (curve.predicted, curve.observed), marker="o")
    _square(axes, "probability of a spoof at even prior odds", "share of spoofs")


def _risk(axes: Axes, shown: Sequence[tuple[int, Sample]]) -> None:
    for place, sample in shown:
        bonafide, spoof = classes(sample.llrs)
        abstained = len(sample.labelled) - len(sample.llrs)
        curve = risk_coverage(bonafide=bonafide, spoof=spoof, abstained=abstained)
        _line(axes, place, sample, (curve.coverage, curve.risk))
    axes.set(xlim=(0, 1), xlabel="decided, of all trials", ylabel="wrong, of those decided at LLR 0")
    axes.set_ylim(bottom=0)


def _square(axes: Axes, across: str, up: str) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel=across, ylabel=up)


def _line(axes: Axes, place: int, sample: Sample, curve: Curve, marker: str = "") -> None:
    across, up = _thinned(*curve)
    axes.plot(
        across,
        up,
        color=colour(place),
        linestyle=dash(place),
        linewidth=1.6,
        marker=marker,
        markersize=3,
        label=marked(sample.system),
    )


def _thinned(across: FloatArray, up: FloatArray) -> Curve:
    """The curve without vertices that no screen tells from the one before."""
    if not len(across):
        return across, up
    points = np.column_stack([across, up])
    extent = np.ptp(points, axis=0)
    steps = np.round(points / np.where(extent > 0, extent, 1) * _RESOLUTION)
    kept = np.any(np.diff(steps, axis=0, prepend=np.inf) != 0, axis=1)
    kept[-1] = True
    return across[kept], up[kept]


def _attacks(view: View, shown: Sequence[tuple[int, Sample]], of: str, name: str) -> list[Plot]:
    bars = [(place, sample, by_attack(sample)) for place, sample in shown]
    attacks = sorted({part.value for _, _, parts in bars for part in parts})
    if not attacks:
        return []
    rows = {attack: place for place, attack in enumerate(attacks)}

    def paint(axes: Axes) -> None:
        height = 0.8 / len(bars)
        for order, (place, sample, parts) in enumerate(bars):
            values = [_measured(part.separating) for part in parts]
            middles = [rows[part.value] - 0.4 + (order + 0.5) * height for part in parts]
            axes.barh(middles, [value for value, _ in values], height * 0.85, color=colour(place), alpha=0.75)
            for middle, (_, (low, high)) in zip(middles, values, strict=True):
                axes.plot([low, high], [middle, middle], color=INK, linewidth=1)
            axes.plot([], [], color=colour(place), linewidth=5, label=marked(sample.system))
        axes.axvline(0.5, color=QUIET, linewidth=0.8)
        axes.set(xlim=(0, 1), ylim=(len(attacks) - 0.4, -0.6), xlabel="AUC; the line at 0.5 is chance")
        axes.set_yticks(range(len(attacks)), [_short(attack) for attack in attacks])
        axes.grid(visible=False, axis="y")

    told = "; ".join(
        f"{part.value}, {marked(sample.system)}: {_measured(part.separating)[0]:.3f}"
        for _, sample, parts in bars
        for part in parts
    )
    alternative = f"AUC of each attack of {of}, {view.noun}, against all bona fide, with 95 % intervals. {told}."
    size = (_WIDTH, 0.7 + len(attacks) * (0.12 + _BAR * len(bars)) + _LEGEND_LINE * len(bars))
    svg = draw(paint, inches=size, name=f"{name}-{view.noun}-attacks", alternative=alternative)
    return [Plot(title=f"By attack: {of}, {view.noun}", svg=svg, alternative=alternative, wide=True)]


def _measured(scored: Sequence[Scored]) -> tuple[float, tuple[float, float]]:
    bonafide, spoof = classes(scored)
    return auc(bonafide=bonafide, spoof=spoof), ends(auc, scored)


def _short(text: str, most: int = 28) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
