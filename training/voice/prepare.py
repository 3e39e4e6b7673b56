"""Once before training: every utterance decoded, and machine-made copies of the bona fide training speech, on disk.

The folder may be thrown away and made again; what is there already is not made twice. Copies are made of `train` only:
validation measures systems that nobody made here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from detect.types import Float32Array
from training.voice.trials import waveforms
from training.voice.vocoders import makers

_ORDER = (
    "hifigan",
    "world",
    "lyra",
    "hifigan_smeared",
    "mel_griffin_lim",
    "hifigan_other_rate",
    "source_filter",
    "world_smoothed",
    "blurred_phase",
    "mel_magnitude",
    "mirrored",
    "griffin_lim",
    "phase_vocoder",
)
"""Those that resemble today's systems most come first: a preparation cut short has them."""


def prepare(data: Path, work: Path, generators: Path | None, *, seed: int, report: Callable[[str], None]) -> None:
    """Fill the folder of prepared utterances.

    Args:
        data: A data set with `protocol.csv`.
        work: Where to put them: `train/` and `val/` as decoded, `copies/MAKER/` for what was made; samples are
            16-bit, 16 kHz mono.
        generators: Folder of the TFLite generators; None leaves the neural copies out.
        seed: Of everything random in the copies.
        report: Is told of progress.

    Raises:
        ConfigError: a file of the protocol is missing or cannot be decoded.
    """
    bonafide: dict[str, Float32Array] = {}
    for split in ("train", "val"):
        for trial, samples in waveforms(data, split):
            store(work / split / f"{key(trial.path)}.npy", samples)
            if split == "train" and trial.label == "bonafide":
                bonafide[trial.path] = samples
        report(f"{split}: decoded")
    table = makers(generators)
    for name in (name for name in _ORDER if name in table):
        for path, samples in bonafide.items():
            target = work / "copies" / name / f"{key(path)}.npy"
            if not target.exists():
                store(target, table[name](samples, np.random.default_rng([seed, _number(path), _number(name)])))
        report(f"{name}: {len(bonafide)} copies")


def key(path: str) -> str:
    """The name under which an utterance is stored: 16 hexadecimal digits of its path's SHA-256."""
    return hashlib.sha256(path.encode()).hexdigest()[:16]


def store(path: Path, samples: Float32Array) -> None:
    """Write samples as 16-bit numbers; the file is whole or absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    with partial.open("wb") as file:
        np.save(file, (samples.clip(-1, 1) * 32_767).round().astype(np.int16))
    partial.replace(path)


def stored(path: Path) -> Float32Array:
    """Samples written by `store`; (n,) float32."""
    samples: Float32Array = np.load(path).astype(np.float32)
    return samples / np.float32(32_767)


def _number(text: str) -> int:
    return int(key(text)[:8], 16)
