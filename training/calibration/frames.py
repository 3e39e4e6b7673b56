"""One crop as the frames of a recording would show it: a little moved, a little brighter or darker, coded anew.

Drawn without knowing the label. Weaker than the augmentation of training: these are neighbouring frames of one camera.
"""

from __future__ import annotations

import zlib

import numpy as np

from detect.types import UInt8Array
from training.face.launder import LAUNDERINGS, h264, jpeg

_SHIFT = 0.05
"""Largest movement in sides of the picture: a detector's boxes jitter by a few hundredths between frames."""
_EXPOSURE = 0.1
"""Largest change of brightness, as a factor: flicker and automatic exposure."""
_QUALITIES = (60, 96)
"""JPEG, from a messenger's to a camera's."""
_CRFS = (18, 33)
"""x264's constant rate factor, 23 being its default: from visually lossless to plainly visible."""


def vary(picture: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Another frame of the same face.

    Args:
        picture: (H, W, 3) RGB.
        random: Draws what changes.

    Returns:
        (H, W, 3) RGB.
    """
    height, width = picture.shape[:2]
    right, down = (round(x) for x in random.uniform(-_SHIFT, _SHIFT, 2) * width)
    pad = max(abs(right), abs(down))
    wide = np.pad(picture, ((pad, pad), (pad, pad), (0, 0)), mode="edge")
    # Whole pixels: a face is not resampled by moving.
    moved = wide[pad + down : pad + down + height, pad + right : pad + right + width]
    gain = 1 + random.uniform(-_EXPOSURE, _EXPOSURE)
    lit = np.asarray((moved * gain).round().clip(0, 255), np.uint8)
    if random.random() < 0.5:
        return jpeg(lit, random, quality=int(random.integers(*_QUALITIES)))
    return h264(lit, random, crf=int(random.integers(*_CRFS)))


def laundering_of(group: str) -> str:
    """The one laundering that a group's copies go through, drawn by the group's name: the same for both classes."""
    names = sorted(LAUNDERINGS)
    return names[zlib.crc32(group.encode()) % len(names)]
