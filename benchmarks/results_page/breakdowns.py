"""Where a system is better and worse: by attack, and by each fact that the data set tells of its trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.bootstrap import Scored
from benchmarks.metrics import auc, cllr, eer
from benchmarks.results_page.blocks import Table
from benchmarks.results_page.intervals import with_interval
from benchmarks.results_page.numbers import counts, flagged, marked
from benchmarks.results_page.samples import Sample
from benchmarks.results_page.views import View
from benchmarks.scorefile import Row
from benchmarks.tables import DASH, value

LEAST = 8
"""Trials of each class under which a part is not shown, as in `benchmarks.subgroups`: fewer say nothing."""
_VALUES = (2, 40)
"""Different values that a fact must have: one divides nothing, and more than these are names, as of speakers."""
NO_ATTACK = "-"
"""Of bona fide trials, and where nobody says how a spoof was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The trials of one system that share a value."""

    value: str
    sample: Sample
    separating: Sequence[Scored]
    """Scores with those of the bona fide that it is held against."""
    against_all: bool
    """Whether that is all bona fide of the view, for want of bona fide with the value."""


def by_attack(sample: Sample) -> list[Part]:
    """Spoofs of each attack, each against all bona fide, those with enough trials; by name."""
    attacks = sorted({row.attack for row in sample.labelled if _is_spoof(sample, row)} - {NO_ATTACK})
    parts = [
        _against_all(sample, name, [row for row in sample.labelled if row.attack == name and _is_spoof(sample, row)])
        for name in attacks
    ]
    return [part for part in parts if enough(part)]


def by_fact(sample: Sample, fact: str) -> list[Part]:
    """Trials of each value of a fact, those with enough trials; by name."""
    parts: list[Part] = []
    for name in sorted({row.facts[fact] for row in sample.labelled if fact in row.facts}):
        rows = [row for row in sample.labelled if row.facts.get(fact) == name]
        if any(not _is_spoof(sample, row) for row in rows):
            kept = sample.kept(rows)
            parts.append(Part(value=name, sample=kept, separating=kept.separating, against_all=False))
        else:
            parts.append(_against_all(sample, name, rows))
    return [part for part in parts if enough(part)]


def enough(part: Part) -> bool:
    """Whether both classes have as many scores as it takes."""
    spoofs = sum(one.is_spoof for one in part.separating)
    return min(spoofs, len(part.separating) - spoofs) >= LEAST


def facts(rows: Sequence[Row]) -> list[str]:
    """Facts that divide the rows into a few parts, by name."""
    values: dict[str, set[str]] = {}
    for row in rows:
        for fact, held in row.facts.items():
            values.setdefault(fact, set()).add(held)
    return sorted(fact for fact, held in values.items() if _VALUES[0] <= len(held) <= _VALUES[1])


def breakdowns(view: View, found: Sequence[Sample], of: str) -> list[Table]:
    """A table by attack, and one by each fact; those in which no part has enough trials are left out."""
    tables = [_table("attack", [(sample, by_attack(sample)) for sample in found], view, of)]
    tables += [
        _table(fact, [(sample, by_fact(sample, fact)) for sample in found], view, of) for fact in facts(view.rows)
    ]
    return [table for table in tables if table.rows]


def _table(name: str, parts: Sequence[tuple[Sample, list[Part]]], view: View, of: str) -> Table:
    rows = sorted((part.value, place, _cells(part)) for place, (_, some) in enumerate(parts) for part in some)
    return Table(
        title=f"By {name}: {of}, {view.noun}",
        header=(
            *(name, "system", "bona fide of", "bona fide + spoof", "AUC", "EER", "Cllr"),
            *("flagged bona fide", "flagged spoof"),
        ),
        rows=[cells for _, _, cells in rows],
        words=3,
        notes=[
            f"Scored trials only. Parts with fewer than {LEAST} scores of a class are not shown.",
            f"`all`: held against every bona fide trial, as none has this {name}; `same`: against those that have it.",
        ],
    )


def _cells(part: Part) -> list[str]:
    llrs = part.sample.llrs
    return [
        part.value,
        marked(part.sample.system),
        "all" if part.against_all else "same",
        counts(part.separating),
        with_interval(auc, part.separating),
        value(eer, part.separating),
        value(cllr, llrs),
        *(flagged(llrs) if llrs else (DASH, DASH)),
    ]


def _against_all(sample: Sample, name: str, rows: Sequence[Row]) -> Part:
    bonafide = [row for row in sample.labelled if not _is_spoof(sample, row)]
    kept = sample.kept([*bonafide, *rows])
    return Part(value=name, sample=kept, separating=kept.separating, against_all=True)


def _is_spoof(sample: Sample, row: Row) -> bool:
    return row.labels[sample.system.subject] == "spoof"
