"""What a picture looks like from afar: enough to tell that it is another picture, not who is in it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from detect.types import Float32Array, UInt8Array

_SIDE_PX = 64
_BINS = (16, 8, 8)
"""Luma finely, chroma coarsely; chroma over its middle half, where nearly all natural colours lie."""
_RANGES = (0, 256, 64, 192, 64, 192)
_LAYOUT_SIDE, _LAYOUT_BORDER = 32, 4
"""A picture may have moved by up to an eighth of its side and still count as laid out alike."""
_COLOURLESS = 6.0
"""Distance of chroma from grey, of 128, that 98 % of a black-and-white picture stay under; skin alone has 10 to 40."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Appearance:
    """A picture's colours and its layout."""

    colours: Float32Array
    """(1024,), square roots of a histogram that sums to one."""
    layout: UInt8Array
    """(32, 32), luma."""
    colourless: bool

    @classmethod
    def of(cls, pixels: UInt8Array) -> Appearance:
        """Look at (H, W, 3) RGB."""
        # Points first, then areas: reading every pixel of a large frame would cost more than all that follows.
        small = pixels
        if min(pixels.shape[:2]) > 4 * _SIDE_PX:
            small = np.asarray(cv2.resize(small, (4 * _SIDE_PX, 4 * _SIDE_PX), interpolation=cv2.INTER_LINEAR))
        small = np.asarray(cv2.resize(small, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA))
        # Smoothing keeps grain and compression from filling bins that the scene does not.
        tones = cv2.cvtColor(cv2.GaussianBlur(small, (0, 0), 1.0), cv2.COLOR_RGB2YCrCb)
        counts = cv2.calcHist([tones], [0, 1, 2], None, _BINS, _RANGES).ravel()
        layout = cv2.resize(tones[..., 0], (_LAYOUT_SIDE, _LAYOUT_SIDE), interpolation=cv2.INTER_AREA)
        return cls(
            colours=np.sqrt(counts / max(float(counts.sum()), 1.0)).astype(np.float32),
            layout=np.asarray(layout, np.uint8),
            colourless=float(np.quantile(np.abs(tones[..., 1:].astype(np.float32) - 128), 0.98)) < _COLOURLESS,
        )

    def colour_distance(self, other: Appearance) -> float:
        """One less the Bhattacharyya coefficient of the two histograms: 0 for the same colours, 1 for none shared."""
        return max(0.0, 1.0 - float(self.colours @ other.colours))

    def layout_distance(self, other: Appearance) -> float:
        """One less the correlation of the two pictures where they fit best.

        0 for the same picture, also when it is brighter or has moved a little. A picture without any structure is
        unlike all others, itself included.
        """
        inner = slice(_LAYOUT_BORDER, -_LAYOUT_BORDER)
        best = max(
            _fit(self.layout[inner, inner], other.layout),
            _fit(other.layout[inner, inner], self.layout),
        )
        return min(1.0, 1.0 - best)


def _fit(piece: UInt8Array, whole: UInt8Array) -> float:
    """Correlation of a piece with the place in the whole that is most like it."""
    if piece.std() < 1 or whole.std() < 1:
        return 0.0
    return float(np.nan_to_num(cv2.matchTemplate(whole, piece, cv2.TM_CCOEFF_NORMED), posinf=0, neginf=0).max())
