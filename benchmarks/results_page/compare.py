"""Two systems on the same trials: how far apart they are, and whether chance could have put them there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bootstrap import Scored, paired_interval
from benchmarks.metrics import auc, cllr, eer, roc
from benchmarks.paired import delong, mcnemar
from benchmarks.results_page.blocks import Block, Heading, Table, Text
from benchmarks.results_page.markdown import markdown
from benchmarks.results_page.numbers import in_domain_notes, marked
from benchmarks.results_page.run_section import subset, warnings
from benchmarks.results_page.views import NOUNS, SEQUENCES, View, views
from benchmarks.scorefile import FINDING, Row, ScoreFile, System, read
from benchmarks.tables import DASH, classes
from benchmarks.trials import Subject
from detect.config import Scoring
from detect.errors import ConfigError

_INDEPENDENT = (
    "DeLong's and McNemar's tests assume that trials are independent; where several come from one person or source "
    "their p is too small. The intervals draw whole groups and do not assume it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One of the two."""

    letter: str
    run: ScoreFile
    system: System

    def scores(self, rows: Sequence[Row], *, llr: bool) -> dict[str, float]:
        """Trial to LLR, or to what separates: logits, and LLRs of a finding."""
        name = self.system.name
        held = [(row.id, (row.llrs if llr or name.startswith(FINDING) else row.logits).get(name)) for row in rows]
        return {trial: score for trial, score in held if score is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """Scores of both of the trials that both scored, in the same order."""

    a: Sequence[Scored]
    b: Sequence[Scored]

    @property
    def has_both(self) -> bool:
        """Whether there are spoofs and bona fide among them."""
        return len({one.is_spoof for one in self.a}) == 2


def compare(folder_a: Path, system_a: str, folder_b: Path, system_b: str) -> str:
    """Differences of two systems on the trials that both scored, as Markdown.

    Args:
        folder_a: A run.
        system_a: One of its systems.
        folder_b: A run of the same trials; it may be the same run.
        system_b: One of its systems, of the same subject.

    Raises:
        ConfigError: the runs are not of the same trials, a system is not there, they have other subjects, or what both
            scored lacks a class.
    """
    first, second = read(folder_a), read(folder_b)
    a = _Side(letter="A", run=first, system=first.record.system(system_a))
    b = _Side(letter="B", run=second, system=second.record.system(system_b))
    if first.record.split_sha256 != second.record.split_sha256:
        raise ConfigError(
            f"{first.record.name} and {second.record.name} are not of the same trials with the same labels: "
            f"{first.record.split_sha256[:12]} and {second.record.split_sha256[:12]}"
        )
    if a.system.subject != b.system.subject:
        raise ConfigError(
            f"{system_a} is held against the labels of {a.system.subject}, {system_b} against those of "
            f"{b.system.subject}; they cannot be compared"
        )
    blocks: list[Block] = [
        Heading(level=1, text=f"A against B: {subset(first.record)}"),
        *(Text(text=f"{one.letter}: {marked(one.system)} of {subset(one.run.record)}.") for one in (a, b)),
        *dict.fromkeys([*warnings(first.record), *warnings(second.record)]),
        *(Text(text=note) for note in in_domain_notes(list(dict.fromkeys([a.system, b.system])))),
    ]
    tables = [table for noun in (*NOUNS.values(), SEQUENCES) for table in _tables(a, b, noun)]
    if not tables:
        raise ConfigError(f"the trials that both {system_a} and {system_b} scored lack one of the two classes")
    return markdown([*blocks, *tables])


def _tables(a: _Side, b: _Side, noun: str) -> list[Table]:
    rows = [view.labelled(a.system.subject) for one in (a, b) if (view := _view(one.run, noun)) is not None]
    if len(rows) < 2:
        return []
    separating = _pair(a, b, rows, llr=False)
    calibrated = _pair(a, b, rows, llr=True)
    if not separating.has_both:
        return []
    title = f"{subset(a.run.record)}, {noun}"
    return [_differences(title, rows, separating, calibrated), _tests(title, separating, calibrated)]


def _view(run: ScoreFile, noun: str) -> View | None:
    return next((view for view in views(run.rows) if view.noun == noun), None)


def _pair(a: _Side, b: _Side, rows: Sequence[Sequence[Row]], *, llr: bool) -> _Pair:
    scores_a, scores_b = a.scores(rows[0], llr=llr), b.scores(rows[1], llr=llr)
    subject: Subject = a.system.subject
    shared = [row for row in rows[0] if row.id in scores_a and row.id in scores_b]
    return _Pair(a=_scored(shared, subject, scores_a), b=_scored(shared, subject, scores_b))


def _scored(rows: Sequence[Row], subject: Subject, scores: dict[str, float]) -> list[Scored]:
    return [Scored(score=scores[row.id], is_spoof=row.labels[subject] == "spoof", group=row.group) for row in rows]


def _differences(title: str, rows: Sequence[Sequence[Row]], separating: _Pair, calibrated: _Pair) -> Table:
    table = [_difference("AUC", auc, separating), _difference("EER", eer, separating)]
    if calibrated.has_both:
        table.append(_difference("Cllr", cllr, calibrated))
    labelled = len({row.id for some in rows for row in some})
    return Table(
        title=f"Differences: {title}",
        header=("metric", "trials of both", "A", "B", "A - B", "95 % interval of A - B", "told apart"),
        rows=table,
        notes=[
            f"Of {labelled:,} labelled trials with a file, those that both scored.",
            "Intervals draw groups, the same for both. Told apart: the interval does not hold 0.",
            "Larger AUC is better, and smaller EER and Cllr.",
        ],
    )


def _difference(name: str, metric: Callable[..., float], pair: _Pair) -> list[str]:
    values = [metric(bonafide=bonafide, spoof=spoof) for bonafide, spoof in (classes(pair.a), classes(pair.b))]
    low, high = paired_interval(metric, pair.a, pair.b)
    return [
        name,
        f"{len(pair.a):,}",
        *(f"{value:.3f}" for value in values),
        f"{values[0] - values[1]:+.3f}",
        f"[{low:+.3f}, {high:+.3f}]",
        "no" if low <= 0 <= high else "yes",
    ]


def _tests(title: str, separating: _Pair, calibrated: _Pair) -> Table:
    bonafide_a, spoof_a = classes(separating.a)
    bonafide_b, spoof_b = classes(separating.b)
    rows = []
    if min(len(bonafide_a), len(spoof_a)) >= 2:
        test = delong(bonafide_a=bonafide_a, spoof_a=spoof_a, bonafide_b=bonafide_b, spoof_b=spoof_b)
        rows.append(["DeLong, AUC", f"z {test.z:+.2f}", _p(test.p)])
    else:
        rows.append(["DeLong, AUC", DASH, DASH])
    notes = [_INDEPENDENT]
    if calibrated.has_both:
        for threshold, name in ((Scoring().flag_llr, "at the flag"), (0.0, "at LLR 0")):
            rows.append(_mcnemar(f"McNemar, decisions {name}", calibrated, threshold, threshold))
    else:
        thresholds = [_eer_threshold(some) for some in (separating.a, separating.b)]
        rows.append(_mcnemar("McNemar, decisions at each one's EER", separating, *thresholds))
        notes.append(
            "The thresholds of equal error were found on these very trials, since not both have LLRs: decisions at "
            "them are optimistic."
        )
    return Table(title=f"Tests: {title}", header=("test", "statistic", "p"), rows=rows, notes=notes)


def _mcnemar(name: str, pair: _Pair, threshold_a: float, threshold_b: float) -> list[str]:
    test = mcnemar(_correct(pair.a, threshold_a), _correct(pair.b, threshold_b))
    return [name, f"only A right {test.only_a:,}, only B right {test.only_b:,}", _p(test.p)]


def _correct(scored: Sequence[Scored], threshold: float) -> list[bool]:
    return [(one.score >= threshold) == one.is_spoof for one in scored]


def _eer_threshold(scored: Sequence[Scored]) -> float:
    """The threshold at which as large a share of bona fide is flagged as of spoofs is missed, or as near as it gets."""
    bonafide, spoof = classes(scored)
    curve = roc(bonafide=bonafide, spoof=spoof)
    nearest = min(range(len(curve.thresholds)), key=lambda place: abs(curve.fpr[place] - (1 - curve.tpr[place])))
    return float(curve.thresholds[nearest])


def _p(p: float) -> str:
    return "below 0.001" if p < 0.001 else f"{p:.3f}"
