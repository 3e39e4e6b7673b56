"""The pictures that explain a score: the face, where the network looked, and the sound with its scored windows.

All are drawn with numpy and Pillow alone. librosa would draw the same spectrogram, but its first transform compiles
for half a minute on a small machine. Encoders are set so that the same pixels give the same bytes.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from detect.types import Float32Array, Interval, UInt8Array

MediaType = Literal["image/jpeg", "image/png"]

_FACE_PX = 192
_JPEG_QUALITY = 88
"""A 192 px crop comes to about 9 kB, without visible blocks."""

_MAX_ALPHA = 0.6
"""Of the heat map over the crop: the face stays recognisable under the hottest spot."""

_HEAT_FLOOR = 0.15
"""Heat under it leaves the crop as it is: a veil over everything would say nothing."""

_CONTOUR = 0.5
"""Heat along which a line is drawn, dark inside and white outside: seen on any skin and without any colour."""

_CIVIDIS = ((0, 34, 78), (65, 77, 107), (124, 123, 120), (188, 175, 111), (254, 232, 56))
"""Quarters of the colour map *cividis* (Nunez, Anderton, Renslow, PLOS ONE 2018): made so that it looks almost the same
with and without colour blindness, and its lightness rises evenly."""

_WIDTH, _HEIGHT = 900, 260
_LEFT, _TOP, _RIGHT, _BOTTOM = 52, 46, 66, 38
"""Margins around the spectrogram: axis and its title, marks, scale, time."""
_TOP_HZ = 8_000
_FFT_SECONDS, _FFT_STEP_SECONDS = 0.032, 0.008
"""Harmonics of a voice are resolved and consonants stay apart: 31 Hz by 8 ms."""
_RANGE_DB = 70
"""Shown under the loudest point: from there on lies the noise of most recordings."""
_BATCH = 2_000
"""Spectra computed at a time, so that an hour of sound needs no more memory than a minute."""

_PAPER, _INK, _QUIET = (255, 255, 255), (28, 33, 38), (82, 90, 98)
_MARK, _HIGHEST = (74, 85, 96), (160, 76, 4)
"""Grey for scored windows, brown for the highest of them. A raw output's sign means nothing before calibration, so
colour does not show it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An encoded picture."""

    data: bytes
    media_type: MediaType
    width_px: int
    height_px: int


def face_picture(crop: UInt8Array) -> Picture:
    """Encode a face crop as the network saw it.

    Args:
        crop: (S, S, 3) uint8, RGB.
    """
    return _jpeg(_sized(crop))


def heat_picture(crop: UInt8Array, heat: Float32Array) -> Picture:
    """Lay a heat map over a face crop.

    The map is scaled to its own maximum: it says where, not how much. Blue-grey is little, yellow much, untouched
    none; a line runs along half of the maximum. A map without a positive value leaves the crop as it is.

    Args:
        crop: (S, S, 3) uint8, RGB.
        heat: (h, w) float32, larger where the picture raised the output; any size.
    """
    base = np.asarray(_sized(crop), np.float64)
    height, width = base.shape[:2]
    positive = np.clip(np.nan_to_num(heat.astype(np.float32), posinf=0, neginf=0), 0, None)
    peak = float(positive.max(initial=0))
    if peak > 0:
        grid = Image.fromarray(positive / np.float32(peak))
        smooth = np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC)).clip(0, 1)
        alpha = _MAX_ALPHA * ((smooth - _HEAT_FLOOR) / (1 - _HEAT_FLOOR)).clip(0, 1) ** 0.75
        colours = _colour_map()[(smooth * 255).astype(np.uint8)]
        base = base + (colours - base) * alpha[..., None]
        inside = smooth > _CONTOUR
        base[_rim(inside)], base[_rim(~inside)] = _CIVIDIS[0], _PAPER
    return _jpeg(Image.fromarray(base.round().astype(np.uint8)))


def spectrogram_picture(
    samples: Float32Array, rate: int, start: Fraction, marks: Sequence[tuple[Interval, float]]
) -> Picture:
    """Draw a spectrogram, 0 to 8 kHz, with its scored windows as bars above.

    Levels are raised by 6 dB an octave, as phoneticians draw voices, and shown against the loudest point.

    Args:
        samples: (n,) float32; at least one.
        rate: Hz.
        start: Presentation time of the first sample, seconds.
        marks: Scored windows with their values; the highest is drawn brown, the others grey.

    Raises:
        ValueError: no samples.
    """
    if not len(samples):
        raise ValueError("nothing to draw: no samples")
    span = Interval(start=start, end=start + Fraction(len(samples), rate))
    width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    shades = ((_decibels(samples, rate, width) / _RANGE_DB + 1).clip(0, 1) * 255).astype(np.uint8)
    field = Image.fromarray(_colour_map().astype(np.uint8)[shades[::-1]])
    field = field.resize((width, height), Image.Resampling.BILINEAR)
    canvas = Image.new("RGB", (_WIDTH, _HEIGHT), _PAPER)
    canvas.paste(field, (_LEFT, _TOP))
    draw = ImageDraw.Draw(canvas)
    _frequency_axis(draw, height)
    _time_axis(draw, span, width, height)
    _scale(canvas, draw, width, height)
    _marks(draw, span, marks, width)
    return _png(canvas)


def _sized(crop: UInt8Array) -> Image.Image:
    """Scale the longer side to the exhibits' size."""
    picture = Image.fromarray(np.ascontiguousarray(crop))
    factor = _FACE_PX / max(picture.size)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture if size == picture.size else picture.resize(size, Image.Resampling.LANCZOS)


