"""What a classifier reaches on a run's trials that sees no face and hears no voice: what its files offer as shortcuts.

An additive logistic regression on what a file tells without anybody looking at it, trained on four fifths of the groups
and tested on the last, in turn. Where it comes close to a system, that system's number says little of manipulation.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.bootstrap import Scored
from benchmarks.metrics import auc
from benchmarks.results_page.blocks import Table
from benchmarks.results_page.intervals import with_interval
from benchmarks.results_page.numbers import counts, marked
from benchmarks.results_page.samples import Sample
from benchmarks.results_page.views import View, as_number
from benchmarks.scorefile import Row
from benchmarks.tables import DASH
from benchmarks.trials import Subject
from training.calibration.logistic import fit_logistic

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

FOLDS = 5
"""Parts of the groups; each is tested once. Five or ten are usual (Hastie, Tibshirani and Friedman 2009, 7.10)."""
LEAST = 20
"""Trials of each class without which nothing is fitted."""
_MOST_STEPS, _LEAST_IN_STEP = 10, 10
"""Tenths of the training values, as in `benchmarks.shortcuts`, or fewer parts, so that each has this many trials of the
rarer class: a baseline that overfits would make the shortcuts look harmless."""
_MOST_WORDS = 50
"""Of a feature in words, the most frequent of the training trials: a name that few files have predicts no others."""
_DECODED, _MOST_DECODED = "leading_silence_seconds", 2_000
"""A feature that every decoded file with sound has, and of how many trials `benchmarks.runs.features` decodes files.
Where a run has more, only trials with it are taken: that the others lack it says nothing of them."""
_MOST = 20_000
"""Trials that are taken, by digest of their names: with them the AUC's standard error is below .005 (Hanley and McNeil
1982), and the memory below a gigabyte."""
ALL = "all of these"


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What shortcuts reach for one subject."""

    by_feature: dict[str, tuple[Scored, ...]]
    """Feature to each trial's log-odds from the fold that has not seen it; `ALL` for all features together."""
    why_not: str = ""
    """Why there is nothing; empty where there is."""


def baseline(rows: Sequence[Row], subject: Subject, *, each: bool = True) -> Baseline:
    """What shortcuts reach together, and each of them alone.

    Args:
        rows: Trials with a label for the subject whose files are there.
        subject: Whose label is predicted.
        each: Whether each alone is wanted, too.
    """
    rows = _taken(rows)
    features = sorted({name for row in rows for name in row.shortcuts})
    is_spoof = np.array([row.labels[subject] == "spoof" for row in rows], bool)
    if not features:
        return Baseline(by_feature={}, why_not="the run has no shortcut features")
    rarer = int(min(is_spoof.sum(), (~is_spoof).sum()))
    if rarer < LEAST:
        return Baseline(by_feature={}, why_not=f"there are {rarer} trials of the rarer class, and it takes {LEAST}")
    folds = _folds(rows, is_spoof)
    if not all(_has_both(is_spoof[folds != fold]) for fold in range(FOLDS)):
        return Baseline(by_feature={}, why_not="too few groups have trials of both classes to leave some of them out")
    sets = {name: (name,) for name in features if each} | {ALL: tuple(features)}
    return Baseline(by_feature={name: _predicted(rows, is_spoof, folds, some) for name, some in sets.items()})


def shortcut_table(view: View, found: Sequence[Sample], of: str) -> Table:
    """The baseline of each subject beside the systems that are held against the same labels."""
    rows: list[list[str]] = []
    notes = [
        "What a classifier reaches that looks at no face and hears no voice.",
        f"It is an additive logistic regression, cross-validated over {FOLDS} parts of the groups.",
        f"It is tested on trials with a label and a file, at most {_MOST:,}, a system on those that it scored.",
        f"Where loudness and silences were measured on some {_MOST_DECODED:,} trials only, it is tested on those.",
        "An AUC of 0.5 is chance.",
    ]
    for subject in dict.fromkeys(sample.system.subject for sample in found):
        of_subject = [sample for sample in found if sample.system.subject == subject]
        result = baseline(of_subject[0].labelled, subject)
        rows += [
            [subject, f"shortcut: {name}", counts(some), with_interval(auc, some)]
            for name, some in result.by_feature.items()
        ]
        if result.why_not:
            rows.append([subject, "shortcut", DASH, DASH])
            notes.append(f"No baseline for {subject}: {result.why_not}.")
        rows += [
            [
                subject,
                f"system: {marked(sample.system)}",
                counts(sample.separating),
                with_interval(auc, sample.separating),
            ]
            for sample in of_subject
        ]
    return Table(
        title=f"Shortcuts: {of}, {view.noun}",
        header=("subject", "what decides", "bona fide + spoof", "AUC"),
        rows=rows,
        words=2,
        notes=notes,
    )


