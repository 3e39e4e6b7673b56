"""Detection costs by hand, by trying every threshold, and by the ASVspoof 5 evaluation's own definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.metrics import ASVSPOOF5, DetectionCost, act_dcf, cllr, eer, min_dcf

scores = st.lists(st.integers(-5, 5), min_size=1, max_size=30)


def test_detection_cost_by_hand() -> None:
    bonafide, spoof = [0.0, 1.0, 2.0, 5.0], [3.0, 4.0, 6.0, 9.0]
    # Threshold 3: one of four bona fide turned away, no spoof let in: 1 * .95 * .25 / .5.
    assert min_dcf(bonafide=bonafide, spoof=spoof) == pytest.approx(0.475)
    # The threshold that costs and prior call for is ln(.95 / .5) = .642: three of four are turned away.
    assert pytest.approx(0.6419, abs=1e-4) == ASVSPOOF5.threshold
    assert act_dcf(bonafide=bonafide, spoof=spoof) == pytest.approx(0.95 * 0.75 / 0.5)


def test_other_costs_move_the_threshold() -> None:
    # Even odds and costs: half the sum of both error rates, over a half.
    even = DetectionCost(p_spoof=0.5, c_miss=1.0, c_false_alarm=1.0)
    assert even.threshold == 0
    assert act_dcf(bonafide=[-1.0, 1.0], spoof=[1.0, 1.0, 1.0, -1.0], cost=even) == pytest.approx(0.75)


def test_deciding_without_listening_costs_one() -> None:
    assert min_dcf(bonafide=[1.0, 1.0], spoof=[1.0, 1.0]) == 1.0
    assert min_dcf(bonafide=[0.0], spoof=[1.0]) == 0.0
    assert min_dcf(bonafide=[1.0], spoof=[0.0]) == 1.0
    # LLRs that are always far on one side: everything turned away costs .95 / .5, everything let in 1.
    assert act_dcf(bonafide=[50.0], spoof=[50.0]) == pytest.approx(1.9)
    assert act_dcf(bonafide=[-50.0], spoof=[-50.0]) == pytest.approx(1.0)


@given(bonafide=scores, spoof=scores)
def test_lowest_detection_cost_agrees_with_trying_every_threshold(bonafide: list[int], spoof: list[int]) -> None:
    tried = [
        (0.95 * np.mean(np.array(bonafide) >= t) + 0.5 * np.mean(np.array(spoof) < t)) / 0.5
        for t in np.arange(-6, 7, 0.5)
    ]
    assert min_dcf(bonafide=bonafide, spoof=spoof) == pytest.approx(min(tried))


def test_a_shift_of_the_scores_changes_what_deciding_costs_and_not_what_it_could_cost() -> None:
    random = np.random.default_rng(0)
    bonafide, spoof = random.normal(-2, 2, 500), random.normal(2, 2, 500)
    assert min_dcf(bonafide=bonafide + 3, spoof=spoof + 3) == pytest.approx(min_dcf(bonafide=bonafide, spoof=spoof))
    assert act_dcf(bonafide=bonafide + 3, spoof=spoof + 3) > act_dcf(bonafide=bonafide, spoof=spoof)


def test_the_three_trials_of_the_asvspoof_evaluation() -> None:
    # README of the evaluation package (github.com/asvspoof-challenge/asvspoof5): bona fide 6.960 and 6.151, spoof
    # -2.307, larger for bona fide there. It prints no results; these are its formulas worked out.
    bonafide, spoof = [-6.960134565830231, -6.150891035795212], [2.306972861289978]
    assert eer(bonafide=bonafide, spoof=spoof) == 0
    assert min_dcf(bonafide=bonafide, spoof=spoof) == 0
    assert act_dcf(bonafide=bonafide, spoof=spoof) == 0
    # (ln(1 + e^-6.960) + ln(1 + e^-6.151)) / 2 = 0.001540; ln(1 + e^-2.307) = 0.094920; half their sum over ln 2.
    assert cllr(bonafide=bonafide, spoof=spoof) == pytest.approx((0.001540 + 0.094920) / 2 / math.log(2), abs=1e-5)


def _evaluated(bonafide: np.ndarray, spoof: np.ndarray) -> tuple[float, float, float]:
    """EER, minDCF and actDCF as the ASVspoof 5 evaluation defines them: one threshold after another, no ties joined.

    Args:
        bonafide: (n,) scores, larger for bona fide.
        spoof: (m,) scores, likewise.
    """
    ranked = sorted([(score, 1) for score in bonafide] + [(score, 0) for score in spoof])
    rejected = accepted = 0
    rates = [(0.0, 1.0)]
    for _, is_bonafide in ranked:
        rejected, accepted = rejected + is_bonafide, accepted + 1 - is_bonafide
        rates.append((rejected / len(bonafide), 1 - accepted / len(spoof)))
    closest = min(rates, key=lambda pair: abs(pair[0] - pair[1]))
    least = min(0.95 * miss + 0.5 * alarm for miss, alarm in rates) / 0.5
    decided = -math.log(0.95 / 0.5)
    actual = (0.95 * np.mean(bonafide < decided) + 0.5 * np.mean(spoof >= decided)) / 0.5
    return sum(closest) / 2, least, float(actual)


@pytest.mark.parametrize("seed", range(20))
def test_the_definitions_of_the_asvspoof_evaluation_give_the_same(seed: int) -> None:
    random = np.random.default_rng(seed)
    bonafide, spoof = random.normal(1, 2, 40), random.normal(-1, 1, 300)
    rate, least, actual = _evaluated(bonafide, spoof)
    # Theirs stops at a trial, ours goes on to the crossing: at most a trial apart.
    assert eer(bonafide=-bonafide, spoof=-spoof) == pytest.approx(rate, abs=1 / 40)
    assert min_dcf(bonafide=-bonafide, spoof=-spoof) == pytest.approx(least)
    assert act_dcf(bonafide=-bonafide, spoof=-spoof) == pytest.approx(actual)
