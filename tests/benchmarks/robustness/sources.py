"""Small files to launder, and what is read back from their copies."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from benchmarks.robustness import sound, stills
from benchmarks.robustness.film import frames_of
from benchmarks.robustness.laundering import Kind, kind_of, moving_pictures
from detect.types import Float32Array, UInt8Array
from tests.recipes import noise, numbered, tone, write_picture, write_video, write_wav

FPS = 25
NUM_FRAMES = 30
SECONDS = NUM_FRAMES / FPS
SIZE = (144, 192)
"""Upright height and width."""


def speechlike(seconds: float, rate: int) -> Float32Array:
    """Noise whose loudness goes up and down four times a second, over a tone: (n,)."""
    swell = np.abs(tone(seconds, rate, hertz=2, amplitude=1.0))
    return (swell * noise(seconds, rate, amplitude=0.15) + 0.3 * tone(seconds, rate, 440)).astype(np.float32)


def video(path: Path) -> Path:
    """Numbered pictures, stored on their side with a display matrix that turns them upright, and stereo sound."""
    stored = [np.ascontiguousarray(np.rot90(numbered(number, SIZE), -1)) for number in range(NUM_FRAMES)]
    stereo = np.stack([speechlike(SECONDS, 48_000), 0.5 * speechlike(SECONDS, 48_000)])
    return write_video(path, frames=stored, fps=FPS, rotation=90, audio=stereo, audio_rate=48_000)


def utterance(path: Path) -> Path:
    return write_wav(path, speechlike(SECONDS, 16_000), 16_000)


def picture(path: Path) -> Path:
    return write_picture(path, numbered(5, SIZE))


MAKERS = {Kind.VIDEO: (video, "clip.mp4"), Kind.SOUND: (utterance, "speech.wav"), Kind.PICTURE: (picture, "face.png")}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Heard:
    """What a file holds."""

    times: list[Fraction]
    frames: list[UInt8Array]
    sounds: list[sound.Sound]

    def same_as(self, other: Heard) -> bool:
        """Whether every pixel, sample and time is the same."""
        return (
            self.times == other.times
            and len(self.frames) == len(other.frames)
            and all(np.array_equal(a, b) for a, b in zip(self.frames, other.frames, strict=True))
            and len(self.sounds) == len(other.sounds)
            and all(np.array_equal(a.samples, b.samples) for a, b in zip(self.sounds, other.sounds, strict=True))
        )


def perceived(path: Path) -> Heard:
    """Everything that can be seen and heard in a file."""
    if kind_of(path) is Kind.PICTURE:
        return Heard(times=[Fraction(0)], frames=[stills.read(path)], sounds=[])
    with av.open(str(path)) as container:
        pictures, sounds = moving_pictures(container), [stream.index for stream in container.streams.audio]
    seen = [shown for index in pictures for shown in frames_of(path, index)]
    return Heard(
        times=[time for time, _ in seen],
        frames=[pixels for _, pixels in seen],
        sounds=[sound.read(path, index) for index in sounds],
    )