def shortcut_auc(view: View, subject: Subject) -> str:
    """AUC of all shortcuts together, with its interval; a dash where nothing could be fitted."""
    result = baseline(view.labelled(subject), subject, each=False)
    return DASH if result.why_not else with_interval(auc, result.by_feature[ALL])


def _taken(rows: Sequence[Row]) -> Sequence[Row]:
    if len(rows) > _MOST_DECODED and any(_DECODED in row.shortcuts for row in rows):
        rows = [row for row in rows if _DECODED in row.shortcuts]
    return sorted(rows, key=lambda row: hashlib.sha256(row.id.encode()).digest())[:_MOST]


def _folds(rows: Sequence[Row], is_spoof: BoolArray) -> NDArray[np.int64]:
    """(n,) fold of each trial: groups dealt out by digest of their names, those of the same classes apart."""
    classes: dict[str, set[bool]] = defaultdict(set)
    for row, spoof in zip(rows, is_spoof.tolist(), strict=True):
        classes[row.group].add(spoof)
    ordered = sorted(classes, key=lambda name: (sorted(classes[name]), hashlib.sha256(name.encode()).digest()))
    fold = {name: place % FOLDS for place, name in enumerate(ordered)}
    return np.array([fold[row.group] for row in rows])


def _has_both(is_spoof: BoolArray) -> bool:
    return bool(is_spoof.any() and not is_spoof.all())


def _predicted(
    rows: Sequence[Row], is_spoof: BoolArray, folds: NDArray[np.int64], features: Sequence[str]
) -> tuple[Scored, ...]:
    scores = np.zeros(len(rows))
    for fold in range(FOLDS):
        tested = folds == fold
        if not tested.any():
            continue
        parts = [_columns([row.shortcuts.get(name) for row in rows], is_spoof, ~tested) for name in features]
        design = np.concatenate(parts, axis=1)
        slopes, offset = fit_logistic(design[~tested], is_spoof[~tested])
        scores[tested] = design[tested] @ slopes + offset
    return tuple(
        Scored(score=float(score), is_spoof=bool(spoof), group=row.group)
        for row, score, spoof in zip(rows, scores, is_spoof, strict=True)
    )


def _columns(values: Sequence[str | None], is_spoof: BoolArray, trained: BoolArray) -> FloatArray:
    """(n, d) steps of a number, or one column for each word that the training trials know; one for absence."""
    numbers = [None if value is None else as_number(value) for value in values]
    absent = np.array([value is None for value in values])
    if all(number is not None for number, value in zip(numbers, values, strict=True) if value is not None):
        filled = np.array([np.nan if number is None else number for number in numbers])
        columns = _steps(filled, is_spoof, trained & ~absent)
    else:
        words = np.array([value or "" for value in values])
        known, times = np.unique(words[trained & ~absent], return_counts=True)
        frequent = known[np.argsort(-times, kind="stable")[:_MOST_WORDS]]
        columns = words[:, None] == frequent[None, :]
    return np.column_stack([columns, absent]).astype(np.float64)


def _steps(values: FloatArray, is_spoof: BoolArray, trained: BoolArray) -> BoolArray:
    """(n, d) whether a value is above each of the cuts; never where it is absent."""
    if not trained.any():
        return np.zeros((len(values), 0), np.bool_)
    rarer = min((is_spoof & trained).sum(), (~is_spoof & trained).sum())
    parts = int(np.clip(rarer // _LEAST_IN_STEP, 2, _MOST_STEPS))
    cuts = np.unique(np.quantile(values[trained], np.arange(1, parts) / parts))
    return np.asarray(values[:, None] > cuts[None, :])
