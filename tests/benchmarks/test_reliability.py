"""Reliability and expected calibration error, by hand and where LLRs are known to be right."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.metrics import expected_calibration_error, reliability


def test_one_bin_holds_the_mean_probability_against_the_prior() -> None:
    # Probabilities 1/4 and 3/4 of the bona fide, 3/4 of the spoof: .25 * .25 + .25 * .75 + .5 * .75 = .625 against .5.
    third = math.log(3)
    assert expected_calibration_error(bonafide=[-third, third], spoof=[third], bins=1) == pytest.approx(0.125)
    # At prior odds of 3 they are 1/2, 9/10, 9/10, weighing 1/8, 1/8, 3/4: .0625 + .1125 + .675 = .85 against .75.
    shifted = expected_calibration_error(bonafide=[-third, third], spoof=[third], prior=0.75, bins=1)
    assert shifted == pytest.approx(0.1)


def test_two_bins_by_hand() -> None:
    nine, third = math.log(9), math.log(3)
    # The lower half: two bona fide and a spoof at 1/10 and at 1/4; the upper: the rest, at 3/4 and at 9/10.
    curve = reliability(bonafide=[-nine, -nine, -third, nine], spoof=[-third, third, nine, nine], bins=2)
    np.testing.assert_allclose(curve.mass, [0.5, 0.5])
    np.testing.assert_allclose(curve.observed, [1 / 4, 3 / 4])
    np.testing.assert_allclose(curve.predicted, [(0.1 + 0.1 + 0.25 + 0.25) / 4, (0.9 + 0.75 + 0.9 + 0.9) / 4])


def test_llrs_that_are_right_have_almost_no_error_and_doubled_ones_do() -> None:
    # Two Gaussians whose scores are their own LLRs: means -d^2/2 and d^2/2, variance d^2, here d = 2.
    random = np.random.default_rng(0)
    bonafide, spoof = random.normal(-2, 2, 50_000), random.normal(2, 2, 5_000)
    assert expected_calibration_error(bonafide=bonafide, spoof=spoof) < 0.01
    assert expected_calibration_error(bonafide=bonafide, spoof=spoof, prior=0.05) < 0.01
    assert expected_calibration_error(bonafide=2 * bonafide, spoof=2 * spoof) > 0.03
    assert expected_calibration_error(bonafide=bonafide + 2, spoof=spoof + 2) > 0.1


def test_how_many_there_are_of_a_class_does_not_count() -> None:
    bonafide, spoof = [-2.0, -1.0, 0.5], [-0.5, 1.0, 3.0]
    once = expected_calibration_error(bonafide=bonafide, spoof=spoof)
    assert expected_calibration_error(bonafide=bonafide, spoof=spoof * 7) == pytest.approx(once)


def test_saying_nothing_is_calibrated() -> None:
    curve = reliability(bonafide=[0.0] * 5, spoof=[0.0] * 50, prior=0.2)
    assert [len(part) for part in curve] == [1, 1, 1]
    assert curve.predicted[0] == pytest.approx(0.2)
    assert curve.observed[0] == pytest.approx(0.2)


def test_certainty_that_is_wrong_is_the_largest_error() -> None:
    assert expected_calibration_error(bonafide=[1e300], spoof=[-1e300]) == 1.0
    assert expected_calibration_error(bonafide=[-1e300], spoof=[1e300]) == 0.0


@pytest.mark.parametrize("prior", [0.0, 1.0, math.nan])
def test_a_prior_that_decides_everything_is_refused(prior: float) -> None:
    with pytest.raises(ValueError, match="prior"):
        reliability(bonafide=[0.0], spoof=[1.0], prior=prior)


def test_no_bins_are_refused() -> None:
    with pytest.raises(ValueError, match="bin"):
        reliability(bonafide=[0.0], spoof=[1.0], bins=0)
