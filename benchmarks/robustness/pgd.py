"""Projected gradient descent: the least change that a network's own gradient finds, within a bound on every value.

Madry et al., Towards Deep Learning Models Resistant to Adversarial Attacks, ICLR 2018. Values are counted in the steps
in which files keep them, 256 of a pixel and 65,536 of a sample, so that what is found can be saved and is scored as
saved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detect.models import FaceSpec, Spec, VoiceSpec

STEPS = 10
"""Of descent. The paper attacks with 7 to 100; here each costs as much as scoring three times."""
_STRIDE = 2.5
"""Bounds gone in all steps together: `2.5 * eps / steps`, so that any point within can be reached from any start
(Madry et al. 2018)."""
PIXEL_LEVELS, SAMPLE_LEVELS = 255, 32_768
"""Steps of files from 0 to full scale: 8 bits of a pixel, 16 of a sample with its sign."""

Levels = NDArray[np.int32]
"""A crop (S, S, 3) in [0, 255], or a window (m,) in [-32768, 32767]."""


def network_input(spec: Spec, levels: Tensor, lengths: Sequence[int]) -> Tensor:
    """What `spec.prepare` gives for these levels, through which gradients flow.

    Args:
        spec: The checkpoint's.
        levels: (n, S, S, 3), or (n, longest) with windows that end at their lengths.
        lengths: Of each window; not looked at for crops.
    """
    if isinstance(spec, FaceSpec):
        mean, std = (levels.new_tensor(values) for values in (spec.input.mean, spec.input.std))
        return ((levels / PIXEL_LEVELS - mean) / std).permute(0, 3, 1, 2)
    places = torch.arange(spec.input.num_samples, device=levels.device)
    repeated = torch.stack([places % length for length in lengths])
    return levels.gather(1, repeated) / SAMPLE_LEVELS


def limits(spec: Spec) -> tuple[int, int]:
    """Least and greatest level of a crop or window."""
    return (0, PIXEL_LEVELS) if isinstance(spec, FaceSpec) else (-SAMPLE_LEVELS, SAMPLE_LEVELS - 1)


def as_arrays(spec: Spec, levels: Sequence[Levels]) -> list[NDArray[np.generic]]:
    """Levels as `spec.prepare` takes them: uint8 crops or float32 windows."""
    if isinstance(spec, VoiceSpec):
        return [(one / np.float32(SAMPLE_LEVELS)).astype(np.float32) for one in levels]
    return [one.astype(np.uint8) for one in levels]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Target:
    """One input to change."""

    levels: Levels
    bound: int
    """No value may be changed by more levels than this."""
    towards: int
    """1 raises the spoof logit, -1 lowers it."""
    seed: int
    """Of the random start."""


def descend(
    spoof_logits: Callable[[Tensor], Tensor],
    spec: Spec,
    targets: Sequence[Target],
    *,
    steps: int = STEPS,
    device: torch.device | str = "cpu",
) -> list[Levels]:
    """The changed inputs, whole levels within the bounds; of all steps the one that went farthest.

    Args:
        spoof_logits: The network: what `network_input` gives, to (n,) logits.
        spec: Its.
        targets: Inputs of one checkpoint.
        steps: Of descent.
        device: Of the network.
    """
    lengths = [len(target.levels) for target in targets]
    clean = _batch([torch.from_numpy(target.levels).float() for target in targets]).to(device)
    bound, towards = (
        clean.new_tensor([getattr(target, name) for target in targets]).view(-1, *[1] * (clean.ndim - 1))
        for name in ("bound", "towards")
    )
    low, high = limits(spec)
    least, most = (clean - bound).clamp(low, high), (clean + bound).clamp(low, high)
    start = _batch([_noise(target) for target in targets]).to(device)
    changed = torch.clamp(clean + start * bound, least, most)
    best, farthest = changed.clone(), torch.full((len(targets),), -torch.inf, device=device)
    for step in range(steps + 1):
        changed.requires_grad_()
        logits = spoof_logits(network_input(spec, changed, lengths))
        gained = (logits * towards.flatten()).detach()
        better = gained > farthest
        farthest[better], best[better] = gained[better], changed.detach()[better]
        if step == steps:
            break
        (gradient,) = torch.autograd.grad(logits.sum(), changed)
        moved = changed.detach() + towards * gradient.sign() * bound * (_STRIDE / steps)
        changed = torch.clamp(moved, least, most)
    found = best.round().to(torch.int32).cpu().numpy()
    return [one[: len(target.levels)] for one, target in zip(found, targets, strict=True)]


def _noise(target: Target) -> Tensor:
    """Uniform in [-1, 1], the same whatever else is in the batch."""
    generator = torch.Generator().manual_seed(target.seed)
    return torch.rand(target.levels.shape, generator=generator) * 2 - 1


def _batch(inputs: Sequence[Tensor]) -> Tensor:
    """Stacked; windows are filled up with zeros, which nobody hears."""
    return torch.nn.utils.rnn.pad_sequence(list(inputs), batch_first=True)
