"""How well scores separate bona fide from spoof, whatever their scale. Larger scores speak for spoof.

Classes go by keyword, so that no call can mix them up. What LLRs are worth stands in `training.calibration.cost`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Roc(NamedTuple):
    """Vertices of the ROC curve, one for each different score, from flagging nothing to flagging everything."""

    fpr: FloatArray
    """(k,) share of bona fide flagged, from 0 to 1."""
    tpr: FloatArray
    """(k,) share of spoofs flagged, from 0 to 1."""
    thresholds: FloatArray
    """(k,) falling; what scores as much or more is flagged. The first is infinite."""


def finite_classes(bonafide: ArrayLike, spoof: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Both classes as (n,) and (m,) float64.

    Raises:
        ValueError: a class is empty, or a score is not finite.
    """
    negatives, positives = np.asarray(bonafide, np.float64).ravel(), np.asarray(spoof, np.float64).ravel()
    if negatives.size == 0 or positives.size == 0:
        raise ValueError("both classes need at least one score")
    if not (np.isfinite(negatives).all() and np.isfinite(positives).all()):
        raise ValueError("scores must be finite: an abstention is left out and counted, not given a number")
    return negatives, positives


def flagged(negatives: FloatArray, positives: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    """How many of each class are flagged at each vertex of the ROC, (k,) each, and the (k,) thresholds.

    Counts are exact where shares are not. Trials with the same score are flagged together.
    """
    # On scores that are sorted already, as in resamples of a sorted class, a stable sort takes linear time.
    bonafide, spoof = np.sort(negatives, kind="stable"), np.sort(positives, kind="stable")
    everything = np.sort(np.concatenate([bonafide, spoof]), kind="stable")
    first = np.concatenate([[True], everything[1:] != everything[:-1]])
    values = everything[first]
    alarms = bonafide.size - np.searchsorted(bonafide, values, side="left")
    hits = spoof.size - np.searchsorted(spoof, values, side="left")
    return (
        np.concatenate([[0], alarms[::-1]]).astype(np.int64),
        np.concatenate([[0], hits[::-1]]).astype(np.int64),
        np.concatenate([[np.inf], values[::-1]]),
    )


def roc(*, bonafide: ArrayLike, spoof: ArrayLike) -> Roc:
    """ROC curve (Fawcett, An introduction to ROC analysis, Pattern Recognition Letters 27, 2006).

    Args:
        bonafide: (n,) scores.
        spoof: (m,) scores.

    Raises:
        ValueError: a class is empty, or a score is not finite.
    """
    negatives, positives = finite_classes(bonafide, spoof)
    alarms, hits, thresholds = flagged(negatives, positives)
    return Roc(alarms / negatives.size, hits / positives.size, thresholds)


def auc(*, bonafide: ArrayLike, spoof: ArrayLike) -> float:
    """Area under the ROC curve: how often a spoof scores above a bona fide, ties counting half.

    Hanley and McNeil, The meaning and use of the area under a ROC curve, Radiology 143, 1982.

    Args:
        bonafide: (n,) scores.
        spoof: (m,) scores.

    Raises:
        ValueError: a class is empty, or a score is not finite.
    """
    negatives, positives = finite_classes(bonafide, spoof)
    ordered = np.sort(negatives, kind="stable")
    below = np.searchsorted(ordered, positives, side="left")
    not_above = np.searchsorted(ordered, positives, side="right")
    return float((below + not_above).sum() / (2 * negatives.size * positives.size))


def eer(*, bonafide: ArrayLike, spoof: ArrayLike) -> float:
    """Equal error rate: where the share of bona fide flagged equals the share of spoofs missed.

    Between two neighbouring vertices of the ROC the rates go in a straight line, as for somebody who tosses a coin
    between the two thresholds (Fawcett 2006, section 5), so that there is always one point of equality. Vertices are
    one for each different score: the order of trials with the same score means nothing. The ASVspoof evaluation takes
    the mean of the two rates at the score where they are closest, without joining equal scores: the two differ by less
    than one trial's share where no scores are equal.

    Args:
        bonafide: (n,) scores.
        spoof: (m,) scores.

    Raises:
        ValueError: a class is empty, or a score is not finite.
    """
    negatives, positives = finite_classes(bonafide, spoof)
    alarms, hits, _ = flagged(negatives, positives)
    # Share flagged less share missed, times both sizes: exact, and rising from each vertex to the next.
    excess = alarms * positives.size - (positives.size - hits) * negatives.size
    after = int(np.searchsorted(excess, 0, side="left"))
    below, above = int(excess[after - 1]), int(excess[after])
    along = -below / (above - below)
    return float((alarms[after - 1] + along * (alarms[after] - alarms[after - 1])) / negatives.size)
