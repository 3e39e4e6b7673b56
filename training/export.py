"""From a finished run to a file for `weights/`: half precision, and the lines that the manifest needs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch

from detect.models import CATALOGUE, load_model
from training.fit import save_weights


def export(weights: Path, checkpoint: str, out: Path) -> str:
    """Write a run's best weights as `CHECKPOINT.safetensors` in half precision.

    Args:
        weights: Safetensors file of a run, float32.
        checkpoint: Name in the catalogue.
        out: Folder it goes to.

    Returns:
        The manifest's `file`, `sha256` and `num_bytes` lines.

    Raises:
        WeightsNotFound: there are no such weights.
        WeightsMismatch: they do not fit the checkpoint's network.
    """
    network = load_model(CATALOGUE[checkpoint], weights)
    path = out / f"{checkpoint}.safetensors"
    save_weights(network, path, torch.float16)
    data = path.read_bytes()
    return f'file = "{path.name}"\nsha256 = "{hashlib.sha256(data).hexdigest()}"\nnum_bytes = {len(data)}'
