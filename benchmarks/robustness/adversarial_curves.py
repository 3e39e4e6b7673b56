"""What perturbations do: to the checkpoint they were made on, and to the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from matplotlib.axes import Axes

from benchmarks.bootstrap import Scored
from benchmarks.metrics import auc
from benchmarks.results_page.blocks import Block, Heading, Plot, Table, Text
from benchmarks.results_page.intervals import with_interval
from benchmarks.results_page.numbers import of_all
from benchmarks.results_page.svg import colour, dash
from benchmarks.robustness.attempts import UNITS, Attempt, Record, Victim
from benchmarks.robustness.pictures_of_curves import picture, slug
from benchmarks.tables import DASH, classes
from detect.types import Modality

_MEANING = (
    "Both classes are perturbed, spoofs towards bona fide and bona fide towards spoof. Evaded: spoofs that were "
    "flagged as they are and are not any more. False alarms: bona fide that were not flagged and are now. The largest "
    "change is in steps of the file, of a pixel's 255 or a sample's 32,768, after rounding."
)
_OPTIMISTIC = (
    "Nothing is filed to calibrate {names}: flagged means there at or above the threshold of equal errors on these "
    "very trials as they are, which flatters the state before."
)


def section(record: Record, attempts: Sequence[Attempt]) -> list[Block]:
    """Tables and plots of one measurement."""
    blocks: list[Block] = [Heading(level=2, text="Perturbations made to mislead")]
    blocks.append(Text(text=_how(record)))
    for modality in Modality:
        names = [victim.name for victim in record.victims if victim.modality is modality]
        rows = [one for one in attempts if one.modality is modality]
        if not names:
            continue
        blocks += [_white_box(record, modality, names, rows), *_transfers(modality, names, rows)]
        blocks.append(_plot(modality, names, rows))
    return blocks


def _how(record: Record) -> str:
    drawn = "; ".join(_drawn(record, modality) for modality in sorted(record.num_trials))
    return (
        "Projected gradient descent (Madry et al. 2018) within a bound on every pixel or sample, "
        f"{record.steps} steps of 2.5 bounds in all from a random start, seed {record.seed}; of all steps the "
        "farthest, rounded to 8 bits of a pixel or 16 of a sample before it is scored. Of each group at most one trial "
        f"of a class. {drawn[:1].upper()}{drawn[1:]}. {record.tool}, on {record.device}, {record.seconds:,.0f} s, by "
        f"`{record.command}`."
    )


def _drawn(record: Record, modality: Modality) -> str:
    left_out = record.num_left_out[modality]
    without = f", and {left_out} more in which no face was found" if left_out else ""
    return f"{modality}: {record.num_trials[modality]} trials of the {record.split} split{without}"


def _of(rows: Sequence[Attempt], source: str, target: str, bound: float) -> list[Attempt]:
    return [one for one in rows if (one.source, one.target, one.bound) == (source, target, bound)]


def _bounds(rows: Sequence[Attempt]) -> list[float]:
    """Mildest first: pixels' bounds count up from one level, sound's decibels up from silence."""
    return sorted({one.bound for one in rows})


def _before(rows: Sequence[Attempt]) -> list[Scored]:
    return [Scored(score=one.clean, is_spoof=one.is_spoof, group=one.group) for one in rows]


def _after(rows: Sequence[Attempt]) -> list[Scored]:
    return [Scored(score=one.adversarial, is_spoof=one.is_spoof, group=one.group) for one in rows]


def _white_box(record: Record, modality: Modality, names: Sequence[str], rows: Sequence[Attempt]) -> Table:
    lines = []
    for name in names:
        victim = record.victim(name)
        for bound in _bounds(rows):
            found = _of(rows, name, name, bound)
            lines.append([
                name,
                f"{bound:g}",
                str(max((one.levels for one in found), default=0)),
                with_interval(auc, _before(found)),
                with_interval(auc, _after(found)),
                *successes(victim, found),
            ])  # fmt: skip
    uncalibrated = [name for name in names if record.victim(name).flag_basis == "clean EER"]
    notes = (_MEANING, *((_OPTIMISTIC.format(names=", ".join(uncalibrated)),) if uncalibrated else ()))
    return Table(
        title=f"{modality.capitalize()}, white box: bound in {UNITS[modality]}",
        header=("checkpoint", "bound", "largest change", "AUC as it is", "AUC perturbed", "evaded", "false alarms"),
        rows=lines,
        notes=notes,
    )


def successes(victim: Victim, rows: Sequence[Attempt]) -> tuple[str, str]:
    """How many flagged spoofs evade, and how many bona fide that were let pass are flagged, of those there are."""
    flag = victim.flag_logit
    if flag is None:
        return DASH, DASH
    flagged = [one for one in rows if one.is_spoof and one.clean >= flag]
    passed = [one for one in rows if not one.is_spoof and one.clean < flag]
    return (
        of_all(sum(one.adversarial < flag for one in flagged), len(flagged)),
        of_all(sum(one.adversarial >= flag for one in passed), len(passed)),
    )


def _transfers(modality: Modality, names: Sequence[str], rows: Sequence[Attempt]) -> list[Table]:
    """For each bound, who scores by whose gradient was followed; none where there is one checkpoint."""
    if len(names) < 2:
        return []
    return [
        Table(
            title=f"{modality.capitalize()}, transfer at {bound:g} {UNITS[modality]}: AUC perturbed (as it is)",
            header=("made on", *(f"scored by {name}" for name in names)),
            rows=[[source, *(_cell(_of(rows, source, target, bound)) for target in names)] for source in names],
            notes=("On the diagonal the white box. A crop or window is what the checkpoint it was made on takes.",)
            if bound == _bounds(rows)[-1]
            else (),
        )
        for bound in _bounds(rows)
    ]


def _cell(rows: Sequence[Attempt]) -> str:
    return f"{_area(_after, rows):.3f} ({_area(_before, rows):.3f})" if all(classes(_after(rows))) else DASH


def _area(side: Callable[[Sequence[Attempt]], list[Scored]], rows: Sequence[Attempt]) -> float:
    bonafide, spoof = classes(side(rows))
    return auc(bonafide=bonafide, spoof=spoof)


def _plot(modality: Modality, names: Sequence[str], rows: Sequence[Attempt]) -> Plot:
    pairs = [
        (source, target) for source in names for target in names if all(classes(_after(_of_pair(rows, source, target))))
    ]
    told = "; ".join(
        f"{_label(pair)}: "
        + ", ".join(f"{bound:g}: {_area(_after, _of(rows, *pair, bound)):.3f}" for bound in _bounds(rows))
        for pair in pairs
    )
    alternative = f"AUC of perturbed {modality} trials against the bound, in {UNITS[modality]}. {told}."
    name = slug(f"adversarial {modality}")
    svg = picture(
        partial(_paint, pairs, rows, UNITS[modality]), name=name, alternative=alternative, num_curves=len(pairs)
    )
    return Plot(title=name, svg=svg, alternative=alternative)


def _of_pair(rows: Sequence[Attempt], source: str, target: str) -> list[Attempt]:
    return [one for one in rows if (one.source, one.target) == (source, target)]


def _label(pair: tuple[str, str]) -> str:
    return f"{pair[0]}, white box" if pair[0] == pair[1] else f"{pair[0]} to {pair[1]}"


def _paint(pairs: Sequence[tuple[str, str]], rows: Sequence[Attempt], unit: str, axes: Axes) -> None:
    """The axis begins with the trials as they are; bounds are set at equal distances, each twice or so the last."""
    bounds = _bounds(rows)
    for place, pair in enumerate(pairs):
        areas = [_area(_before, _of(rows, *pair, bounds[0]))]
        areas += [_area(_after, _of(rows, *pair, bound)) for bound in bounds]
        is_white = pair[0] == pair[1]
        axes.plot(
            range(len(areas)),
            areas,
            color=colour(place),
            linestyle="-" if is_white else dash(place % 3 + 1),
            linewidth=1.6 if is_white else 1,
            marker="o" if is_white else "",
            markersize=3,
            label=_label(pair),
        )
    axes.set_xticks(range(len(bounds) + 1), ["as it is", *(f"{bound:g}" for bound in bounds)])
    axes.set(xlabel=f"bound, {unit}", ylabel="AUC", ylim=(-0.02, 1.02))
