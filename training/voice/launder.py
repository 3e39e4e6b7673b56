"""What happens to a voice recording before it reaches an examiner, as pure functions, for the robustness tables.

Each takes (n,) float32 at 16 kHz and a generator and gives (n,) float32 at 16 kHz, aligned with what went in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from detect.types import Float32Array
from training.voice import acoustics, codecs

Laundering = Callable[[Float32Array, np.random.Generator], Float32Array]

NOISE_SNR_DB = 10.0
"""The level of the reported noise rows."""
REVERB_SECONDS = 0.6
"""Reverberation time of a lively living room or small office."""
REVERB_DIRECT_DB = 0.0
"""As much energy in the reflections as in the direct path: a speaker about as far as the critical distance."""


def mp3_32k(waveform: Float32Array, _rng: np.random.Generator) -> Float32Array:
    """MP3 at 32 kbit/s."""
    return codecs.coded(waveform, codecs.MP3_32K)


def opus_16k(waveform: Float32Array, _rng: np.random.Generator) -> Float32Array:
    """Opus at 16 kbit/s."""
    return codecs.coded(waveform, codecs.OPUS_16K)


def amr_nb(waveform: Float32Array, _rng: np.random.Generator) -> Float32Array:
    """AMR narrow band at 12.2 kbit/s: a mobile call.

    Raises:
        ConfigError: this FFmpeg has no AMR encoder.
    """
    return codecs.coded(waveform, codecs.AMR_NB)


def g711(waveform: Float32Array, _rng: np.random.Generator) -> Float32Array:
    """G.711 A-law: a call over a European land line."""
    return codecs.coded(waveform, codecs.G711_A)


def pink_noise_10db(waveform: Float32Array, rng: np.random.Generator) -> Float32Array:
    """Pink noise, 10 dB below the speech."""
    return acoustics.with_noise(waveform, acoustics.coloured_noise(len(waveform), 1.0, rng), NOISE_SNR_DB)


def reverb(waveform: Float32Array, rng: np.random.Generator) -> Float32Array:
    """A lively room, heard from the critical distance."""
    return acoustics.in_room(waveform, acoustics.room_response(REVERB_SECONDS, REVERB_DIRECT_DB, rng))


def babble_10db(voices: Sequence[Float32Array]) -> Laundering:
    """A laundering that lets five of `voices` talk behind the speech, 10 dB below it in all.

    Args:
        voices: Bona fide utterances, 16 kHz mono, none of them among those to be laundered; at least five.

    Raises:
        ValueError: there are fewer.
    """
    if len(voices) < 5:
        raise ValueError(f"babble takes five voices or more, got {len(voices)}")

    def launder(waveform: Float32Array, rng: np.random.Generator) -> Float32Array:
        chosen = [voices[index] for index in rng.choice(len(voices), 5, replace=False)]
        return acoustics.with_noise(waveform, acoustics.babble(chosen, len(waveform), rng), NOISE_SNR_DB)

    return launder


LAUNDERINGS: Mapping[str, Laundering] = MappingProxyType(
    {
        "mp3_32k": mp3_32k,
        "opus_16k": opus_16k,
        "amr_nb": amr_nb,
        "g711": g711,
        "pink_noise_10db": pink_noise_10db,
        "reverb": reverb,
    }
)
"""All but babble, which needs voices: `{**LAUNDERINGS, "babble_10db": babble_10db(voices)}`."""
