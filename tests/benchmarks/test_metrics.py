"""Metrics of scores against cases worked out by hand and against scikit-learn, which comes with librosa."""

from __future__ import annotations

import math
import time
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, average_precision_score, balanced_accuracy_score, roc_auc_score, roc_curve

from benchmarks import metrics
from benchmarks.metrics import (
    accuracy,
    auc,
    average_precision,
    balanced_accuracy,
    det,
    eer,
    partial_auc,
    roc,
    tpr_at_fpr,
)

scores = st.lists(st.integers(-5, 5), min_size=1, max_size=30)
OF_SCORES = {
    "auc": metrics.auc,
    "eer": metrics.eer,
    "average_precision": metrics.average_precision,
    "partial_auc": lambda **classes: metrics.partial_auc(**classes, max_fpr=0.1),
    "tpr_at_fpr": lambda **classes: metrics.tpr_at_fpr(**classes, fpr=0.01),
    "accuracy": lambda **classes: metrics.accuracy(**classes, threshold=0.0),
    "balanced_accuracy": lambda **classes: metrics.balanced_accuracy(**classes, threshold=0.0),
    "min_dcf": metrics.min_dcf,
    "act_dcf": metrics.act_dcf,
    "cllr": metrics.cllr,
    "min_cllr": metrics.min_cllr,
    "expected_calibration_error": metrics.expected_calibration_error,
    "area_under_risk_coverage": metrics.area_under_risk_coverage,
}
"""Every metric that is one number."""


def _labels(bonafide: list[int], spoof: list[int]) -> list[int]:
    return [0] * len(bonafide) + [1] * len(spoof)


def test_perfect_and_reversed_separation() -> None:
    assert auc(bonafide=[0, 1], spoof=[2, 3]) == 1.0
    assert eer(bonafide=[0, 1], spoof=[2, 3]) == 0.0
    assert auc(bonafide=[2, 3], spoof=[0, 1]) == 0.0
    assert eer(bonafide=[2, 3], spoof=[0, 1]) == 1.0
    assert average_precision(bonafide=[0, 1], spoof=[2, 3]) == 1.0
    # Both bona fide come first: precision 1 / 3 at the first spoof and 2 / 4 at the second.
    assert average_precision(bonafide=[2, 3], spoof=[0, 1]) == pytest.approx((1 / 3 + 1 / 2) / 2)


def test_equal_error_rate_at_a_vertex() -> None:
    # From 7 on, one of four bona fide is flagged and one of four spoofs, 3, is missed.
    assert eer(bonafide=[0, 1, 2, 7], spoof=[3, 8, 9, 10]) == 0.25


def test_equal_error_rate_between_vertices() -> None:
    # From 4 on, 1 of 3 bona fide is flagged and 1 of 2 spoofs is missed; from 3 on, 1 of 3 and none. On the way from
    # miss rate 1/2 to 0 at a false-alarm rate of 1/3 the two meet at 1/3.
    assert eer(bonafide=[1.0, 2.0, 4.0], spoof=[3.0, 5.0]) == pytest.approx(1 / 3)
    # All the same: the ROC is the line from (0, 0) to (1, 1), which halves itself.
    assert eer(bonafide=[1.0, 1.0, 1.0], spoof=[1.0]) == pytest.approx(0.5)
    # From 2 on, none of 2 bona fide and 1 of 3 spoofs; at 1, a tie of everything else: from (0, 1/3) to (1, 1).
    # Flagged f = s and missed 2/3 (1 - s) are equal at s = 0.4.
    assert eer(bonafide=[1.0, 1.0], spoof=[1.0, 1.0, 2.0]) == pytest.approx(0.4)


def test_equal_error_rate_of_two_lines() -> None:
    # Evenly spread from -2 to 10 and from -10 to 2: a sixth of each, 2 of 12, lies beyond the middle of the overlap at
    # 0. The same case is in hyperion-ml's tests (tests/hyperion/metrics/test_eer.py: between 0.166 and 0.167).
    assert eer(bonafide=np.linspace(-10, 2, 1000), spoof=np.linspace(-2, 10, 1000)) == pytest.approx(1 / 6, abs=5e-4)


@given(bonafide=scores, spoof=scores)
def test_equal_error_rate_agrees_with_the_crossing_found_by_bisection(bonafide: list[int], spoof: list[int]) -> None:
    fpr, tpr, _ = roc_curve(_labels(bonafide, spoof), bonafide + spoof, drop_intermediate=False)
    # Both rates as functions of the way along the curve, on which their difference rises.
    low, high = 0.0, float(len(fpr) - 1)
    steps = np.arange(len(fpr))
    for _ in range(60):
        middle = (low + high) / 2
        if np.interp(middle, steps, fpr) < 1 - np.interp(middle, steps, tpr):
            low = middle
        else:
            high = middle
    assert eer(bonafide=bonafide, spoof=spoof) == pytest.approx(np.interp(high, steps, fpr), abs=1e-9)


@given(bonafide=scores, spoof=scores)
def test_ranking_agrees_with_scikit_learn(bonafide: list[int], spoof: list[int]) -> None:
    labels, everything = _labels(bonafide, spoof), bonafide + spoof
    assert auc(bonafide=bonafide, spoof=spoof) == pytest.approx(roc_auc_score(labels, everything))
    expected = average_precision_score(labels, everything)
    assert average_precision(bonafide=bonafide, spoof=spoof) == pytest.approx(expected)
    for part in (0.01, 0.1, 0.5, 1.0):
        expected = roc_auc_score(labels, everything, max_fpr=part)
        assert partial_auc(bonafide=bonafide, spoof=spoof, max_fpr=part) == pytest.approx(expected)
    theirs = roc_curve(labels, everything, drop_intermediate=False)
    for ours, other in zip(roc(bonafide=bonafide, spoof=spoof), theirs, strict=True):
        np.testing.assert_allclose(ours, other, atol=1e-12)


