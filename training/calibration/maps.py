"""One level's map from logits to LLRs: the affine fit and its bounds together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detect.calibrate import AffineMap
from training.calibration.bounds import elub
from training.calibration.cost import FloatArray, cllr, min_cllr
from training.calibration.logistic import fit_affine


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labelled:
    """Logits of one level, of held-out trials or of recordings simulated from them."""

    logits: FloatArray
    """(n,), larger for spoof."""
    is_spoof: np.ndarray[tuple[int], np.dtype[np.bool_]]
    """(n,)."""
    weights: FloatArray
    """(n,), how much each counts within its class."""
    num_bonafide: int
    """Independent people or sources among the bona fide: simulated recordings bring no new ones."""
    num_spoof: int

    def split(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Values of the bona fide and of the spoofs."""
        return values[~self.is_spoof], values[self.is_spoof]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What a map achieves on what it was fitted on."""

    cllr: float
    """Bits."""
    min_cllr: float
    """Bits; of the unweighted scores."""
    false_alarms: float
    """Share of bona fide at or above the flag."""
    hits: float
    """Share of spoofs at or above the flag."""


def fit_map(data: Labelled) -> AffineMap:
    """Prior-balanced logistic regression, cut to its empirical bounds.

    Raises:
        ValueError: a class is missing.
    """
    a, b = fit_affine(data.logits, data.is_spoof, data.weights)
    bonafide, spoof = data.split(a * data.logits + b)
    bonafide_weights, spoof_weights = data.split(data.weights)
    lower, upper = elub(
        bonafide=bonafide,
        spoof=spoof,
        num_bonafide=data.num_bonafide,
        num_spoof=data.num_spoof,
        bonafide_weights=bonafide_weights,
        spoof_weights=spoof_weights,
    )
    return AffineMap(a=round(a, 6), b=round(b, 6), lower=lower, upper=upper)


def apply(fitted: AffineMap, logits: Sequence[float] | FloatArray) -> FloatArray:
    """LLRs in nats of many logits, as `AffineMap.apply` gives them one by one."""
    return np.clip(fitted.a * np.asarray(logits, np.float64) + fitted.b, fitted.lower, fitted.upper)


def quality(fitted: AffineMap, data: Labelled, flag_llr: float) -> Quality:
    """How well the map does on its own data.

    Args:
        fitted: The map.
        data: What to measure it on.
        flag_llr: LLR from which a result is flagged, nats.
    """
    bonafide, spoof = data.split(apply(fitted, data.logits))
    bonafide_weights, spoof_weights = data.split(data.weights)
    raw_bonafide, raw_spoof = data.split(data.logits)
    return Quality(
        cllr=cllr(bonafide=bonafide, spoof=spoof, bonafide_weights=bonafide_weights, spoof_weights=spoof_weights),
        min_cllr=min_cllr(bonafide=raw_bonafide, spoof=raw_spoof),
        false_alarms=float(np.average(bonafide >= flag_llr, weights=bonafide_weights)),
        hits=float(np.average(spoof >= flag_llr, weights=spoof_weights)),
    )
