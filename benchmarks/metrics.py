"""How well scores separate bona fide from spoof. Larger scores speak for spoof; classes go by keyword.

Cllr and min Cllr stand in `training.calibration.cost`, since calibrations are chosen by them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


def _classes(bonafide: ArrayLike, spoof: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
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
    negatives, positives = _classes(bonafide, spoof)
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
    negatives, positives = _classes(bonafide, spoof)
    thresholds = np.unique(np.concatenate([negatives, positives, [np.inf]]))
    flagged = 1 - np.searchsorted(np.sort(negatives), thresholds, side="left") / negatives.size
    missed = np.searchsorted(np.sort(positives), thresholds, side="left") / positives.size
    closest = np.argmin(np.abs(flagged - missed))
    return float((flagged[closest] + missed[closest]) / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionCost:
    """What errors cost a system that lets bona fide speech in and keeps spoofs out, and how often it meets spoofs."""

    p_spoof: float
    """Prior probability of a spoof."""
    c_miss: float
    """Cost of turning bona fide speech away."""
    c_false_alarm: float
    """Cost of letting a spoof in."""

    @property
    def threshold(self) -> float:
        """LLR for spoof, nats, from which turning away is cheaper than letting in."""
        return math.log(self.c_miss * (1 - self.p_spoof) / (self.c_false_alarm * self.p_spoof))

    def at(self, threshold: float, bonafide: NDArray[np.float64], spoof: NDArray[np.float64]) -> float:
        """Cost of turning away from a threshold on, over that of the better of two decisions made without listening."""
        turned_away, let_in = np.mean(bonafide >= threshold), np.mean(spoof < threshold)
        miss, alarm = self.c_miss * (1 - self.p_spoof), self.c_false_alarm * self.p_spoof
        return float((miss * turned_away + alarm * let_in) / min(miss, alarm))


ASVSPOOF5 = DetectionCost(p_spoof=0.05, c_miss=1.0, c_false_alarm=10.0)
"""ASVspoof 5, track 1 (Wang et al., ASVspoof Workshop 2024). There, scores are larger for bona fide and a miss is bona
fide speech turned away; here, larger for spoof, with the same costs for the same errors."""


def min_dcf(*, bonafide: ArrayLike, spoof: ArrayLike, cost: DetectionCost = ASVSPOOF5) -> float:
    """Lowest normalised detection cost that any threshold on these scores gives.

    Args:
        bonafide: (n,) scores.
        spoof: (m,) scores.
        cost: Of the errors.

    Raises:
        ValueError: a class is empty, or a score is not finite.
    """
    negatives, positives = _classes(bonafide, spoof)
    thresholds = np.unique(np.concatenate([negatives, positives, [np.inf]]))
    return min(cost.at(float(threshold), negatives, positives) for threshold in thresholds)


def act_dcf(*, bonafide: ArrayLike, spoof: ArrayLike, cost: DetectionCost = ASVSPOOF5) -> float:
    """Normalised detection cost of deciding by LLRs at the threshold that the costs and the prior call for.

    Args:
        bonafide: (n,) LLRs in nats.
        spoof: (m,) LLRs in nats.
        cost: Of the errors.

    Raises:
        ValueError: a class is empty, or an LLR is not finite.
    """
    return cost.at(cost.threshold, *_classes(bonafide, spoof))