@given(bonafide=scores, spoof=scores, threshold=st.integers(-6, 6))
def test_accuracy_agrees_with_scikit_learn(bonafide: list[int], spoof: list[int], threshold: int) -> None:
    labels, decided = _labels(bonafide, spoof), [score >= threshold for score in bonafide + spoof]
    ours = accuracy(bonafide=bonafide, spoof=spoof, threshold=threshold)
    assert ours == pytest.approx(accuracy_score(labels, decided))
    ours = balanced_accuracy(bonafide=bonafide, spoof=spoof, threshold=threshold)
    assert ours == pytest.approx(balanced_accuracy_score(labels, decided))


def test_calling_everything_a_spoof_is_right_for_nine_in_ten_and_balanced_for_half() -> None:
    # The shares of ASVspoof 2019 LA, eval: 63,882 spoofs of 71,237.
    bonafide, spoof = np.zeros(7_355), np.zeros(63_882)
    assert accuracy(bonafide=bonafide, spoof=spoof, threshold=0.0) == pytest.approx(0.897, abs=5e-4)
    assert balanced_accuracy(bonafide=bonafide, spoof=spoof, threshold=0.0) == 0.5


def test_true_positives_at_a_few_false_ones() -> None:
    bonafide, spoof = np.arange(100.0), np.array([98.5, 97.5, 99.5, 120.0])
    # One bona fide of 100 may be flagged: from 98.5 on, that is 99.
    assert tpr_at_fpr(bonafide=bonafide, spoof=spoof, fpr=0.01) == 0.75
    assert tpr_at_fpr(bonafide=bonafide, spoof=spoof, fpr=0.02) == 1.0
    # Less than one: the highest bona fide decides.
    assert tpr_at_fpr(bonafide=bonafide, spoof=spoof, fpr=0.001) == 0.5
    # A tie with the highest bona fide cannot be flagged alone.
    assert tpr_at_fpr(bonafide=[1.0], spoof=[1.0, 2.0], fpr=0.0) == 0.5
    # 29 of 100, though 0.29 * 100 is less than 29 in floating point.
    assert tpr_at_fpr(bonafide=bonafide, spoof=[71.0], fpr=0.29) == 1.0


def test_a_det_curve_of_two_gaussians_is_a_straight_line() -> None:
    quantiles = (np.arange(2_000) + 0.5) / 2_000
    bonafide = np.array([NormalDist().inv_cdf(share) for share in quantiles])
    curve = det(bonafide=bonafide, spoof=bonafide + 2)
    # Missing more by a deviate flags less by a deviate, two apart: sum -d'.
    middle = np.abs(curve.fpr + 1) < 1
    np.testing.assert_allclose((curve.fpr + curve.fnr)[middle], -2, atol=0.02)
    assert np.all(np.diff(curve.thresholds) < 0)


def test_classes_that_are_apart_have_no_det_curve() -> None:
    assert det(bonafide=[0.0, 1.0], spoof=[2.0]).fpr.size == 0


@pytest.mark.parametrize("bad", [[], [np.nan]])
@pytest.mark.parametrize("name", OF_SCORES)
def test_what_is_not_a_score_is_refused(name: str, bad: list[float]) -> None:
    with pytest.raises(ValueError, match="score"):
        OF_SCORES[name](bonafide=bad, spoof=[1.0])
    with pytest.raises(ValueError, match="score"):
        OF_SCORES[name](bonafide=[1.0], spoof=bad)


@pytest.mark.parametrize("name", sorted(set(OF_SCORES) - {"cllr", "min_cllr"}))
def test_an_infinite_score_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        OF_SCORES[name](bonafide=[0.0], spoof=[np.inf])


@pytest.mark.parametrize("name", OF_SCORES)
def test_huge_scores_and_single_trials_are_numbers(name: str) -> None:
    perfect = OF_SCORES[name](bonafide=[-1e300], spoof=[1e300])
    assert perfect == (1.0 if name in {"auc", "average_precision", "partial_auc", "tpr_at_fpr"} or "acc" in name else 0)
    reversed_ = OF_SCORES[name](bonafide=[1e300], spoof=[-1e300])
    assert math.isfinite(reversed_)
    assert reversed_ != perfect
    assert math.isfinite(OF_SCORES[name](bonafide=[1e300, 1e300], spoof=[1e300]))


@pytest.mark.parametrize("name", OF_SCORES)
def test_two_hundred_thousand_trials_take_no_time_that_grows_with_their_square(name: str) -> None:
    random = np.random.default_rng(0)
    bonafide, spoof = random.normal(-1, 1.5, 20_000), random.normal(1, 1.5, 180_000)
    began = time.process_time()
    assert 0 <= OF_SCORES[name](bonafide=bonafide, spoof=spoof) <= 1
    # About a tenth of a second; comparing all pairs takes a minute and more.
    assert time.process_time() - began < 5


@pytest.mark.parametrize("wrong", [-0.1, 1.1, np.nan])
def test_rates_out_of_range_are_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="rate"):
        tpr_at_fpr(bonafide=[0.0], spoof=[1.0], fpr=wrong)
    with pytest.raises(ValueError, match="partial"):
        partial_auc(bonafide=[0.0], spoof=[1.0], max_fpr=wrong)
