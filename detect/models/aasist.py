"""AASIST: a classifier of raw speech that attends over spectral and temporal graphs at once.

Paper: Jung, Heo, Tak, Shim, Chung, Lee, Yu, Evans, "AASIST: Audio Anti-Spoofing using Integrated Spectro-Temporal Graph
Attention Networks", ICASSP 2022, arXiv 2110.01200; sections 2 and 3. Origin of the checkpoints:
github.com/clovaai/aasist (MIT) and, for `aasist.asvspoof5`, github.com/asvspoof-challenge/asvspoof5 (MIT). Parameter
names are the checkpoints'.

What has to be kept to give the original's output:

* The first batch norm of residual blocks 2 to 6 is in the checkpoints but takes no part: the original computes it and
  then feeds the convolution with the block's bare input. Published weights were trained that way.
* The 70 sinc filters have no parameters: band edges equally spaced in mel over 0 to 8 kHz, 129 taps, Hamming window.
  Pooling by three in frequency never sees the 70th.
* Of the largest element in magnitude, the magnitude goes on (`abs` before `max`), here and in the read-out.
* All pooling of the heterogeneous graphs keeps the ratio that the configuration names third.

Scoring only: the original's dropout and frequency masking act in training and are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from detect.models.spec import VoiceInput, VoiceSpec

_RATE_HZ = 16_000
_NUM_SAMPLES = 64_600
"""About four seconds, the paper's section 4.1."""
_NUM_FILTERS = 70
_NUM_TAPS = 129
"""The configuration says 128; an even number is raised by one so that the filters are symmetric."""
_NUM_BANDS = _NUM_FILTERS // 3
"""Rows left of the filter bank after pooling: 23."""
_TILE = 1_024
"""Pooled columns that a residual block makes at a time on a CPU. Whole, the first block's intermediates take 66 MB each
and the block 330 to 400 ms a window on one thread; in tiles 190 ms (measured; 512 to 2,048 columns differ little)."""
_PAPER = (
    "Jung et al., AASIST: Audio Anti-Spoofing using Integrated Spectro-Temporal Graph Attention Networks, "
    "ICASSP 2022, arXiv 2110.01200"
)


def _sinc_filters() -> Tensor:
    """Band-pass filters (69, 1, 1, 129): ideal ones, cut by a Hamming window (Ravanelli & Bengio, SLT 2018, eq. 4)."""
    top_mel = 2595 * np.log10(1 + (_RATE_HZ / 2) / 700)
    edges_hz = 700 * (10 ** (np.linspace(0, top_mel, _NUM_FILTERS + 1) / 2595) - 1)
    edges = 2 * edges_hz[:, None] / _RATE_HZ  # (71, 1), as a fraction of half the rate
    taps = np.arange(_NUM_TAPS) - _NUM_TAPS // 2
    low_pass = edges * np.sinc(edges * taps)  # (71, 129)
    band_pass = np.diff(low_pass, axis=0) * np.hamming(_NUM_TAPS)  # (70, 129)
    return torch.from_numpy(band_pass[: 3 * _NUM_BANDS].astype(np.float32))[:, None, None]


