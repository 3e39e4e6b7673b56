"""A voice as a user would score it with what is at hand: librosa loads the whole sound, one window a call.

The classifier is this program's own, with the same weights. No search for speech: windows follow each other from the
first sample to the last, silence and all.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import librosa
import numpy as np
import torch

from benchmarks.throughput.contestants import Facts
from detect.checkpoints import choose
from detect.config import Config
from detect.models import VoiceSpec, load_model, spoof_logit
from detect.types import Float32Array, Modality


class PlainVoice:
    """Scores sound files.

    Args:
        device: Where the classifier runs.
    """

    def __init__(self, device: str) -> None:
        model = choose(Config()).models[Modality.VOICE][0]
        if not isinstance(model.spec, VoiceSpec):
            raise TypeError(f"{model.spec.name} listens to no voices")
        self._spec, self._device = model.spec, torch.device(device)
        self._classifier = load_model(model.spec, model.path, self._device)

    def run(self, recording: Path) -> Facts:
        """Score every window."""
        samples, _ = librosa.load(recording, sr=self._spec.input.rate_hz, mono=True)
        scores = [self.score(window) for window in self.windows(np.asarray(samples, np.float32))]
        return {"voice windows scored": sum(map(bool, np.isfinite(scores)))}

    def close(self) -> None:
        """Nothing was started."""

    def windows(self, samples: Float32Array) -> Iterator[Float32Array]:
        """Sound (n,) in pieces of the classifier's length, the last one shorter."""
        length = self._spec.input.num_samples
        for start in range(0, len(samples), length):
            yield samples[start : start + length]

    def score(self, window: Float32Array) -> float:
        """Spoof logit of one window (m,)."""
        with torch.inference_mode():
            output = self._classifier(self._spec.prepare([window]).to(self._device))
            return float(spoof_logit(output, self._spec)[0])


def whole_sound(device: str) -> PlainVoice:
    """Every window of the whole sound."""
    return PlainVoice(device)
