"""Copies of speech made by two neural generators: the HiFi-GAN vocoder and the Lyra codec, as TFLite files.

HiFi-GAN: Kong, Kim, Bae, NeurIPS 2020, arXiv 2010.05646; the small generator, V3, at 22.05 kHz with 80 mel bands. Lyra:
Zeghidour et al., "SoundStream", IEEE/ACM TASLP 2021, arXiv 2107.03312; 16 kHz, frames of 20 ms. The generators are used
to make training data and are no part of what is shipped.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soxr
from ai_edge_litert.interpreter import Interpreter
from scipy.ndimage import gaussian_filter

from detect.types import Float32Array
from training.voice.acoustics import RATE_HZ
from training.voice.spectra import mel_filters

_VOCODER_RATE_HZ = 22_050
_FFT, _HOP, _BANDS = 1_024, 256, 80
"""Of HiFi-GAN's published configuration (`config_v3.json`); mel bands end at 8 kHz."""
_TOP_HZ = 8_000
_LYRA_FRAME = 320
_LYRA_QUANTIZERS = (16, 30, 46)
"""3.2, 6 and 9.2 kbit/s: the codec's three bit rates."""


class HifiGan:
    """Mel spectrogram and back.

    Args:
        folder: Holds `hifigan_float16.tflite`.
    """

    def __init__(self, folder: Path) -> None:
        self._interpreter = Interpreter(str(folder / "hifigan_float16.tflite"), num_threads=1)
        self._mel = mel_filters(_BANDS, _FFT, _VOCODER_RATE_HZ, _TOP_HZ)

    def copy(self, waveform: Float32Array, rate_hz: int = _VOCODER_RATE_HZ, smear: float = 0.0) -> Float32Array:
        """Speech analysed to 80 mel bands and made again.

        Args:
            waveform: (n,) at 16 kHz.
            rate_hz: At which the speech is handed to the vocoder, which takes it for 22.05 kHz: what lies at a
                frequency in the copy was made by other units of the generator than at the true rate.
            smear: Blur of the spectrogram, as of an acoustic model that predicts means: standard deviation in frames;
                a third of it in bands.

        Returns:
            (n,) at 16 kHz.
        """
        sound = soxr.resample(waveform, RATE_HZ, rate_hz)
        padded = np.pad(sound, (_FFT - _HOP) // 2, mode="reflect")
        frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP]
        power = np.abs(np.fft.rfft(frames * np.hanning(_FFT + 1)[:-1])) ** 2
        mel = np.log(np.maximum(self._mel @ np.sqrt(power + 1e-9).T, 1e-5)).astype(np.float32)
        if smear:
            mel = gaussian_filter(mel, (smear / 3, smear))
        (source,), (sink,) = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        self._interpreter.resize_tensor_input(source["index"], [1, _BANDS, mel.shape[1]])
        self._interpreter.allocate_tensors()
        self._interpreter.set_tensor(source["index"], mel[None])
        self._interpreter.invoke()
        made = self._interpreter.get_tensor(sink["index"]).ravel()
        back: Float32Array = soxr.resample(made.astype(np.float32), rate_hz, RATE_HZ)
        return np.pad(back, (0, max(0, len(waveform) - len(back))))[: len(waveform)]


class Lyra:
    """A neural codec, there and back.

    Args:
        folder: Holds `soundstream_encoder.tflite`, `quantizer.tflite`, `lyragan.tflite`.
    """

    def __init__(self, folder: Path) -> None:
        self._encoder = Interpreter(str(folder / "soundstream_encoder.tflite"), num_threads=1)
        self._decoder = Interpreter(str(folder / "lyragan.tflite"), num_threads=1)
        quantizer = Interpreter(str(folder / "quantizer.tflite"), num_threads=1)
        self._quantizer = quantizer  # runners do not keep it alive
        self._quantize = quantizer.get_signature_runner("encode")
        self._restore = quantizer.get_signature_runner("decode")
        for model in (self._encoder, self._decoder):
            model.allocate_tensors()

    def copy(self, waveform: Float32Array, rng: np.random.Generator) -> Float32Array:
        """Speech through the codec at one of its bit rates.

        Args:
            waveform: (n,) at 16 kHz.
            rng: Chooses the bit rate.

        Returns:
            (n,) at 16 kHz.
        """
        num_quantizers = np.int32(rng.choice(_LYRA_QUANTIZERS))
        for model in (self._encoder, self._decoder):
            model.reset_all_variables()
        padded = np.pad(waveform, (0, 2 * _LYRA_FRAME + -len(waveform) % _LYRA_FRAME))
        pieces = []
        for frame in padded.reshape(-1, 1, _LYRA_FRAME):
            features = _run(self._encoder, frame)
            codes = self._quantize(input_frames=features, num_quantizers=num_quantizers)
            indices = next(code for code in codes.values() if code.dtype == np.int32)
            (restored,) = self._restore(encoding_indices=indices).values()
            pieces.append(_run(self._decoder, restored).ravel())
        made = np.concatenate(pieces).astype(np.float32)
        return made[_lag(made, waveform) :][: len(waveform)]


def _run(model: Interpreter, values: Float32Array) -> Float32Array:
    model.set_tensor(model.get_input_details()[0]["index"], values)
    model.invoke()
    result: Float32Array = model.get_tensor(model.get_output_details()[0]["index"])
    return result


def _lag(made: Float32Array, waveform: Float32Array) -> int:
    """Samples by which a copy comes late, at most two frames: where their envelopes agree best."""
    envelope, copied = (np.convolve(np.abs(sound), np.ones(80) / 80, "same") for sound in (waveform, made))
    length = len(waveform)
    scores = [float(np.dot(envelope, copied[lag : lag + length])) for lag in range(0, 2 * _LYRA_FRAME, 16)]
    return 16 * int(np.argmax(scores))
