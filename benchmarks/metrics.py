"""Every metric of two classes, in one place. Larger scores speak for spoof; classes go by `bonafide=` and `spoof=`.

Of scores of any scale: `roc`, `auc`, `partial_auc`, `eer`, `det`, `tpr_at_fpr`, `average_precision`, `min_dcf`,
`min_cllr`. Of scores and a threshold: `accuracy`, `balanced_accuracy`, `risk_coverage`, `area_under_risk_coverage`. Of
LLRs, which mean something by themselves: `cllr`, `act_dcf`, `reliability`, `expected_calibration_error`.

What training and calibration need as well stands with them. Abstentions are in no metric: they are left out, counted,
and given as `coverage`. All are O(n log n) in the number of trials.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.detection_cost import ASVSPOOF5, DetectionCost, act_dcf, min_dcf
from benchmarks.reliability import Reliability, expected_calibration_error, reliability
from benchmarks.risk import RiskCoverage, area_under_risk_coverage, coverage, risk_coverage
from training.calibration.cost import cllr, min_cllr
from training.separation import Roc, auc, eer, finite_classes, flagged, roc

__all__ = [
    "ASVSPOOF5",
    "Det",
    "DetectionCost",
    "Reliability",
    "RiskCoverage",
    "Roc",
    "accuracy",
    "act_dcf",
    "area_under_risk_coverage",
    "auc",
    "average_precision",
    "balanced_accuracy",
    "cllr",
    "coverage",
    "det",
    "eer",
    "expected_calibration_error",
    "min_cllr",
    "min_dcf",
    "partial_auc",
    "reliability",
    "risk_coverage",
    "roc",
    "tpr_at_fpr",
]

FloatArray = NDArray[np.float64]


class Det(NamedTuple):
    """Vertices of a DET curve on its axes of normal deviates."""

    fpr: FloatArray
    """(k,) normal deviates of the share of bona fide flagged, rising."""
    fnr: FloatArray
    """(k,) normal deviates of the share of spoofs missed, falling."""
    thresholds: FloatArray
    """(k,) falling."""


def det(*, bonafide: ArrayLike, spoof: ArrayLike) -> Det:
    """DET curve (Martin et al., The DET curve in assessment of detection task performance, Eurospeech 1997).

    Vertices at which a rate is 0 or 1 lie at infinity and are left out: two classes that are apart have no curve.

    Args:
        bonafide: (n,) scores.
        spoof: (m,) scores.

    Raises:
        ValueError: a class is empty, or a score is not finite.
    """
    curve = roc(bonafide=bonafide, spoof=spoof)
    fnr = 1 - curve.tpr
    inside = (curve.fpr > 0) & (curve.fpr < 1) & (fnr > 0) & (fnr < 1)
    return Det(_deviates(curve.fpr[inside]), _deviates(fnr[inside]), curve.thresholds[inside])


def _deviates(rates: FloatArray) -> FloatArray:
    normal = NormalDist()
    return np.array([normal.inv_cdf(rate) for rate in rates.tolist()], dtype=np.float64)


def average_precision(*, bonafide: ArrayLike, spoof: ArrayLike) -> float:
    """Mean precision over the spoofs, each with all that scores as much or more flagged; nothing is interpolated.

    It depends on how many trials there are of each class. As scikit-learn's `average_precision_score`.

    Args:
        bonafide: (n,) scores.
        spoof: (m,) scores.

    Raises:
        ValueError: a class is empty, or a score is not finite.
    """
    negatives, positives = finite_classes(bonafide, spoof)
    alarms, hits, _ = flagged(negatives, positives)
    precision = hits[1:] / (alarms[1:] + hits[1:])
    return float(np.sum(precision * np.diff(hits)) / positives.size)


def partial_auc(*, bonafide: ArrayLike, spoof: ArrayLike, max_fpr: float) -> float:
    """Area under the ROC curve up to a false-positive rate, put on a scale on which chance is 0.5 and 1 is perfect.

    McClish, Analyzing a portion of the ROC curve, Medical Decision Making 9, 1989; as scikit-learn's `roc_auc_score`
    with `max_fpr`. Between vertices the curve is straight.

    Args:
        bonafide: (n,) scores.
        spoof: (m,) scores.
        max_fpr: Inside (0, 1].

    Raises:
        ValueError: a class is empty, a score is not finite, or the rate is out of range.
    """
    if not 0 < max_fpr <= 1:
        raise ValueError(f"a partial area ends between 0 and 1, not at {max_fpr}")
    curve = roc(bonafide=bonafide, spoof=spoof)
    end = int(np.searchsorted(curve.fpr, max_fpr, side="right"))
    fpr, tpr = curve.fpr[:end], curve.tpr[:end]
    if end < curve.fpr.size:
        along = (max_fpr - curve.fpr[end - 1]) / (curve.fpr[end] - curve.fpr[end - 1])
        fpr = np.append(fpr, max_fpr)
        tpr = np.append(tpr, curve.tpr[end - 1] + along * (curve.tpr[end] - curve.tpr[end - 1]))
    area, chance = float(np.trapezoid(tpr, fpr)), max_fpr**2 / 2
    return 0.5 * (1 + (area - chance) / (max_fpr - chance))


def tpr_at_fpr(*, bonafide: ArrayLike, spoof: ArrayLike, fpr: float) -> float:
    """Largest share of spoofs flagged by a threshold that flags at most so many of the bona fide.

    Nothing is interpolated: the threshold exists. With fewer than 1 / `fpr` bona fide trials no alarm is allowed, and
    the highest bona fide score alone decides.

    Args:
        bonafide: (n,) scores.
        spoof: (m,) scores.
        fpr: False-positive rate, inside [0, 1].

    Raises:
        ValueError: a class is empty, a score is not finite, or the rate is out of range.
    """
    if not 0 <= fpr <= 1:
        raise ValueError(f"{fpr} is no false-positive rate")
    curve = roc(bonafide=bonafide, spoof=spoof)
    return float(curve.tpr[np.searchsorted(curve.fpr, fpr, side="right") - 1])


def accuracy(*, bonafide: ArrayLike, spoof: ArrayLike, threshold: float) -> float:
    """Share of right decisions at a threshold. Calling everything a spoof reaches the share of spoofs.

    Args:
        bonafide: (n,) scores.
        spoof: (m,) scores.
        threshold: What scores as much or more is called a spoof.

    Raises:
        ValueError: a class is empty, or a score is not finite.
    """
    negatives, positives = finite_classes(bonafide, spoof)
    right = np.count_nonzero(negatives < threshold) + np.count_nonzero(positives >= threshold)
    return right / (negatives.size + positives.size)


def balanced_accuracy(*, bonafide: ArrayLike, spoof: ArrayLike, threshold: float) -> float:
    """Mean over the classes of the share of right decisions: 0.5 for who calls everything the same.

    Args:
        bonafide: (n,) scores.
        spoof: (m,) scores.
        threshold: What scores as much or more is called a spoof.

    Raises:
        ValueError: a class is empty, or a score is not finite.
    """
    negatives, positives = finite_classes(bonafide, spoof)
    return float((np.mean(negatives < threshold) + np.mean(positives >= threshold)) / 2)
