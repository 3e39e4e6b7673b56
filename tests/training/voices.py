"""Generated speech for the tests of voice training, and a data set of it."""

from __future__ import annotations

import csv
import wave
from pathlib import Path

import numpy as np

from detect.types import Float32Array


def vowels(seed: int = 0, length: int = 24_000) -> Float32Array:
    """A buzz with moving pitch and three resonances, in syllables: near enough to speech for a speech codec."""
    rng = np.random.default_rng(seed)
    time = np.arange(length) / 16_000
    pitch = 110 + 10 * (seed % 8) + 20 * np.sin(2 * np.pi * 0.7 * time + rng.uniform(0, 6))
    phase = 2 * np.pi * np.cumsum(pitch) / 16_000
    resonances = rng.uniform((500, 1_300, 2_300), (700, 1_900, 2_900))
    weights = [sum(np.exp(-(((110 * k - f) / 150) ** 2)) for f in resonances) + 0.02 for k in range(1, 40)]
    buzz = sum(weight * np.sin(k * phase) for k, weight in enumerate(weights, 1))
    sound = np.asarray(buzz) * np.clip(np.sin(2 * np.pi * 3 * time + seed), 0, 1)
    sound = sound / np.abs(sound).max() + 0.003 * rng.standard_normal(length)
    return (0.3 * sound).astype(np.float32)


def data_set(folder: Path) -> Path:
    """Six bona fide and six spoofed utterances with a protocol: four of each to train on, two to validate on."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(12):
        spoof, index = number % 2 == 1, number // 2
        sound = vowels(number, 16_000 + 800 * number)
        if spoof:
            sound = np.tanh(4 * sound).astype(np.float32) / 4
        name = f"{number}.wav"
        with wave.open(str(folder / name), "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))
            file.writeframes((sound * 32_767).astype("<i2").tobytes())
        rows.append(
            {
                "path": name,
                "label": "spoof" if spoof else "bonafide",
                "system": "tanh" if spoof else "-",
                "corpus": f"corpus-{index % 2}",
                "speaker": f"speaker-{index}",
                "pair": f"sentence-{index}",
                "source_repository": f"source-{index}",
                "split": "train" if index < 4 else "val",
            }
        )
    with (folder / "protocol.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder
