"""Intervals of metrics as text. A run's tables, plots and summary need the same one, so that each is drawn once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from benchmarks.bootstrap import Metric, Scored, auc_interval, interval
from benchmarks.metrics import auc
from benchmarks.tables import DASH, classes


def with_interval(metric: Metric, trials: Sequence[Scored]) -> str:
    """A metric with its 95 % interval by groups; a dash where a class is missing."""
    bonafide, spoof = classes(trials)
    if not bonafide or not spoof:
        return DASH
    low, high = ends(metric, trials)
    return f"{metric(bonafide=bonafide, spoof=spoof):.3f} [{low:.3f}, {high:.3f}]"


def ends(metric: Metric, trials: Sequence[Scored]) -> tuple[float, float]:
    """The interval alone.

    Raises:
        ValueError: a class is missing.
    """
    return _ends(metric, tuple(trials))


@lru_cache(maxsize=512)
def _ends(metric: Metric, trials: tuple[Scored, ...]) -> tuple[float, float]:
    return auc_interval(trials) if metric is auc else interval(metric, trials)
