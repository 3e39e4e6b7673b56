"""What may happen to any recording, the same for both classes: rooms, noise, lines, codecs, levels.

A chain is drawn once and then applied to as many waveforms as share it: an original and its machine-made copy go
through the same microphone, room, line and codec, so that nothing but the making differs. The noise and line models
follow RawBoost: Tak, Kamble, Patino, Todisco, Evans, ICASSP 2022, arXiv 2111.04433.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import soxr
from scipy.signal import butter, fftconvolve, firwin2, sosfilt

from detect.types import Float32Array
from training.voice import acoustics, codecs
from training.voice.acoustics import RATE_HZ
from training.voice.codecs import Codec
from training.voice.config import Augmentation

Step = Callable[[Float32Array, np.random.Generator], Float32Array]

_MP3_RATES = (
    (16_000, 24_000),
    (16_000, 32_000),
    (16_000, 48_000),
    (22_050, 32_000),
    (22_050, 64_000),
    (44_100, 96_000),
)
"""Hz and bit/s of demonstration pages, podcasts and messengers."""


class Chain:
    """One drawn sequence of degradations.

    Args:
        config: How likely each is.
        rng: Draws them.
    """

    def __init__(self, config: Augmentation, rng: np.random.Generator) -> None:
        steps: list[Step] = []
        # In the order of the world: the room, then what it sounds like there, the microphone, the line, the file.
        if rng.random() < config.reverberation:
            steps.append(_room(rng))
        if rng.random() < config.noise:
            steps.append(_noise(rng))
        if rng.random() < config.impulses:
            steps.append(_impulses(rng))
        if rng.random() < config.line:
            steps.append(_line(rng))
        if rng.random() < config.distortion:
            steps.append(_distortion(rng))
        if rng.random() < config.high_pass:
            steps.append(_high_pass(rng))
        if rng.random() < config.band_limit:
            steps.append(_band_limit(rng))
        if rng.random() < config.codec:
            steps.append(_codec(rng))
            if rng.random() < config.second_codec:
                steps.append(_codec(rng))
        steps.append(_level(rng))
        self._steps = steps
        self._seed = int(rng.integers(2**62))

    def __call__(self, waveform: Float32Array) -> Float32Array:
        """The degraded waveform: (n,) float32 at 16 kHz -> (n,), the same noise for each that shares the chain."""
        rng = np.random.default_rng(self._seed)
        for step in self._steps:
            waveform = step(waveform, rng)
        return waveform


def _room(rng: np.random.Generator) -> Step:
    response = acoustics.room_response(rng.uniform(0.15, 0.9), rng.uniform(-3, 12), rng)
    return lambda sound, _rng: acoustics.in_room(sound, response)


def _noise(rng: np.random.Generator) -> Step:
    slope, snr_db = rng.uniform(0, 2), rng.uniform(5, 40)
    return lambda sound, again: acoustics.with_noise(sound, acoustics.coloured_noise(len(sound), slope, again), snr_db)


def _impulses(rng: np.random.Generator) -> Step:
    """Clicks on a few samples, as loud as the sample is (RawBoost, section 2.2)."""
    share, strength = rng.uniform(0.0005, 0.02), rng.uniform(0.2, 1.0)

    def apply(sound: Float32Array, again: np.random.Generator) -> Float32Array:
        hit = again.random(len(sound)) < share
        factor = 1 + strength * hit * again.uniform(-1, 1, len(sound))
        return (sound * factor).astype(np.float32)

    return apply


def _line(rng: np.random.Generator) -> Step:
    """A smooth random frequency response with now and then a notch (RawBoost, section 2.1)."""
    points = np.linspace(0, 1, int(rng.integers(5, 14)))
    gains_db = rng.normal(0, rng.uniform(1, 6), len(points))
    taps = firwin2(101, points, 10 ** (gains_db / 20)).astype(np.float32)
    if rng.random() < 0.5:
        centre, width = rng.uniform(0.02, 0.98), rng.uniform(0.01, 0.08)
        edges = np.clip([0, centre - width, centre, centre + width, 1], 0, 1)
        edges = np.maximum.accumulate(edges + np.arange(5) * 1e-6)
        edges /= edges[-1]
        edges[0] = 0
        taps = np.convolve(taps, firwin2(101, edges, [1, 1, rng.uniform(0, 0.3), 1, 1])).astype(np.float32)
    return lambda sound, _rng: _limited(fftconvolve(sound, taps, "same"), sound)


def _distortion(rng: np.random.Generator) -> Step:
    """Second and third powers of the sound, weakly (RawBoost's Hammerstein system, section 2.1)."""
    second, third = rng.uniform(-0.2, 0.2), rng.uniform(-0.3, 0.3)

    def apply(sound: Float32Array, _rng: np.random.Generator) -> Float32Array:
        scaled = sound / max(1e-3, float(np.abs(sound).max()))
        return _limited(scaled + second * (scaled**2 - np.mean(scaled**2)) + third * scaled**3, sound)

    return apply


def _high_pass(rng: np.random.Generator) -> Step:
    sections = butter(int(rng.integers(1, 4)), rng.uniform(20, 250), "high", fs=RATE_HZ, output="sos")
    return lambda sound, _rng: sosfilt(sections, sound).astype(np.float32)


def _band_limit(rng: np.random.Generator) -> Step:
    """A lower sampling rate and back, or a gentle low pass: old recorders, small loudspeakers, telephones."""
    if rng.random() < 0.6:
        rate = int(rng.choice((8_000, 11_025, 12_000, 14_000, 15_000), p=(0.35, 0.2, 0.15, 0.15, 0.15)))
        quality = str(rng.choice(("QQ", "LQ", "MQ", "HQ")))

        def apply(sound: Float32Array, _rng: np.random.Generator) -> Float32Array:
            there = soxr.resample(sound, RATE_HZ, rate, quality=quality)
            return np.resize(soxr.resample(there, rate, RATE_HZ, quality=quality), len(sound)).astype(np.float32)

        return apply
    sections = butter(int(rng.integers(1, 7)), rng.uniform(2_800, 7_600), "low", fs=RATE_HZ, output="sos")
    return lambda sound, _rng: sosfilt(sections, sound).astype(np.float32)


def _codec(rng: np.random.Generator) -> Step:
    kind = str(rng.choice(("mp3", "aac", "opus", "amr", "alaw", "mulaw"), p=(0.38, 0.14, 0.2, 0.1, 0.09, 0.09)))
    if kind == "mp3":
        rate, bit_rate = _MP3_RATES[int(rng.integers(len(_MP3_RATES)))]
        codec = Codec(
            encoder="libmp3lame",
            decoder="mp3float",
            rate_hz=rate,
            bit_rate=bit_rate,
            sample_format="fltp",
            options=(("compression_level", "9"),),
        )
    elif kind == "aac":
        bit_rate = int(rng.choice((24_000, 32_000, 48_000, 64_000)))
        codec = Codec(
            encoder="aac",
            decoder="aac",
            rate_hz=16_000,
            bit_rate=bit_rate,
            sample_format="fltp",
            options=(("aac_coder", "fast"),),
        )
    elif kind == "opus":
        bit_rate = int(rng.choice((10_000, 16_000, 24_000, 32_000)))
        codec = Codec(
            encoder="libopus",
            decoder="libopus",
            rate_hz=16_000,
            bit_rate=bit_rate,
            options=(("compression_level", "0"),),
        )
    elif kind == "amr":
        bit_rate = int(rng.choice((4_750, 7_950, 12_200)))
        codec = Codec(encoder="libopencore_amrnb", decoder="amrnb", rate_hz=8_000, bit_rate=bit_rate)
    else:
        codec = codecs.G711_A if kind == "alaw" else codecs.G711_MU
    return lambda sound, _rng: codecs.coded(sound, codec)


def _level(rng: np.random.Generator) -> Step:
    """Peak level from quiet to full scale, either polarity, rounded to 16 bits."""
    peak = float(10 ** (rng.uniform(-26, 0) / 20) * rng.choice((-1, 1)))

    def apply(sound: Float32Array, _rng: np.random.Generator) -> Float32Array:
        scaled = sound * np.float32(peak / max(1e-4, float(np.abs(sound).max())))
        return (np.round(scaled * 32_767) / 32_767).astype(np.float32)

    return apply


def _limited(changed: Float32Array, before: Float32Array) -> Float32Array:
    """As loud as before, and within [-1, 1]."""
    scaled = changed * (acoustics.loudness(before) / acoustics.loudness(changed))
    return (scaled / max(1.0, float(np.abs(scaled).max()))).astype(np.float32)
