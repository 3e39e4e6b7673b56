"""How large an LLR the calibration data can support: empirical lower and upper bounds (ELUB).

Vergeer, van Es, de Jongh, Alberink and Stoel, Numerical likelihood ratios outputted by LR systems are often based on
extrapolation: when to stop extrapolating?, Science & Justice 56, 2016. At a prior where the threshold of a rational
decision is the LLR t, the system's Bayes error rate must not be above that of a decision by the prior alone. One
misleading trial is added to each class, which is what the data cannot exclude. LLRs are cut to the range around 0
where this holds.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from training.calibration.cost import classes

_STEP = 0.01
"""Nats between the thresholds that are tried: a hundredth part of a factor e."""


def elub(
    *,
    bonafide: ArrayLike,
    spoof: ArrayLike,
    num_bonafide: int,
    num_spoof: int,
    bonafide_weights: ArrayLike | None = None,
    spoof_weights: ArrayLike | None = None,
) -> tuple[float, float]:
    """Lower (<= 0) and upper (>= 0) bound of the LLR, in nats.

    The bounds are never beyond -ln(`num_spoof` + 1) and ln(`num_bonafide` + 1): what n trials without an error support.

    Args:
        bonafide: (n,) LLRs in nats.
        spoof: (m,) LLRs in nats.
        num_bonafide: Independent people or sources among the bona fide; several trials of one are no new evidence.
        num_spoof: Likewise among the spoofs.
        bonafide_weights: (n,) how much each counts; None for equally.
        spoof_weights: (m,) likewise.

    Raises:
        ValueError: a class is empty, or a score is not a number.
    """
    negatives, positives = classes(bonafide, spoof)
    alarm_weights = np.ones(negatives.size) if bonafide_weights is None else np.asarray(bonafide_weights, np.float64)
    hit_weights = np.ones(positives.size) if spoof_weights is None else np.asarray(spoof_weights, np.float64)

    def false_alarms(threshold: float) -> float:
        share = alarm_weights[negatives >= threshold].sum() / alarm_weights.sum()
        return float((num_bonafide * share + 1) / (num_bonafide + 1))

    def misses(threshold: float) -> float:
        share = hit_weights[positives < threshold].sum() / hit_weights.sum()
        return float((num_spoof * share + 1) / (num_spoof + 1))

    def holds(threshold: float) -> bool:
        # Prior odds exp(-t): the error of the system against that of always deciding for the likelier class.
        prior = 1 / (1 + math.exp(threshold))
        error = prior * misses(threshold) + (1 - prior) * false_alarms(threshold)
        return error <= min(prior, 1 - prior)

    upper = lower = 0.0
    while upper + _STEP <= math.log(num_bonafide + 1) and holds(upper + _STEP):
        upper += _STEP
    while lower - _STEP >= -math.log(num_spoof + 1) and holds(lower - _STEP):
        lower -= _STEP
    return round(lower, 2), round(upper, 2)
