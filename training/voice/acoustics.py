"""What a room and other sound do to speech: coloured noise, babble, reverberation. Pure functions of a generator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.signal import fftconvolve

from detect.types import Float32Array

RATE_HZ = 16_000


def loudness(waveform: Float32Array) -> float:
    """Root mean square of the samples, never zero."""
    return float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64)) + 1e-12))


def with_noise(waveform: Float32Array, noise: Float32Array, snr_db: float) -> Float32Array:
    """The sum of speech and noise at a ratio of their mean powers.

    Args:
        waveform: (n,) float32.
        noise: (n,) float32, of any loudness.
        snr_db: Speech over noise.

    Returns:
        (n,) float32, turned down where it would have gone beyond [-1, 1].
    """
    mixed = waveform + noise * np.float32(loudness(waveform) / loudness(noise) * 10 ** (-snr_db / 20))
    return (mixed / max(1.0, float(np.abs(mixed).max()))).astype(np.float32)


def coloured_noise(length: int, slope: float, rng: np.random.Generator) -> Float32Array:
    """Gaussian noise whose power falls as frequency to the `slope`: 0 white, 1 pink, 2 brown; (length,) float32."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    frequency = np.maximum(np.fft.rfftfreq(length, 1 / RATE_HZ), 20.0)  # no more power below what is heard
    return np.fft.irfft(spectrum * frequency ** (-slope / 2), length).astype(np.float32)


def babble(voices: Sequence[Float32Array], length: int, rng: np.random.Generator) -> Float32Array:
    """Several people at once, each as loud as the others.

    Args:
        voices: Whole utterances, 16 kHz mono.
        length: Samples wanted; shorter utterances are repeated, and each begins at a random place.
        rng: Chooses the places.

    Returns:
        (length,) float32.
    """
    mixed = np.zeros(length, np.float32)
    for voice in voices:
        turned = np.roll(voice, int(rng.integers(len(voice))))
        mixed += np.resize(turned, length) / np.float32(loudness(voice))
    return mixed


def room_response(rt60_seconds: float, direct_ratio_db: float, rng: np.random.Generator) -> Float32Array:
    """An impulse response: a direct path, then noise that decays by 60 dB in `rt60_seconds` (Polack's model).

    Polack, "La transmission de l'energie sonore dans les salles", 1988: the late part of a room's response is Gaussian
    noise under an exponential.

    Args:
        rt60_seconds: Reverberation time.
        direct_ratio_db: Energy of the direct path over that of everything after it.
        rng: Draws the noise.

    Returns:
        (m,) float32; the direct path is sample 0 and has amplitude 1.
    """
    length = int(rt60_seconds * RATE_HZ)
    time = np.arange(length) / RATE_HZ
    tail = rng.standard_normal(length) * 10 ** (-3 * time / rt60_seconds)
    tail[: RATE_HZ // 400] = 0  # 2.5 ms: the first reflection has about 0.9 m farther to go
    tail *= 10 ** (-direct_ratio_db / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1
    return tail.astype(np.float32)


def in_room(waveform: Float32Array, response: Float32Array) -> Float32Array:
    """Speech heard in a room, as long, as loud and at the same time as before; (n,) float32."""
    wet = fftconvolve(waveform, response)[: len(waveform)]
    wet *= loudness(waveform) / loudness(wet)
    limited: Float32Array = (wet / max(1.0, float(np.abs(wet).max()))).astype(np.float32)
    return limited
