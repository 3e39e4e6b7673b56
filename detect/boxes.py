"""Arithmetic on arrays of boxes, (n, 4): left, top, right, bottom."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]
"""(n, 4), pixels."""


def squares(boxes: Boxes) -> Boxes:
    """Squares of the boxes' longer sides around the same centres."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0, keepdims=True) / 2
    return np.concatenate((centre - half, centre + half), axis=1)


def whole_pixels(boxes: Boxes, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """The pixels of a frame of this shape that boxes touch: at least one each way."""
    bound = np.array([shape[1], shape[0]])
    corner = np.clip(np.floor(boxes[:, :2]), 0, bound - 1)
    return np.concatenate((corner, np.clip(np.ceil(boxes[:, 2:]), corner + 1, bound)), axis=1).astype(np.int64)


def overlaps(one: Boxes, other: Boxes, *, of_smaller: bool = False) -> Boxes:
    """Intersection over union of each box with each.

    Args:
        one: (n, 4).
        other: (m, 4).
        of_smaller: Divide by the smaller of the two areas instead.

    Returns:
        (n, m).
    """
    corner = np.maximum(one[:, None, :2], other[None, :, :2])
    shared = np.clip(np.minimum(one[:, None, 2:], other[None, :, 2:]) - corner, 0, None).prod(axis=2)
    areas = (one[:, 2:] - one[:, :2]).prod(axis=1)[:, None], (other[:, 2:] - other[:, :2]).prod(axis=1)[None]
    whole = np.minimum(*areas) if of_smaller else areas[0] + areas[1] - shared
    return np.asarray(shared / np.maximum(whole, 1e-6), np.float32)
