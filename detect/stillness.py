"""Whether a face ever moves against the picture around it, or may be a photograph.

A photograph in front of a moving camera moves as a whole: what one similarity transform explains for its surroundings
it explains for the face too. A living face blinks, speaks and turns within a few samples.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detect.crops import crop_face
from detect.types import Detection, Float32Array, UInt8Array

_SIDE_PX, _MARGIN = 128, 2.0
"""The face and as much again around it: hair, shoulders, background."""
_FACE_PX = _SIDE_PX / _MARGIN
_MIN_PAIRS = 7
"""Of eight samples: a living face may hold still for three."""
_MOTION, _CHANGE = 0.007, 0.06
"""A pair of samples shows motion when a fifth of the points, of the face or around it, do not follow the transform by
more than this part of the face, or when the face's pixels changed by more than this part of their contrast. Of 50 clips
of five photographs (still, noisy, by hand, with a zoom; H.264 at CRF 23 and 35) 48 show it in at most one pair of
eleven; 33 recordings of people, 0.1 s to 1 s a sample, show it twice after 2 pairs in most, after 8 at the latest."""
_EXCUSED = 20
"""One pair, and another for every twenty, may show motion: compression redraws a still face at key frames."""
_POINTS = 60
_FLOW = {"winSize": (13, 13), "maxLevel": 3}
_MAX_RETURN_PX = 0.7
"""A point followed there and back must come back this near, or it was lost."""
_MIN_SURROUNDING, _MIN_POINTS = 8, 4
"""Fewer points around the face: the transform is fitted to all. Fewer at all: the pair says nothing."""


class Stillness:
    """Compares the samples of one face, each with the one before, until one has moved."""

    def __init__(self) -> None:
        self._last: UInt8Array | None = None
        self._num_pairs = self._num_moving = 0
        self._moved = False

    def look(self, frame: UInt8Array, detection: Detection) -> None:
        """Take in one more sample: (H, W, 3) RGB and the face in it."""
        if self._moved:
            return
        crop = crop_face(frame, detection, size_px=_SIDE_PX, margin=_MARGIN)
        now = np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.uint8)
        if self._last is not None:
            moving = _shows_motion(self._last, now)
            self._num_pairs += moving is not None
            self._num_moving += moving is True
            self._moved = self._num_moving > 1 + self._num_pairs // _EXCUSED
        self._last = None if self._moved else now

    @property
    def is_static(self) -> bool:
        """True when enough samples were compared and the face held still in them."""
        return not self._moved and self._num_pairs >= _MIN_PAIRS


def _shows_motion(before: UInt8Array, after: UInt8Array) -> bool | None:
    """Whether a face moved against its surroundings; None where there is too little to hold on to.

    Args:
        before: (128, 128), grey, the face in its middle.
        after: The same a sample later.
    """
    face, around = _points(before, _FACE, apart=3), _points(before, _AROUND, apart=8)
    points = np.concatenate((face, around))
    if len(face) < _MIN_POINTS:
        return None
    there, _, _ = cv2.calcOpticalFlowPyrLK(before, after, points, None, **_FLOW)  # type: ignore[call-overload]  # None: no guess
    back, _, _ = cv2.calcOpticalFlowPyrLK(after, before, there, None, **_FLOW)  # type: ignore[call-overload]  # None: no guess
    followed = np.abs(points - back).max(axis=1) < _MAX_RETURN_PX
    in_face = np.arange(len(points)) < len(face)
    anchors = followed & ~in_face
    if anchors.sum() < _MIN_SURROUNDING:
        anchors = followed
    if anchors.sum() < _MIN_POINTS or (followed & in_face).sum() < _MIN_POINTS:
        return None
    transform, _ = cv2.estimateAffinePartial2D(points[anchors], there[anchors], method=cv2.LMEDS)
    if transform is None:
        return None
    moved = np.hypot(*(there - points @ transform[:, :2].T - transform[:, 2]).T)
    # Hair moves with the head and may be most of what surrounds it: then the background does not fit.
    for part in (in_face, ~in_face):
        if (followed & part).any() and np.percentile(moved[followed & part], 80) > _MOTION * _FACE_PX:
            return True
    expected = cv2.warpAffine(before, transform, (_SIDE_PX, _SIDE_PX), borderMode=cv2.BORDER_REPLICATE)
    return _change(np.asarray(expected, np.uint8), after) > _CHANGE


def _points(image: UInt8Array, where: UInt8Array, *, apart: float) -> Float32Array:
    """(n, 2) corners that can be followed; far enough apart, they are not all in the hair."""
    found = cv2.goodFeaturesToTrack(image, _POINTS, 0.01, apart, mask=where)
    return np.zeros((0, 2), np.float32) if found is None else np.asarray(found, np.float32).reshape(-1, 2)


def _change(one: UInt8Array, other: UInt8Array) -> float:
    """Mean difference of two faces, brightness aside, over the contrast of the first."""
    inside = _FACE > 0
    first, second = (cv2.GaussianBlur(image.astype(np.float32), (0, 0), 1.0)[inside] for image in (one, other))
    first, second = first - first.mean(), second - second.mean()
    # Four grey levels are added to the contrast: in a face darker than that there is only noise.
    return float(np.abs(first - second).mean() / (first.std() + 4))


def _ellipse(scale: float) -> NDArray[np.bool_]:
    """The face in the middle of a crop, three quarters as wide as high, enlarged by `scale`."""
    y, x = (np.mgrid[:_SIDE_PX, :_SIDE_PX] - (_SIDE_PX - 1) / 2) / (scale * _FACE_PX / 2)
    return np.asarray((x / 0.75) ** 2 + y**2 < 1)


_FACE = np.where(_ellipse(0.92), 255, 0).astype(np.uint8)
_AROUND = np.where(_ellipse(1.4), 0, 255).astype(np.uint8)
