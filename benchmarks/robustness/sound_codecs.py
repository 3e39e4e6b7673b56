"""Sound through a lossy codec and back: written into the container it usually comes in, and read as a player reads it.

The container knows what the encoder put before the first sample, so that nothing is shifted; the end is cut or filled
with silence to the length that went in.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import av
import numpy as np

from benchmarks.robustness.sound import Sound, encode, layout, mono, resampled
from detect.errors import ConfigError
from detect.types import Float32Array


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundCodec:
    """One way of coding sound."""

    encoder: str
    """FFmpeg's name."""
    container: str
    """FFmpeg's name of the muxer."""
    bit_rate: int | None = None
    """Bits per second; None where the codec has one only."""
    rate_hz: int | None = None
    """What the encoder is fed; None for the sound's own rate, or the next one that the encoder takes."""
    max_channels: int = 2
    """More are mixed to one."""
    delay: int = 0
    """Samples that encoder and decoder are late together and that the container does not tell."""

    def rate_for(self, rate_hz: int) -> int:
        """Rate at which sound of `rate_hz` is coded."""
        if self.rate_hz is not None:
            return self.rate_hz
        known = sorted(av.Codec(self.encoder, "w").audio_rates or ())
        return next((one for one in known if one >= rate_hz), known[-1] if known else rate_hz)


def coded(sound: Sound, random: np.random.Generator, *, codec: SoundCodec) -> Sound:  # noqa: ARG001 - one signature
    """What comes out at the other end, at the codec's rate.

    Raises:
        ConfigError: the codec refuses it.
    """
    fed = sound if len(sound.samples) <= codec.max_channels else mono(sound)
    fed = resampled(Sound(samples=fed.samples, rate_hz=fed.rate_hz), codec.rate_for(fed.rate_hz))
    file = io.BytesIO()
    try:
        with av.open(file, "w", format=codec.container) as container:
            stream = container.add_stream(codec.encoder, rate=fed.rate_hz, layout=layout(len(fed.samples)))
            assert isinstance(stream, av.AudioStream)  # noqa: S101 - narrows the type
            if codec.bit_rate is not None:
                stream.bit_rate = codec.bit_rate
            for packet in encode(stream, fed):
                container.mux(packet)
        file.seek(0)
        heard = _decoded(file)
    except (av.error.FFmpegError, ValueError) as error:
        raise ConfigError(f"{codec.encoder} does not take this sound: {error}") from error
    heard = resampled(heard, fed.rate_hz)
    length = fed.samples.shape[1]
    kept = heard.samples[:, codec.delay : codec.delay + length]
    return sound.with_samples(np.pad(kept, ((0, 0), (0, length - kept.shape[1]))).clip(-1, 1), fed.rate_hz)


def _decoded(file: io.BytesIO) -> Sound:
    pieces: list[Float32Array] = []
    rate = 0
    with av.open(file, "r") as container:
        to_float = av.AudioResampler(format="fltp")
        for frame in container.decode(audio=0):
            rate = frame.sample_rate
            pieces += [piece.to_ndarray().astype(np.float32) for piece in to_float.resample(frame)]
    if not pieces:
        raise ValueError("nothing came out of it again")
    return Sound(samples=np.concatenate(pieces, axis=1), rate_hz=rate)


MP3 = SoundCodec(encoder="libmp3lame", container="mp3")
AAC = SoundCodec(encoder="aac", container="mp4")
OPUS = SoundCodec(encoder="libopus", container="ogg")
VORBIS = SoundCodec(encoder="libvorbis", container="ogg")
G711_A = SoundCodec(encoder="pcm_alaw", container="wav", rate_hz=8_000)
G711_MU = SoundCodec(encoder="pcm_mulaw", container="wav", rate_hz=8_000)
G722 = SoundCodec(encoder="g722", container="wav", rate_hz=16_000, max_channels=1, delay=22)
"""The delay is that of its two filter banks, 24 taps each (ITU-T G.722), as measured."""
AMR_NB = SoundCodec(encoder="libopencore_amrnb", container="amr", rate_hz=8_000, max_channels=1, delay=40)
"""The delay is the look-ahead of 5 ms (3GPP TS 26.090), as measured."""
AMR_WB = SoundCodec(encoder="libvo_amrwbenc", container="amr", rate_hz=16_000, max_channels=1)
GSM = SoundCodec(encoder="libgsm", container="gsm", rate_hz=8_000, max_channels=1)
SPEEX = SoundCodec(encoder="libspeex", container="ogg", rate_hz=16_000, max_channels=1)
