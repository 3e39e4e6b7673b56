"""Spoofs made of bona fide pictures: a face blended into itself, or part of a known fake into its original.

Self-blended images (Shiohara & Yamasaki, Detecting Deepfakes with Self-Blended Images, CVPR 2022): source and target
are the same picture under slightly different transformations, and the source's face region is pasted into the
target. What a network can learn from them is the seam and the mismatch of the two statistics, which every face swap
has, and not the faces of one data set. Regions below the eyes and around the mouth stand for lip synthesis.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detect.types import Float32Array, UInt8Array

_POINTS = np.array([(38.3, 51.7), (73.5, 51.5), (56.0, 71.7), (41.5, 92.4), (70.7, 92.2)], np.float32)
"""Eyes, nose and mouth corners of a frontal face on a 112 px square: the common alignment template (Deng et al.,
ArcFace, CVPR 2019)."""
_OUTLINES: dict[str, NDArray[np.float32]] = {
    "face": np.array(
        [
            *((18, 50), (24, 34), (40, 26), (56, 24), (72, 26), (88, 34), (94, 50)),
            *((92, 76), (84, 98), (70, 112), (56, 117), (42, 112), (28, 98), (20, 76)),
        ],
        np.float32,
    ),
    "lower": np.array([(22, 68), (56, 62), (90, 68), (86, 94), (71, 112), (56, 117), (41, 112), (26, 94)], np.float32),
    "mouth": np.array([(34, 84), (56, 79), (78, 84), (80, 95), (68, 106), (56, 109), (44, 106), (32, 95)], np.float32),
    "eyes": np.array([(22, 44), (38, 37), (56, 40), (74, 37), (90, 44), (88, 62), (56, 70), (24, 62)], np.float32),
}
"""Regions on the template's square, drawn around brows, jaw, mouth and eyes."""
_REGIONS, _REGION_SHARES = ("face", "lower", "mouth", "eyes"), (0.6, 0.15, 0.15, 0.1)
"""Whole faces for swaps; lower halves and mouths for lip synthesis; eyes for glasses and gaze."""
_STRENGTHS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)
"""Opacity of the pasted region: the paper's section 3.1."""
_LARGEST_SHIFT, _LARGEST_SCALE = 0.03, 0.05
"""Of the source against the target, in sides of the face: the paper's 3 % and 5 %."""


def self_blend(
    picture: UInt8Array, landmarks: Float32Array | None, rng: np.random.Generator
) -> tuple[UInt8Array, UInt8Array]:
    """A target and the same with its face region pasted in from a transformed copy of itself.

    Args:
        picture: (H, W, 3) RGB, bona fide.
        landmarks: (5, 2) pixels; None takes the template over the whole picture.
        rng: Every choice comes from it.

    Returns:
        The bona fide target, which the transformation may have touched as a whole, and the spoof; both (H, W, 3).
    """
    mask = region_mask(picture.shape[:2], landmarks, rng)
    source, target = picture, picture
    if rng.random() < 0.5:
        source = _altered(picture, rng)
    else:
        target = _altered(picture, rng)
    if source is picture or rng.random() < 0.5:
        # A generator's output is often of lower resolution than the frame it is pasted into.
        source = _resampled(source, rng)
    height, width = picture.shape[:2]
    scale = 1 + rng.uniform(-_LARGEST_SCALE, _LARGEST_SCALE)
    shift = rng.uniform(-_LARGEST_SHIFT, _LARGEST_SHIFT, 2) * (width, height)
    centre = np.array([width, height]) / 2
    move = np.array([[scale, 0, (1 - scale) * centre[0] + shift[0]], [0, scale, (1 - scale) * centre[1] + shift[1]]])
    moved = cv2.warpAffine(source, move, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    moved_mask = cv2.warpAffine(mask, move, (width, height), flags=cv2.INTER_LINEAR)
    return target, paste(np.asarray(moved, np.uint8), target, np.asarray(moved_mask, np.float32))


def blend_fake(
    fake: UInt8Array, original: UInt8Array, landmarks: Float32Array | None, rng: np.random.Generator
) -> UInt8Array:
    """A region of a known fake in the original it was made of, (H, W, 3); both show the same frame."""
    if fake.shape != original.shape:
        return fake
    return paste(fake, original, region_mask(original.shape[:2], landmarks, rng))


def paste(source: UInt8Array, target: UInt8Array, mask: Float32Array) -> UInt8Array:
    """`source` over `target` where `mask`, (H, W) in [0, 1], is 1."""
    weight = mask[:, :, None]
    return np.asarray(np.rint(source * weight + target * (1 - weight)), np.uint8)


def region_mask(shape: tuple[int, ...], landmarks: Float32Array | None, rng: np.random.Generator) -> Float32Array:
    """A soft region of the face, deformed at random, (H, W) in [0, 1]."""
    height, width = shape[:2]
    side = float(max(height, width))
    region = _OUTLINES[rng.choice(_REGIONS, p=_REGION_SHARES)]
    matrix = None
    if landmarks is not None:
        matrix, _ = cv2.estimateAffinePartial2D(_POINTS, landmarks.astype(np.float32), method=cv2.LMEDS)
    if matrix is None:
        matrix = np.array([[width / 112, 0, 0], [0, height / 112, 0]])
    points = region @ matrix[:, :2].T + matrix[:, 2]
    size = float(np.ptp(points, axis=0).max())
    middle = points.mean(axis=0)
    points = middle + (points - middle) * rng.uniform(0.85, 1.1) + rng.normal(0, 0.025 * size, points.shape)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(points).astype(np.int32)), 255)
    # The paper blurs twice with random kernels, eroding by a threshold between: seams from hard to very soft.
    first = rng.uniform(0.005, 0.05) * side
    soft = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), first)
    if rng.random() < 0.5:
        soft = cv2.GaussianBlur(
            (soft > rng.uniform(0.3, 0.9)).astype(np.float32), (0, 0), rng.uniform(0.004, 0.03) * side
        )
    peak = float(soft.max())
    strength = float(rng.choice(_STRENGTHS))
    return np.asarray(soft * (strength / peak) if peak > 0 else soft, np.float32)


def _altered(picture: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Another statistic of colour or sharpness, as the paper's source-target augmentation."""
    changed = picture.astype(np.float32)
    if rng.random() < 0.8:
        changed += rng.uniform(-20, 20, 3).astype(np.float32)
    if rng.random() < 0.6:
        mean = changed.mean()
        changed = (changed - mean) * np.float32(rng.uniform(0.85, 1.15)) + mean + np.float32(rng.uniform(-20, 20))
    if rng.random() < 0.5:
        grey = changed.mean(axis=2, keepdims=True)
        changed = grey + (changed - grey) * np.float32(rng.uniform(0.7, 1.3))
    result = np.clip(changed, 0, 255).astype(np.uint8)
    return _resampled(result, rng) if rng.random() < 0.5 else result


def _resampled(picture: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Lower resolution and back, or sharpened."""
    height, width = picture.shape[:2]
    if rng.random() < 0.3:
        blurred = cv2.GaussianBlur(picture, (0, 0), 1.2)
        amount = rng.uniform(0.2, 0.6)
        return np.asarray(cv2.addWeighted(picture, 1 + amount, blurred, -amount, 0), np.uint8)
    factor = rng.uniform(0.3, 0.9)
    small = cv2.resize(
        picture, (max(8, int(width * factor)), max(8, int(height * factor))), interpolation=cv2.INTER_AREA
    )
    way = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[int(rng.integers(2))]
    return np.asarray(cv2.resize(small, (width, height), interpolation=way), np.uint8)
