"""How well scores separate bona fide from spoof, whatever their scale. Larger scores speak for spoof.

Classes go by keyword, so that no call can mix them up. What LLRs are worth stands in `training.calibration.cost`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def finite_classes(bonafide: ArrayLike, spoof: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both classes as (n,) and (m,) float64.

    Raises:
        ValueError: a class is empty, or a score is not finite.
    """
    negatives, positives = np.asarray(bonafide, dtype=np.float64), np.asarray(spoof, dtype=np.float64)
    if negatives.size == 0 or positives.size == 0:
        raise ValueError("both classes need at least one score")
    if not (np.isfinite(negatives).all() and np.isfinite(positives).all()):
        raise ValueError("scores must be finite: an abstention is left out and counted, not given a number")
    return negatives, positives


def auc(*, bonafide: ArrayLike, spoof: ArrayLike) -> float:
    """Area under the ROC curve: how often a spoof scores above a bona fide, ties counting half.

    Args:
        bonafide: (n,) scores.
        spoof: (m,) scores.

    Raises:
        ValueError: a class is empty, or a score is not finite.
    """
    negatives, positives = finite_classes(bonafide, spoof)
    ordered = np.sort(negatives)
    below = np.searchsorted(ordered, positives, side="left")
    not_above = np.searchsorted(ordered, positives, side="right")
    return float((below + not_above).sum() / (2 * negatives.size * positives.size))


def eer(*, bonafide: ArrayLike, spoof: ArrayLike) -> float:
    """Equal error rate: where the share of bona fide flagged equals the share of spoofs missed.

    Where no threshold gives equality it is the mean of the two at the threshold where they are closest.

    Args:
        bonafide: (n,) scores.
        spoof: (m,) scores.

    Raises:
        ValueError: a class is empty, or a score is not finite.
    """
    negatives, positives = finite_classes(bonafide, spoof)
    thresholds = np.unique(np.concatenate([negatives, positives, [np.inf]]))
    flagged = 1 - np.searchsorted(np.sort(negatives), thresholds, side="left") / negatives.size
    missed = np.searchsorted(np.sort(positives), thresholds, side="left") / positives.size
    closest = np.argmin(np.abs(flagged - missed))
    return float((flagged[closest] + missed[closest]) / 2)
