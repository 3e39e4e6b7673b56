"""Copies of bona fide speech as machines make it: extra spoofs whose channel is exactly that of their original.

Wang & Yamagishi, "Spoofed training data for speech spoofing countermeasure can be efficiently created using neural
vocoders", ICASSP 2023, arXiv 2210.10570. Each maker takes (n,) float32 at 16 kHz and a generator, and gives (n,), in
the same place and as loud.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pyworld
import soxr
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, lfilter, sosfiltfilt

from detect.types import Float32Array
from training.voice.acoustics import RATE_HZ, loudness
from training.voice.neural import HifiGan, Lyra
from training.voice.spectra import analysed, mel_filters, synthesised

Maker = Callable[[Float32Array, np.random.Generator], Float32Array]

_FRAME_MS = 5.0
"""WORLD's default."""


def griffin_lim(waveform: Float32Array, rng: np.random.Generator) -> Float32Array:
    """The true magnitudes with phases found by iteration (Griffin & Lim, 1984; fast form of Perraudin et al., 2013)."""
    fft = int(rng.choice((512, 800, 1_024)))
    magnitude = np.abs(analysed(waveform, fft, fft // 4))
    return _phased(magnitude, fft, fft // 4, len(waveform), rng)


def mel_griffin_lim(waveform: Float32Array, rng: np.random.Generator) -> Float32Array:
    """Magnitudes that went through a mel spectrogram, phases by iteration: the vocoder of the first neural TTS."""
    fft = int(rng.choice((800, 1_024)))
    magnitude = _through_mel(np.abs(analysed(waveform, fft, fft // 4)), fft, rng)
    return _phased(magnitude, fft, fft // 4, len(waveform), rng)


def mel_magnitude(waveform: Float32Array, rng: np.random.Generator) -> Float32Array:
    """Magnitudes that went through a mel spectrogram, with the true phases: only fine structure is lost."""
    fft = 1_024
    spectrum = analysed(waveform, fft, fft // 4)
    magnitude = np.abs(spectrum)
    phase = spectrum / np.maximum(magnitude, 1e-9)
    return synthesised((_through_mel(magnitude, fft, rng) * phase).astype(np.complex64), fft, fft // 4, len(waveform))


def blurred_phase(waveform: Float32Array, rng: np.random.Generator) -> Float32Array:
    """The true magnitudes with phase errors that grow with frequency, as a generator of waveforms makes them."""
    fft = int(rng.choice((512, 1_024)))
    spectrum = analysed(waveform, fft, fft // 4)
    frequency = np.linspace(0, RATE_HZ / 2, len(spectrum))[:, None]
    start_hz, width_hz = rng.uniform(200, 3_000), rng.uniform(500, 3_000)
    strength = rng.uniform(0.8, 2.0) / (1 + np.exp(-(frequency - start_hz) / (width_hz / 4)))
    error = gaussian_filter1d(rng.standard_normal(spectrum.shape), rng.uniform(0.5, 1.5), axis=1)
    error /= error.std()
    return synthesised((spectrum * np.exp(1j * strength * error)).astype(np.complex64), fft, fft // 4, len(waveform))


def mirrored(waveform: Float32Array, rng: np.random.Generator) -> Float32Array:
    """High bands that are mirror images of the low ones, as upsampling layers of generators leave them.

    Zeros between the samples of a lower rate repeat its spectrum (for pictures: Zhang, Karaman, Chang, WIFS 2019).
    """
    factor = int(rng.choice((2, 4)))
    edge_hz = RATE_HZ / 2 / factor
    low = soxr.resample(waveform, RATE_HZ, RATE_HZ // factor)
    images = np.zeros(len(low) * factor, np.float32)
    images[::factor] = low
    images = np.resize(images, len(waveform))
    sections = butter(8, edge_hz, "high", fs=RATE_HZ, output="sos")
    images, high = sosfiltfilt(sections, images), sosfiltfilt(sections, waveform)
    images *= loudness(high) / loudness(images)
    share = rng.uniform(0.2, 0.9)
    mixed: Float32Array = (waveform - share * high + rng.uniform(0.5, 1.2) * share * images).astype(np.float32)
    return mixed


def phase_vocoder(waveform: Float32Array, rng: np.random.Generator) -> Float32Array:
    """Stretched by a phase vocoder and read faster: another pitch, the same length (Flanagan & Golden, 1966)."""
    factor = float(2 ** (rng.choice((-1, 1)) * rng.uniform(0.5, 3.0) / 12))
    fft, hop = 1_024, 256
    spectrum = analysed(waveform, fft, hop)
    steps = np.arange(0, spectrum.shape[1] - 1, 1 / factor)
    left = steps.astype(int)
    share = (steps - left)[None]
    magnitude = (1 - share) * np.abs(spectrum[:, left]) + share * np.abs(spectrum[:, left + 1])
    expected = 2 * np.pi * hop / fft * np.arange(len(spectrum))[:, None]
    turned = np.angle(spectrum[:, left + 1]) - np.angle(spectrum[:, left]) - expected
    turned -= 2 * np.pi * np.round(turned / (2 * np.pi))
    phase = np.angle(spectrum[:, :1]) + np.cumsum(np.pad(turned + expected, ((0, 0), (1, 0)))[:, :-1], axis=1)
    stretched = synthesised(
        (magnitude * np.exp(1j * phase)).astype(np.complex64), fft, hop, int(len(waveform) * factor)
    )
    places = np.arange(len(waveform)) * (len(stretched) - 1) / max(1, len(waveform) - 1)
    return np.interp(places, np.arange(len(stretched)), stretched).astype(np.float32)


def world(waveform: Float32Array, _rng: np.random.Generator) -> Float32Array:
    """WORLD, analysis and synthesis (Morise, Yokomori, Ozawa, IEICE 2016)."""
    return _synthesised(*_analysed(waveform), len(waveform))


def world_smoothed(waveform: Float32Array, rng: np.random.Generator) -> Float32Array:
    """WORLD with parameters as a statistical model predicts them: coded, smooth in time, pitch moved a little."""
    pitch, envelope, aperiodicity = _analysed(waveform)
    voiced = pitch > 0
    if voiced.any():
        filled = np.interp(np.arange(len(pitch)), np.flatnonzero(voiced), pitch[voiced])
        filled = gaussian_filter1d(filled, rng.uniform(1, 6)) * 2 ** (rng.uniform(-3, 3) / 12)
        pitch = np.where(voiced, filled, 0.0)
    fft = 2 * (envelope.shape[1] - 1)
    coded = pyworld.code_spectral_envelope(envelope, RATE_HZ, int(rng.integers(30, 61)))
    coded = gaussian_filter1d(coded, rng.uniform(0.5, 2.5), axis=0)
    envelope = pyworld.decode_spectral_envelope(np.ascontiguousarray(coded), RATE_HZ, fft)
    aperiodicity = pyworld.decode_aperiodicity(pyworld.code_aperiodicity(aperiodicity, RATE_HZ), RATE_HZ, fft)
    return _synthesised(pitch, envelope, aperiodicity, len(waveform))


def source_filter(waveform: Float32Array, rng: np.random.Generator) -> Float32Array:
    """Linear prediction with pulses or noise for the residual (Atal & Hanauer, 1971), frame by frame."""
    order, size, hop = int(rng.integers(14, 25)), 480, 160
    pitch = np.repeat(pyworld.dio(waveform.astype(np.float64), RATE_HZ, frame_period=10.0)[0], hop)
    pitch = np.resize(pitch, len(waveform))
    phase = np.cumsum(np.maximum(pitch, 0) / RATE_HZ)
    pulses = np.diff(np.floor(phase), prepend=0.0) * np.sqrt(RATE_HZ / np.maximum(pitch, 60))
    noise = rng.standard_normal(len(waveform))
    excitation = np.where(pitch > 0, pulses + rng.uniform(0.02, 0.3) * noise, noise)
    window = np.hanning(size + 1)[:-1]
    made = np.zeros(len(waveform) + size)
    padded = np.pad(waveform.astype(np.float64), (0, size))
    for start in range(0, len(waveform), hop):
        frame = padded[start : start + size] * window
        spectrum = np.abs(np.fft.rfft(frame, 1_024)) ** 2
        correlation = np.fft.irfft(spectrum)[: order + 1]
        correlation[0] = correlation[0] * 1.0001 + 1e-9  # noise floor: the equations stay solvable in silence
        lags = np.abs(np.arange(order)[:, None] - np.arange(order))
        predictor = np.linalg.solve(correlation[lags], correlation[1:])
        gain = np.sqrt(max(correlation[0] - predictor @ correlation[1:], 0.0) / size)
        driven = excitation[start : start + size]
        shaped = lfilter([gain], np.append(1.0, -predictor), np.pad(driven, (0, size - len(driven))))
        made[start : start + size] += shaped * window
    return made[: len(waveform)].astype(np.float32)


def makers(generators: Path | None) -> Mapping[str, Maker]:
    """All ways of making a copy, by name.

    Args:
        generators: Folder of the TFLite files; None leaves the neural ones out.
    """
    table: dict[str, Maker] = {
        "griffin_lim": griffin_lim,
        "mel_griffin_lim": mel_griffin_lim,
        "mel_magnitude": mel_magnitude,
        "blurred_phase": blurred_phase,
        "mirrored": mirrored,
        "phase_vocoder": phase_vocoder,
        "world": world,
        "world_smoothed": world_smoothed,
        "source_filter": source_filter,
    }
    if generators is not None:
        hifigan, lyra = HifiGan(generators), Lyra(generators)
        table["hifigan"] = lambda sound, _rng: hifigan.copy(sound)
        table["hifigan_other_rate"] = lambda sound, rng: hifigan.copy(sound, int(rng.uniform(19_000, 26_000)))
        table["hifigan_smeared"] = lambda sound, rng: hifigan.copy(sound, smear=rng.uniform(0.5, 1.5))
        table["lyra"] = lyra.copy
    return MappingProxyType({name: _as_loud(maker) for name, maker in table.items()})


def _as_loud(maker: Maker) -> Maker:
    """A maker whose copies have the original's loudness and stay in [-1, 1]."""

    def make(waveform: Float32Array, rng: np.random.Generator) -> Float32Array:
        made = maker(waveform, rng)
        made = made * np.float32(loudness(waveform) / loudness(made))
        return (made / max(1.0, float(np.abs(made).max()))).astype(np.float32)

    return make


def _through_mel(magnitude: Float32Array, fft: int, rng: np.random.Generator) -> Float32Array:
    """Magnitudes (bins, frames) as 64 to 128 mel bands can say them, levels rounded as a coarse predictor would."""
    filters = mel_filters(int(rng.integers(64, 129)), fft, RATE_HZ, RATE_HZ / 2)
    step = rng.uniform(0.01, 0.2)
    levels = np.exp(np.round(np.log(np.maximum(filters @ magnitude, 1e-6)) / step) * step)
    restored: Float32Array = np.maximum(np.linalg.pinv(filters) @ levels, 1e-6)
    return restored


def _phased(magnitude: Float32Array, fft: int, hop: int, length: int, rng: np.random.Generator) -> Float32Array:
    phase = np.exp(2j * np.pi * rng.random(magnitude.shape))
    momentum, previous = 0.99, np.zeros_like(phase)
    for _ in range(int(rng.integers(8, 40))):
        nearest = analysed(synthesised((magnitude * phase).astype(np.complex64), fft, hop, length), fft, hop)
        phase = nearest + momentum * (nearest - previous)
        phase /= np.maximum(np.abs(phase), 1e-9)
        previous = nearest
    return synthesised((magnitude * phase).astype(np.complex64), fft, hop, length)


def _analysed(waveform: Float32Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pitch, spectral envelope and aperiodicity, 5 ms apart."""
    sound = waveform.astype(np.float64)
    rough, times = pyworld.dio(sound, RATE_HZ, frame_period=_FRAME_MS)
    pitch = pyworld.stonemask(sound, rough, times, RATE_HZ)
    return pitch, pyworld.cheaptrick(sound, pitch, times, RATE_HZ), pyworld.d4c(sound, pitch, times, RATE_HZ)


def _synthesised(pitch: np.ndarray, envelope: np.ndarray, aperiodicity: np.ndarray, length: int) -> Float32Array:
    made = pyworld.synthesize(pitch, envelope, aperiodicity, RATE_HZ, _FRAME_MS)
    return np.pad(made, (0, max(0, length - len(made))))[:length].astype(np.float32)
