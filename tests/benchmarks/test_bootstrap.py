"""Intervals by groups: repeatable, honest about groups, and covering what they should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.bootstrap import Scored, interval, paired_interval, share_interval
from benchmarks.metrics import auc, eer


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


def _noisy(trials: list[Scored], spread: float, seed: int) -> list[Scored]:
    random = np.random.default_rng(seed)
    return [replace(one, score=one.score + random.normal(0, spread)) for one in trials]


def test_the_difference_of_a_system_and_itself_is_nothing() -> None:
    trials = _trials(2)
    assert paired_interval(auc, trials, trials) == (0.0, 0.0)


def test_a_difference_on_the_same_draws_is_told_apart_where_two_intervals_are_not() -> None:
    good = _trials(3)
    worse = _noisy(good, 0.4, seed=1)
    low, high = paired_interval(auc, good, worse)
    alone = interval(auc, good)
    assert high - low < 0.6 * (alone[1] - alone[0])
    flipped = paired_interval(auc, worse, good)
    assert flipped == pytest.approx((-high, -low))


def test_a_system_that_is_much_worse_is_found() -> None:
    low, high = paired_interval(auc, _trials(1), _noisy(_trials(1), 10.0, seed=1))
    assert 0 < low < high < 1


def test_other_trials_are_not_compared() -> None:
    trials = _trials(1)
    with pytest.raises(ValueError, match="same trials"):
        paired_interval(auc, trials, trials[:-1])
    with pytest.raises(ValueError, match="same trials"):
        paired_interval(auc, trials, [replace(trials[0], group="else"), *trials[1:]])


def test_the_interval_is_that_of_drawing_groups_one_by_one() -> None:
    trials = _trials(3)
    groups = sorted({one.group for one in trials})
    random = np.random.default_rng(0)
    values = []
    for _ in range(1_000):
        drawn = [one for name in random.choice(groups, len(groups)) for one in trials if one.group == name]
        bonafide, spoof = ([one.score for one in drawn if one.is_spoof is kind] for kind in (False, True))
        values.append(eer(bonafide=bonafide, spoof=spoof))
    assert interval(eer, trials) == pytest.approx(np.quantile(values, (0.025, 0.975)), abs=0.03)


def test_thousands_of_groups_with_few_trials_each() -> None:
    random = np.random.default_rng(0)
    trials = [
        Scored(score=score, is_spoof=row % 10 > 0, group=str(row % 3_000))
        for row, score in enumerate(random.normal(0, 1, 20_000).tolist())
    ]
    low, high = interval(auc, trials)
    assert low < 0.5 < high
    assert high - low < 0.04
