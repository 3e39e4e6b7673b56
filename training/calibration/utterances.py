"""Trials of speech as waveforms: FLAC decoded by PyAV, mono, at 16 kHz."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import av
import numpy as np
import soxr

from detect.models import VoiceSpec
from detect.types import Float32Array
from training.calibration.crops import generator
from training.protocol import Members, Trial

RATE = 16_000
"""What the program hears at."""

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
            self._waveforms[trial.path] = decode(self._members.read(trial.path))
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

    def inputs(
        self, trials: Sequence[Trial], spec: VoiceSpec, change: Change | None = None, *, seed: str = ""
    ) -> Iterator[Float32Array]:
        """`input` for each trial."""
        for trial in trials:
            yield self.input(trial, spec, change, seed=seed)


def decode(data: bytes) -> Float32Array:
    """(n,) float32 in [-1, 1], 16 kHz mono, of a file that FFmpeg reads."""
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout="mono")
        blocks = [out.to_ndarray()[0] for frame in container.decode(stream) for out in resampler.resample(frame)]
        rate = stream.rate
    samples = np.concatenate(blocks).astype(np.float32)
    # FFmpeg's own resampler aliases close to the band's edge, where traces of synthesis lie.
    return samples if rate == RATE else np.asarray(soxr.resample(samples, rate, RATE, quality="VHQ"), np.float32)
