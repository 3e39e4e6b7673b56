"""The report's pictures show what they claim, are small, and are the same each time."""

from __future__ import annotations

import io
import subprocess
import sys
from fractions import Fraction

import librosa
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from detect import explain
from detect.explain import Picture, face_picture, heat_picture, spectrogram_picture
from detect.types import Float32Array, Interval, UInt8Array
from tests.recipes import noise, tone

_FIELD = (slice(46, 222), slice(52, 834))
"""Rows and columns of the spectrogram itself."""


def _pixels(picture: Picture) -> NDArray[np.int64]:
    with Image.open(io.BytesIO(picture.data)) as image:
        assert image.size == (picture.width_px, picture.height_px)
        assert image.get_format_mimetype() == picture.media_type
        return np.asarray(image.convert("RGB")).astype(np.int64)


def _crop(size: int = 256) -> UInt8Array:
    down, across = np.mgrid[0:size, 0:size] * 200 // size
    return np.stack([down + 30, across + 30, np.full_like(down, 120)], axis=2).astype(np.uint8)


def _spot(row: int, column: int, size: int = 8) -> Float32Array:
    heat = np.zeros((size, size), np.float32)
    heat[row, column] = 3.0
    return heat


def _interval(start: float, end: float) -> Interval:
    return Interval(start=Fraction(start), end=Fraction(end))


def _brightness(picture: Picture) -> NDArray[np.int64]:
    field: NDArray[np.int64] = _pixels(picture)[_FIELD].sum(axis=2)
    return field


@pytest.mark.parametrize("size", [24, 192, 380])
def test_a_face_keeps_its_colours_at_one_size(size: int) -> None:
    picture = face_picture(_crop(size))
    pixels = _pixels(picture)
    assert pixels.shape == (192, 192, 3)
    assert (
        np.abs(
            pixels[[20, 20, 170, 170], [20, 170, 20, 170]] - _crop(192)[[20, 20, 170, 170], [20, 170, 20, 170]]
        ).max()
        < 8
    )
    assert len(picture.data) < 20_000


def test_heat_colours_the_place_and_leaves_the_rest() -> None:
    plain = _pixels(face_picture(_crop()))
    warm = _pixels(heat_picture(_crop(), _spot(1, 6)))
    changed = np.abs(warm - plain).sum(axis=2)
    assert changed[36, 156] > 100
    assert changed[100:, :100].max() < 25
    red, green, blue = warm[36, 156] - plain[36, 156]
    assert red > 0
    assert green > 0
    assert blue < red


def test_heat_never_hides_the_face() -> None:
    bright, dark = np.full((192, 192, 3), 255, np.uint8), np.zeros((192, 192, 3), np.uint8)
    everywhere = np.ones((8, 8), np.float32)
    difference = _pixels(heat_picture(bright, everywhere)) - _pixels(heat_picture(dark, everywhere))
    assert difference.min() >= 0.35 * 255


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan])
def test_no_positive_heat_leaves_the_crop(value: float) -> None:
    assert heat_picture(_crop(), np.full((4, 4), value, np.float32)).data == face_picture(_crop()).data


def test_one_broken_value_does_not_spoil_a_heat_map() -> None:
    heat = _spot(1, 6)
    heat[7, 0] = np.nan
    assert heat_picture(_crop(), heat).data == heat_picture(_crop(), _spot(1, 6)).data


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("hertz", [1_000, 3_000])
def test_a_tone_is_a_line_at_its_frequency(rate: int, hertz: int) -> None:
    field = _brightness(spectrogram_picture(tone(2, rate, hertz), rate, Fraction(0), []))
    row = int(field.mean(axis=1).argmax())
    assert abs((1 - row / (len(field) - 1)) * 8_000 - hertz) < 100


def test_sound_is_drawn_when_it_sounds() -> None:
    sound = np.concatenate([np.zeros(16_000, np.float32), noise(1), np.zeros(16_000, np.float32)])
    columns = _brightness(spectrogram_picture(sound, 16_000, Fraction(5), [])).mean(axis=0)
    thirds = [part.mean() for part in np.array_split(columns, 3)]
    assert thirds[1] > 3 * max(thirds[0], thirds[2])


def test_the_highest_window_is_marked_brown_the_others_grey() -> None:
    marks = [(_interval(10, 14), 0.5), (_interval(14, 18), 2.5), (_interval(30, 34), 9.0)]
    pixels = _pixels(spectrogram_picture(noise(8), 16_000, Fraction(10), marks[:2]))
    bar = pixels[38:41]
    grey, brown = bar[:, 52 + 100], bar[:, 52 + 600]
    assert np.abs(grey - (74, 85, 96)).max() < 8
    assert np.abs(brown - (160, 76, 4)).max() < 8
    beyond = spectrogram_picture(noise(8), 16_000, Fraction(10), marks[2:])
    assert beyond.data == spectrogram_picture(noise(8), 16_000, Fraction(10), []).data


def test_overlapping_windows_are_drawn_apart() -> None:
    marks = [(_interval(0, 5), 1.0), (_interval(4, 8), 2.0)]
    pixels = _pixels(spectrogram_picture(noise(8), 16_000, Fraction(0), marks))
    assert np.abs(pixels[39, 52 + 200] - (74, 85, 96)).max() < 8
    assert np.abs(pixels[19, 52 + 600] - (160, 76, 4)).max() < 8


@pytest.mark.parametrize("seconds", [1 / 16_000, 0.01, 0.3, 600])
def test_any_length_can_be_drawn(seconds: float) -> None:
    picture = spectrogram_picture(noise(seconds), 16_000, Fraction(3_600), [])
    assert _pixels(picture).shape == (260, 900, 3)
    assert len(picture.data) < 150_000


def test_silence_is_drawn_dark() -> None:
    field = _pixels(spectrogram_picture(np.zeros(16_000, np.float32), 16_000, Fraction(0), []))[_FIELD]
    assert np.abs(field - (0, 34, 78)).max() < 8


def test_nothing_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="no samples"):
        spectrogram_picture(np.zeros(0, np.float32), 16_000, Fraction(0), [])


def test_the_same_picture_has_the_same_bytes() -> None:
    marks = [(_interval(0, 1), -0.5)]
    assert face_picture(_crop()).data == face_picture(_crop()).data
    assert spectrogram_picture(noise(2), 16_000, Fraction(0), marks).data == spectrogram_picture(
        noise(2), 16_000, Fraction(0), marks
    ).data  # fmt: skip


def test_drawing_starts_no_compiler() -> None:
    code = "import sys, detect.explain; sys.exit(any(name in sys.modules for name in ('torch', 'librosa', 'numba')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_levels_are_those_of_librosa() -> None:
    """Two tones, against the field's own transform with the same window, step and weighting."""
    rate = 16_000
    sound = (tone(1.0, rate, hertz=500.0) + 0.3 * tone(1.0, rate, hertz=3_000.0)).astype(np.float32)
    length, step = round(explain._FFT_SECONDS * rate), round(explain._FFT_STEP_SECONDS * rate)
    ours = explain._decibels(sound, rate, width=10_000)
    theirs = np.abs(librosa.stft(sound, n_fft=length, hop_length=step, window=np.hanning(length), center=True)) ** 2
    theirs *= (np.arange(len(theirs))[:, None] * rate / length) ** 2
    middle = slice(20, ours.shape[1] - 20)  # beyond the edges, which librosa pads differently
    expected = 10 * np.log10(theirs[: len(ours), middle] / theirs[:, middle].max() + 1e-12)
    loud = expected > -40
    np.testing.assert_allclose(ours[:, middle][loud], expected[loud], atol=0.5)
