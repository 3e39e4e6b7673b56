"""Trials of speech as a checkpoint's input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from detect.models import VoiceSpec
from detect.types import Float32Array
from training.calibration.crops import generator
from training.protocol import Members, Trial
from training.voice.trials import decoded

Change = Callable[[Float32Array, np.random.Generator], Float32Array]
"""(n,) float32 at 16 kHz and a generator to another waveform."""


class Utterances:
    """Reads utterances; waveforms are kept, so that each is decoded once.

    Args:
        folder: The data set.
    """

    def __init__(self, folder: Path) -> None:
        self._members = Members(folder)
        self._waveforms: dict[str, Float32Array] = {}

    def waveform(self, trial: Trial) -> Float32Array:
        """(n,) float32 in [-1, 1], 16 kHz mono."""
        if trial.path not in self._waveforms:
            self._waveforms[trial.path] = decoded(self._members.read(trial.path), trial.path)
        return self._waveforms[trial.path]

    def input(self, trial: Trial, spec: VoiceSpec, change: Change | None = None, *, seed: str = "") -> Float32Array:
        """What the network of `spec` hears: the beginning of the utterance, as much as it takes.

        Args:
            trial: Which utterance.
            spec: Says how long.
            change: Done to the whole utterance.
            seed: Tells two changes of one utterance apart.
        """
        waveform = self.waveform(trial)
        if change is not None:
            waveform = np.asarray(change(waveform, generator(trial, seed)), np.float32)
        return waveform[: spec.input.num_samples]
