"""Intervals by groups: repeatable, honest about groups, and covering what they should."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.bootstrap import Scored, interval, share_interval
from training.separation import auc


def _trials(copies: int, seed: int = 0) -> list[Scored]:
    """Twenty people of each class, each with so many trials of the same score."""
    random = np.random.default_rng(seed)
    return [
        Scored(score=score, is_spoof=is_spoof, group=f"{is_spoof}-{person}")
        for is_spoof in (False, True)
        for person, score in enumerate(random.normal(float(is_spoof), 1, 20).tolist())
        for _ in range(copies)
    ]


def test_the_same_interval_again() -> None:
    trials = _trials(2)
    assert interval(auc, trials) == interval(auc, trials)
    assert share_interval([True, False, True]) == share_interval([True, False, True])


def test_copies_of_a_person_make_no_interval_narrower() -> None:
    low, high = interval(auc, _trials(1))
    assert interval(auc, _trials(5)) == pytest.approx((low, high), abs=0.02)
    alone = [Scored(score=one.score, is_spoof=one.is_spoof, group=str(row)) for row, one in enumerate(_trials(5))]
    narrow_low, narrow_high = interval(auc, alone)
    assert narrow_high - narrow_low < 0.7 * (high - low)


def test_the_interval_holds_the_estimate() -> None:
    trials = _trials(1)
    whole = auc(bonafide=[x.score for x in trials if not x.is_spoof], spoof=[x.score for x in trials if x.is_spoof])
    low, high = interval(auc, trials)
    assert 0 <= low < whole < high <= 1


def test_a_share_of_hundred_has_the_interval_of_a_binomial() -> None:
    low, high = share_interval([True] * 80 + [False] * 20)
    assert (low, high) == pytest.approx((0.72, 0.88), abs=0.02)


def test_one_class_alone_has_no_interval() -> None:
    with pytest.raises(ValueError, match="both classes"):
        interval(auc, [one for one in _trials(1) if one.is_spoof])
    with pytest.raises(ValueError, match="nothing"):
        share_interval([])
