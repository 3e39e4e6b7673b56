"""A waveform through a lossy codec and back, aligned with what went in.

Encoder and decoder are FFmpeg's, through PyAV, packet by packet without a container: a container would write its own
idea of the delay, and not all of them do. The delay is found instead, as the lag at which output and input agree best.
"""

from __future__ import annotations

from dataclasses import dataclass

import av
import numpy as np
import soxr

from detect.errors import ConfigError
from detect.types import Float32Array
from training.voice.acoustics import RATE_HZ

_MAX_LAG = 4_800
"""Samples, 0.3 s: three times the longest delay among the codecs below (AAC, two frames of 1,024 at 16 kHz)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """One way of coding speech."""

    encoder: str
    """FFmpeg's name."""
    decoder: str
    rate_hz: int
    """What the encoder is fed."""
    bit_rate: int | None = None
    """Bits per second; None where the codec has one only."""
    sample_format: str = "s16"
    options: tuple[tuple[str, str], ...] = ()
    """Of the encoder, in FFmpeg's words: training takes its quicker ways of searching."""


MP3_32K = Codec(encoder="libmp3lame", decoder="mp3float", rate_hz=16_000, bit_rate=32_000, sample_format="fltp")
OPUS_16K = Codec(encoder="libopus", decoder="libopus", rate_hz=16_000, bit_rate=16_000)
AMR_NB = Codec(encoder="libopencore_amrnb", decoder="amrnb", rate_hz=8_000, bit_rate=12_200)
G711_A = Codec(encoder="pcm_alaw", decoder="pcm_alaw", rate_hz=8_000)
G711_MU = Codec(encoder="pcm_mulaw", decoder="pcm_mulaw", rate_hz=8_000)


def coded(waveform: Float32Array, codec: Codec) -> Float32Array:
    """The waveform as it comes out of a codec.

    Args:
        waveform: (n,) float32, 16 kHz mono in [-1, 1].
        codec: Which.

    Returns:
        (n,) float32 at 16 kHz, aligned with `waveform`.

    Raises:
        ConfigError: this FFmpeg has no such encoder.
    """
    fed = waveform if codec.rate_hz == RATE_HZ else soxr.resample(waveform, RATE_HZ, codec.rate_hz)
    heard, rate_hz = _through(fed, codec)
    back = heard if rate_hz == RATE_HZ else soxr.resample(heard, rate_hz, RATE_HZ)
    return _aligned(back.astype(np.float32), waveform)


def _through(samples: Float32Array, codec: Codec) -> tuple[Float32Array, int]:
    """What the decoder gives, with its delay, and the decoder's rate."""
    try:
        encoder = av.CodecContext.create(codec.encoder, "w")
        decoder = av.CodecContext.create(codec.decoder, "r")
    except av.error.FFmpegError as error:
        raise ConfigError(f"this FFmpeg cannot code with {codec.encoder}: {error}") from error
    except ValueError as error:  # PyAV's UnknownCodecError
        raise ConfigError(f"this FFmpeg has no codec {codec.encoder} or {codec.decoder}") from error
    assert isinstance(encoder, av.AudioCodecContext)  # noqa: S101 - for the type checker: audio codecs only
    assert isinstance(decoder, av.AudioCodecContext)  # noqa: S101
    encoder.sample_rate, encoder.format, encoder.layout = codec.rate_hz, codec.sample_format, "mono"
    if codec.bit_rate is not None:
        encoder.bit_rate = codec.bit_rate
    encoder.options = dict(codec.options)
    encoder.open()
    decoder.sample_rate, decoder.layout = codec.rate_hz, "mono"
    if encoder.extradata:
        decoder.extradata = encoder.extradata
    size = encoder.frame_size or len(samples)
    # One frame of silence at the end lets out what the encoder still holds back.
    padded = np.append(samples, np.zeros(_MAX_LAG + size, np.float32))
    padded = padded[: len(padded) // size * size].clip(-1, 1)
    if codec.sample_format.startswith("s16"):
        padded = (padded * 32_767).round().astype(np.int16)
    pieces: list[Float32Array] = []
    rate_hz = codec.rate_hz
    for number, start in enumerate(range(0, len(padded), size)):
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(padded[None, start : start + size]), format=codec.sample_format, layout="mono"
        )
        frame.sample_rate, frame.pts = codec.rate_hz, number * size
        for packet in encoder.encode(frame):
            for decoded in decoder.decode(packet):
                rate_hz = decoded.sample_rate
                pieces.append(_floats(decoded.to_ndarray()))
    return np.concatenate(pieces), rate_hz


def _floats(samples: np.typing.NDArray[np.generic]) -> Float32Array:
    """(1, n) of any sample format -> (n,) in [-1, 1]."""
    floats: Float32Array = samples[0].astype(np.float32)
    return floats / np.float32(32_768) if samples.dtype == np.int16 else floats


def _aligned(output: Float32Array, reference: Float32Array) -> Float32Array:
    """The stretch of `output` that lies over `reference`, filled with zeros where it ends early."""
    size = 1 << (len(reference) + 2 * _MAX_LAG).bit_length()
    spectrum = np.fft.rfft(output[: len(reference) + _MAX_LAG], size) * np.conj(np.fft.rfft(reference, size))
    lag = int(np.fft.irfft(spectrum, size)[:_MAX_LAG].argmax())
    stretch = output[lag : lag + len(reference)]
    return np.pad(stretch, (0, len(reference) - len(stretch)))
