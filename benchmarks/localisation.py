"""Whether the right stretches of a recording are claimed: AP@IoU and AR@N, as LAV-DF and AV-Deepfake1M are scored.

Compared with the data sets' own evaluations (github.com/ControlNet/LAV-DF, metrics.py; AV-Deepfake1M, src/loc_1d.rs):

* A claim matches a stretch where their IoU is above the threshold, not at it. The same in both.
* AP: claims of all trials by falling score; precision at a recall is the best at that recall or a larger one, and its
  area is summed at every recall that is reached. They leave out the strip below the first claim's recall, at most one
  stretch's share: for them a single stretch that is claimed perfectly has AP 0.
* Matching: here the best claim chooses first and takes the free stretch it overlaps most, as in ActivityNet (Caba
  Heilbron et al., CVPR 2015). There each stretch, in the order of the list, takes its first claim in the order of the
  list, which is that of scores. The two differ only where a claim is above the threshold with two stretches, which at
  0.5 and more disjoint stretches cannot have.
* AR: a stretch is found where any of the trial's N best claims matches it; one claim can find two. The same in both. A
  trial without claims has missed its stretches: in AV-Deepfake1M's code those do not count at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

Stretches = Mapping[str, Sequence[tuple[float, float]]]
"""Trial to its true stretches, start and end in seconds; a bona fide trial has none."""
Claims = Mapping[str, Sequence[tuple[float, float, float]]]
"""Trial to what is claimed of it: score, larger for surer, start and end in seconds. A trial may be absent."""

AR_IOUS = tuple(percent / 100 for percent in range(50, 100, 5))
"""From 0.5 to 0.95 by 0.05: LAV-DF (Cai et al., DICTA 2022), as ActivityNet."""


def average_precision_at_iou(truth: Stretches, claims: Claims, *, iou: float) -> float:
    """AP@IoU over all trials; 1 where all stretches are claimed before anything else is.

    Claims with the same score are taken together, so that their order means nothing.

    Args:
        truth: Of every trial, bona fide ones too: claims there are false.
        claims: Of trials in `truth`.
        iou: What intersection over union must exceed, inside [0, 1).

    Raises:
        ValueError: there is no true stretch, a claim is of another trial, or a number is out of range.
    """
    if not 0 <= iou < 1:
        raise ValueError(f"an IoU to exceed lies from 0 to below 1, and {iou} does not")
    total = _checked(truth, claims)
    scores: list[float] = []
    right: list[bool] = []
    for trial, own in claims.items():
        ranked = _by_score(own)
        scores += [score for score, _, _ in ranked]
        right += _matched([(start, end) for _, start, end in ranked], truth[trial], iou)
    if not scores:
        return 0.0
    order = np.argsort(-np.array(scores), kind="stable")
    falling = np.array(scores)[order]
    last = np.concatenate([falling[1:] != falling[:-1], [True]])
    hits = np.cumsum(np.array(right)[order])[last]
    precision, recall = hits / (np.flatnonzero(last) + 1), hits / total
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(best * np.diff(recall, prepend=0.0)))


def average_recall(truth: Stretches, claims: Claims, *, num_claims: int, ious: Sequence[float] = AR_IOUS) -> float:
    """AR@N: share of stretches found by the N best claims of their trial, averaged over thresholds of IoU.

    Args:
        truth: Of every trial.
        claims: Of trials in `truth`.
        num_claims: N, at least 1.
        ious: What intersection over union must exceed.

    Raises:
        ValueError: there is no true stretch, a claim is of another trial, or a number is out of range.
    """
    if num_claims < 1 or not ious:
        raise ValueError("an average recall needs a claim and a threshold at least")
    total = _checked(truth, claims)
    found = np.zeros(len(ious))
    for trial, own in claims.items():
        overlaps = _overlaps([(start, end) for _, start, end in _by_score(own)[:num_claims]], truth[trial])
        if overlaps.size:
            found += (overlaps.max(axis=0)[None, :] > np.array(ious)[:, None]).sum(axis=1)
    return float(np.mean(found / total))


def _checked(truth: Stretches, claims: Claims) -> int:
    """How many true stretches there are."""
    if unknown := sorted(set(claims) - set(truth)):
        raise ValueError(f"stretches are claimed of trials that nobody labelled: {', '.join(unknown[:3])}")
    spans = [span for own in truth.values() for span in own]
    if not spans:
        raise ValueError("there is no true stretch to find")
    claimed = [one for own in claims.values() for one in own]
    numbers = np.array([*spans, *(one[1:] for one in claimed)], dtype=np.float64)
    if not (np.isfinite(numbers).all() and np.isfinite([one[0] for one in claimed]).all()):
        raise ValueError("scores and ends of stretches must be finite")
    lengths = numbers[:, 1] - numbers[:, 0]
    # A claim of no length is merely wrong.
    if (lengths < 0).any() or (lengths[: len(spans)] == 0).any():
        raise ValueError("a stretch ends after it starts")
    return len(spans)


def _by_score(claims: Sequence[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """Surest first; of equally sure ones the earlier, so that the order they came in means nothing."""
    return sorted(claims, key=lambda one: (-one[0], one[1], one[2]))


def _overlaps(claims: Sequence[tuple[float, float]], truth: Sequence[tuple[float, float]]) -> FloatArray:
    """(claims, truth) intersections over unions, seconds over seconds."""
    ours, theirs = np.array(claims, np.float64).reshape(-1, 1, 2), np.array(truth, np.float64).reshape(1, -1, 2)
    shared = np.minimum(ours[..., 1], theirs[..., 1]) - np.maximum(ours[..., 0], theirs[..., 0])
    shared = np.maximum(shared, 0)
    overlaps: FloatArray = shared / (np.ptp(ours, axis=-1) + np.ptp(theirs, axis=-1) - shared)
    return overlaps


def _matched(claims: Sequence[tuple[float, float]], truth: Sequence[tuple[float, float]], iou: float) -> list[bool]:
    """Whether each claim, surest first, takes a stretch that is still free."""
    overlaps = _overlaps(claims, truth)
    right = [False] * len(claims)
    if not overlaps.size:
        return right
    # Only rows that overlap enough with anything can take a stretch; most claims do with none.
    for number in np.flatnonzero(overlaps.max(axis=1) > iou).tolist():
        chosen = int(overlaps[number].argmax())
        if overlaps[number, chosen] > iou:
            right[number] = True
            overlaps[:, chosen] = 0
    return right
