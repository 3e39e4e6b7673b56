"""Training the face classifier: initial weights, loss, validation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.console import Console
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from detect.errors import ConfigError
from detect.models import FaceSpec, load_model, spoof_logit
from training.face.config import FaceTraining, face_spec
from training.face.data import CROP_PX, WIDE_MARGIN, PairBatches, Pictures, prepared
from training.face.launder import LAUNDERINGS
from training.face.prepare import Found, use_one_thread
from training.fit import fit
from training.protocol import Trial
from training.separation import auc

_BATCH = 32
"""Pictures that go through a network together in validation."""
_SELECT = "selected"
_SHARES = {"dfdc": 0.4, "dfdc laundered": 0.3, "openforensics": 0.2, "openforensics laundered": 0.1}
"""Weights of the AUCs of the validation split by which an epoch is chosen: more for the larger set, and as much for
laundered pictures as the measurements give them. Data sets of other names count equally."""


def train(
    folder: Path, trials: list[Trial], found: Found, config: FaceTraining, *, run: Path, shared: Path, device: str
) -> Path | None:
    """Train, or go on with a training.

    Args:
        folder: The data set.
        trials: Its protocol.
        found: Faces of its pictures.
        config: Everything that decides the result.
        run: Takes state, history and weights.
        shared: Folder that the initial weights are below.
        device: As torch names it.

    Returns:
        The best weights, float32.
    """
    use_one_thread()
    torch.manual_seed(config.schedule.seed)
    spec = face_spec(config)
    network = spec.build()
    network.dropout = nn.Dropout(config.dropout)
    if config.initial is not None:
        initialise(network, shared / config.initial)
    train_trials = [trial for trial in trials if trial.split == "train"]
    val_trials = [trial for trial in trials if trial.split == "val"]
    return fit(
        network,
        batch=PairBatches(folder, train_trials, found, config),
        loss=lambda output, targets: functional.cross_entropy(output, targets, label_smoothing=config.label_smoothing),
        validate=validator(folder, val_trials, found, config, spec, torch.device(device)),
        select=_SELECT,
        schedule=config.schedule,
        fingerprint=config.fingerprint(),
        folder=run,
        device=torch.device(device),
    )


def evaluate(
    folder: Path,
    trials: list[Trial],
    found: Found,
    config: FaceTraining,
    *,
    run: Path,
    size_px: int,
    device: str,
) -> dict[str, float]:
    """AUCs of a run's best weights on the validation split, with crops of one size.

    Raises:
        WeightsNotFound: the run has no weights yet.
        WeightsMismatch: they are another network's.
    """
    use_one_thread()
    spec = face_spec(config)
    network = load_model(spec, run / "best.safetensors", device)
    exact = config.schedule.model_copy(update={"precision": "float32"})
    settings = config.model_copy(update={"validation_px": size_px, "schedule": exact})
    val = [trial for trial in trials if trial.split == "val"]
    with torch.inference_mode():
        return validator(folder, val, found, settings, spec, torch.device(device))(network)


def initialise(network: nn.Module, path: Path) -> None:
    """Load the weights that a file has for parts of the network; a part of the file that the network lacks is left out.

    Raises:
        ConfigError: it has none, or of another shape.
    """
    stored = load_file(path)
    own = network.state_dict()
    common = {name: tensor for name, tensor in stored.items() if name in own and not name.startswith("fc.")}
    if not common:
        raise ConfigError(f"{path} has no part of this network")
    for name, tensor in common.items():
        if own[name].shape != tensor.shape:
            raise ConfigError(f"{path}: {name} is {tuple(tensor.shape)}, the network's {tuple(own[name].shape)}")
    network.load_state_dict({**own, **{name: tensor.float() for name, tensor in common.items()}})
    Console(stderr=True).log(f"{len(common)} of {len(own)} tensors from {path.name}")


def validator(
    folder: Path, trials: list[Trial], found: Found, config: FaceTraining, spec: FaceSpec, device: torch.device
) -> Callable[[nn.Module], dict[str, float]]:
    """A function that gives a network's AUCs on the validation split, plain and laundered, by data set."""
    pictures = Pictures(folder, found, frozenset(config.tight_datasets))
    usable = [trial for trial in trials if pictures.usable(trial)]
    plain = np.stack([scan_crop(pictures, trial, config, spec) for trial in usable])
    # Every second group, in one way each, the same for all its pictures, so that it tells nothing of the label.
    ways = sorted(LAUNDERINGS)
    seeds = [sum(trial.group.encode()) for trial in usable]
    half = [row for row, seed in enumerate(seeds) if seed % 2 == 0]
    laundered = np.stack(
        [LAUNDERINGS[ways[seeds[row] // 2 % len(ways)]](plain[row], np.random.default_rng(seeds[row])) for row in half]
    )
    sets = {"": (plain, usable), " laundered": (laundered, [usable[row] for row in half])}

    def validate(network: nn.Module) -> dict[str, float]:
        metrics = {}
        for suffix, (crops, shown) in sets.items():
            logits: list[float] = []
            for start in range(0, len(crops), _BATCH):
                batch = prepared(spec, crops[start : start + _BATCH]).to(device)
                with torch.autocast(device.type, torch.bfloat16, enabled=config.schedule.precision == "bfloat16"):
                    output = network(batch)
                logits += spoof_logit(output.float(), spec).cpu().tolist()
            datasets = [trial.facts.get("dataset", "all") for trial in shown]
            for name in sorted(set(datasets)):
                rows = [row for row, dataset in enumerate(datasets) if dataset == name]
                metrics[f"{name}{suffix}"] = auc(
                    bonafide=[logits[row] for row in rows if not shown[row].is_spoof],
                    spoof=[logits[row] for row in rows if shown[row].is_spoof],
                )
        shares = {name: _SHARES.get(name, 0.5) for name in metrics}
        total = sum(shares.values())
        return metrics | {_SELECT: sum(shares[name] * value for name, value in metrics.items()) / total}

    return validate


def scan_crop(pictures: Pictures, trial: Trial, config: FaceTraining, spec: FaceSpec) -> np.ndarray:
    """A picture's crop as a scan would take it: tight ones whole, wide ones at the spec's margin."""
    crop, _ = pictures.read(trial)
    size_px = config.validation_px
    if trial.facts.get("dataset") not in config.tight_datasets:
        inner = round(CROP_PX * spec.input.margin / WIDE_MARGIN)
        edge = (CROP_PX - inner) // 2
        crop = crop[edge : edge + inner, edge : edge + inner]
    way = cv2.INTER_AREA if crop.shape[0] > size_px else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(crop, (size_px, size_px), interpolation=way), np.uint8)
