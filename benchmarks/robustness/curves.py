"""What each laundering costs: tables of its conditions, and curves of AUC against strength."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from matplotlib.axes import Axes

from benchmarks.bootstrap import Scored, paired_interval
from benchmarks.metrics import auc, cllr
from benchmarks.results_page.blocks import Block, Heading, Plot, Table, Text
from benchmarks.results_page.intervals import ends, with_interval
from benchmarks.results_page.numbers import coverage, flagged, in_domain_notes, marked
from benchmarks.results_page.run_section import AS_IT_IS, origin, subset, warnings
from benchmarks.results_page.samples import Sample, samples
from benchmarks.results_page.svg import colour, dash
from benchmarks.results_page.views import View, views
from benchmarks.robustness.conditions import Conditions
from benchmarks.robustness.laundering import KIND_OF_UNIT, Laundering
from benchmarks.robustness.launderings import LAUNDERINGS
from benchmarks.robustness.pictures_of_curves import picture, slug
from benchmarks.scorefile import FINDING, Row, ScoreFile
from benchmarks.tables import DASH, classes, value

HEADER = (
    "condition", "family", "scored", "AUC", "AUC less that as it is", "Cllr", "bona fide flagged", "spoofs flagged",
)  # fmt: skip
_MEANING = (
    "95 % intervals by groups of trials. The difference is of the trials that were scored in both conditions, on the "
    "same drawn groups; a laundering after which faces or voices are no longer scored shows in the third column. LLRs "
    "are by the same calibration throughout."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    """One system in one condition."""

    laundering: Laundering
    sample: Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class _Curve:
    """One system as it is, and in all laundered conditions."""

    clean: Sample
    points: Sequence[_Point]


def section(one: Conditions) -> list[Block]:
    """Tables and plots of one set of trials."""
    record = one.clean.record
    blocks: list[Block] = [Heading(level=2, text=record.title), *warnings(record), Text(text=origin(record))]
    for view in views(one.clean.rows):
        curves = _curves(view, one)
        blocks += [_table(view, curve, subset(record)) for curve in curves]
        blocks += _plots(view, curves, one)
    blocks += [Text(text=note) for note in in_domain_notes(record.systems)]
    blocks.append(Text(text=_not_measured(one)))
    return blocks


def _curves(view: View, one: Conditions) -> list[_Curve]:
    laundered = [(kind, _same_view(view, run)) for kind, run in one.laundered]
    return [
        _Curve(
            clean=clean,
            points=[
                _Point(
                    laundering=kind, sample=Sample(system=clean.system, labelled=changed.labelled(clean.system.subject))
                )
                for kind, changed in laundered
            ],
        )
        for clean in samples(view, one.clean.record.systems)
        if clean.separating
    ]


def _same_view(view: View, run: ScoreFile) -> View:
    return next((other for other in views(run.rows) if other.noun == view.noun), View(noun=view.noun, rows=()))


def _table(view: View, curve: _Curve, of: str) -> Table:
    rows = [_cells(AS_IT_IS, "", curve.clean, "")]
    for point in curve.points:
        condition = point.laundering
        rows.append(_cells(condition.name, condition.family, point.sample, _difference(curve.clean, point.sample)))
    return Table(
        title=f"{marked(curve.clean.system)}: {of}, {view.noun}",
        header=HEADER,
        rows=rows,
        words=2,
        notes=(_MEANING,),
    )


def _cells(name: str, family: str, sample: Sample, difference: str) -> list[str]:
    llrs = sample.llrs
    return [
        name,
        family,
        coverage(sample),
        with_interval(auc, sample.separating),
        difference,
        value(cllr, llrs) if llrs else DASH,
        *(flagged(llrs) if llrs else (DASH, DASH)),
    ]


def _difference(clean: Sample, changed: Sample) -> str:
    """Laundered less clean, of the trials scored in both."""
    before, after = _by_id(clean), _by_id(changed)
    common = [name for name in sorted(before) if name in after]
    pair = [after[name] for name in common], [before[name] for name in common]
    if not common or not all(classes(pair[0])):
        return DASH
    low, high = paired_interval(auc, *pair)
    first, second = (auc(bonafide=bonafide, spoof=spoof) for bonafide, spoof in map(classes, pair))
    return f"{first - second:+.3f} [{low:+.3f}, {high:+.3f}]"


def _by_id(sample: Sample) -> dict[str, Scored]:
    """Scores of `Sample.separating` by trial."""
    name = sample.system.name
    scores = ((row, (row.llrs if name.startswith(FINDING) else row.logits).get(name)) for row in sample.labelled)
    return {row.id: _scored(sample, row, score) for row, score in scores if score is not None}


def _scored(sample: Sample, row: Row, score: float) -> Scored:
    return Scored(score=score, is_spoof=row.labels[sample.system.subject] == "spoof", group=row.group)


def _plots(view: View, curves: Sequence[_Curve], one: Conditions) -> list[Plot]:
    """One for each series of at least two strengths, with the curves of all systems."""
    of = subset(one.clean.record)
    made = []
    kinds = [kind for kind, _ in one.laundered if kind.strength is not None]
    for (family, series), members in groupby(kinds, key=lambda kind: (kind.family, kind.series)):
        names = [kind.name for kind in members]
        shown = [curve for curve in curves if len(_measured(curve, names)) > 1]
        if not shown:
            continue
        told = "; ".join(_told(curve, names) for curve in shown)
        name = slug(f"{one.clean.record.name} {view.noun} {family} {series}")
        alternative = (
            f"AUC of {of}, {view.noun}, against strength: {family}, {series}. Dotted: as it is. {told}. "
            "Intervals stand in the tables."
        )
        svg = picture(partial(_paint, shown, names), name=name, alternative=alternative, num_curves=2 * len(shown))
        made.append(Plot(title=name, svg=svg, alternative=alternative))
    return made


def _measured(curve: _Curve, names: Sequence[str]) -> list[_Point]:
    return [point for point in curve.points if point.laundering.name in names and all(classes(point.sample.separating))]


def _told(curve: _Curve, names: Sequence[str]) -> str:
    points = ", ".join(f"{point.laundering.strength:g}: {_auc(point.sample):.3f}" for point in _measured(curve, names))
    return f"{marked(curve.clean.system)}, as it is: {_auc(curve.clean):.3f}, {points}"


def _auc(sample: Sample) -> float:
    bonafide, spoof = classes(sample.separating)
    return auc(bonafide=bonafide, spoof=spoof)


def _paint(shown: Sequence[_Curve], names: Sequence[str], axes: Axes) -> None:
    for place, curve in enumerate(shown):
        points = _measured(curve, names)
        strengths = [float(point.laundering.strength or 0) for point in points]
        areas = [_auc(point.sample) for point in points]
        intervals = [ends(auc, point.sample.separating) for point in points]
        # A percentile interval can lie beside its value where few groups were drawn.
        below = [max(0.0, area - low) for area, (low, _) in zip(areas, intervals, strict=True)]
        above = [max(0.0, high - area) for area, (_, high) in zip(areas, intervals, strict=True)]
        axes.errorbar(
            strengths,
            areas,
            yerr=[below, above],
            color=colour(place),
            linestyle=dash(place),
            linewidth=1.6,
            elinewidth=0.8,
            capsize=2,
            marker="o",
            markersize=3,
            label=marked(curve.clean.system),
        )
        label = f"{marked(curve.clean.system)}, as it is"
        axes.axhline(_auc(curve.clean), color=colour(place), linestyle=":", linewidth=1, label=label)
    kind = next(point.laundering for point in _measured(shown[0], names))
    axes.set(xlabel=f"{kind.series}: {kind.unit}, harsher to the right", ylabel="AUC")
    ticks = sorted({float(p.laundering.strength or 0) for curve in shown for p in _measured(curve, names)})
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_ylim(top=1.01)
    if kind.harsher < 0:
        axes.invert_xaxis()


def _not_measured(one: Conditions) -> str:
    """Launderings that apply to these files, or to none yet, and have no run."""
    done = {kind.name for kind, _ in one.laundered}
    kinds = {KIND_OF_UNIT[row.unit] for row in one.clean.rows}
    left = [kind.name for kind in LAUNDERINGS if kind.name not in done and (kind.kinds & kinds or not kind.kinds)]
    return "Launderings without a run on these trials: " + (", ".join(left) or "none") + "."
