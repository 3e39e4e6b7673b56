"""Paired tests: DeLong against its definition over all pairs, McNemar against exact integers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.metrics import auc
from benchmarks.paired import delong, mcnemar


def _by_pairs(a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]) -> tuple[float, float]:
    """Difference of AUCs and its standard error from the matrix of all pairs, as DeLong et al. put it.

    Args:
        a: Bona fide and spoof scores of one system.
        b: Of the other.
    """
    wins = [(spoof[:, None] > bonafide) + 0.5 * (spoof[:, None] == bonafide) for bonafide, spoof in (a, b)]
    by_spoof, by_bonafide = (np.cov([one.mean(axis=axis) for one in wins]) for axis in (1, 0))
    covariance = by_spoof / len(a[1]) + by_bonafide / len(a[0])
    contrast = np.array([1.0, -1.0])
    return float(wins[0].mean() - wins[1].mean()), math.sqrt(contrast @ covariance @ contrast)


@pytest.mark.parametrize("steps", [1, 4, 1000])
def test_delong_by_midranks_agrees_with_delong_by_pairs(steps: int) -> None:
    random = np.random.default_rng(steps)
    bonafide, spoof = random.normal(0, 1, 30), random.normal(1, 1, 50)
    # Rounded, so that there are ties.
    a = tuple(np.round(steps * (one + random.normal(0, 0.5, one.size))) for one in (bonafide, spoof))
    b = tuple(np.round(steps * (one + random.normal(0, 2.0, one.size))) for one in (bonafide, spoof))
    result = delong(bonafide_a=a[0], spoof_a=a[1], bonafide_b=b[0], spoof_b=b[1])
    difference, error = _by_pairs(a, b)
    assert result.auc_a == pytest.approx(auc(bonafide=a[0], spoof=a[1]))
    assert result.auc_b == pytest.approx(auc(bonafide=b[0], spoof=b[1]))
    assert (result.difference, result.standard_error) == pytest.approx((difference, error))
    assert result.z == pytest.approx(difference / error)
    # A normal deviate of 1.96 has p = .05.
    assert (result.p < 0.05) == (abs(result.z) > 1.95996)


def test_delong_by_hand() -> None:
    # a is perfect. b has spoof 1 below bona fide 2: 3 of 4 pairs. Per spoof a - b is 1/2 and 0, with a variance of 1/8;
    # per bona fide 0 and 1/2, likewise: 1/16 + 1/16.
    result = delong(bonafide_a=[0, 1], spoof_a=[2, 3], bonafide_b=[0, 2], spoof_b=[1, 3])
    assert result.difference == 0.25
    assert result.standard_error == pytest.approx(math.sqrt(1 / 8))
    assert result.p == pytest.approx(math.erfc(0.25 / math.sqrt(1 / 8) / math.sqrt(2)))


def test_exchanging_the_systems_changes_the_sign_alone() -> None:
    random = np.random.default_rng(0)
    a, b = ((random.normal(0, 1, 40), random.normal(shift, 1, 40)) for shift in (1.5, 0.5))
    one = delong(bonafide_a=a[0], spoof_a=a[1], bonafide_b=b[0], spoof_b=b[1])
    other = delong(bonafide_a=b[0], spoof_a=b[1], bonafide_b=a[0], spoof_b=a[1])
    assert (other.difference, other.z, other.p) == pytest.approx((-one.difference, -one.z, one.p))
    assert one.p < 0.05


def test_systems_that_differ_in_scale_alone_do_not_differ() -> None:
    bonafide, spoof = np.array([0.0, 1.0, 2.0]), np.array([1.5, 2.5])
    result = delong(bonafide_a=bonafide, spoof_a=spoof, bonafide_b=np.exp(bonafide), spoof_b=np.exp(spoof))
    assert (result.difference, result.z, result.p) == (0.0, 0.0, 1.0)


def test_perfect_against_reversed_has_no_spread() -> None:
    result = delong(bonafide_a=[0, 0, 0], spoof_a=[1, 1, 1], bonafide_b=[1, 1, 1], spoof_b=[0, 0, 0])
    assert (result.difference, result.standard_error, result.z, result.p) == (1.0, 0.0, math.inf, 0.0)


def test_delong_holds_its_level_where_systems_are_equally_good() -> None:
    random = np.random.default_rng(0)
    found = 0
    for _ in range(400):
        quality = random.normal(0, 1, 60), random.normal(1, 1, 60)
        a, b = (tuple(one + random.normal(0, 1, 60) for one in quality) for _ in range(2))
        found += delong(bonafide_a=a[0], spoof_a=a[1], bonafide_b=b[0], spoof_b=b[1]).p < 0.05
    # 20 of 400 are expected, with a standard deviation of 4.4.
    assert 7 <= found <= 33


def test_two_hundred_thousand_trials_have_a_delong_test() -> None:
    random = np.random.default_rng(0)
    bonafide, spoof = random.normal(0, 1, 20_000), random.normal(1, 1, 180_000)
    noisy = bonafide + random.normal(0, 0.3, 20_000), spoof + random.normal(0, 0.3, 180_000)
    result = delong(bonafide_a=bonafide, spoof_a=spoof, bonafide_b=noisy[0], spoof_b=noisy[1])
    assert result.difference > 0
    assert result.p < 1e-6


def test_other_trials_or_too_few_are_refused() -> None:
    with pytest.raises(ValueError, match="same trials"):
        delong(bonafide_a=[0, 1], spoof_a=[2, 3], bonafide_b=[0, 1, 2], spoof_b=[2, 3])
    with pytest.raises(ValueError, match="two trials"):
        delong(bonafide_a=[0], spoof_a=[2, 3], bonafide_b=[0], spoof_b=[2, 3])
    with pytest.raises(ValueError, match="finite"):
        delong(bonafide_a=[0, math.nan], spoof_a=[2, 3], bonafide_b=[0, 1], spoof_b=[2, 3])
    with pytest.raises(ValueError, match="same trials"):
        mcnemar([True], [True, False])
    with pytest.raises(ValueError, match="some"):
        mcnemar([], [])


def _decisions(both: int, only_a: int, only_b: int) -> tuple[list[bool], list[bool]]:
    return [True] * (both + only_a) + [False] * only_b, [True] * both + [False] * only_a + [True] * only_b


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (3, 3), (1, 9), (9, 1), (0, 5), (40, 60), (200, 300)])
def test_mcnemar_agrees_with_counting_tosses(only_a: int, only_b: int) -> None:
    tosses, least = only_a + only_b, min(only_a, only_b)
    fewer = sum(math.comb(tosses, heads) for heads in range(least))
    same = math.comb(tosses, least)
    result = mcnemar(*_decisions(7, only_a, only_b))
    assert (result.only_a, result.only_b) == (only_a, only_b)
    assert result.p == pytest.approx(min(1.0, 2 * (fewer + same) / 2**tosses))
    assert result.mid_p == pytest.approx(min(1.0, (2 * fewer + same) / 2**tosses))


def test_mcnemar_by_hand() -> None:
    # One against nine of ten: 2 (1 + 10) / 1024, and with half of the last 2 (1 + 5) / 1024.
    result = mcnemar(*_decisions(0, 1, 9))
    assert result.p == pytest.approx(22 / 1024)
    assert result.mid_p == pytest.approx(12 / 1024)


def test_mcnemar_where_two_to_the_minus_tosses_is_no_number() -> None:
    # The normal deviate is 400 / sqrt(100,000) = 1.265: two-sided p = .206.
    result = mcnemar(*_decisions(0, 50_200, 49_800))
    assert result.p == pytest.approx(0.206, abs=0.002)
    assert mcnemar(*_decisions(0, 100_000, 0)).p == 0.0
