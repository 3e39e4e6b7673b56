"""Silero VAD: speech probability for every 32 ms of 16 kHz sound.

Model: Silero Team, "Silero VAD", MIT, github.com/snakers4/silero-vad, carried by the wheel of their `silero-vad`.
Of its forms the one for whole sequences is run, with the recurrent state carried from call to call: one call for many
chunks, outside Python's interpreter lock. The package itself is not imported: it loads torch's JIT and sets torch's
number of threads for the whole process.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime

from detect.errors import WeightsNotFound
from detect.types import Float32Array

CHUNK_SAMPLES = 512
"""Samples of 16 kHz sound for one probability, as the network was trained."""

_CONTEXT_SAMPLES = 64
"""Samples of the chunk before that precede each chunk, as the network was trained."""

_STATE_SHAPE = (1, 1, 128)
"""Of the hidden and the cell state of the recurrent layer."""

_FILE = "data/silero_vad_16k_sequence.onnx"


class SpeechProbability:
    """The network with its state: one for each continuous stretch of sound.

    Raises:
        WeightsNotFound: the package that carries the model is not installed, or is without it.
    """

    def __init__(self) -> None:
        self._session = _session()
        self.reset()

    def reset(self) -> None:
        """Forget what was heard: after a gap."""
        self._context = np.zeros(_CONTEXT_SAMPLES, np.float32)
        self._hidden = np.zeros(_STATE_SHAPE, np.float32)
        self._cell = np.zeros(_STATE_SHAPE, np.float32)

    def __call__(self, chunks: Float32Array) -> Float32Array:
        """Continue over some chunks.

        Args:
            chunks: (n, 512) float32, 16 kHz, in [-1, 1], in order of time.

        Returns:
            (n,) float32, probability of speech of each chunk.
        """
        if not len(chunks):
            return np.zeros(0, np.float32)
        before = np.concatenate([self._context[None], chunks[:-1, -_CONTEXT_SAMPLES:]])
        self._context = chunks[-1, -_CONTEXT_SAMPLES:].copy()
        state = {"h": self._hidden, "c": self._cell}
        inputs = {"input": np.concatenate([before, chunks], axis=1), **state}
        probabilities, self._hidden, self._cell = self._session.run(["speech_probs", "hn", "cn"], inputs)
        return np.asarray(probabilities, np.float32)


@cache
def _session() -> onnxruntime.InferenceSession:
    """The network without its state: one serves all voices."""
    spec = find_spec("silero_vad")
    folders = spec.submodule_search_locations if spec is not None else None
    path = Path(next(iter(folders))) / _FILE if folders else Path(_FILE)
    if not path.is_file():
        raise WeightsNotFound("the voice activity model is not there: install silero-vad, whose wheel carries it")
    options = onnxruntime.SessionOptions()
    # One thread: the recurrent layer goes step by step, and a pool would spin beside the other branch.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, sess_options=options, providers=["CPUExecutionProvider"])
