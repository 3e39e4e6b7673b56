"""Expected false alarms: against simulated calibrated scores, and where the numbers are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from service.results.alarms import SHOWN_BASE_RATES, Expectation, expect, posterior, rate_at_most

LN10 = math.log(10)


def _at(found: list[Expectation], rate: float) -> Expectation:
    (one,) = [each for each in found if each.base_rate == rate]
    return one


def test_posterior_is_bayes_rule() -> None:
    # Odds 1:99, likelihood ratio 10: odds 10:99.
    assert posterior(0.01, LN10) == pytest.approx(10 / 109)
    assert posterior(0.5, 0.0) == pytest.approx(0.5)
    assert posterior(0.01, -1e6) == 0.0
    assert posterior(0.01, 1e6) == 1.0


def test_the_bound_is_that_of_the_threshold() -> None:
    assert rate_at_most(LN10) == pytest.approx(0.1)
    assert rate_at_most(-1.0) == 1.0


def test_one_recording_raises_one_false_alarm_at_most() -> None:
    found = expect(num_weighed=1000, num_results=3000, flagged_llrs=[], threshold=0.1, base_rate=None)
    assert _at(found, 0.1).false_alarms_at_most == pytest.approx(900)
    assert _at(found, 0.1).share_manipulated is None
    found = expect(num_weighed=1000, num_results=1500, flagged_llrs=[], threshold=LN10, base_rate=None)
    assert _at(found, 0.001).false_alarms_at_most == pytest.approx(0.999 * 150)


def test_rates_are_in_order_and_the_given_one_is_marked() -> None:
    found = expect(num_weighed=10, num_results=10, flagged_llrs=[3.0], threshold=LN10, base_rate=0.03)
    assert [each.base_rate for each in found] == sorted({*SHOWN_BASE_RATES, 0.03})
    assert [each.base_rate for each in found if each.is_given] == [0.03]
    found = expect(num_weighed=10, num_results=10, flagged_llrs=[3.0], threshold=LN10, base_rate=0.01)
    assert len(found) == len(SHOWN_BASE_RATES)
    assert _at(found, 0.01).is_given


@pytest.mark.parametrize("rate", SHOWN_BASE_RATES)
def test_holds_for_calibrated_scores(rate: float) -> None:
    # LLRs of two normal distributions of variance 2m, means -m and m, are calibrated (van Leeuwen and Bruemmer 2013).
    noise, count, mean = np.random.default_rng(11), 400_000, 3.0
    is_manipulated = noise.random(count) < rate
    llrs = np.where(is_manipulated, mean, -mean) + noise.normal(0, math.sqrt(2 * mean), count)
    flagged = llrs >= LN10
    expected = _at(
        expect(
            num_weighed=count, num_results=count, flagged_llrs=llrs[flagged].tolist(), threshold=LN10, base_rate=None
        ),
        rate,
    )
    false_alarms = int((flagged & ~is_manipulated).sum())
    assert 0 < false_alarms < expected.false_alarms_at_most
    assert expected.flagged_bonafide == pytest.approx(false_alarms, rel=0.05)
    assert expected.flagged_manipulated == pytest.approx(int((flagged & is_manipulated).sum()), rel=0.15)
