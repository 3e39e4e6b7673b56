"""Files of one picture: read upright, changed, and written without loss or in the format that is the laundering."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

from benchmarks.robustness.pictures import Change
from detect.errors import ConfigError
from detect.types import UInt8Array


@dataclass(frozen=True, slots=True, kw_only=True)
class StillCodec:
    """One way of coding a picture."""

    form: Literal["JPEG", "WEBP"]
    quality: int
    """0 to 100, larger is better: libjpeg's or libwebp's own scale."""

    @property
    def suffix(self) -> str:
        """Of its files."""
        return {"JPEG": ".jpg", "WEBP": ".webp"}[self.form]

    def encode(self, pixels: UInt8Array) -> bytes:
        """The picture's file: 4:2:0 chroma, as both libraries do by default."""
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, self.form, quality=self.quality)
        return file.getvalue()


def read(path: Path) -> UInt8Array:
    """A picture as shown: (H, W, 3) RGB, turned as its EXIF says; of several pages the first.

    Raises:
        ConfigError: it cannot be decoded.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"), np.uint8)
    except (OSError, ValueError, SyntaxError) as error:
        raise ConfigError(f"{path.name} cannot be decoded: {error}") from error


def write_file(
    source: Path,
    target: Path,
    random: np.random.Generator,
    *,
    change: Change | None = None,
    codecs: Sequence[StillCodec] = (),
) -> Path:
    """Launder a picture; without a codec the copy is PNG, so that nothing but the change is lost.

    Args:
        source: The picture.
        target: Path of the copy without its suffix.
        random: Of the change.
        change: Done to the pixels.
        codecs: Through which it goes then, one after the other; the last one's file is kept.

    Raises:
        ConfigError: it cannot be decoded.
    """
    pixels = read(source)
    if change is not None:
        pixels = change((pixels.shape[0], pixels.shape[1]), random)(pixels)
    if not codecs:
        path = target.with_name(f"{target.name}.png")
        Image.fromarray(pixels).save(path, "PNG")
        return path
    for codec in codecs[:-1]:
        with Image.open(io.BytesIO(codec.encode(pixels))) as image:
            pixels = np.asarray(image.convert("RGB"), np.uint8)
    path = target.with_name(f"{target.name}{codecs[-1].suffix}")
    path.write_bytes(codecs[-1].encode(pixels))
    return path
