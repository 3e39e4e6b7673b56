"""What a checkpoint declares of itself: its input, its polarity, how its network is built.

Preprocessing belongs to the checkpoint: `prepare` turns what the stages hand over, numpy arrays, into the tensor the
network was trained on. Polarity is declared by `spoof_index` and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from detect.types import Float32Array, Modality, UInt8Array


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceInput:
    """The face crop a network takes: a square of the upright picture, the face in its middle."""

    size_px: int
    """Side of the crop as the network sees it."""
    margin: float
    """Side of the square in the picture over the longer side of the face box."""
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Subtracted from pixels scaled to [0, 1], in the order of `colour`."""
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Divides what is left."""
    colour: Literal["RGB"] = "RGB"


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceInput:
    """The window a network takes: mono samples in [-1, 1]."""

    rate_hz: int
    num_samples: int
    padding: Literal["repeat"] = "repeat"
    """How a shorter window is filled: from its own beginning, again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceSpec:
    """A face classifier's checkpoint."""

    name: str
    """`architecture.training`, the name in the manifest."""
    input: FaceInput
    spoof_index: Literal[0, 1]
    """Which of the two logits speaks for spoof."""
    paper: str
    explain_layer: str
    """Module whose output is the last layer that still has height and width: what heat maps are made of."""
    build: Callable[[], nn.Module]
    """The network without its weights; `forward` takes what `prepare` returns and gives (n, 2) logits."""

    @property
    def modality(self) -> Modality:
        """Always face."""
        return Modality.FACE

    def prepare(self, crops: UInt8Array) -> Tensor:
        """Face crops as the network takes them.

        Args:
            crops: (n, S, S, 3) uint8 RGB, S = `input.size_px`.

        Returns:
            (n, 3, S, S) float32 on the CPU, in channels-last memory order.

        Raises:
            ValueError: another shape or type; a programming error, never the evidence's fault.
        """
        side = self.input.size_px
        if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[1:] != (side, side, 3):
            raise ValueError(f"{self.name} takes uint8 (n, {side}, {side}, 3), got {crops.dtype} {crops.shape}")
        # `astype` copies, so that read-only arrays from another process are as good as any.
        scaled = crops.astype(np.float32)
        scaled *= np.float32(1 / 255)
        if any(self.input.mean):
            scaled -= np.asarray(self.input.mean, np.float32)
        if self.input.std != (1.0, 1.0, 1.0):
            scaled /= np.asarray(self.input.std, np.float32)
        return torch.from_numpy(scaled).permute(0, 3, 1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceSpec:
    """A voice classifier's checkpoint."""

    name: str
    """`architecture.training`, the name in the manifest."""
    input: VoiceInput
    spoof_index: Literal[0, 1]
    """Which of the two logits speaks for spoof."""
    paper: str
    build: Callable[[], nn.Module]
    """The network without its weights; `forward` takes what `prepare` returns and gives (n, 2) logits."""

    @property
    def modality(self) -> Modality:
        """Always voice."""
        return Modality.VOICE

    def prepare(self, windows: Sequence[Float32Array]) -> Tensor:
        """Windows as the network takes them, shorter ones repeated to full length.

        Args:
            windows: Each (m,) float32 mono at `input.rate_hz`, 1 <= m <= `input.num_samples`; lengths may differ.

        Returns:
            (n, `input.num_samples`) float32 on the CPU.

        Raises:
            ValueError: another shape, type or length; a programming error, never the evidence's fault.
        """
        length = self.input.num_samples
        batch = np.empty((len(windows), length), np.float32)
        for row, window in zip(batch, windows, strict=True):
            if window.dtype != np.float32 or window.ndim != 1 or not 0 < len(window) <= length:
                raise ValueError(f"{self.name} takes float32 (1..{length},), got {window.dtype} {window.shape}")
            row[:] = np.resize(window, length)
        return torch.from_numpy(batch)


Spec = FaceSpec | VoiceSpec


def spoof_logit(output: Tensor, spec: Spec) -> Tensor:
    """The one number a network gives, larger for spoof.

    Args:
        output: (n, 2) logits of the spec's network.
        spec: Says which of the two is spoof.

    Returns:
        (n,), the log-odds of spoof that a softmax over the two would give.
    """
    return output[:, spec.spoof_index] - output[:, 1 - spec.spoof_index]
