"""Logistic regression at even prior odds: from logits, or from the LLRs of two modalities, to one LLR.

Each class weighs one half, however many trials it has, so that the fitted log-odds are a log-likelihood ratio and no
prior of the calibration data is left in them (Brummer and du Preez, Computer Speech & Language 20, 2006).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

_RIDGE = 1e-4
"""Penalty on squared slopes of standardised inputs: moves a fitted slope by less than a thousandth, and keeps it finite
where the classes do not overlap."""
_STEPS = 100
"""Newton's method on a convex function of few parameters; it stops at `_TOLERANCE`, after ten steps as a rule."""
_TOLERANCE = 1e-10
LEAST_SLOPE = 1e-3
"""A calibration never turns a checkpoint's polarity round: scores no better than chance get this slope, that is, next
to no evidence."""


def fit_logistic(inputs: ArrayLike, is_spoof: ArrayLike, weights: ArrayLike | None = None) -> tuple[FloatArray, float]:
    """Slopes (d,) and offset of the LLR in nats.

    Args:
        inputs: (n, d), larger for spoof.
        is_spoof: (n,) booleans, both values among them.
        weights: (n,) how much each counts within its class; None for equally.

    Raises:
        ValueError: a class is missing.
    """
    features, labels = np.asarray(inputs, np.float64), np.asarray(is_spoof, bool)
    if labels.all() or not labels.any():
        raise ValueError("both classes are needed to fit a calibration")
    share = np.ones(len(labels)) if weights is None else np.asarray(weights, np.float64).copy()
    for label in (False, True):
        share[labels == label] /= 2 * share[labels == label].sum()
    middle = np.average(features, axis=0, weights=share)
    spread = np.sqrt(np.average((features - middle) ** 2, axis=0, weights=share))
    spread[spread == 0] = 1.0
    design = np.column_stack([(features - middle) / spread, np.ones(len(labels))])
    penalty = np.append(np.full(features.shape[1], _RIDGE), 0.0)
    solution = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        odds = design @ solution
        probability = 0.5 * (1 + np.tanh(odds / 2))
        slope = design.T @ (share * (probability - labels)) + penalty * solution
        curvature = (design * (share * probability * (1 - probability))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curvature + np.eye(len(solution)) * 1e-12, slope)
        solution = _descend(design, labels, share, penalty, solution, step)
        if np.abs(slope).max() < _TOLERANCE:
            break
    slopes = solution[:-1] / spread
    return slopes, float(solution[-1] - slopes @ middle)


def _descend(
    design: FloatArray,
    labels: NDArray[np.bool_],
    share: FloatArray,
    penalty: FloatArray,
    solution: FloatArray,
    step: FloatArray,
) -> FloatArray:
    """A Newton step, halved as long as it would climb."""

    def loss(point: FloatArray) -> float:
        odds = np.where(labels, -1, 1) * (design @ point)
        return float(share @ np.logaddexp(0, odds) + 0.5 * penalty @ point**2)

    before = loss(solution)
    for halving in range(30):
        after = solution - step * 0.5**halving
        if loss(after) <= before:
            return after
    return solution


def fit_affine(logits: ArrayLike, is_spoof: ArrayLike, weights: ArrayLike | None = None) -> tuple[float, float]:
    """`llr = a * logit + b` with a > 0: a and b, in nats.

    Args:
        logits: (n,), larger for spoof.
        is_spoof: (n,) booleans, both values among them.
        weights: (n,) how much each counts within its class; None for equally.

    Raises:
        ValueError: a class is missing.
    """
    values, labels = np.asarray(logits, np.float64), np.asarray(is_spoof, bool)
    (slope,), offset = fit_logistic(values[:, None], labels, weights)
    if slope >= LEAST_SLOPE:
        return float(slope), offset
    # So flat that the best offset centres the two class means.
    share = np.ones(len(labels)) if weights is None else np.asarray(weights, np.float64)
    means = [np.average(values[labels == label], weights=share[labels == label]) for label in (False, True)]
    return LEAST_SLOPE, -LEAST_SLOPE * float(np.mean(means))
