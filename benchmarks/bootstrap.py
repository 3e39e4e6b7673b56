"""Confidence intervals that know that trials of one person are not independent: whole groups are drawn, not rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

_DRAWS = 1_000
"""Resamples: the ends of a 95 % interval then stand on 25 of them each (Efron and Tibshirani 1993, chapter 13)."""
_SEED = 1
_ENDS = (0.025, 0.975)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One trial's score, for metrics of two classes."""

    score: float
    is_spoof: bool
    group: str


def interval(metric: Callable[..., float], trials: Sequence[Scored]) -> tuple[float, float]:
    """95 % percentile interval of a metric, by drawing groups with replacement.

    Draws in which a class is missing are drawn again.

    Args:
        metric: Takes `bonafide=` and `spoof=`, arrays of scores.
        trials: Both classes.

    Raises:
        ValueError: a class is missing.
    """
    if len({trial.is_spoof for trial in trials}) < 2:
        raise ValueError("both classes need at least one score")
    scores = np.array([trial.score for trial in trials])
    is_spoof = np.array([trial.is_spoof for trial in trials])
    names, group = np.unique([trial.group for trial in trials], return_inverse=True)
    random = np.random.default_rng(_SEED)
    values: list[float] = []
    while len(values) < _DRAWS:
        times = np.bincount(random.integers(len(names), size=len(names)), minlength=len(names))[group]
        bonafide, spoof = (np.repeat(scores[kept], times[kept]) for kept in (~is_spoof, is_spoof))
        if len(bonafide) and len(spoof):
            values.append(metric(bonafide=bonafide, spoof=spoof))
    low, high = np.quantile(values, _ENDS)
    return float(low), float(high)


def share_interval(successes: Sequence[bool]) -> tuple[float, float]:
    """95 % percentile interval of a share, by drawing its independent trials with replacement.

    Raises:
        ValueError: there are none.
    """
    if not successes:
        raise ValueError("a share of nothing has no interval")
    random = np.random.default_rng(_SEED)
    values = random.choice(np.asarray(successes, float), (_DRAWS, len(successes))).mean(axis=1)
    low, high = np.quantile(values, _ENDS)
    return float(low), float(high)
