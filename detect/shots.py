"""Where one shot ends and the next begins, seen only from samples that may lie seconds apart."""

from __future__ import annotations

from detect.appearance import Appearance
from detect.types import UInt8Array

_COLOURS, _LAYOUT = 0.25, 0.15
"""A cut changes both. Measured on 33 recordings, pairs of samples up to 2 s apart within a shot: colours differ by at
most .22, layout by up to .79 (the camera moves); pairs from different recordings: colours by .27 and more in 99 %,
layout by .22 and more. So 0 of 3,189 pairs within a shot are taken for a cut, and 9 of 1,032 cuts are missed."""
_COLOURLESS, _COLOURLESS_LAYOUT = 0.07, 0.20
"""The same without chroma: 0 of 3,189, and 121 of 1,032; there the places of the faces must tell."""


class ShotWatch:
    """Compares each sample with the one before."""

    def __init__(self) -> None:
        self._last: Appearance | None = None

    def is_cut(self, pixels: UInt8Array) -> bool:
        """Whether (H, W, 3) RGB shows another scene than the sample before; False for the first sample."""
        last, now = self._last, Appearance.of(pixels)
        self._last = now
        if last is None:
            return False
        colourless = last.colourless and now.colourless
        colours, layout = (_COLOURLESS, _COLOURLESS_LAYOUT) if colourless else (_COLOURS, _LAYOUT)
        # Brightness may jump without a cut (flash, exposure): then the layout stays.
        # A camera may move: then the colours stay.
        return last.colour_distance(now) > colours and last.layout_distance(now) > layout
