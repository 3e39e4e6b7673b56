"""Trains the voice network: what is learnt from a batch, and what is measured while it learns."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from detect.models.load import load_model
from detect.models.spec import VoiceSpec
from training.fit import fit
from training.protocol import Trial, protocol_sha256
from training.separation import auc, eer
from training.voice.config import VoiceConfig
from training.voice.data import VoiceBatches
from training.voice.launder import LAUNDERINGS
from training.voice.trials import score, waveforms


def train(
    spec: VoiceSpec,
    config: VoiceConfig,
    *,
    data: Path,
    work: Path,
    run: Path,
    device: torch.device,
    stop_after: int | None = None,
) -> Path | None:
    """Train, going on from the last state in `run` where there is one.

    Args:
        spec: Network and window.
        config: Everything else.
        data: A data set with `protocol.csv`.
        work: What `prepare` made of it.
        run: Takes state, history, weights.
        device: Where it runs.
        stop_after: End early, with a state, after this step.

    Returns:
        The weights that measured best on validation data, or None where the run ended early.

    Raises:
        ConfigError: something is not prepared, or `run` holds another run.
        WeightsNotFound: the weights to begin with are not there.
        WeightsMismatch: they are another network's.
    """
    torch.manual_seed(config.schedule.seed)
    network = spec.build()
    if config.initial is not None:
        network.load_state_dict(load_model(spec, (run / config.initial).resolve()).state_dict())
    fingerprint = hashlib.sha256(f"{config.model_dump_json()}{protocol_sha256(data)}".encode()).hexdigest()
    return fit(
        network,
        batch=VoiceBatches(data, work, config),
        loss=Loss(config, spec.spoof_index),
        validate=Validation(spec, data, config.schedule.seed),
        select="auc_both",
        schedule=config.schedule,
        fingerprint=fingerprint,
        folder=run,
        device=device,
        stop_after=stop_after,
    )


def evaluate(spec: VoiceSpec, data: Path, *, run: Path, seed: int, device: str) -> dict[str, float]:
    """Metrics of a run's best weights on the validation utterances, as `Validation` names them.

    Args:
        spec: Network and window.
        data: The data set.
        run: Holds `best.safetensors`.
        seed: Chooses the launderings, as in training.
        device: Where it runs.

    Raises:
        WeightsNotFound: there are no such weights.
        WeightsMismatch: they are another network's.
    """
    return Validation(spec, data, seed)(load_model(spec, run / "best.safetensors", device))


class Loss:
    """Cross entropy on each row, and the order of the two of a pair.

    Args:
        config: Composition of the batches and weights.
        spoof_index: Of the network's two outputs.
    """

    def __init__(self, config: VoiceConfig, spoof_index: int) -> None:
        self._num_paired = 2 * (config.batch.made_pairs + config.batch.labelled_pairs)
        self._weight, self._smoothing = config.batch.sound_alike, config.label_smoothing
        self._spoof_index = spoof_index

    def __call__(self, output: Tensor, labels: Tensor) -> Tensor:
        """Loss of what the network gives and labels (n,), 1 for spoof, rows as `VoiceBatches` orders them.

        Args:
            output: (branches * n, 2): each branch's logits for all rows, one branch after the other.
            labels: (n,).
        """
        branches = output.reshape(-1, len(labels), 2)  # (branches, n, 2)
        classes = (labels if self._spoof_index else 1 - labels).expand(len(branches), -1)
        loss = functional.cross_entropy(output, classes.reshape(-1), label_smoothing=self._smoothing)
        paired = branches[:, : self._num_paired]
        spoof = paired[..., self._spoof_index] - paired[..., 1 - self._spoof_index]
        # Zero once the copy lies well above its original (RankNet: Burges et al., ICML 2005).
        return loss + self._weight * functional.softplus(spoof[:, 0::2] - spoof[:, 1::2]).mean()


class Validation:
    """Measures a network on the validation utterances, clean and laundered.

    Args:
        spec: Window and polarity.
        data: The data set.
        seed: Chooses a laundering for each utterance.
    """

    def __init__(self, spec: VoiceSpec, data: Path, seed: int) -> None:
        self._spec = spec
        self._trials, self._clean, self._laundered = [], [], []
        for index, (trial, samples) in enumerate(waveforms(data, "val")):
            rng = np.random.default_rng([seed, index])
            launder = LAUNDERINGS[sorted(LAUNDERINGS)[int(rng.integers(len(LAUNDERINGS)))]]
            self._trials.append(trial)
            self._clean.append(samples[: spec.input.num_samples])
            self._laundered.append(launder(samples[: spec.input.num_samples], rng))

    def __call__(self, network: nn.Module) -> dict[str, float]:
        """Rates in [0, 1]: `eer`, `auc`, `auc_laundered`, their mean `auc_both`, and `pairs` in the right order."""
        clean, laundered = (score(network, self._spec, sounds) for sounds in (self._clean, self._laundered))
        auc_clean, auc_laundered = (auc(**self._by_class(scores)) for scores in (clean, laundered))
        return {
            "eer": eer(**self._by_class(clean)),
            "auc": auc_clean,
            "auc_laundered": auc_laundered,
            "auc_both": (auc_clean + auc_laundered) / 2,
            "pairs": pairs_in_order(self._trials, clean),
        }

    def _by_class(self, scores: Sequence[float]) -> dict[str, list[float]]:
        rows = list(zip(self._trials, scores, strict=True))
        return {
            "bonafide": [score for trial, score in rows if not trial.is_spoof],
            "spoof": [score for trial, score in rows if trial.is_spoof],
        }


def pairs_in_order(trials: Sequence[Trial], scores: Sequence[float]) -> float:
    """Of sentences heard both ways: the share whose ground truths score below every synthesis; NaN without any."""
    truths: defaultdict[str, list[float]] = defaultdict(list)
    fakes: defaultdict[str, list[float]] = defaultdict(list)
    for trial, value in zip(trials, scores, strict=True):
        if name := trial.facts.get("pair", ""):
            (fakes if trial.label == "spoof" else truths)[name].append(value)
    both = truths.keys() & fakes.keys()
    return float(np.mean([max(truths[name]) < min(fakes[name]) for name in both])) if both else float("nan")
