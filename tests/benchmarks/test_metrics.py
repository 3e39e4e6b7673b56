"""Metrics against cases worked out by hand and against scikit-learn, which comes with librosa."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from benchmarks.metrics import ASVSPOOF5, act_dcf, min_dcf
from training.separation import auc, eer

scores = st.lists(st.integers(-5, 5), min_size=1, max_size=30)


def test_perfect_and_reversed_separation() -> None:
    assert auc(bonafide=[0, 1], spoof=[2, 3]) == 1.0
    assert eer(bonafide=[0, 1], spoof=[2, 3]) == 0.0
    assert auc(bonafide=[2, 3], spoof=[0, 1]) == 0.0
    assert eer(bonafide=[2, 3], spoof=[0, 1]) == 1.0


def test_one_of_four_on_the_wrong_side() -> None:
    assert eer(bonafide=[0, 1, 2, 7], spoof=[3, 8, 9, 10]) == 0.25


@given(bonafide=scores, spoof=scores)
def test_auc_agrees_with_scikit_learn(bonafide: list[int], spoof: list[int]) -> None:
    labels = [0] * len(bonafide) + [1] * len(spoof)
    assert auc(bonafide=bonafide, spoof=spoof) == pytest.approx(roc_auc_score(labels, bonafide + spoof))


@pytest.mark.parametrize("bad", [[], [np.nan], [np.inf]])
def test_what_is_not_a_score_is_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="score"):
        auc(bonafide=bad, spoof=[1.0])


def test_detection_cost_by_hand() -> None:
    # Below 5 everything is let in: all spoofs but one (9) pass. At 5 and above one bona fide of four is turned away.
    bonafide, spoof = [0.0, 1.0, 2.0, 5.0], [3.0, 4.0, 6.0, 9.0]
    # Threshold 3: one of four bona fide turned away, no spoof let in: 1 * .95 * .25 / .5.
    assert min_dcf(bonafide=bonafide, spoof=spoof) == pytest.approx(0.475)
    # The threshold that costs and prior call for is ln(.95 / .5) = .642: three of four are turned away.
    assert pytest.approx(0.6419, abs=1e-4) == ASVSPOOF5.threshold
    assert act_dcf(bonafide=bonafide, spoof=spoof) == pytest.approx(0.95 * 0.75 / 0.5)


def test_deciding_without_listening_costs_one() -> None:
    assert min_dcf(bonafide=[1.0, 1.0], spoof=[1.0, 1.0]) == 1.0
    assert min_dcf(bonafide=[0.0], spoof=[1.0]) == 0.0


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
