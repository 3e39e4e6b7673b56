"""What a system answers and how often it is then wrong: coverage, and risk against coverage.

El-Yaniv and Wiener, On the foundations of noise-free selective classification, JMLR 11, 2010. Abstentions are covered
by nobody: the curve ends at the share of trials that have a score.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.separation import finite_classes

FloatArray = NDArray[np.float64]


class RiskCoverage(NamedTuple):
    """Risk at each coverage that a limit on confidence can give, from the most confident decisions on."""

    coverage: FloatArray
    """(k,) share of all trials, abstentions included, that are decided; rising."""
    risk: FloatArray
    """(k,) share of wrong decisions among those."""


def coverage(num_scored: int, num_all: int) -> float:
    """Share of trials that have a score.

    Raises:
        ValueError: there are none at all, or more have a score than there are.
    """
    if num_all < 1 or not 0 <= num_scored <= num_all:
        raise ValueError(f"{num_scored} of {num_all} trials is no coverage")
    return num_scored / num_all


def risk_coverage(*, bonafide: ArrayLike, spoof: ArrayLike, threshold: float = 0.0, abstained: int = 0) -> RiskCoverage:
    """Risk against coverage of deciding at a threshold, surest first.

    Confidence is the distance of a score from the threshold; equally confident trials are decided together. Every trial
    counts the same, so the risk depends on how many there are of each class.

    Args:
        bonafide: (n,) LLRs in nats, or other scores.
        spoof: (m,) likewise.
        threshold: What scores as much or more is called a spoof.
        abstained: Trials without a score.

    Raises:
        ValueError: a class is empty, a score is not finite, or `abstained` is negative.
    """
    if abstained < 0:
        raise ValueError("a number of abstentions is not negative")
    negatives, positives = finite_classes(bonafide, spoof)
    wrong = np.concatenate([negatives >= threshold, positives < threshold])
    # Negated, so that the order rises from the surest.
    surest, index = np.unique(-np.abs(np.concatenate([negatives, positives]) - threshold), return_inverse=True)
    decided = np.cumsum(np.bincount(index, minlength=surest.size))
    errors = np.cumsum(np.bincount(index[wrong], minlength=surest.size))
    return RiskCoverage(decided / (wrong.size + abstained), errors / decided)


def area_under_risk_coverage(*, bonafide: ArrayLike, spoof: ArrayLike, threshold: float = 0.0) -> float:
    """Mean risk over all coverages that the scored trials allow; 0 where every decision is right.

    Geifman, Uziel and El-Yaniv, Bias-reduced uncertainty estimation for deep neural classifiers, ICLR 2019.
    Abstentions do not change it, so that it is to be read beside the coverage: who abstains whenever it is difficult
    has little risk.

    Args:
        bonafide: (n,) LLRs in nats, or other scores.
        spoof: (m,) likewise.
        threshold: What scores as much or more is called a spoof.

    Raises:
        ValueError: a class is empty, or a score is not finite.
    """
    curve = risk_coverage(bonafide=bonafide, spoof=spoof, threshold=threshold)
    return float(np.sum(curve.risk * np.diff(curve.coverage, prepend=0.0)))
