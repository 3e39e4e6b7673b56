"""Sound of whole files: read at its own rate with its own channels, changed by pure functions, kept without loss."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import soxr
from scipy.signal import butter, sosfiltfilt

from detect.errors import ConfigError
from detect.types import Float32Array
from training.voice import acoustics

FRAME_SECONDS = 0.02
"""Speech in one packet: the default of RTP for G.711 and of Opus (RFC 3551, section 4.2; RFC 7587, section 4.2)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sound:
    """One stream of sound."""

    samples: Float32Array
    """(channels, n) in [-1, 1]."""
    rate_hz: int
    start: Fraction = Fraction(0)
    """Presentation time of the first sample, seconds."""

    def with_samples(self, samples: Float32Array, rate_hz: int | None = None) -> Sound:
        """Other samples in its place."""
        return Sound(samples=samples.astype(np.float32), rate_hz=rate_hz or self.rate_hz, start=self.start)


Change = Callable[[Sound, np.random.Generator], Sound]
"""One sound to another of the same duration."""


def read(path: Path, index: int | None = None) -> Sound:
    """Sound of one stream, whole: an hour of stereo at 48 kHz takes 1.4 GB.

    Args:
        path: The file.
        index: Of the stream in its container; None takes the first one of sound.

    Raises:
        ConfigError: it cannot be decoded, or there is nothing in it.
    """
    pieces: list[Float32Array] = []
    rate, start = 0, Fraction(0)
    try:
        with av.open(str(path)) as container:
            stream = container.streams.audio[0] if index is None else container.streams[index]
            to_float = av.AudioResampler(format="fltp")
            for frame in container.decode(stream):
                assert isinstance(frame, av.AudioFrame)  # noqa: S101 - narrows the type
                if not pieces:
                    rate = frame.sample_rate
                    start = (frame.pts or 0) * (frame.time_base or Fraction(0))
                pieces += [piece.to_ndarray().astype(np.float32) for piece in to_float.resample(frame)]
    except (av.error.FFmpegError, IndexError, ValueError) as error:
        raise ConfigError(f"the sound of {path.name} cannot be decoded: {error}") from error
    if not pieces:
        raise ConfigError(f"{path.name} holds no sound")
    if len({piece.shape[0] for piece in pieces}) > 1:
        raise ConfigError(f"the sound of {path.name} changes its number of channels")
    samples = np.nan_to_num(np.concatenate(pieces, axis=1))
    return Sound(samples=samples.clip(-1, 1), rate_hz=rate, start=start)


def encode(stream: av.AudioStream, sound: Sound) -> Iterable[av.Packet[Any]]:
    """Packets of a sound whose rate and channels are those of the stream."""
    wanted = [known.name for known in stream.codec.audio_formats or ()]
    sample_format = next((name for name in ("s16", "s16p", "fltp", "flt") if name in wanted), "s16")
    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(sound.samples), format="fltp", layout=layout(len(sound.samples))
    )
    frame.sample_rate, frame.time_base = sound.rate_hz, Fraction(1, sound.rate_hz)
    frame.pts = round(sound.start * sound.rate_hz)
    stream.format = av.AudioFormat(sample_format)
    convert = av.AudioResampler(format=sample_format, layout=layout(len(sound.samples)), rate=sound.rate_hz)
    for piece in (*convert.resample(frame), *convert.resample(None)):
        yield from stream.encode(piece)
    yield from stream.encode(None)


def layout(num_channels: int) -> str:
    """FFmpeg's name of the usual arrangement of so many loudspeakers."""
    return {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 5: "5.0", 6: "5.1", 8: "7.1"}.get(
        num_channels, f"{num_channels}c"
    )


def write_file(source: Path, target: Path, random: np.random.Generator, change: Change) -> Path:
    """Launder a file of sound; the copy is FLAC of 16 bits, so that nothing but the laundering is lost.

    Raises:
        ConfigError: it cannot be decoded.
    """
    sound = change(read(source), random)
    path = target.with_name(f"{target.name}.flac")
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=sound.rate_hz, layout=layout(len(sound.samples)))
        for packet in encode(stream, Sound(samples=sound.samples, rate_hz=sound.rate_hz)):
            container.mux(packet)
    return path


def resampled(sound: Sound, rate_hz: int) -> Sound:
    """The same at another rate."""
    if rate_hz == sound.rate_hz:
        return sound
    return sound.with_samples(soxr.resample(sound.samples.T, sound.rate_hz, rate_hz).T, rate_hz)


