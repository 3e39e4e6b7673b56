"""Short-time spectra of 16 kHz speech, there and back, and mel filters, for resynthesis."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from detect.types import Float32Array

Complex64Array = NDArray[np.complex64]


def analysed(waveform: Float32Array, fft: int, hop: int) -> Complex64Array:
    """Spectrum (fft / 2 + 1, frames) complex64 of (n,) samples, Hann window as long as the transform."""
    spectrum: Complex64Array = torch.stft(
        torch.from_numpy(np.ascontiguousarray(waveform)),
        fft,
        hop,
        window=torch.hann_window(fft),
        return_complex=True,
    ).numpy()
    return spectrum


def synthesised(spectrum: Complex64Array, fft: int, hop: int, length: int) -> Float32Array:
    """The (length,) samples whose spectrum is nearest to `spectrum` in squared error."""
    waveform: Float32Array = torch.istft(
        torch.from_numpy(spectrum), fft, hop, window=torch.hann_window(fft), length=length
    ).numpy()
    return waveform


def mel_filters(num_bands: int, fft: int, rate_hz: int, top_hz: float) -> Float32Array:
    """Triangles equally wide in mel, each of area one: (num_bands, fft / 2 + 1).

    The scale is Slaney's (Auditory Toolbox, 1998): linear to 1 kHz, then 27 bands to each factor 6.4. It is the one
    that HiFi-GAN's mel spectrograms have.
    """
    step = np.log(6.4) / 27
    top_mel = top_hz * 3 / 200 if top_hz < 1_000 else 15 + np.log(top_hz / 1_000) / step
    mels = np.linspace(0, top_mel, num_bands + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1_000 * np.exp(step * (mels - 15)))[:, None]
    bins = np.linspace(0, rate_hz / 2, fft // 2 + 1)
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    triangles = np.maximum(0, np.minimum(rising, falling))
    filters: Float32Array = (triangles * 2 / (edges[2:] - edges[:-2])).astype(np.float32)
    return filters
