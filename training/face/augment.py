"""What happens to pictures on their way to a viewer, drawn once and done alike to a bona fide picture and its spoof.

A `Look` is drawn without knowing a label, and both pictures of a pair get the same one: so crop, colour, compression
and noise cannot tell the classes apart, and what is left to learn is the manipulation.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from detect.types import Float32Array, UInt8Array
from training.face.launder import h264, jpeg

_BORDER = cv2.BORDER_REPLICATE
"""Outside a picture its border is repeated, as `detect.crops.crop_face` does."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Look:
    """One way for a picture to look; ranges are wide enough for phone clips, broadcast and messengers."""

    matrix: Float32Array
    """(2, 3): from the picture, on a unit square, to the crop, on a unit square."""
    interpolation: int
    gains: Float32Array
    """(3,) factors of R, G, B."""
    gamma: float
    saturation: float
    shrink: float
    """Resolution lost before compression; 1 for none."""
    blur: float
    """Sigma in pixels of a 224 px picture; 0 for none."""
    noise: float
    """Standard deviation in grey levels."""
    seed: int
    """Of the grain and of a clip's movement."""
    jpeg: int
    """Quality before the crop is resampled; 0 for none."""
    h264_crf: int
    """0 for none."""
    late_jpeg: int
    """Quality after the crop is resampled; 0 for none."""
    hole: tuple[float, float, float, float] | None
    """Left, top, right, bottom of a grey patch on the unit square: no single part of a face may decide alone."""


def draw_look(rng: np.random.Generator) -> Look:
    """Draw a look; about one in ten leaves the picture as it is but for the crop."""
    zoom = rng.uniform(0.76, 1.12)
    angle = np.radians(rng.uniform(-8, 8)) if rng.random() < 0.3 else 0.0
    stretch = np.exp(rng.uniform(-0.06, 0.06))
    flip = -1.0 if rng.random() < 0.5 else 1.0
    # Detectors centre faces differently: HOG on the nose, MTCNN nearer to the eyes.
    centre = np.array([0.5 + rng.uniform(-0.08, 0.08), 0.47 + rng.uniform(-0.09, 0.09)])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([zoom * stretch * flip, zoom / stretch])
    back = np.concatenate([linear, (centre - linear @ np.array([0.5, 0.5]))[:, None]], axis=1)
    plain = rng.random() < 0.1

    def some(share: float) -> bool:
        return bool(rng.random() < share) and not plain

    tint = rng.uniform(0.85, 1.15, 3) if some(0.3) else np.ones(3)
    codec = rng.random()
    hole = None
    if some(0.15):
        left, top = rng.uniform(0, 0.8, 2)
        width, height = rng.uniform(0.1, 0.35, 2)
        hole = (left, top, min(1.0, left + width), min(1.0, top + height))
    return Look(
        matrix=np.asarray(back, np.float32),
        interpolation=int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA])),
        gains=np.asarray(tint * (rng.uniform(0.75, 1.25) if some(0.5) else 1.0), np.float32),
        gamma=float(np.exp(rng.uniform(-0.35, 0.35))) if some(0.3) else 1.0,
        saturation=(0.0 if rng.random() < 0.08 else rng.uniform(0.6, 1.4)) if some(0.35) else 1.0,
        shrink=rng.uniform(0.35, 0.95) if some(0.3) else 1.0,
        blur=rng.uniform(0.3, 2.0) if some(0.15) else 0.0,
        noise=rng.uniform(1, 10) if some(0.2) else 0.0,
        seed=int(rng.integers(2**31)),
        jpeg=int(rng.integers(35, 96)) if some(0.9) and codec < 0.4 else 0,
        h264_crf=int(rng.integers(20, 41)) if some(0.9) and codec > 0.75 else 0,
        late_jpeg=int(rng.integers(50, 96)) if some(0.1) else 0,
        hole=hole,
    )


def apply(look: Look, picture: UInt8Array, size_px: int) -> UInt8Array:
    """Give a picture a look.

    Args:
        look: As drawn.
        picture: (H, W, 3) RGB.
        size_px: Side of the crop.

    Returns:
        (size_px, size_px, 3) RGB.
    """
    generator = np.random.default_rng(look.seed)
    image = _coloured(look, picture)
    height, width = image.shape[:2]
    if look.blur:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), look.blur * width / 224), np.uint8)
    if look.shrink < 1:
        small = (max(16, round(width * look.shrink)), max(16, round(height * look.shrink)))
        image = np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA), np.uint8)
    if look.noise:
        grain = generator.normal(0, look.noise, image.shape)
        image = np.clip(image + grain, 0, 255).astype(np.uint8)
    if look.jpeg:
        image = jpeg(image, generator, quality=look.jpeg)
    elif look.h264_crf:
        image = h264(image, generator, crf=look.h264_crf)
    crop = _cropped(look, image, size_px)
    if look.late_jpeg:
        crop = jpeg(crop, generator, quality=look.late_jpeg)
    if look.hole:
        left, top, right, bottom = (round(edge * size_px) for edge in look.hole)
        crop[top:bottom, left:right] = 127
    return crop


def _coloured(look: Look, picture: UInt8Array) -> UInt8Array:
    if look.gamma == 1 and look.saturation == 1 and (look.gains == 1).all():
        return picture
    table = np.arange(256, dtype=np.float32)[:, None] / 255
    table = np.clip(255 * look.gains * table**look.gamma, 0, 255)
    image = np.asarray(cv2.LUT(picture, table.astype(np.uint8)[None]), np.uint8)
    if look.saturation != 1:
        grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        image = np.asarray(cv2.addWeighted(image, look.saturation, grey, 1 - look.saturation, 0), np.uint8)
    return image


def _cropped(look: Look, image: UInt8Array, size_px: int) -> UInt8Array:
    height, width = image.shape[:2]
    # Unit squares to pixels on both sides; pixel centres lie at half pixels.
    to_crop = np.diag([width, height]).astype(np.float64) @ look.matrix[:, :2] / size_px
    offset = look.matrix[:, 2] * (width, height) + to_crop @ np.array([0.5, 0.5]) - 0.5
    matrix = np.concatenate([to_crop, offset[:, None]], axis=1)
    factor = float(np.abs(np.linalg.det(to_crop))) ** 0.5
    if factor > 1.3 or look.interpolation == cv2.INTER_AREA:
        # warpAffine does not average: shrink first, so that nothing is aliased.
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), max(0.3, 0.4 * factor)), np.uint8) if factor > 1 else image
        way = cv2.INTER_LINEAR
    else:
        way = look.interpolation
    crop = cv2.warpAffine(image, matrix, (size_px, size_px), flags=way | cv2.WARP_INVERSE_MAP, borderMode=_BORDER)
    return np.asarray(crop, np.uint8)