def mono(sound: Sound) -> Sound:
    """The mean of its channels."""
    return sound.with_samples(sound.samples.mean(axis=0, keepdims=True))


def chain(changes: Sequence[Change]) -> Change:
    """One after the other."""

    def change(sound: Sound, random: np.random.Generator) -> Sound:
        for one in changes:
            sound = one(sound, random)
        return sound

    return change


def _by_channel(sound: Sound, change: Callable[[Float32Array], Float32Array]) -> Sound:
    return sound.with_samples(np.stack([change(channel) for channel in sound.samples]))


def coloured(sound: Sound, random: np.random.Generator, *, slope: float, snr_db: float) -> Sound:
    """Noise of its own on every channel, its power falling as frequency to the slope: 0 white, 1 pink."""

    def noisy(channel: Float32Array) -> Float32Array:
        noise = acoustics.coloured_noise(len(channel), slope, random)
        return acoustics.with_noise(channel, noise[: len(channel)], snr_db)

    return _by_channel(sound, noisy)


_BABBLE_VOICES = 5
"""As in the babble of `training.voice.launder`."""


def babble(sound: Sound, random: np.random.Generator, *, snr_db: float) -> Sound:
    """Five copies of the recording behind it, played backwards from different places.

    Reversed speech keeps the spectrum and the rhythm of speech and says nothing (Rhebergen et al., JASA 118, 2005), and
    needs no other recording, of which one would have to know that it is bona fide.
    """

    def murmuring(channel: Float32Array) -> Float32Array:
        voices = [channel[::-1]] * _BABBLE_VOICES
        return acoustics.with_noise(channel, acoustics.babble(voices, len(channel), random), snr_db)

    return _by_channel(sound, murmuring)


def in_room(sound: Sound, random: np.random.Generator, *, rt60_seconds: float, direct_db: float = 0.0) -> Sound:
    """One room for all channels: a direct path and a tail of noise that decays by 60 dB in `rt60_seconds` (Polack)."""
    response = acoustics.room_response(rt60_seconds, direct_db, random)
    if sound.rate_hz != acoustics.RATE_HZ:
        # The tail alone is resampled: the direct path has to stay one sample, or it would ring.
        tail = response.copy()
        tail[0] = 0
        resampled_tail = soxr.resample(tail, acoustics.RATE_HZ, sound.rate_hz).astype(np.float32)
        resampled_tail *= np.sqrt(np.sum(tail**2) / np.sum(resampled_tail**2))
        resampled_tail[0] = 1
        response = resampled_tail
    return _by_channel(sound, lambda channel: acoustics.in_room(channel, response))


def lossy(sound: Sound, random: np.random.Generator, *, share: float, conceal: str) -> Sound:
    """Frames of 20 ms are lost, each independently of the others.

    Args:
        sound: What is sent.
        random: Draws which.
        share: Of the frames, in [0, 1].
        conceal: `silence` puts nothing in their place; `repeat` the last frame that came, half as loud with every
            further one that is missing: a plain form of what ITU-T G.711 Appendix I does by pitch periods.
    """
    size = round(FRAME_SECONDS * sound.rate_hz)
    samples = sound.samples.copy()
    num_frames = -(-samples.shape[1] // size)
    lost = random.random(num_frames) < share
    if share > 0 and not lost.any():
        lost[int(random.integers(num_frames))] = True  # a short file loses at least one, or it would not be changed
    for number in np.flatnonzero(lost).tolist():
        gap = slice(number * size, min((number + 1) * size, samples.shape[1]))
        if conceal == "repeat" and number:
            samples[:, gap] = samples[:, gap.start - size : gap.stop - size] * np.float32(
                0.5 if lost[number - 1] else 1
            )
        else:
            samples[:, gap] = 0
    return sound.with_samples(samples)


def band_passed(sound: Sound, random: np.random.Generator, *, low_hz: float, high_hz: float) -> Sound:  # noqa: ARG001
    """Only a band of it, without a shift in time."""
    top = min(high_hz, 0.45 * sound.rate_hz)
    sections = butter(2, (low_hz, top), "bandpass", fs=sound.rate_hz, output="sos")
    # `padlen` below the length, so that very short files can be filtered as well.
    pad = min(sound.samples.shape[1] - 1, 3 * (2 * len(sections) + 1))
    return sound.with_samples(sosfiltfilt(sections, sound.samples, axis=1, padlen=pad).clip(-1, 1))
