"""Batches of voice windows, each a pure function of the seed and its number.

The shortcut to be closed: bona fide and spoofed speech come from other corpora, rooms and codecs. So most rows come in
pairs that share everything but the making, and the degradations drawn for a row never ask for its label.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt
from torch import Tensor

from detect.errors import ConfigError
from detect.types import Float32Array
from training.protocol import Trial, read_protocol
from training.voice.acoustics import RATE_HZ
from training.voice.augment import Chain
from training.voice.config import VoiceConfig
from training.voice.prepare import key

_SPEEDS = (0.9, 1.12)
"""Playback speeds: other speakers, as in Ko, Peddinti, Povey, Khudanpur, Interspeech 2015 (0.9 to 1.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Utterance:
    trial: Trial
    samples: NDArray[np.int16]


class VoiceBatches:
    """The training batches.

    Args:
        data: The data set: its protocol.
        work: What `prepare` made of it.
        config: Composition and degradations.

    Raises:
        ConfigError: something has not been prepared.
    """

    def __init__(self, data: Path, work: Path, config: VoiceConfig) -> None:
        self._config = config
        trials = [trial for trial in read_protocol(data) if trial.split == "train"]
        loaded = [_Utterance(trial=t, samples=_load(work / "train" / f"{key(t.path)}.npy")) for t in trials]
        self._bonafide = [u for u in loaded if u.trial.label == "bonafide"]
        self._spoof = [u for u in loaded if u.trial.label == "spoof"]
        self._copies = {
            name: [_load(work / "copies" / name / f"{key(u.trial.path)}.npy") for u in self._bonafide]
            for name, weight in config.batch.makers.items()
            if weight > 0
        }
        self._pairs = self._paired()
        self._bonafide_weights = self._weigh_bonafide()
        self._spoof_weights = self._weigh_spoof()
        self._makers = list(self._copies)
        self._maker_weights = _normalised([config.batch.makers[name] for name in self._makers])

    def __call__(self, number: int) -> tuple[Tensor, Tensor]:
        """Batch `number`: windows (n, samples) float32, and labels (n,) int64, 1 for spoof, alternating."""
        plan = self._config.batch
        rng = np.random.default_rng([self._config.schedule.seed, number])
        length = int(float(rng.choice(plan.seconds)) * RATE_HZ)
        rows: list[Float32Array] = []
        for _ in range(plan.made_pairs):
            rows += self._made_pair(length, rng)
        for _ in range(plan.labelled_pairs):
            rows += self._labelled_pair(length, rng)
        for _ in range(plan.singles):
            real = self._bonafide[int(rng.choice(len(self._bonafide), p=self._bonafide_weights))].samples
            fake = self._spoof[int(rng.choice(len(self._spoof), p=self._spoof_weights))].samples
            rows += [self._degraded([sound], length, rng)[0] for sound in (real, fake)]
        labels = torch.arange(len(rows)) % 2
        return torch.from_numpy(np.stack(rows)), labels

    def _made_pair(self, length: int, rng: np.random.Generator) -> list[Float32Array]:
        index = int(rng.choice(len(self._bonafide), p=self._bonafide_weights))
        maker = self._makers[int(rng.choice(len(self._makers), p=self._maker_weights))]
        real, copy = self._bonafide[index].samples, self._copies[maker][index]
        if rng.random() < self._config.batch.hybrid:
            copy = _hybrid(real, copy, rng)
        return self._degraded([real, copy], length, rng)

    def _labelled_pair(self, length: int, rng: np.random.Generator) -> list[Float32Array]:
        truths, fakes = self._pairs[int(rng.integers(len(self._pairs)))]
        real = self._bonafide[truths[int(rng.integers(len(truths)))]].samples
        fake = self._spoof[fakes[int(rng.integers(len(fakes)))]].samples
        return self._degraded([real, fake], length, rng)

    def _degraded(
        self, sounds: Sequence[NDArray[np.int16]], length: int, rng: np.random.Generator
    ) -> list[Float32Array]:
        """The same stretch of each, through the same chain."""
        config = self._config.augmentation
        chain = Chain(config.none() if rng.random() < config.clean else config, rng)
        where, trim = float(rng.random()), rng.random() < config.trim
        speed = float(rng.uniform(*_SPEEDS)) if rng.random() < config.speed else 1.0
        rows = []
        for sound in sounds:
            samples = sound.astype(np.float32) / np.float32(32_767)
            if trim:
                samples = trimmed(samples)
            stretch = _crop(samples, int(length * speed), where)
            if speed != 1.0:
                stretch = soxr.resample(stretch, RATE_HZ * speed, RATE_HZ, quality="MQ").astype(np.float32)
            rows.append(np.resize(chain(stretch), length))
        return rows

    def _paired(self) -> list[tuple[list[int], list[int]]]:
        truths: defaultdict[str, list[int]] = defaultdict(list)
        fakes: defaultdict[str, list[int]] = defaultdict(list)
        for index, utterance in enumerate(self._bonafide):
            truths[utterance.trial.facts.get("pair", "")].append(index)
        for index, utterance in enumerate(self._spoof):
            fakes[utterance.trial.facts.get("pair", "")].append(index)
        pairs = [(truths[name], fakes[name]) for name in sorted(truths.keys() & fakes.keys()) if name]
        if not pairs and self._config.batch.labelled_pairs:
            raise ConfigError("the data set has no pairs of ground truth and synthesis: set labelled_pairs = 0")
        return pairs

    def _weigh_spoof(self) -> NDArray[np.float64]:
        """Systems by the root of their size, and corpora: one much-synthesised speaker must not stand for spoof."""
        systems = Counter(u.trial.attack for u in self._spoof)
        corpora = Counter(u.trial.facts.get("corpus", "") for u in self._spoof)
        # The floors keep two or three utterances from being heard again and again.
        return _normalised(
            [
                (max(systems[u.trial.attack], 6) * max(corpora[u.trial.facts.get("corpus", "")], 20)) ** -0.5
                for u in self._spoof
            ]
        )

    def _weigh_bonafide(self) -> NDArray[np.float64]:
        """Corpora by the root of their size, utterances within by length; a share of its own for the paired."""
        counts = Counter(u.trial.facts.get("corpus", "") for u in self._bonafide)
        weights = _normalised(
            [len(u.samples) * counts[u.trial.facts.get("corpus", "")] ** -0.5 for u in self._bonafide]
        )
        paired = np.zeros(len(weights))
        paired[[index for truths, _ in self._pairs for index in truths]] = 1
        share = self._config.batch.studio_share if paired.any() else 0.0
        mixed: NDArray[np.float64] = (1 - share) * weights + share * paired / max(1.0, paired.sum())
        return mixed


def trimmed(samples: Float32Array, below_db: float = 40.0) -> Float32Array:
    """Without what is quieter at both ends than the loudest 20 ms by `below_db`; never less than 0.3 s."""
    size = RATE_HZ // 50
    power = np.square(samples[: len(samples) // size * size].reshape(-1, size)).mean(axis=1)
    loud = np.flatnonzero(power > power.max(initial=0) * 10 ** (-below_db / 10))
    if not len(loud):
        return samples
    kept = samples[loud[0] * size : (loud[-1] + 1) * size]
    return kept if len(kept) > 0.3 * RATE_HZ else samples


def _crop(samples: Float32Array, length: int, where: float) -> Float32Array:
    """At most `length` samples, beginning at the fraction `where` of what is left over."""
    start = int(where * max(0, len(samples) - length))
    return samples[start : start + length]


def _hybrid(real: NDArray[np.int16], copy: NDArray[np.int16], rng: np.random.Generator) -> NDArray[np.int16]:
    """Part copy, part original: bands above or below a frequency, or a stretch of time.

    As blended images teach what a seam looks like whatever made it (Shiohara & Yamasaki, CVPR 2022), parts of a copy
    teach its traces one at a time.
    """
    size = min(len(real), len(copy))
    first, second = real[:size].astype(np.float32), copy[:size].astype(np.float32)
    kind = rng.integers(3)
    if kind == 2:
        share = rng.uniform(0.4, 0.8)
        start = rng.uniform(0, 1 - share)
        place = np.arange(size) / size
        edge = max(1e-3, 0.01 * RATE_HZ / size)  # 10 ms cross-fades
        inside = np.clip((place - start) / edge, 0, 1) * np.clip((start + share - place) / edge, 0, 1)
        mixed = first + (second - first) * inside
    else:
        sections = butter(6, rng.uniform(800, 5_500), fs=RATE_HZ, output="sos")
        below, above = (first, second) if kind else (second, first)
        mixed = above + sosfiltfilt(sections, below - above)
    return mixed.clip(-32_767, 32_767).astype(np.int16)


def _normalised(weights: Sequence[float]) -> NDArray[np.float64]:
    array: NDArray[np.float64] = np.asarray(weights, np.float64)
    array /= array.sum()
    return array


def _load(path: Path) -> NDArray[np.int16]:
    try:
        samples: NDArray[np.int16] = np.load(path)
    except FileNotFoundError as error:
        raise ConfigError(f"{path} is missing: run `prepare` first") from error
    return samples
