"""Launderings keep length, place and loudness, repeat with the seed, and change the sound."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.voices import vowels
from training.voice import acoustics
from training.voice.launder import LAUNDERINGS, NOISE_SNR_DB, babble_10db

_ALL = {**LAUNDERINGS, "babble_10db": babble_10db([vowels(seed) for seed in range(1, 7)])}


@pytest.mark.parametrize("name", sorted(_ALL))
def test_keeps_length_place_and_loudness(name: str) -> None:
    sound = vowels()
    heard = _ALL[name](sound, np.random.default_rng(3))
    assert heard.dtype == np.float32
    assert heard.shape == sound.shape
    assert np.abs(heard).max() <= 1.0
    assert 0.7 < acoustics.loudness(heard) / acoustics.loudness(sound) < 1.4
    # Where the two agree best is no shift at all, to a quarter of a millisecond.
    lags = np.arange(-400, 401)
    agreement = [float(np.dot(np.roll(heard, -lag), sound)) for lag in lags]
    assert abs(lags[int(np.argmax(agreement))]) <= 4


@pytest.mark.parametrize("name", sorted(_ALL))
def test_repeats_with_the_seed_and_changes_the_sound(name: str) -> None:
    sound = vowels()
    first, again = (_ALL[name](sound, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - sound).max() > 1e-3
    np.testing.assert_array_equal(sound, vowels())


def test_noise_lies_where_it_is_said_to() -> None:
    sound = 0.2 * vowels()
    noise = LAUNDERINGS["pink_noise_10db"](sound, np.random.default_rng(0)) - sound
    ratio_db = 20 * np.log10(acoustics.loudness(sound) / acoustics.loudness(noise))
    assert ratio_db == pytest.approx(NOISE_SNR_DB, abs=0.1)


def test_babble_wants_five_voices() -> None:
    with pytest.raises(ValueError, match="five voices"):
        babble_10db([vowels()])
