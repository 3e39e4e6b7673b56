"""Where every trial of a run went: the rows of each table add up to the run's trials."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

from benchmarks.results_page.blocks import Table
from benchmarks.scorefile import MISSING, Row, RunRecord, ScoreFile, System
from benchmarks.tables import DASH
from benchmarks.trials import SUBJECTS, Subject

_SCORED = "scored"
_IN_WORDS = {"bonafide": "bona fide", "spoof": "spoof", "total": "in all"}
"""Of `RunRecord.expected`."""
_Key = TypeVar("_Key", str, tuple[str, str])


def accounts(run: ScoreFile, of: str) -> list[Table]:
    """Trials by how they ended, and by what became of each subject.

    Args:
        run: With all its rows.
        of: The subset, for the titles.
    """
    states = Counter((row.state, row.reason or DASH) for row in run.rows)
    rows = [[*end, f"{count:,}"] for end, count in _ordered(states)]
    rows.append(["all", "", f"{len(run.rows):,}"])
    counted = Table(
        title=f"How trials ended: {of}",
        header=("state", "reason", "trials"),
        rows=rows,
        words=2,
        notes=_of_expected(run.record),
    )
    return [counted, _subjects(run, of)]


def _subjects(run: ScoreFile, of: str) -> Table:
    subjects = [subject for subject in SUBJECTS if any(system.subject == subject for system in run.record.systems)]
    rows: list[list[str]] = []
    for subject in subjects:
        systems = [system for system in run.record.systems if system.subject == subject]
        outcomes = Counter(_outcome(row, subject, systems) for row in run.rows)
        rows += [[subject, outcome, f"{count:,}"] for outcome, count in _ordered(outcomes)]
        rows.append([subject, "all", f"{len(run.rows):,}"])
    return Table(
        title=f"What became of each subject: {of}",
        header=("subject", "outcome", "trials"),
        rows=rows,
        words=2,
        notes=("Scored: at least one system gives a score. What each of them scored stands in its row as coverage.",),
    )


def _outcome(row: Row, subject: Subject, systems: Sequence[System]) -> str:
    if row.state == MISSING:
        return "file missing"
    if subject not in row.labels:
        return "no label"
    if any(system.name in row.logits or system.name in row.llrs for system in systems):
        return _SCORED
    if subject in row.abstentions:
        return f"abstained: {row.abstentions[subject]}"
    return " ".join(part for part in (f"no score: {row.state}", row.reason) if part)


def _of_expected(record: RunRecord) -> list[str]:
    """What is missing of the run, and how many trials the whole split has as published."""
    here = f"{record.num_missing:,} of {record.num_trials:,} trials have no file in this copy."
    published = ", ".join(
        f"{count:,} {_IN_WORDS[name]}" for name, count in record.expected.items() if count is not None
    )
    if not published:
        return [f"{here} Nobody has published how many trials this subset has."]
    return [f"{here} The whole split has, as published: {published}."]


def _ordered(counts: Counter[_Key]) -> list[tuple[_Key, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