class _Residual(nn.Module):
    """Two 2 x 3 convolutions and a shortcut, pooled by three in time."""

    def __init__(self, in_channels: int, out_channels: int, *, first: bool = False) -> None:
        super().__init__()
        if not first:
            self.bn1 = nn.BatchNorm2d(in_channels)  # in the checkpoint, out of use: see the file's docstring
        self.conv1 = nn.Conv2d(in_channels, out_channels, (2, 3), padding=(1, 1))
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, (2, 3), padding=(0, 1))
        self.conv_downsample: nn.Conv2d | None = None
        if in_channels != out_channels:
            self.conv_downsample = nn.Conv2d(in_channels, out_channels, (1, 3), padding=(0, 1))

    def forward(self, x: Tensor) -> Tensor:
        # (n, in, F, T) -> (n, out, F, T // 3)
        if x.is_cuda or self.training:  # batch statistics are those of the whole
            return functional.max_pool2d(self._convolve(x), (1, 3))
        num_columns = x.shape[-1]
        tiles = []
        for start in range(0, num_columns // 3, _TILE):
            stop = min(start + _TILE, num_columns // 3)
            # One pooled column more on each side: columns next to a cut saw padding where there is signal.
            left, right = max(0, start - 1), min(num_columns, 3 * stop + 3)
            pooled = functional.max_pool2d(self._convolve(x[..., 3 * left : right]), (1, 3))
            tiles.append(pooled[..., start - left : stop - left])
        return torch.cat(tiles, dim=-1)

    def _convolve(self, x: Tensor) -> Tensor:
        # (n, in, F, T) -> (n, out, F, T)
        hidden = functional.selu(self.bn2(self.conv1(x)), inplace=True)  # (n, out, F + 1, T)
        columns: Tensor = self.conv2(hidden)
        columns += x if self.conv_downsample is None else self.conv_downsample(x)
        return columns


class _GraphAttention(nn.Module):
    """Attention among the nodes of one graph (the paper's section 2.2)."""

    def __init__(self, in_dim: int, out_dim: int, temperature: float) -> None:
        super().__init__()
        self.att_proj = nn.Linear(in_dim, out_dim)
        self.att_weight = nn.Parameter(torch.zeros(out_dim, 1))
        self.proj_with_att = nn.Linear(in_dim, out_dim)
        self.proj_without_att = nn.Linear(in_dim, out_dim)
        self.bn = nn.BatchNorm1d(out_dim)
        self.temperature = temperature

    def forward(self, x: Tensor) -> Tensor:
        # (n, nodes, in) -> (n, nodes, out)
        pairs = x[:, :, None] * x[:, None]  # (n, nodes, nodes, in)
        scores = torch.tanh(self.att_proj(pairs)) @ self.att_weight  # (n, nodes, nodes, 1)
        attention = torch.softmax(scores[..., 0] / self.temperature, dim=2)
        mixed = self.proj_with_att(attention @ x) + self.proj_without_att(x)
        return functional.selu(self.bn(mixed.transpose(1, 2)).transpose(1, 2))


class _HeterogeneousAttention(nn.Module):
    """Attention among the nodes of a temporal and a spectral graph, and a stack node that hears both (section 3.1)."""

    def __init__(self, in_dim: int, out_dim: int, temperature: float) -> None:
        super().__init__()
        self.proj_type1 = nn.Linear(in_dim, in_dim)
        self.proj_type2 = nn.Linear(in_dim, in_dim)
        self.att_proj = nn.Linear(in_dim, out_dim)
        self.att_projM = nn.Linear(in_dim, out_dim)
        self.att_weight11 = nn.Parameter(torch.zeros(out_dim, 1))
        self.att_weight22 = nn.Parameter(torch.zeros(out_dim, 1))
        self.att_weight12 = nn.Parameter(torch.zeros(out_dim, 1))
        self.att_weightM = nn.Parameter(torch.zeros(out_dim, 1))
        self.proj_with_att = nn.Linear(in_dim, out_dim)
        self.proj_without_att = nn.Linear(in_dim, out_dim)
        self.proj_with_attM = nn.Linear(in_dim, out_dim)
        self.proj_without_attM = nn.Linear(in_dim, out_dim)
        self.bn = nn.BatchNorm1d(out_dim)
        self.temperature = temperature

    def forward(self, temporal: Tensor, spectral: Tensor, stack: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        # (n, T, in), (n, S, in), (n, 1, in) -> (n, T, out), (n, S, out), (n, 1, out)
        num_temporal = temporal.shape[1]
        x = torch.cat([self.proj_type1(temporal), self.proj_type2(spectral)], dim=1)  # (n, T + S, in)
        attention = torch.softmax(self._scores(x, num_temporal) / self.temperature, dim=2)
        stack = self._update_stack(x, stack)
        mixed = self.proj_with_att(attention @ x) + self.proj_without_att(x)
        x = functional.selu(self.bn(mixed.transpose(1, 2)).transpose(1, 2))
        return x[:, :num_temporal], x[:, num_temporal:], stack

    def _scores(self, x: Tensor, num_temporal: int) -> Tensor:
        """(n, T + S, T + S), weighted by which graphs the two nodes belong to."""
        pairs = torch.tanh(self.att_proj(x[:, :, None] * x[:, None]))  # (n, T + S, T + S, out)
        weights = torch.cat([self.att_weight11, self.att_weight12, self.att_weight22], dim=1)  # (out, 3)
        within_1, across, within_2 = (pairs @ weights).unbind(-1)
        second = torch.arange(x.shape[1], device=x.device) >= num_temporal
        one_is_second, both_are_second = second[:, None] | second, second[:, None] & second
        return torch.where(both_are_second, within_2, torch.where(one_is_second, across, within_1))

    def _update_stack(self, x: Tensor, stack: Tensor) -> Tensor:
        scores = torch.tanh(self.att_projM(x * stack)) @ self.att_weightM  # (n, T + S, 1)
        attention = torch.softmax(scores / self.temperature, dim=1)
        heard = attention.transpose(1, 2) @ x  # (n, 1, in)
        updated: Tensor = self.proj_with_attM(heard) + self.proj_without_attM(stack)
        return updated


class _GraphPool(nn.Module):
    """Keeps the nodes that a learned score puts first, each scaled by its score (section 2.3)."""

    def __init__(self, dim: int, ratio: float) -> None:
        super().__init__()
        self.proj = nn.Linear(dim, 1)
        self.ratio = ratio

    def forward(self, x: Tensor) -> Tensor:
        # (n, nodes, dim) -> (n, max(1, floor(ratio * nodes)), dim), best first
        scores = torch.sigmoid(self.proj(x))  # (n, nodes, 1)
        best = scores.topk(max(1, int(x.shape[1] * self.ratio)), dim=1).indices
        return (x * scores).gather(1, best.expand(-1, -1, x.shape[2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    """What differs between the two published configurations."""

    channels: int
    """Of residual blocks 3 to 6 and the first graphs."""
    keep_spectral: float
    keep_temporal: float
    keep_joint: float
    """Share of nodes kept by graph pooling."""


class Aasist(nn.Module):
    """AASIST, of either size."""

    def __init__(self, size: _Size) -> None:
        super().__init__()
        c, d, temperature, joint_temperature = size.channels, 32, 2.0, 100.0
        self.register_buffer("sinc_filters", _sinc_filters(), persistent=False)
        self.sinc_filters: Tensor
        self.first_bn = nn.BatchNorm2d(1)
        widths = [(1, 32), (32, 32), (32, c), (c, c), (c, c), (c, c)]
        blocks = [nn.Sequential(_Residual(*width, first=i == 0)) for i, width in enumerate(widths)]
        self.encoder = nn.Sequential(*blocks)
        self.pos_S = nn.Parameter(torch.zeros(1, _NUM_BANDS, c))
        self.master1 = nn.Parameter(torch.zeros(1, 1, c))
        self.master2 = nn.Parameter(torch.zeros(1, 1, c))
        self.GAT_layer_S = _GraphAttention(c, c, temperature)
        self.GAT_layer_T = _GraphAttention(c, c, temperature)
        self.HtrgGAT_layer_ST11 = _HeterogeneousAttention(c, d, joint_temperature)
        self.HtrgGAT_layer_ST12 = _HeterogeneousAttention(d, d, joint_temperature)
        self.HtrgGAT_layer_ST21 = _HeterogeneousAttention(c, d, joint_temperature)
        self.HtrgGAT_layer_ST22 = _HeterogeneousAttention(d, d, joint_temperature)
        self.pool_S = _GraphPool(c, size.keep_spectral)
        self.pool_T = _GraphPool(c, size.keep_temporal)
        self.pool_hS1 = _GraphPool(d, size.keep_joint)
        self.pool_hT1 = _GraphPool(d, size.keep_joint)
        self.pool_hS2 = _GraphPool(d, size.keep_joint)
        self.pool_hT2 = _GraphPool(d, size.keep_joint)
        self.out_layer = nn.Linear(5 * d, 2)

    def forward(self, windows: Tensor) -> Tensor:
        """Logits (n, 2) of windows (n, 64600), 16 kHz mono in [-1, 1]; index 1 is bona fide."""
        logits: Tensor = self.out_layer(self.embed(windows))
        return logits

    def embed(self, windows: Tensor) -> Tensor:
        """What the last layer sees, (n, 160), of windows (n, 64600)."""
        if windows.is_cuda or self.training:
            return self._embed(windows)
        # One at a time: a batch is no faster on a CPU, its intermediates would take 150 MB a window, and matrix
        # products of another size round otherwise, so that a logit would depend on its neighbours.
        return torch.cat([self._embed(window) for window in torch.split(windows, 1)])

    def _embed(self, windows: Tensor) -> Tensor:
        # (n, samples) -> (n, 160)
        features = self._encode(windows)  # (n, C, 23, 29)
        strength = features.abs()
        spectral = strength.amax(dim=3).transpose(1, 2) + self.pos_S  # (n, 23, C)
        temporal = strength.amax(dim=2).transpose(1, 2)  # (n, 29, C)
        spectral = self.pool_S(self.GAT_layer_S(spectral))
        temporal = self.pool_T(self.GAT_layer_T(temporal))
        first, second = self.HtrgGAT_layer_ST11, self.HtrgGAT_layer_ST12
        branch1 = self._branch(first, second, self.pool_hT1, self.pool_hS1, temporal, spectral, self.master1)
        first, second = self.HtrgGAT_layer_ST21, self.HtrgGAT_layer_ST22
        branch2 = self._branch(first, second, self.pool_hT2, self.pool_hS2, temporal, spectral, self.master2)
        # Max graph operation: the two branches compete element by element (section 3.2).
        temporal, spectral, stack = (torch.maximum(a, b) for a, b in zip(branch1, branch2, strict=True))
        readout = [temporal.abs().amax(1), temporal.mean(1), spectral.abs().amax(1), spectral.mean(1), stack[:, 0]]
        return torch.cat(readout, dim=1)  # (n, 5 * 32)

    def _encode(self, windows: Tensor) -> Tensor:
        # (n, samples) -> (n, C, bands, columns); a 2-D convolution of height one is quicker than `conv1d` on a CPU
        x = functional.conv2d(windows[:, None, None], self.sinc_filters)  # (n, 69, 1, 64472)
        x = functional.max_pool2d(x.abs_(), (1, 3))  # (n, 69, 1, 21490)
        x = x.reshape(len(x), _NUM_BANDS, 3, -1).amax(2)[:, None]  # (n, 1, 23, 21490)
        x = functional.selu(self.first_bn(x))
        features: Tensor = self.encoder(x)  # (n, C, 23, 29)
        return features

    @staticmethod
    def _branch(
        first: _HeterogeneousAttention,
        second: _HeterogeneousAttention,
        pool_temporal: _GraphPool,
        pool_spectral: _GraphPool,
        temporal: Tensor,
        spectral: Tensor,
        stack: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Two attention layers with pooling between them; the second adds to the first."""
        temporal, spectral, stack = first(temporal, spectral, stack.expand(len(temporal), -1, -1))
        temporal, spectral = pool_temporal(temporal), pool_spectral(spectral)
        more_temporal, more_spectral, more_stack = second(temporal, spectral, stack)
        return temporal + more_temporal, spectral + more_spectral, stack + more_stack


def _full() -> Aasist:
    """As in `config/AASIST.conf` of the authors' repository."""
    return Aasist(_Size(channels=64, keep_spectral=0.5, keep_temporal=0.7, keep_joint=0.5))


def _light() -> Aasist:
    """As in `config/AASIST-L.conf` of the authors' repository."""
    return Aasist(_Size(channels=24, keep_spectral=0.4, keep_temporal=0.5, keep_joint=0.7))


def _spec(name: str, build: Callable[[], Aasist]) -> VoiceSpec:
    window = VoiceInput(rate_hz=_RATE_HZ, num_samples=_NUM_SAMPLES)
    return VoiceSpec(name=name, input=window, spoof_index=0, paper=_PAPER, build=build)


SPECS = (
    _spec("aasist-l.asvspoof2019", _light),
    _spec("aasist.asvspoof2019", _full),
    _spec("aasist.asvspoof5", _full),
)
"""The class order, bona fide last, is that of the training labels in the authors' `data_utils.py`."""
