"""Meso-4 and MesoInception-4: small convolutional networks for single face crops.

Paper: Afchar, Nozick, Yamagishi, Echizen, "MesoNet: a Compact Facial Video Forgery Detection Network", WIFS 2018,
arXiv 1809.00888; figures 4 and 5. Origin of the checkpoints: github.com/DariusAf/MesoNet, Apache-2.0, Keras HDF5;
`weights.keras` brings them into this file's parameter names and axis order.

What has to be kept to give the original's output:

* Batch normalisation comes *after* the rectifier and divides by sqrt(variance + 0.001), Keras' default, not torch's.
* The original ends in one sigmoid that says *genuine*. Here `forward` gives the logits (0, z), z before the sigmoid, so
  that their softmax is that sigmoid and its complement, and `spoof_index` is 0.
* The leaky rectifier between the two dense layers has slope 0.1 in both networks. The stored Meso-4 models do not list
  such a layer; the authors' published code has it, and the stored reference outputs are reproduced only with it.
* Pixels are RGB in [0, 1], nothing subtracted.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from detect.models.spec import FaceInput, FaceSpec

_BATCH_NORM_EPSILON = 1e-3
"""Keras' default."""
_LEAK = 0.1
_MARGIN = 1.1
"""The authors cut, around the nose, a square of 2.2 x 1.3 times the larger of the distances from eye to eye and from
eyes to mouth (`pipeline.py` in their repository). Over the longer side of MTCNN's box for the same face that is 1.08
(median of 29 faces in one frame each of the development recordings; 5th to 95th percentile 1.02 to 1.15)."""
_PAPER = "Afchar et al., MesoNet: a Compact Facial Video Forgery Detection Network, WIFS 2018, arXiv 1809.00888"


def _batch_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=_BATCH_NORM_EPSILON)


class _Head(nn.Module):
    """The second half that both networks share: two 5 x 5 convolutions and two dense layers."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv3 = nn.Conv2d(channels, 16, 5, padding=2)
        self.bn3 = _batch_norm(16)
        self.conv4 = nn.Conv2d(16, 16, 5, padding=2)
        self.act4 = nn.ReLU()
        self.bn4 = _batch_norm(16)
        self.fc1 = nn.Linear(16 * 8 * 8, 16)
        self.fc2 = nn.Linear(16, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(self.bn3(functional.relu(self.conv3(x))), 2)  # (n, C, 64, 64) -> (n, 16, 32, 32)
        x = functional.max_pool2d(self.bn4(self.act4(self.conv4(x))), 4)  # (n, 16, 8, 8)
        x = functional.leaky_relu(self.fc1(x.flatten(1)), _LEAK)  # (n, 16)
        genuine = self.fc2(x)  # (n, 1)
        return torch.cat([torch.zeros_like(genuine), genuine], dim=1)  # (n, 2)


class Meso4(nn.Module):
    """Four convolutions and two dense layers, 28 thousand parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.bn1 = _batch_norm(8)
        self.conv2 = nn.Conv2d(8, 8, 5, padding=2)
        self.bn2 = _batch_norm(8)
        self.head = _Head(8)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, 2) of crops (n, 3, 256, 256), RGB in [0, 1]; index 1 is genuine."""
        x = functional.max_pool2d(self.bn1(functional.relu(self.conv1(x))), 2)  # (n, 8, 128, 128)
        x = functional.max_pool2d(self.bn2(functional.relu(self.conv2(x))), 2)  # (n, 8, 64, 64)
        logits: Tensor = self.head(x)
        return logits


class _Inception(nn.Module):
    """A 1 x 1 convolution and three 3 x 3 ones of dilation 1, 2 and 3, each behind a 1 x 1 (figure 5 of the paper)."""

    def __init__(self, channels: int, widths: tuple[int, int, int, int]) -> None:
        super().__init__()
        point, near, middle, far = widths
        self.point = nn.Conv2d(channels, point, 1)
        self.near_in = nn.Conv2d(channels, near, 1)
        self.near = nn.Conv2d(near, near, 3, padding=1)
        self.middle_in = nn.Conv2d(channels, middle, 1)
        self.middle = nn.Conv2d(middle, middle, 3, padding=2, dilation=2)
        self.far_in = nn.Conv2d(channels, far, 1)
        self.far = nn.Conv2d(far, far, 3, padding=3, dilation=3)

    def forward(self, x: Tensor) -> Tensor:
        relu = functional.relu
        branches = [
            self.point(x),
            self.near(relu(self.near_in(x))),
            self.middle(relu(self.middle_in(x))),
            self.far(relu(self.far_in(x))),
        ]
        return relu(torch.cat(branches, dim=1))  # (n, C, H, W) -> (n, sum of widths, H, W)


class MesoInception4(nn.Module):
    """Meso-4 with its first two convolutions replaced by inception modules, 29 thousand parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.inception1 = _Inception(3, (1, 4, 4, 2))
        self.bn1 = _batch_norm(11)
        self.inception2 = _Inception(11, (2, 4, 4, 2))
        self.bn2 = _batch_norm(12)
        self.head = _Head(12)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, 2) of crops (n, 3, 256, 256), RGB in [0, 1]; index 1 is genuine."""
        x = functional.max_pool2d(self.bn1(self.inception1(x)), 2)  # (n, 11, 128, 128)
        x = functional.max_pool2d(self.bn2(self.inception2(x)), 2)  # (n, 12, 64, 64)
        logits: Tensor = self.head(x)
        return logits


def _spec(name: str, build: Callable[[], nn.Module]) -> FaceSpec:
    crop = FaceInput(size_px=256, margin=_MARGIN)
    return FaceSpec(name=name, input=crop, spoof_index=0, paper=_PAPER, explain_layer="head.act4", build=build)


SPECS = (
    _spec("meso4.df", Meso4),
    _spec("meso4.f2f", Meso4),
    _spec("mesoinception4.df", MesoInception4),
    _spec("mesoinception4.f2f", MesoInception4),
)
