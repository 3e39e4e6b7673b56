"""Recordings that can be examined, for made trees: a face that is on the picture, speech that is heard."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service import demo
from tests import portraits
from tests.benchmarks.datasets.tree import Media
from tests.recipes import write_audio, write_picture, write_video

_RATE = 24_000
"""Hz, of the demonstration's voice."""
_SECONDS = 2
_FPS = 4
_VIDEO = frozenset({".mp4", ".dat", ".avi", ".mkv", ".mov", ".webm"})
_PICTURE = frozenset({".png", ".jpg", ".jpeg", ".webp"})


class RealMedia(Media):
    """Makes each file from scratch, so that no two have the same content."""

    def content(self, suffix: str, number: int) -> bytes:
        """A recording, a sound or a picture, as the suffix asks."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / ("file" + (".mp4" if suffix == ".dat" else suffix))
            if suffix in _PICTURE:
                write_picture(path, portraits.grainy(_portrait(0), number))
            elif suffix in _VIDEO:
                pictures = [portraits.grainy(_portrait(k % 4), number * 100 + k) for k in range(_SECONDS * _FPS)]
                write_video(path, frames=pictures, fps=_FPS, audio=_speech(number), audio_rate=_RATE)
            else:
                write_audio(path, _speech(number), _RATE)
            return path.read_bytes()


@cache
def _portrait(step: int) -> portraits.Pixels:
    """A face 110 px wide that moves a little from picture to picture."""
    return portraits.paste(portraits.scene(1, (270, 360)), portraits.head(110), (180 + 2 * step, 130))


def _speech(number: int) -> NDArray[np.float32]:
    samples = _voice()[: _SECONDS * _RATE]
    return samples + np.random.default_rng(number).normal(0, 1e-3, samples.shape).astype(np.float32)


@cache
def _voice() -> NDArray[np.float32]:
    return demo._speech().astype(np.float32)
