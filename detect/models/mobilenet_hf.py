"""MobileNetV2 with a high-frequency stem: this project's face-forgery classifier.

Paper: Sandler, Howard, Zhu, Zhmoginov, Chen, "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018, arXiv
1801.04381; the inverted residual blocks of its table 2 at width 1.0. Two things are added:

* **A second stem for high frequencies.** What is left after a 3 x 3 blur, at full resolution, folded into channels
  instead of being sampled away, goes through a small convolution and is added to the first layer. Blending and
  resampling leave their traces there (Li et al., Face X-ray, CVPR 2020; Luo et al., Generalizing Face Forgery
  Detection with High-frequency Features, CVPR 2021).
* **A read-out of three depths.** Means of the features at 1/8, 1/16 and 1/32 of the input's side go to one linear
  layer: low-level traces and the face's meaning have a vote each.

Batch normalisation is folded into the convolutions, so an input's result does not depend on its neighbours in
training either. Padding is TensorFlow's SAME: the odd pixel comes last. Trained by `training/` from ImageNet
weights of Google Coral's MobileNetV2 (Apache-2.0), dequantised.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from detect.models.spec import FaceInput, FaceSpec

_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, channels, blocks, stride of the first: the paper's table 2."""
_STEM, _HEAD = 32, 1280
_READ_AFTER = (5, 12)
"""Blocks whose output is read besides the head's: the last with 32 and with 96 channels."""
_READ_CHANNELS = 32 + 96 + _HEAD
_PAPER = "Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR 2018, arXiv 1801.04381"


def _pad_last(x: Tensor) -> Tensor:
    """TensorFlow's SAME for a 3 x 3 window with stride 2 on an even side: nothing before, one after."""
    return functional.pad(x, (0, 1, 0, 1))


class _Block(nn.Module):
    """Inverted residual: widen, filter each channel, narrow (the paper's figure 4)."""

    def __init__(self, channels: int, out: int, expansion: int, stride: int) -> None:
        super().__init__()
        hidden = channels * expansion
        self.ex = nn.Conv2d(channels, hidden, 1) if expansion > 1 else None
        self.dw = nn.Conv2d(hidden, hidden, 3, stride, padding=1 if stride == 1 else 0, groups=hidden)
        self.pj = nn.Conv2d(hidden, out, 1)
        self.stride, self.adds = stride, stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        # (n, C, H, W) -> (n, out, H / stride, W / stride)
        hidden = x if self.ex is None else functional.relu6(self.ex(x), inplace=True)
        if self.stride == 1:
            hidden = self.dw(hidden)
        elif self.training:
            # The same numbers, from a convolution without a stride: on a CPU the backward pass of a depthwise one with
            # a stride takes up to twenty times as long.
            dense = functional.conv2d(hidden, self.dw.weight, self.dw.bias, padding=1, groups=self.dw.groups)
            hidden = dense[:, :, 1::2, 1::2]
        else:
            hidden = self.dw(_pad_last(hidden))
        narrow: Tensor = self.pj(functional.relu6(hidden))
        return x + narrow if self.adds else narrow


class _HighFrequencyStem(nn.Module):
    """What a blur takes away, at full resolution, as features of the first layer's size."""

    def __init__(self, out: int) -> None:
        super().__init__()
        binomial = torch.tensor([1.0, 2.0, 1.0])
        kernel = (binomial[:, None] * binomial / 16).expand(3, 1, 3, 3).clone()
        self.register_buffer("blur", kernel, persistent=False)
        self.blur: Tensor
        self.filter = nn.Conv2d(12, out, 3, padding=1)
        self.mix = nn.Conv2d(out, out, 1)
        # Zero at first: training starts from what the ImageNet weights see, and adds.
        nn.init.zeros_(self.mix.weight)
        nn.init.zeros_(self.mix.bias if self.mix.bias is not None else torch.empty(0))

    def forward(self, x: Tensor) -> Tensor:
        # (n, 3, H, W) -> (n, out, H / 2, W / 2)
        smooth = functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode="replicate"), self.blur, groups=3)
        folded = functional.pixel_unshuffle(x - smooth, 2)  # (n, 12, H / 2, W / 2)
        mixed: Tensor = self.mix(functional.relu(self.filter(folded)))
        return mixed


class MobileNetHf(nn.Module):
    """The network; 2.4 million parameters. Input sides are multiples of 32."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, _STEM, 3, 2)
        self.high = _HighFrequencyStem(_STEM)
        blocks, channels = [], _STEM
        for expansion, out, count, stride in _STAGES:
            for index in range(count):
                blocks.append(_Block(channels, out, expansion, stride if index == 0 else 1))
                channels = out
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Conv2d(channels, _HEAD, 1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(_READ_CHANNELS, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, 2) of crops (n, 3, S, S), RGB in [-1, 1]; index 1 is spoof."""
        x = functional.relu6(self.stem(_pad_last(x)) + self.high(x))  # (n, 32, S / 2, S / 2)
        read = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in _READ_AFTER:
                read.append(x.mean(dim=(2, 3)))
        read.append(functional.relu6(self.head(x)).mean(dim=(2, 3)))
        logits: Tensor = self.fc(self.dropout(torch.cat(read, dim=1)))  # (n, 32 + 96 + 1280) -> (n, 2)
        return logits


def _spec(name: str, size_px: int) -> FaceSpec:
    return FaceSpec(
        name=name,
        input=FaceInput(size_px=size_px, margin=_MARGIN, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
        spoof_index=1,
        paper=_PAPER,
        explain_layer="blocks.12",
        build=partial(MobileNetHf),
    )


_MARGIN = 0.8
"""The training crops of DFDC are tight: the detector's longer side is 1.22 times theirs (median of 195 crops), so this
much of it shows what they show."""

SPECS = (_spec("mobilenet-hf.unmask1", 160),)
"""160 px: of 160, 192 and 224 the best on validation crops (`python -m training face evaluate --size ...`)."""
