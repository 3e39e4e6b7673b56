"""Exhibits for paper: read, blurred where they show a face, and written again by this program.

A picture that comes with a report is decoded here and nothing of its file goes on: no metadata, no second picture.
"""

from __future__ import annotations

import io

from PIL import Image, UnidentifiedImageError

from service.shown import Picture

_MAX_PIXELS = 4_000_000
"""A face crop has some 50,000, a spectrogram under a million (`detect.explain`)."""
_CELLS = 10
"""A face is averaged down to so many cells a side before it is drawn large again: a hundred colours tell hair from skin
and nobody from anybody, and unlike a blur of full size this cannot be sharpened back."""
_QUALITY = 85
"""JPEG: the crops themselves were written so, and a second time loses nothing that the eye finds."""


def printable(picture: Picture, *, blur_faces: bool) -> tuple[bytes, str] | None:
    """A picture's bytes and the ending of its name; None where there is none, or it cannot be read.

    Args:
        picture: As the report holds it.
        blur_faces: Whether faces become unrecognisable.
    """
    if picture.data is None or picture.exhibit is None:
        return None
    is_drawing = picture.exhibit.kind == "spectrogram"
    try:
        with Image.open(io.BytesIO(picture.data), formats=("JPEG", "PNG")) as image:
            if image.width * image.height > _MAX_PIXELS:
                return None
            pixels = image.convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None  # damaged, or no picture: the report says of it what it says of one that is missing
    if blur_faces and not is_drawing:
        pixels = _blurred(pixels)
    target = io.BytesIO()
    if is_drawing:
        pixels.save(target, "PNG", compress_level=6)
        return target.getvalue(), "png"
    pixels.save(target, "JPEG", quality=_QUALITY)
    return target.getvalue(), "jpg"


def _blurred(pixels: Image.Image) -> Image.Image:
    return pixels.resize((_CELLS, _CELLS), Image.Resampling.BOX).resize(pixels.size, Image.Resampling.BICUBIC)
