"""The least Cllr of many scores: pooling whole runs gives what isotonic regression gives."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from training.calibration.cost import cllr, min_cllr


def _by_regression(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    values, labels = np.concatenate([bonafide, spoof]), np.repeat([0.0, 1.0], [bonafide.size, spoof.size])
    weights = np.repeat([1 / bonafide.size, 1 / spoof.size], [bonafide.size, spoof.size])
    posterior = IsotonicRegression().fit(values, labels, sample_weight=weights).predict(values)
    with np.errstate(divide="ignore"):
        llrs = np.log(posterior) - np.log1p(-posterior)
    return cllr(bonafide=llrs[labels == 0], spoof=llrs[labels == 1])


@pytest.mark.parametrize("step", [0.0, 0.01, 0.5])
def test_least_cllr_of_many_scores_agrees_with_isotonic_regression(step: float) -> None:
    random = np.random.default_rng(0)
    bonafide, spoof = random.normal(-0.5, 1, 3_000), random.normal(0.5, 1, 20_000)
    if step:
        bonafide, spoof = np.round(bonafide / step) * step, np.round(spoof / step) * step
    assert min_cllr(bonafide=bonafide, spoof=spoof) == pytest.approx(_by_regression(bonafide, spoof), abs=1e-9)


def test_scores_that_fall_throughout_become_one_block() -> None:
    ranks = np.arange(2_000.0)
    # Each spoof lies just below a bona fide, so that neighbours merge and merge again: nothing is worth saying.
    assert min_cllr(bonafide=2 * ranks + 1, spoof=2 * ranks) == pytest.approx(1.0)


def test_shares_that_rise_throughout_stay_as_they_are() -> None:
    # Values 0, 1, 2 with 3, 2 and 1 bona fide and 1, 2 and 3 spoofs: shares 1/4, 1/2 and 3/4.
    bonafide, spoof = [0, 0, 0, 1, 1, 2], [0, 1, 1, 2, 2, 2]
    paid = 3 * np.log2(4 / 3) + 2 * np.log2(2) + np.log2(4)
    assert min_cllr(bonafide=bonafide, spoof=spoof) == pytest.approx(paid / 6)
