"""Utterances of a protocol as the voice network takes them, and its logits for them.

Audio is read through PyAV and resampled by libsoxr, as in `detect`. Utterances of the protocol are at most 4.1 s long
and make one window each: the first `num_samples` of the checkpoint's input, shorter ones repeated by its `prepare`.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import av
import numpy as np
import soxr
import torch
from torch import nn

from detect.errors import ConfigError
from detect.models.spec import VoiceSpec, spoof_logit
from detect.types import Float32Array
from training.protocol import Members, Trial, read_protocol
from training.voice.acoustics import RATE_HZ

_BATCH = 16
"""Windows scored at once: more are no faster on a CPU."""


def waveforms(folder: Path, split: str, label: str | None = None) -> Iterator[tuple[Trial, Float32Array]]:
    """The utterances of one split, in the protocol's order.

    Args:
        folder: A data set with `protocol.csv`.
        split: Which.
        label: `bonafide` or `spoof`; None for both.

    Yields:
        The trial and its samples, (n,) float32, 16 kHz mono in [-1, 1].

    Raises:
        ConfigError: a file is missing or cannot be decoded.
    """
    trials = [t for t in read_protocol(folder) if t.split == split and label in (None, t.label)]
    with Members(folder) as members:
        for trial in trials:
            yield trial, decoded(members.read(trial.path), trial.path)


def decoded(data: bytes, name: str) -> Float32Array:
    """The sound of one file: the mean of its channels.

    Args:
        data: The file, in any format that FFmpeg reads.
        name: For the message of an error.

    Returns:
        (n,) float32 at 16 kHz.

    Raises:
        ConfigError: it cannot be decoded, or there is nothing in it.
    """
    pieces: list[Float32Array] = []
    rate = RATE_HZ
    try:
        with av.open(io.BytesIO(data), mode="r") as container:
            to_float = av.AudioResampler(format="fltp")
            for frame in container.decode(audio=0):
                rate = frame.sample_rate
                pieces += [piece.to_ndarray().mean(axis=0) for piece in to_float.resample(frame)]
    except (av.error.FFmpegError, IndexError) as error:
        raise ConfigError(f"{name} cannot be decoded: {error}") from error
    if not pieces:
        raise ConfigError(f"{name} holds no sound")
    samples = np.concatenate(pieces).astype(np.float32)
    return samples if rate == RATE_HZ else soxr.resample(samples, rate, RATE_HZ).astype(np.float32)


def score(network: nn.Module, spec: VoiceSpec, utterances: Iterable[Float32Array]) -> list[float]:
    """One logit an utterance, larger for spoof.

    Args:
        network: As `load_model` gives it, or one in training: it is switched to eval mode and back.
        spec: The checkpoint's: window and polarity.
        utterances: Each (n,) float32 at 16 kHz.
    """
    training = network.training
    network.eval()
    device = next(network.parameters()).device
    logits: list[float] = []
    with torch.inference_mode():
        for batch in _batches([utterance[: spec.input.num_samples] for utterance in utterances]):
            logits += spoof_logit(network(spec.prepare(batch).to(device)), spec).float().cpu().tolist()
    network.train(training)
    return logits


def _batches(windows: Sequence[Float32Array]) -> Iterator[Sequence[Float32Array]]:
    for start in range(0, len(windows), _BATCH):
        yield windows[start : start + _BATCH]
