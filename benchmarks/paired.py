"""Whether two systems differ on the same trials: DeLong's test of two AUCs, McNemar's of two accuracies.

Both assume that trials are independent. Where several trials come from one person or source they are not, and p comes
out too small: `benchmarks.bootstrap.paired_interval`, which draws whole groups, does not assume it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.separation import finite_classes

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class AucDifference:
    """Two AUCs on the same trials."""

    auc_a: float
    auc_b: float
    difference: float
    """AUC of a less that of b."""
    standard_error: float
    """Of the difference; 0 where the two systems put every pair of classes in the same order, or have no spread."""
    z: float
    """Difference over its standard error; 0 where both are 0, infinite where only the standard error is."""
    p: float
    """Two-sided, of a difference at least as large by chance, from the normal distribution."""


def delong(*, bonafide_a: ArrayLike, spoof_a: ArrayLike, bonafide_b: ArrayLike, spoof_b: ArrayLike) -> AucDifference:
    """Test of the difference of two AUCs on the same, independent trials.

    DeLong, DeLong and Clarke-Pearson, Comparing the areas under two or more correlated receiver operating
    characteristic curves, Biometrics 44, 1988; by midranks, in O(n log n), as Sun and Xu, Fast implementation of
    DeLong's algorithm, IEEE Signal Processing Letters 21, 2014.

    Args:
        bonafide_a: (n,) one system's scores, n at least 2.
        spoof_a: (m,) its scores, m at least 2.
        bonafide_b: (n,) the other's, of the same trials in the same order.
        spoof_b: (m,) likewise.

    Raises:
        ValueError: a score is not finite, the trials are not as many, or a class has fewer than two.
    """
    a, b = finite_classes(bonafide_a, spoof_a), finite_classes(bonafide_b, spoof_b)
    if (a[0].size, a[1].size) != (b[0].size, b[1].size):
        raise ValueError("two systems are compared on the same trials in the same order")
    if min(a[0].size, a[1].size) < 2:
        raise ValueError("a variance needs at least two trials of each class")
    (above_a, below_a), (above_b, below_b) = _placements(*a), _placements(*b)
    pairs = a[0].size * a[1].size
    # Variances of the mean over each class of how far apart the systems place the same trial; counts keep them exact.
    variance = a[0].size * np.var(above_a - above_b, ddof=1) + a[1].size * np.var(below_a - below_b, ddof=1)
    difference, standard_error = float((below_a - below_b).sum() / pairs), math.sqrt(float(variance)) / pairs
    z = difference / standard_error if standard_error else math.copysign(math.inf, difference) if difference else 0.0
    return AucDifference(
        auc_a=float(below_a.sum() / pairs),
        auc_b=float(below_b.sum() / pairs),
        difference=difference,
        standard_error=standard_error,
        z=z,
        p=math.erfc(abs(z) / math.sqrt(2)),
    )


def _placements(negatives: FloatArray, positives: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Of each bona fide how many spoofs score above it, (n,), and of each spoof how many bona fide below, (m,).

    Equal scores count half.
    """
    ranks = _midranks(np.concatenate([negatives, positives]))
    above = positives.size - (ranks[: negatives.size] - _midranks(negatives))
    return above, ranks[negatives.size :] - _midranks(positives)


def _midranks(values: FloatArray) -> FloatArray:
    """(n,) ranks from 1 on; equal values share the mean of theirs."""
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    midranks: FloatArray = (last - (counts - 1) / 2)[index]
    return midranks


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """Decisions of two systems on the same trials, where one is right and the other wrong."""

    only_a: int
    """Trials that only a decides rightly: McNemar's b."""
    only_b: int
    """Trials that only b decides rightly: McNemar's c."""
    p: float
    """Two-sided and exact: of so uneven a split of the disagreements, or one more uneven, by tossing a fair coin."""
    mid_p: float
    """The same with half of the probability of this very split: closer to the nominal level, and not always below."""


def mcnemar(correct_a: Sequence[bool], correct_b: Sequence[bool]) -> Disagreement:
    """Exact binomial test of the difference of two accuracies on the same, independent trials.

    McNemar, Note on the sampling error of the difference between correlated proportions, Psychometrika 12, 1947; exact
    and mid-p as Fagerland, Lydersen and Laake, BMC Medical Research Methodology 13:91, 2013. Where the systems never
    disagree, p is 1: nothing tells them apart.

    Args:
        correct_a: Whether one system is right, a trial each.
        correct_b: Whether the other is, of the same trials in the same order.

    Raises:
        ValueError: there are no trials, or not as many of each.
    """
    a, b = np.asarray(correct_a, dtype=np.bool_), np.asarray(correct_b, dtype=np.bool_)
    if a.shape != b.shape or a.ndim != 1 or a.size == 0:
        raise ValueError("two systems are compared on the same trials in the same order, and there must be some")
    only_a, only_b = int(np.count_nonzero(a & ~b)), int(np.count_nonzero(b & ~a))
    below, at = _binomial_tail(min(only_a, only_b), only_a + only_b)
    return Disagreement(only_a=only_a, only_b=only_b, p=min(1.0, 2 * (below + at)), mid_p=min(1.0, 2 * below + at))


def _binomial_tail(count: int, tosses: int) -> tuple[float, float]:
    """Probability of fewer than so many heads of a fair coin, and of just so many."""
    heads = np.arange(1, count + 1)
    # In logarithms, since 2 ** -tosses is below the least number from some thousand tosses on.
    steps = np.log(tosses - heads + 1) - np.log(heads)
    logs = np.concatenate([[0.0], np.cumsum(steps)]) - tosses * math.log(2)
    return float(np.exp(logs[:-1]).sum()), float(np.exp(logs[-1]))
