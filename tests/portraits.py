"""Pictures of people made from one photograph: the astronaut Eileen Collins (NASA, public domain), from scikit-image.

`head` cuts her out with a soft edge, `paste` sets a head into a scene, `scene` draws backgrounds without faces.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

data = pytest.importorskip("skimage.data", reason="portraits need scikit-image (the `demo` extra)")

FACE_BOX = (180, 64, 265, 172)
"""Where the face is in `photograph()`: left, top, right, bottom, to a few pixels."""
_HEAD_CENTRE, _HEAD_AXES = (224, 112), (70, 100)
_FACE_WIDTH = FACE_BOX[2] - FACE_BOX[0]


@dataclass(frozen=True)
class Head:
    """A head and how much of each pixel belongs to it."""

    pixels: NDArray[np.float32]
    """(h, w, 3)."""
    cover: NDArray[np.float32]
    """(h, w, 1), 0 to 1."""


def photograph() -> Pixels:
    """(512, 512, 3) RGB."""
    return np.ascontiguousarray(data.astronaut())


def head(face_px: float, *, person: int = 0, mouth_px: float = 0) -> Head:
    """A head whose face is about `face_px` wide.

    Args:
        face_px: Width of the face box.
        person: 0 is the photograph; 1 is somebody darker, facing the other way.
        mouth_px: How far the chin is pulled down, pixels of the photograph.
    """
    picture = photograph().astype(np.float32)
    if mouth_px:
        y, x = np.mgrid[:512, :512].astype(np.float32)
        pull = mouth_px * np.exp(-(((x - 224) / 30) ** 2) - ((y - 150) / 18) ** 2)
        picture = np.asarray(cv2.remap(picture, x, y - pull, cv2.INTER_LINEAR), np.float32)
    if person == 1:
        picture = picture[:, ::-1] * np.array([0.55, 0.42, 0.35], np.float32)
    elif person != 0:
        raise ValueError(person)
    centre = (511 - _HEAD_CENTRE[0] if person == 1 else _HEAD_CENTRE[0], _HEAD_CENTRE[1])
    drawn = np.zeros((512, 512), np.float32)
    cv2.ellipse(drawn, centre, _HEAD_AXES, 0, 0, 360, 1.0, -1)
    cover = np.asarray(cv2.GaussianBlur(drawn, (0, 0), 4), np.float32)
    left, right = centre[0] - _HEAD_AXES[0] - 8, centre[0] + _HEAD_AXES[0] + 8
    bottom = centre[1] + _HEAD_AXES[1] + 8
    size = (round((right - left) * face_px / _FACE_WIDTH), round(bottom * face_px / _FACE_WIDTH))
    parts = [cv2.resize(part[:bottom, left:right], size, interpolation=cv2.INTER_AREA) for part in (picture, cover)]
    return Head(pixels=np.asarray(parts[0], np.float32), cover=np.asarray(parts[1], np.float32)[..., None])


def paste(scene: Pixels, somebody: Head, centre: tuple[float, float]) -> Pixels:
    """The scene with a head whose middle is at `centre` (x, y); what lies outside is cut off."""
    height, width = somebody.cover.shape[:2]
    left, top = round(centre[0] - width / 2), round(centre[1] - height / 2)
    rows = slice(max(top, 0), min(top + height, scene.shape[0]))
    columns = slice(max(left, 0), min(left + width, scene.shape[1]))
    result = scene.copy()
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return result
    part = np.s_[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    cover = somebody.cover[part]
    result[rows, columns] = scene[rows, columns] * (1 - cover) + somebody.pixels[part] * cover
    return result


def scene(number: int = 0, size: tuple[int, int] = (360, 640)) -> Pixels:
    """A background of soft shapes in the colours of place `number`; size is (height, width)."""
    rng = np.random.default_rng(number)
    base = rng.uniform(40, 200, (9, 16, 3)) * 0.5 + rng.uniform(20, 220, 3) * 0.5
    return np.clip(cv2.resize(base, size[::-1], interpolation=cv2.INTER_CUBIC), 0, 255).astype(np.uint8)


def crowd() -> Pixels:
    """Two hundred faces, ten rows of twenty: (1080, 1920, 3)."""
    picture, somebody = scene(1, (1080, 1920)), head(44)
    for row in range(10):
        for column in range(20):
            picture = paste(picture, somebody, (48 + 96 * column, 54 + 108 * row))
    return picture


def grainy(pixels: Pixels, seed: int, strength: float = 3.0) -> Pixels:
    """With a camera's noise."""
    noise = np.random.default_rng(seed).normal(0, strength, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)
