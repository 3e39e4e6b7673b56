"""What log-likelihood ratios cost whoever decides by them: Cllr, in bits, and the least any calibration could reach.

Brummer and du Preez, Application-independent evaluation of speaker detection, Computer Speech & Language 20, 2006:
Cllr is the expected cost over all priors and costs; 0 is perfect, 1 is what somebody pays who says nothing (LLR 0).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def classes(bonafide: ArrayLike, spoof: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Both classes as (n,) and (m,) float64.

    Raises:
        ValueError: a class is empty, or a score is not a number.
    """
    negatives, positives = np.asarray(bonafide, np.float64).ravel(), np.asarray(spoof, np.float64).ravel()
    if negatives.size == 0 or positives.size == 0:
        raise ValueError("both classes need at least one score")
    if np.isnan(negatives).any() or np.isnan(positives).any():
        raise ValueError("a score that is not a number is an abstention, which is left out and counted")
    return negatives, positives


def cllr(
    *,
    bonafide: ArrayLike,
    spoof: ArrayLike,
    bonafide_weights: ArrayLike | None = None,
    spoof_weights: ArrayLike | None = None,
) -> float:
    """Cost of LLRs, in bits; both classes count the same, however many trials they have.

    Args:
        bonafide: (n,) LLRs in nats.
        spoof: (m,) LLRs in nats.
        bonafide_weights: (n,) how much each counts within its class; None for equally.
        spoof_weights: (m,) likewise.

    Raises:
        ValueError: a class is empty, or a score is not a number.
    """
    negatives, positives = classes(bonafide, spoof)
    missed = average(np.logaddexp(0, -positives), spoof_weights)
    alarmed = average(np.logaddexp(0, negatives), bonafide_weights)
    return float((missed + alarmed) / (2 * np.log(2)))


def average(values: ArrayLike, weights: ArrayLike | None) -> float:
    """Mean of (n,) values, each counting as much as its weight says; None for equally."""
    return float(np.average(np.asarray(values, np.float64), weights=None if weights is None else np.asarray(weights)))


def min_cllr(*, bonafide: ArrayLike, spoof: ArrayLike) -> float:
    """Cllr after the best monotonic calibration of these very scores: what discrimination alone costs.

    The best one is isotonic regression (pool adjacent violators); so Cllr less this is what calibration costs.

    Args:
        bonafide: (n,) scores, larger for spoof.
        spoof: (m,) scores.

    Raises:
        ValueError: a class is empty, or a score is not a number.
    """
    negatives, positives = classes(bonafide, spoof)
    values, index = np.unique(np.concatenate([negatives, positives]), return_inverse=True)
    # Each class weighs one in all, so that the pooled share of spoof is the posterior at even prior odds.
    alarms = np.bincount(index[: negatives.size], minlength=values.size) / negatives.size
    hits = np.bincount(index[negatives.size :], minlength=values.size) / positives.size
    blocks = _pooled(alarms, hits)
    # An empty class in a block pays nothing there: 0 * log(0) is 0.
    paid = sum(part * np.log2((alarm + hit) / part) for alarm, hit in blocks for part in (alarm, hit) if part > 0)
    return float(paid / 2)


def _pooled(alarms: FloatArray, hits: FloatArray) -> list[tuple[float, float]]:
    """Neighbours merged until the share of spoof never falls: weights of both classes in each block."""
    blocks: list[tuple[float, float]] = []
    for alarm, hit in zip(alarms.tolist(), hits.tolist(), strict=True):
        blocks.append((alarm, hit))
        # Shares compared as products, so that empty classes need no exception.
        while len(blocks) > 1 and blocks[-2][1] * blocks[-1][0] >= blocks[-1][1] * blocks[-2][0]:
            last = blocks.pop()
            blocks[-1] = blocks[-1][0] + last[0], blocks[-1][1] + last[1]
    return blocks
