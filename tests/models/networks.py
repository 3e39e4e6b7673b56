"""The networks under test: with the authors' weights where they are, with generated ones everywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from detect.models import CATALOGUE, FaceSpec, Spec, load_model
from weights import load_manifest, locate

UPSTREAM = tuple(checkpoint.name for checkpoint in load_manifest().checkpoints if checkpoint.kind == "upstream")

ARCHITECTURES = tuple({name.split(".")[0]: name for name in CATALOGUE}.values())
"""One checkpoint name for each architecture."""


def with_generated_weights(spec: Spec) -> nn.Module:
    """Weights drawn so that signals neither die nor explode; always the same."""
    generator = torch.Generator().manual_seed(11)
    module = spec.build()
    with torch.no_grad():
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5, generator=generator)
            elif tensor.is_floating_point() and name in module.state_dict():
                spread = (2 / tensor[0].numel()) ** 0.5 if tensor.ndim > 1 else 0.1
                is_scale = "bn" in name and name.endswith("weight")
                tensor.normal_(1.0 if is_scale else 0.0, spread, generator=generator)
    return module.eval().requires_grad_(requires_grad=False).to(memory_format=torch.channels_last)


def with_upstream_weights(name: str, shared: Path) -> nn.Module:
    """As an examination loads them."""
    path = locate(load_manifest().checkpoint(name), [shared / "weights" / "upstream"])
    return load_model(CATALOGUE[name], path)


def noise(spec: Spec, count: int) -> Tensor:
    """Prepared input; crops of several brightnesses, voice windows of several lengths."""
    rng = np.random.default_rng(5)
    if isinstance(spec, FaceSpec):
        side = spec.input.size_px
        brightest = np.linspace(64, 255, count)[:, None, None, None]
        return spec.prepare((rng.random((count, side, side, 3)) * brightest).astype(np.uint8))
    lengths = rng.integers(1_000, spec.input.num_samples + 1, count)
    return spec.prepare([rng.standard_normal(length).astype(np.float32) * 0.1 for length in lengths])


def extremes(spec: Spec) -> Tensor:
    """Prepared input that carries nothing: black and white, silence, a constant, a square wave far over full scale."""
    if isinstance(spec, FaceSpec):
        side = spec.input.size_px
        return torch.cat([spec.prepare(np.full((1, side, side, 3), value, np.uint8)) for value in (0, 255)])
    length = spec.input.num_samples
    square = np.where(np.arange(length) % 2, 1.0, -1.0).astype(np.float32)
    silence, constant = np.zeros(1, np.float32), np.ones(length, np.float32)
    return spec.prepare([silence, constant, square * 1_000])
