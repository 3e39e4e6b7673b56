"""What happens to pictures: functions from one picture to another, prepared once a file.

A change takes the size of the pictures and a generator and gives the function that each of them then goes through, so
that a film is treated alike from its beginning to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from detect.types import Float32Array, UInt8Array

Apply = Callable[[UInt8Array], UInt8Array]
"""(H, W, 3) uint8 RGB to the same, perhaps of another size."""
Change = Callable[[tuple[int, int], np.random.Generator], Apply]
"""(height, width) and a generator to what is done to every picture of that size."""


def _resized(pixels: UInt8Array, width: int, height: int) -> UInt8Array:
    smaller = width * height < pixels.shape[0] * pixels.shape[1]
    way = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=way), np.uint8)


def scaled(size: tuple[int, int], random: np.random.Generator, *, factor: float, back: bool) -> Apply:  # noqa: ARG001
    """Made smaller by a factor; and enlarged again, if it comes `back`."""
    height, width = size
    small = max(2, round(width * factor)), max(2, round(height * factor))

    def apply(pixels: UInt8Array) -> UInt8Array:
        shrunk = _resized(pixels, *small)
        return _resized(shrunk, width, height) if back else shrunk

    return apply


def fitted(size: tuple[int, int], random: np.random.Generator, *, short_px: int) -> Apply:
    """Made smaller until the shorter side is `short_px`; nothing is enlarged."""
    factor = min(1.0, short_px / min(size))
    return scaled(size, random, factor=factor, back=False) if factor < 1 else lambda pixels: pixels


BLUR_LINES = 480
"""Height of the picture that a blur's sigma speaks of; taller ones are blurred in proportion."""


def blurred(size: tuple[int, int], random: np.random.Generator, *, sigma_px: float) -> Apply:  # noqa: ARG001
    """Out of focus: a Gaussian of `sigma_px` in a picture whose shorter side is 480."""
    sigma = max(0.3, sigma_px * min(size) / BLUR_LINES)
    return lambda pixels: np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), np.uint8)


def noisy(size: tuple[int, int], random: np.random.Generator, *, psnr_db: float) -> Apply:  # noqa: ARG001
    """Independent Gaussian noise on every value, at a ratio of the peak's power to the noise's."""
    sigma = np.float32(255 * 10 ** (-psnr_db / 20))

    def apply(pixels: UInt8Array) -> UInt8Array:
        changed = pixels + sigma * random.standard_normal(pixels.shape, np.float32)
        return np.asarray(np.rint(changed).clip(0, 255), np.uint8)

    return apply


_SCREEN_GAMMA = 1.15
"""Exponent that a camera adds to what a screen shows: contrast falls a little. Chosen here."""
_SCREEN_BLACK, _SCREEN_WHITE = 0.03, 0.92
"""Levels between which a screen's black and white come out: stray light and exposure. Chosen here."""
_LENS_SIGMA_PX = 0.7
"""Of the camera's lens and demosaicing, in pixels of the copy. Chosen here."""
_GRID_DEPTH = 0.04
"""Amplitude of the light between a screen's dots after the lens: faint bands, as good photographs of screens show."""


def screened(size: tuple[int, int], random: np.random.Generator, *, tilt: float, psnr_db: float) -> Apply:
    """Taken from a screen by a hand-held camera: perspective, the screen's dots as moire, gamma, blur and sensor noise.

    The grid of the screen's dots is finer than the camera's, so that what is seen of it are the beats between the two;
    red, green and blue stripes lie a third of a dot apart, which colours them.

    Args:
        size: (height, width).
        random: Draws the corners and the noise.
        tilt: By which part of the sides the corners are moved at most.
        psnr_db: Of the sensor's noise.
    """
    height, width = size
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    # Corners move inwards on the screen only: the camera sees a part of the film and nothing beside it.
    inwards = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)], np.float32) * (width, height)
    seen = (corners + inwards * random.uniform(tilt / 4, tilt, (4, 2))).astype(np.float32)
    towards_screen = cv2.getPerspectiveTransform(corners, seen)
    grid = _grid(size, np.asarray(towards_screen, np.float64))
    noise = noisy(size, random, psnr_db=psnr_db)
    levels = np.linspace(0, 1, 256) ** _SCREEN_GAMMA
    curve = np.asarray(255 * (_SCREEN_BLACK + (_SCREEN_WHITE - _SCREEN_BLACK) * levels), np.float32)

    def apply(pixels: UInt8Array) -> UInt8Array:
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        seen_pixels = cv2.warpPerspective(pixels, towards_screen, (width, height), flags=flags)
        lit = cv2.GaussianBlur(curve[seen_pixels] * grid, (0, 0), _LENS_SIGMA_PX)
        return noise(np.asarray(np.rint(lit).clip(0, 255), np.uint8))

    return apply


def _grid(size: tuple[int, int], towards_screen: NDArray[np.float64]) -> Float32Array:
    """(height, width, 3) how much light each pixel of the camera gets from the dots in front of it, about 1."""
    height, width = size
    rows, columns = np.mgrid[:height, :width]
    points = np.stack([columns, rows, np.ones_like(rows)], axis=-1) @ towards_screen.T
    across, down = points[..., 0] / points[..., 2], points[..., 1] / points[..., 2]
    stripes = np.stack([np.cos(2 * np.pi * (across + third / 3)) for third in range(3)], axis=-1)
    lines = np.cos(2 * np.pi * down)[..., None]
    light: Float32Array = (1 + _GRID_DEPTH * (stripes + lines) / 2).astype(np.float32)
    return light


def chain(changes: Sequence[Change]) -> Change:
    """One after the other; each is prepared for the size that the one before it gives."""

    def prepare(size: tuple[int, int], random: np.random.Generator) -> Apply:
        applied: list[Apply] = []
        for change in changes:
            applied.append(change(size, random))
            size = applied[-1](np.zeros((*size, 3), np.uint8)).shape[:2]
        return lambda pixels: _through(applied, pixels)

    return prepare


def _through(applied: Sequence[Apply], pixels: UInt8Array) -> UInt8Array:
    for one in applied:
        pixels = one(pixels)
    return pixels
