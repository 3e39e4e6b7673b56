"""Whether LLRs mean what they say: probabilities held against shares, in bins of equal mass.

The test set's own share of spoofs says nothing of the world, so a prior is stated, and each class weighs as much as the
prior gives it, however many trials it has.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.separation import finite_classes

FloatArray = NDArray[np.float64]

PRIOR = 0.5
"""Of a spoof: even odds, as in Cllr."""
BINS = 15
"""As Guo, Pleiss, Sun and Weinberger, On calibration of modern neural networks, ICML 2017."""


class Reliability(NamedTuple):
    """A reliability diagram; bins without trials are left out."""

    predicted: FloatArray
    """(k,) mean probability of a spoof that the LLRs give in each bin, rising."""
    observed: FloatArray
    """(k,) share of spoofs in each bin."""
    mass: FloatArray
    """(k,) share of all trials in each bin; 1 in all. Trials weigh what the prior gives their class."""


def reliability(*, bonafide: ArrayLike, spoof: ArrayLike, prior: float = PRIOR, bins: int = BINS) -> Reliability:
    """Curve of shares against probabilities.

    Bins have the same mass (Nguyen and O'Connor, Posterior calibration and exploratory analysis for natural language
    processing models, EMNLP 2015), as far as trials with the same LLR, which stay together, allow.

    Args:
        bonafide: (n,) LLRs in nats.
        spoof: (m,) LLRs in nats.
        prior: Of a spoof, inside (0, 1).
        bins: How many at most.

    Raises:
        ValueError: a class is empty, an LLR is not finite, or prior or bins are out of range.
    """
    if not 0 < prior < 1:
        raise ValueError(f"a prior lies between 0 and 1, and {prior} does not")
    if bins < 1:
        raise ValueError("a reliability curve needs at least one bin")
    negatives, positives = finite_classes(bonafide, spoof)
    llrs, index = np.unique(np.concatenate([negatives, positives]), return_inverse=True)
    alarms = np.bincount(index[: negatives.size], minlength=llrs.size) * ((1 - prior) / negatives.size)
    hits = np.bincount(index[negatives.size :], minlength=llrs.size) * (prior / positives.size)
    weight = alarms + hits
    # A value goes where the middle of its mass lies.
    middle = np.cumsum(weight) - weight / 2
    place = np.minimum((middle * bins).astype(np.int64), bins - 1)
    mass = np.bincount(place, weight).astype(np.float64)
    kept = mass > 0
    predicted = np.bincount(place, weight * _posterior(llrs, prior))[kept] / mass[kept]
    observed = np.bincount(place, hits)[kept] / mass[kept]
    return Reliability(predicted, observed, mass[kept])


def expected_calibration_error(
    *, bonafide: ArrayLike, spoof: ArrayLike, prior: float = PRIOR, bins: int = BINS
) -> float:
    """Mean distance of shares from probabilities over the bins of `reliability`, by mass.

    Naeini, Cooper and Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning, AAAI 2015, with bins
    of equal mass. It is never below 0, so that chance alone keeps it above 0 where trials are few; and it says nothing
    of discrimination: LLRs of 0 throughout have none of it.

    Args:
        bonafide: (n,) LLRs in nats.
        spoof: (m,) LLRs in nats.
        prior: Of a spoof, inside (0, 1).
        bins: How many at most.

    Raises:
        ValueError: a class is empty, an LLR is not finite, or prior or bins are out of range.
    """
    curve = reliability(bonafide=bonafide, spoof=spoof, prior=prior, bins=bins)
    return float(np.sum(curve.mass * np.abs(curve.predicted - curve.observed)))


def _posterior(llrs: FloatArray, prior: float) -> FloatArray:
    # exp of minus a distance never overflows, on either side.
    odds = llrs + math.log(prior) - math.log1p(-prior)
    small = np.exp(-np.abs(odds))
    posterior: FloatArray = np.where(odds >= 0, 1, small) / (1 + small)
    return posterior
