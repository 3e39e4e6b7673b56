"""Cutting faces out of frames, and measuring whether a cut-out face can be judged.

A classifier of manipulated faces looks for traces as fine as single pixels, and each resampling wipes some away. So a
crop is resampled once, from the full-size frame, and a face is turned upright only when it leans so far that the
classifier would see something it was not trained on.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from detect.types import Detection, FaceQuality, Float32Array, UInt8Array

_UPRIGHT_DEGREES = 20.0
"""A face that leans less is not rotated: rotating interpolates every pixel anew. Training crops of DFDC and
FaceForensics++ are axis-aligned as well, and heads in them lean up to about this much."""
SHARPNESS_SIDE_PX = 128
_NOSE_DEPTH, _NOSE_FRACTION = 0.5625, 0.598
"""Where the tip of the nose stands over the line from between the eyes to between the mouth's corners: how far in front
of it, in distances between the eyes, and how far along it. From MediaPipe's canonical_face_model.obj: eyes as the means
of their corners (vertices 33, 133, 362, 263), mouth corners 61 and 291, nose 1."""
_PROFILE_RATIO = 0.45
"""Distance between the eyes over that from eyes to mouth, under which the line between the eyes is too short to give
a direction: 0.9 from the front on the same model, so half of it at a yaw of 60 degrees."""
_MAX_SUPERSAMPLING = 8
"""Points along a side that are averaged into one pixel of a rotated crop: enough to shrink by 8 without aliasing."""


def crop_face(frame: UInt8Array, detection: Detection, *, size_px: int, margin: float) -> UInt8Array:
    """Cut out a face, upright and square.

    Outside the frame the border is repeated. The face is rotated in the plane only when the line between its eyes leans
    more than 20 degrees. The pixels are resampled once.

    Args:
        frame: (H, W, 3) RGB, full size.
        detection: The face in it.
        size_px: Side of the result.
        margin: Side of the square in longer sides of the face box: 1.0 is tight, 1.3 shows some hair and chin.

    Returns:
        (size_px, size_px, 3) RGB.
    """
    left, top, right, bottom = detection.box
    side = max(margin * max(right - left, bottom - top), 1.0)
    centre = ((left + right) / 2, (top + bottom) / 2)
    roll = _roll_degrees(detection)
    if abs(roll) > _UPRIGHT_DEGREES:
        return _rotated(frame, centre, side, roll, size_px)
    return _upright(frame, centre, side, size_px)


def assess(frame: UInt8Array, detection: Detection) -> FaceQuality:
    """Measure what decides whether a face can be scored.

    Args:
        frame: (H, W, 3) RGB, full size.
        detection: The face in it.
    """
    tight = crop_face(frame, detection, size_px=SHARPNESS_SIDE_PX, margin=1.0)
    return FaceQuality(
        size_px=detection.size_px,
        sharpness=sharpness(tight),
        yaw_degrees=_yaw_degrees(detection),
        roll_degrees=_roll_degrees(detection),
    )


def sharpness(picture: UInt8Array) -> float:
    """Variance of the Laplacian of the grey picture (Pech-Pacheco et al., ICPR 2000).

    Args:
        picture: (H, W, 3) RGB; values compare between pictures of one size only, for faces `SHARPNESS_SIDE_PX`.
    """
    return float(cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.CV_32F).var())


def area_crops(frame: UInt8Array, boxes: NDArray[np.int64], side: int) -> Float32Array:
    """Cut many boxes from one frame and average each to `side` x `side` cells, all at once, from one integral image.

    The cells are those of torch's adaptive average pooling, which facenet-pytorch calls for each box in turn.

    Args:
        frame: (H, W, 3).
        boxes: (n, 4), inside the frame, at least one pixel wide and high.
        side: Cells along a side.

    Returns:
        (n, side, side, 3), in [0, 255].
    """
    integral = cv2.integral(frame)  # int32: exact up to 8.4 million white pixels, above the bound of a reduced frame
    stride = integral.shape[1]
    table = integral.reshape(-1, 3)
    cell = np.arange(side)

    def edges(start: NDArray[np.int64], end: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        length = (end - start)[:, None]
        return start[:, None] + cell * length // side, start[:, None] - (-(cell + 1) * length // side)

    left, right = edges(boxes[:, 0], boxes[:, 2])
    top, bottom = edges(boxes[:, 1], boxes[:, 3])

    def corner(y: NDArray[np.int64], x: NDArray[np.int64]) -> NDArray[np.int32]:
        return np.asarray(table.take((y * stride)[:, :, None] + x[:, None, :], axis=0))

    total = corner(bottom, right)
    total -= corner(top, right)
    total -= corner(bottom, left)
    total += corner(top, left)
    area = (bottom - top)[:, :, None] * (right - left)[:, None, :]
    return np.asarray(total / area[..., None], np.float32)


def _upright(frame: UInt8Array, centre: tuple[float, float], side: float, size_px: int) -> UInt8Array:
    """Cut whole pixels, so that a square of just the right size is copied and not resampled at all."""
    height, width = frame.shape[:2]
    length = max(round(side), 1)
    left, top = round(centre[0] - length / 2), round(centre[1] - length / 2)
    right, bottom = left + length, top + length
    above, below, before, behind = max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0)
    # A box centre lies inside the frame, so this cut is never empty.
    cut = frame[max(top, 0) : bottom, max(left, 0) : right]
    if above or below or before or behind:
        cut = np.asarray(cv2.copyMakeBorder(cut, above, below, before, behind, cv2.BORDER_REPLICATE))
    if length == size_px:
        return np.array(cut)
    way = cv2.INTER_AREA if length > size_px else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(cut, (size_px, size_px), interpolation=way))


def _rotated(frame: UInt8Array, centre: tuple[float, float], side: float, roll: float, size_px: int) -> UInt8Array:
    """Cut a tilted square: each pixel of the result is the mean of a grid of interpolated points."""
    points = min(max(math.ceil(side / size_px), 1), _MAX_SUPERSAMPLING)
    length = size_px * points
    step = side / length
    cosine, sine = step * math.cos(math.radians(roll)), step * math.sin(math.radians(roll))
    middle = (length - 1) / 2
    # From a pixel of the result to the point of the frame that it shows; pixel centres lie at half pixels.
    matrix = np.array(
        [
            [cosine, -sine, centre[0] - 0.5 - (cosine - sine) * middle],
            [sine, cosine, centre[1] - 0.5 - (sine + cosine) * middle],
        ]
    )
    way = cv2.INTER_LINEAR if points > 1 else cv2.INTER_CUBIC
    grid = cv2.warpAffine(
        frame, matrix, (length, length), flags=way | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cv2.resize(grid, (size_px, size_px), interpolation=cv2.INTER_AREA) if points > 1 else grid)


def _roll_degrees(detection: Detection) -> float:
    """In-plane rotation, clockwise as seen; from the eyes, or in profile from the line between eyes and mouth."""
    eyes, down = _axes(detection)
    if np.hypot(*eyes) < _PROFILE_RATIO * np.hypot(*down):
        return math.degrees(math.atan2(-down[0], down[1]))
    return math.degrees(math.atan2(eyes[1], eyes[0]))


def _yaw_degrees(detection: Detection) -> float:
    """Turn of the head to the side, from five landmarks.

    Seen from far away, a point of the midline moves sideways by its depth times the sine of the yaw, and the distance
    between the eyes shrinks by the cosine. So the nose's offset from the line between eyes and mouth, over the
    distance between the eyes, is the tangent of the yaw times the nose's depth. Nodding and tilting drop out.
    """
    eyes, down = _axes(detection)
    length = float(np.hypot(*down))
    if length < 1e-6:
        return 0.0
    sideways = np.array([down[1], -down[0]]) / length
    between_eyes = detection.landmarks[:2].mean(axis=0)
    offset = detection.landmarks[2] - (between_eyes + _NOSE_FRACTION * down)
    return math.degrees(math.atan2(float(offset @ sideways) / _NOSE_DEPTH, float(eyes @ sideways)))


def _axes(detection: Detection) -> tuple[Float32Array, Float32Array]:
    """From eye to eye, and from between the eyes to between the mouth's corners; pixels."""
    left_eye, right_eye, _, left_mouth, right_mouth = detection.landmarks
    return right_eye - left_eye, (left_mouth + right_mouth - left_eye - right_eye) / 2
