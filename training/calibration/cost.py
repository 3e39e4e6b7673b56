"""What log-likelihood ratios cost whoever decides by them: Cllr, in bits, and the least any calibration could reach.

Brummer and du Preez, Application-independent evaluation of speaker detection, Computer Speech & Language 20, 2006:
Cllr is the expected cost over all priors and costs; 0 is perfect, 1 is what somebody pays who says nothing (LLR 0).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


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
    # A stable sort takes linear time on what is sorted already.
    ordered = np.sort(np.concatenate([negatives, positives]), kind="stable")
    values = ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])]
    alarms, hits = _pooled(_counts(negatives, values), _counts(positives, values))
    # Each class weighs one in all, so that the pooled share of spoof is the posterior at even prior odds.
    alarm_mass, hit_mass = alarms / negatives.size, hits / positives.size
    paid = sum(
        float(np.sum(part[part > 0] * np.log2((alarm_mass + hit_mass)[part > 0] / part[part > 0])))
        # An empty class in a block pays nothing there: 0 * log(0) is 0.
        for part in (alarm_mass, hit_mass)
    )
    return paid / 2


def _counts(scores: FloatArray, values: FloatArray) -> IntArray:
    """How many of (n,) scores are each of the (k,) rising values."""
    return np.diff(np.searchsorted(np.sort(scores, kind="stable"), values, side="right"), prepend=0).astype(np.int64)


def _pooled(alarms: IntArray, hits: IntArray) -> tuple[IntArray, IntArray]:
    """Neighbours merged until the share of spoof rises throughout: counts of both classes in each block.

    Shares are compared as products of counts: exact, and empty classes need no exception.
    """
    # Whatever falls or stays level from block to block ends in one block, whichever pair is merged first. So whole runs
    # are merged at once while that takes away much, and what is left goes pair by pair, which never takes long.
    size = 2 * alarms.size
    while alarms.size < 0.9 * size and alarms.size > 1:
        size = alarms.size
        rises = hits[:-1] * alarms[1:] < hits[1:] * alarms[:-1]
        starts = np.flatnonzero(np.concatenate([[True], rises]))
        alarms, hits = np.add.reduceat(alarms, starts), np.add.reduceat(hits, starts)
    blocks: list[tuple[int, int]] = []
    for alarm, hit in zip(alarms.tolist(), hits.tolist(), strict=True):
        blocks.append((alarm, hit))
        while len(blocks) > 1 and blocks[-2][1] * blocks[-1][0] >= blocks[-1][1] * blocks[-2][0]:
            last = blocks.pop()
            blocks[-1] = blocks[-1][0] + last[0], blocks[-1][1] + last[1]
    merged = np.array(blocks, dtype=np.int64)
    return merged[:, 0], merged[:, 1]
