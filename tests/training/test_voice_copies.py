"""Machine-made copies sound otherwise than their original, and keep its length, loudness and place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detect.types import Float32Array
from tests.training.voices import vowels
from training.voice.acoustics import loudness
from training.voice.spectra import analysed, mel_filters, synthesised
from training.voice.vocoders import makers

_CLASSICAL = makers(None)
_NEURAL = ("hifigan", "hifigan_other_rate", "hifigan_smeared", "lyra")


def _check(sound: Float32Array, copy: Float32Array) -> None:
    assert copy.dtype == np.float32
    assert copy.shape == sound.shape
    assert np.abs(copy).max() <= 1.0
    assert loudness(copy) == pytest.approx(loudness(sound), rel=0.05)
    assert np.abs(copy - sound).max() > 1e-3
    # Syllables stay where they are, to 50 ms.
    envelope, copied = (np.convolve(np.abs(wave), np.ones(800), "same")[::80] for wave in (sound, copy))
    lags = range(-20, 21)
    best = max(lags, key=lambda lag: float(np.dot(np.roll(copied, -lag), envelope)))
    assert abs(best) <= 10


@pytest.mark.parametrize("name", sorted(_CLASSICAL))
def test_a_copy_keeps_length_loudness_and_place(name: str) -> None:
    sound = vowels(1)
    copy = _CLASSICAL[name](sound, np.random.default_rng(5))
    _check(sound, copy)
    np.testing.assert_array_equal(copy, _CLASSICAL[name](sound, np.random.default_rng(5)))
    np.testing.assert_array_equal(sound, vowels(1))


@pytest.mark.shared
@pytest.mark.parametrize("name", _NEURAL)
def test_so_does_a_neural_one(name: str, shared: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    sound = vowels(1)
    _check(sound, makers(shared / "weights" / "generators")[name](sound, np.random.default_rng(5)))


def test_a_spectrum_gives_its_waveform_back() -> None:
    sound = vowels(2)
    np.testing.assert_allclose(synthesised(analysed(sound, 512, 128), 512, 128, len(sound)), sound, atol=1e-5)


def test_mel_filters_have_area_one_and_agree_with_librosa() -> None:
    librosa = pytest.importorskip("librosa")
    ours = mel_filters(80, 1_024, 22_050, 8_000)
    np.testing.assert_allclose(ours, librosa.filters.mel(sr=22_050, n_fft=1_024, n_mels=80, fmax=8_000), atol=1e-6)