def _rim(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Points of a region that touch a point outside it."""
    padded = np.pad(inside, 1, mode="edge")
    whole = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    rim: NDArray[np.bool_] = inside & ~whole
    return rim


def _jpeg(picture: Image.Image) -> Picture:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling=0, optimize=True)
    return Picture(data=buffer.getvalue(), media_type="image/jpeg", width_px=picture.width, height_px=picture.height)


def _png(picture: Image.Image) -> Picture:
    buffer = io.BytesIO()
    picture.quantize(palette=_palette(), dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return Picture(data=buffer.getvalue(), media_type="image/png", width_px=picture.width, height_px=picture.height)


@cache
def _palette() -> Image.Image:
    """160 steps of the colour map, and 24 from paper to each colour of lines and letters: a third of the bytes."""
    steps = _colour_map()[np.linspace(0, 255, 160).round().astype(int)]
    fades = [np.linspace(_PAPER, colour, 24) for colour in (_INK, _QUIET, _MARK, _HIGHEST)]
    holder = Image.new("P", (1, 1))
    holder.putpalette(np.concatenate([steps, *fades]).round().astype(np.uint8).tobytes())
    return holder


@cache
def _colour_map() -> NDArray[np.float32]:
    """(256, 3) float32, 0 to 255."""
    colours = np.array(_CIVIDIS, np.float32)
    places = np.linspace(0, 255, len(colours))
    return np.stack([np.interp(np.arange(256), places, band) for band in colours.T], axis=1).astype(np.float32)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _decibels(samples: Float32Array, rate: int, width: int) -> NDArray[np.float64]:
    """(frequencies up to 8 kHz, at most `width` columns), dB under the loudest point."""
    length, step = round(_FFT_SECONDS * rate), max(1, round(_FFT_STEP_SECONDS * rate))
    padded = np.pad(samples.astype(np.float64), (length // 2, length))
    num_frames = math.ceil(len(samples) / step)
    num_columns = min(width, num_frames)
    num_rows = int(_TOP_HZ * length / rate) + 1
    num_bins = min(length // 2 + 1, num_rows)  # of sound under 16 kHz the upper rows stay empty
    power = np.zeros((num_columns, num_rows))
    windows = np.lib.stride_tricks.sliding_window_view(padded, length)[::step][:num_frames]
    borders = np.arange(num_columns + 1) * num_frames // num_columns
    batch = max(1, _BATCH * num_columns // num_frames)
    for first in range(0, num_columns, batch):
        part = borders[first : first + batch + 1]
        spectra = np.abs(np.fft.rfft(windows[part[0] : part[-1]] * np.hanning(length), axis=1)[:, :num_bins]) ** 2
        sums = np.add.reduceat(spectra, part[:-1] - part[0], axis=0)
        power[first : first + len(sums), :num_bins] = sums / np.diff(part)[:, None]
    power *= (np.arange(num_rows) * rate / length) ** 2  # 6 dB an octave, against the fall of voices
    top = float(power.max())
    if not top > 0:
        return np.full(power.T.shape, -float(_RANGE_DB))
    decibels: NDArray[np.float64] = 10 * np.log10(power.T / top + 1e-12)
    return decibels


def _frequency_axis(draw: ImageDraw.ImageDraw, height: int) -> None:
    for kilohertz in range(0, _TOP_HZ // 1000 + 1, 2):
        y = _TOP + height - 1 - round((height - 1) * kilohertz * 1000 / _TOP_HZ)
        draw.line([(_LEFT - 5, y), (_LEFT - 1, y)], fill=_QUIET)
        draw.text((_LEFT - 9, y), str(kilohertz), fill=_INK, font=_font(13), anchor="rm")
    draw.text((4, _TOP - 10), "kHz", fill=_QUIET, font=_font(13), anchor="lm")


def _time_axis(draw: ImageDraw.ImageDraw, span: Interval, width: int, height: int) -> None:
    step = _tick_step(float(span.duration))
    first = math.ceil(float(span.start) / step - 1e-9)
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    number = first
    while number * step <= float(span.end) + 1e-9:
        x = _x(span, Fraction(number * step), width)
        draw.line([(x, _TOP + height), (x, _TOP + height + 4)], fill=_QUIET)
        draw.text((x, _TOP + height + 7), f"{number * step:.{places}f}", fill=_INK, font=_font(13), anchor="ma")
        number += 1
    draw.text((_WIDTH - 6, _TOP + height + 7), "s", fill=_QUIET, font=_font(13), anchor="ra")


def _tick_step(seconds: float) -> float:
    """A round distance that gives 5 to 12 ticks."""
    power = 10 ** math.floor(math.log10(max(seconds, 1e-3) / 5))
    return next(float(power * factor) for factor in (1, 2, 5, 10) if seconds / (power * factor) <= 12)


def _scale(canvas: Image.Image, draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """The colours' meaning."""
    left = _LEFT + width + 12
    ramp = np.linspace(255, 0, height).round().astype(np.uint8)
    canvas.paste(Image.fromarray(np.repeat(_colour_map().astype(np.uint8)[ramp][:, None], 10, axis=1)), (left, _TOP))
    for decibel, y in ((0, _TOP), (-_RANGE_DB, _TOP + height - 1)):
        draw.text((left + 15, y), str(decibel), fill=_INK, font=_font(13), anchor="lm")
    draw.text((left, _TOP - 10), "dB", fill=_QUIET, font=_font(13), anchor="lm")


def _marks(draw: ImageDraw.ImageDraw, span: Interval, marks: Sequence[tuple[Interval, float]], width: int) -> None:
    """A bar for each window above the spectrogram, in two rows where windows overlap, and its value where it fits."""
    ends = [0, 0]
    highest = max((value for _, value in marks), default=None)
    for interval, value in sorted(marks, key=lambda mark: mark[0].start):
        if not interval.overlaps(span):
            continue
        left = max(_LEFT, _x(span, interval.start, width))
        right = min(_LEFT + width - 1, _x(span, interval.end, width))
        row = 0 if left >= ends[0] or ends[1] > left else 1
        ends[row] = right
        y, colour = _TOP - 6 - 20 * row, _HIGHEST if value == highest else _MARK
        draw.rectangle([left + 1, y - 3, max(left + 1, right - 1), y], fill=colour)
        label = f"{value:+.1f}"
        if draw.textlength(label, font=_font(13)) <= right - left:
            draw.text(((left + right) / 2, y - 5), label, fill=colour, font=_font(13), anchor="md")


def _x(span: Interval, time: Fraction, width: int) -> int:
    return _LEFT + round((width - 1) * float((time - span.start) / span.duration))
