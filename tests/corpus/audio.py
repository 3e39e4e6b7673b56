"""Cases 27 to 34: sound that is empty, endless, not a number, or in a place where nobody looks."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Callable
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.signal import lfilter, resample_poly

from tests.corpus.scene import Recipe, packets_of, pictures, write_clip
from tests.corpus.surgery import Packet, Track, matroska
from tests.recipes import Samples, write_audio, write_float_wav, write_wav

RATE = 16_000

_VOWELS = np.array([(730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410)])
"""First three formants of a man's /a i u e o/, Hz (Peterson and Barney, 1952, table II)."""


@cache
def voice(seconds: float, seed: int = 1) -> Samples:
    """Something that is taken for speech: pulses through moving formants, four syllables a second.

    Each syllable begins with a hiss, as /s/ does: without it a voice activity detector takes only half of this for
    speech. With it, 88 % of the 32 ms chunks, which is all but the pauses for breath (Silero 6, seeds 1 to 3).

    Returns:
        (n,) float32 at 16 kHz, in [-0.55, 0.55].
    """
    random = np.random.default_rng(seed)
    count, block = round(seconds * RATE), RATE // 100
    time = np.arange(count) / RATE
    jitter = 1 + 0.008 * random.standard_normal(count // block + 1).repeat(block)[:count]
    pitch = 125 * (1 + 0.18 * np.sin(2 * np.pi * 0.45 * time) + 0.05 * np.sin(2 * np.pi * 2.3 * time)) * jitter
    pulses = np.diff(np.floor(np.cumsum(pitch) / RATE), prepend=0)
    source = lfilter([1], np.convolve([1, -0.97], [1, -0.9]), pulses)
    source -= source.mean()
    breath = random.standard_normal(count)
    vowels = _VOWELS[random.choice(len(_VOWELS), size=int(seconds / 0.24) + 2)]
    formants, states = np.array(_VOWELS[0], float), [np.zeros(2) for _ in range(4)]
    sound = np.zeros(count)
    for start in range(0, count, block):
        syllable, place = divmod(start / RATE / 0.24, 1)
        formants += 0.35 * (vowels[int(syllable)] - formants)
        loud = np.sin(np.pi * max(0.0, (place - 0.15) / 0.85)) ** 0.6 if place < 1 else 0.0
        piece = source[start : start + block] * loud + breath[start : start + block] * (0.02 if place < 0.3 else 0.003)
        if start / RATE % 2.6 > 2.1:  # a pause for breath
            piece = piece * 0
        for number, (centre, width) in enumerate(zip((*formants, 3500), (70, 90, 140, 220), strict=True)):
            radius = np.exp(-np.pi * width / RATE)
            denominator = [1, -2 * radius * np.cos(2 * np.pi * centre / RATE), radius**2]
            piece, states[number] = lfilter([sum(denominator)], denominator, piece, zi=states[number])
        sound[start : start + block] = piece
    hiss = np.diff(breath, n=3, prepend=[0.0] * 3) * (time / 0.24 % 1 < 0.25) * (time % 2.6 < 2.1)
    sound = np.diff(sound, prepend=0)
    sound += 0.005 * np.abs(sound).max() * hiss
    spoken: Samples = (0.5 * sound / np.abs(sound).max() + 0.0005 * breath).astype(np.float32)
    return spoken


def _header(*, channels: int = 1, rate: int = RATE, num_bytes: int, riff_bytes: int | None = None) -> bytes:
    """WAV header of 16-bit PCM (Microsoft Multimedia Programming Interface 1.0), whatever it claims."""
    align = min(2 * channels, 65_535)
    form = struct.pack("<HHIIHH", 1, channels, rate, min(rate * align, 0xFFFFFFFF), align, 16)
    total = 36 + num_bytes if riff_bytes is None else riff_bytes
    return struct.pack("<4sI8sI", b"RIFF", total, b"WAVEfmt ", 16) + form + struct.pack("<4sI", b"data", num_bytes)


def _wav(header: dict[str, Any], samples: Samples, path: Path) -> None:
    pcm = (samples * 32767).round().astype("<i2").tobytes()
    path.write_bytes(_header(**{"num_bytes": len(pcm), **header}) + pcm)


def _some_not_numbers(path: Path) -> None:
    samples = voice(5.0).copy()
    samples[20_000:20_100] = np.nan
    samples[30_000:30_010] = np.inf
    samples[40_000] = -np.inf
    write_float_wav(path, samples)


def _sound(make: Callable[[], Samples], path: Path) -> None:
    write_wav(path, make())


def _phone(path: Path) -> None:
    """8 kHz mu-law, as from a telephone exchange (ITU-T G.711)."""
    write_audio(path, resample_poly(voice(5.0), 1, 2), 8_000, codec="pcm_mulaw")


def _second_channel(path: Path) -> None:
    write_wav(path, np.stack([np.zeros(5 * RATE, np.float32), voice(5.0)]))


def _six_hours(path: Path) -> None:
    """Silence with half a minute of speech at the end of the fifth hour: one FLAC minute, over and over."""
    with tempfile.TemporaryDirectory() as folder:
        quiet, spoken = Path(folder) / "quiet.flac", Path(folder) / "spoken.flac"
        write_audio(quiet, np.zeros(60 * RATE, np.float32))
        write_audio(spoken, np.tile(voice(5.0), 12))
        private, silence = packets_of(quiet.read_bytes())
        _, speech = packets_of(spoken.read_bytes())
    minutes = [speech if minute == 299 else silence for minute in range(360)]
    packets = [
        Packet(time=60_000 * minute + place * 60_000 // len(part), data=data)
        for minute, part in enumerate(minutes)
        for place, (data, _) in enumerate(part)
    ]
    head = b"fLaC\x80" + len(private).to_bytes(3) + private
    path.write_bytes(matroska([Track(codec="A_FLAC", private=head)], packets))


def _with_pictures(path: Path, **options: Any) -> None:
    write_clip(path, frames=pictures(), **options)


AUDIO: dict[str, Recipe] = {
    "case27_no_samples.wav": partial(_wav, {}, np.zeros(0, np.float32)),
    "case28_streamed.wav": lambda path: _wav({"num_bytes": 0xFFFFFFFF, "riff_bytes": 0xFFFFFFFF}, voice(1.0), path),
    "case29_all_nan.wav": lambda path: write_float_wav(path, np.full(5 * RATE, np.nan, np.float32)),
    "case29_some_nan.wav": _some_not_numbers,
    "case30_rate_0.wav": lambda path: _wav({"rate": 0}, voice(1.0), path),
    "case30_rate_4e9.wav": lambda path: _wav({"rate": 4_000_000_000}, voice(1.0), path),
    "case31_65535_channels.wav": lambda path: _wav({"channels": 65_535}, voice(5.0), path),
    "case32_silence.wav": partial(_sound, lambda: np.zeros(5 * RATE, np.float32)),
    "case32_constant.wav": partial(_sound, lambda: np.full(5 * RATE, 0.5, np.float32)),
    "case32_clipped.wav": partial(_sound, lambda: (voice(5.0) * 12).clip(-1, 1)),
    "case32_short.wav": partial(_sound, lambda: voice(5.0)[16_000:19_200]),
    "case32_six_hours.mka": _six_hours,
    "case32_phone.wav": _phone,
    "case32_second_channel.wav": _second_channel,
    "case33_two_sounds.mp4": lambda path: _with_pictures(path, audio=[voice(5.0), voice(4.0, seed=2)]),
    "case33_sound_longer.mp4": lambda path: _with_pictures(path, audio=voice(5.0)),
    "case33_sound_later.mkv": lambda path: _with_pictures(path, audio=voice(5.0), audio_start=Fraction(5)),
    "case34_sound_only.mp4": lambda path: write_audio(path, voice(5.0)),
}
