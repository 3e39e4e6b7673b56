"""Two small residual networks that hear a window at two resolutions, and whose logits are averaged.

Front ends: logarithms of linearly spaced filter banks up to 8 kHz, since vocoders leave traces where mel bands are wide
(Sahidullah, Kinnunen, Hanilci, "A comparison of features for synthetic speech detection", Interspeech 2015). One bank
resolves harmonics (25 ms), the other glottal pulses (10 ms). Each band's mean over the window is taken away, as in
cepstral mean normalisation (Atal, JASA 55, 1974): what a microphone, a line or a corpus does to the long-term spectrum
is no evidence. Body: residual blocks with squeeze and excitation (He et al., CVPR 2016; Hu, Shen, Sun, CVPR 2018; for
spoofing: Lai et al., "ASSERT", Interspeech 2019). Pooling over time: attentive statistics (Okabe, Koshinaka, Shinoda,
Interspeech 2018) beside plain means. Masked bands and frames in training: Park et al., "SpecAugment", Interspeech 2019.

Origin: this project; trained by `python -m training voice train`.

Quirks:

* A window is brought to one loudness before anything else, and levels 50 dB below it are drowned in a constant: neither
  the level of a recording nor digital silence between words is evidence.
* In training, `forward` gives the logits of each branch by itself, one branch after the other, so that each learns to
  stand alone; and masks are drawn from torch's global generator, the same for the two rows of a pair.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from detect.models.spec import VoiceInput, VoiceSpec

_RATE_HZ = 16_000
_NUM_SAMPLES = 64_000
"""Four seconds."""
_PRE_EMPHASIS = 0.97
"""Usual in speech processing since Markel & Gray, 1976: flattens the fall of voiced speech towards high frequencies."""
_FLOOR = 1e-5
"""Added to each band's power, of a window whose samples have mean power 1."""
_SCALE = 2.5
"""About the standard deviation of the logarithms, nats, so that inputs to the first convolution have unit variance."""
_WIDTHS = (24, 32, 64, 128)
_DEPTHS = (1, 1, 2, 2)
"""Channels and blocks of the four stages; chosen for 15 ms a window and branch on one core."""
_PAPER = (
    "this project; after Lai et al., ASSERT, Interspeech 2019, and Okabe et al., Attentive Statistics Pooling, "
    "Interspeech 2018"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resolution:
    """How one branch cuts time and frequency."""

    window: int
    """Samples under the Hann window."""
    hop: int
    fft: int
    bands: int
    stride: tuple[int, int]
    """Of the first convolution, bands and frames: both branches go on with 64 rows and a column each 20 ms."""


_NARROW = _Resolution(window=400, hop=160, fft=512, bands=128, stride=(2, 2))
_WIDE = _Resolution(window=160, hop=80, fft=256, bands=128, stride=(2, 4))


class _FilterBank(nn.Module):
    """Samples -> normalised log levels of linearly spaced bands."""

    def __init__(self, resolution: _Resolution) -> None:
        super().__init__()
        self._resolution = resolution
        self.register_buffer("window", torch.hann_window(resolution.window), persistent=False)
        self.register_buffer("filters", _triangles(resolution.bands, resolution.fft), persistent=False)
        self.window: Tensor
        self.filters: Tensor

    def forward(self, windows: Tensor) -> Tensor:
        # (n, samples) -> (n, 1, bands, frames), float32 whatever the rest runs in
        with torch.autocast(windows.device.type, enabled=False):
            sound = windows.float()
            sound = sound - sound.mean(dim=1, keepdim=True)
            sound = functional.pad(sound[:, 1:] - _PRE_EMPHASIS * sound[:, :-1], (1, 0))
            sound = sound * torch.rsqrt(sound.square().mean(dim=1, keepdim=True) + 1e-10)
            size = self._resolution
            spectrum = torch.stft(sound, size.fft, size.hop, size.window, self.window, return_complex=True)
            power = spectrum.abs().square()[:, 1:] / size.window  # (n, fft / 2, frames), without the constant
            levels = torch.log(self.filters @ power + _FLOOR)
            return ((levels - levels.mean(dim=2, keepdim=True)) / _SCALE)[:, None]


def _triangles(num_bands: int, fft: int) -> Tensor:
    """Overlapping triangles, equally wide in Hz, each with sum one: (num_bands, fft / 2)."""
    frequency = torch.linspace(0, 1, fft // 2 + 1)[1:]
    edges = torch.linspace(0, 1, num_bands + 2)[:, None]
    rising = (frequency - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequency) / (edges[2:] - edges[1:-1])
    triangles = torch.minimum(rising, falling).clamp_min(0)
    return triangles / triangles.sum(dim=1, keepdim=True)


class _Block(nn.Module):
    """Two 3 x 3 convolutions, channels weighed by squeeze and excitation, and a shortcut."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.squeeze = nn.Linear(out_channels, out_channels // 4)
        self.excite = nn.Linear(out_channels // 4, out_channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or in_channels != out_channels:
            pool: nn.Module = nn.AvgPool2d(stride, ceil_mode=True) if stride > 1 else nn.Identity()
            project = nn.Conv2d(in_channels, out_channels, 1, bias=False)
            self.shortcut = nn.Sequential(pool, project, nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        # (n, in, F, T) -> (n, out, ceil(F / stride), ceil(T / stride))
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        gate = torch.sigmoid(self.excite(functional.relu(self.squeeze(y.mean(dim=(2, 3))))))
        return functional.relu(y * gate[:, :, None, None] + self.shortcut(x))


class _Branch(nn.Module):
    """One resolution: filter bank, residual network, pooling over time, two logits."""

    def __init__(self, resolution: _Resolution) -> None:
        super().__init__()
        self.front = _FilterBank(resolution)
        self.stem = nn.Conv2d(1, _WIDTHS[0], 5, resolution.stride, 2, bias=False)
        self.stem_bn = nn.BatchNorm2d(_WIDTHS[0])
        blocks: list[nn.Module] = []
        channels = _WIDTHS[0]
        for stage, (width, depth) in enumerate(zip(_WIDTHS, _DEPTHS, strict=True)):
            for place in range(depth):
                blocks.append(_Block(channels, width, 2 if stage and not place else 1))
                channels = width
        self.body = nn.Sequential(*blocks)
        self.attention = nn.Sequential(nn.Conv1d(channels, 64, 1), nn.Tanh(), nn.Conv1d(64, channels, 1))
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(4 * channels, 2)

    def forward(self, windows: Tensor) -> Tensor:
        # (n, samples) -> (n, 2)
        levels = self.front(windows)
        if self.training:
            levels = _masked(levels)
        levels = levels.contiguous(memory_format=torch.channels_last)
        features = self.body(functional.relu(self.stem_bn(self.stem(levels)))).float()  # (n, C, F, T)
        mean, peak = features.mean(dim=2), features.amax(dim=2)  # (n, C, T), over frequency
        weights = torch.softmax(self.attention(mean).float(), dim=2)
        average = (weights * mean).sum(dim=2)
        spread = ((weights * mean.square()).sum(dim=2) - average.square()).clamp_min(1e-5).sqrt()
        pooled = torch.cat([average, spread, peak.mean(dim=2), mean.mean(dim=2)], dim=1)  # (n, 4 C)
        logits: Tensor = self.head(self.dropout(pooled))
        return logits


def _masked(levels: Tensor) -> Tensor:
    """Some bands and some frames set to their mean, the same in rows 2 i and 2 i + 1."""
    masked = levels.clone()
    _, _, num_bands, num_frames = levels.shape
    for row in range(0, len(levels), 2):
        if torch.rand(()) < 0.5:
            width = int(torch.randint(num_bands // 16, num_bands // 4, ()))
            start = int(torch.randint(num_bands - width, ()))
            masked[row : row + 2, :, start : start + width] = 0
        if torch.rand(()) < 0.3:
            width = int(torch.randint(2, num_frames // 5, ()))
            start = int(torch.randint(num_frames - width, ()))
            masked[row : row + 2, :, :, start : start + width] = 0
    return masked


class LfbResnet(nn.Module):
    """Both branches."""

    def __init__(self) -> None:
        super().__init__()
        self.branches = nn.ModuleList([_Branch(_NARROW), _Branch(_WIDE)])

    def forward(self, windows: Tensor) -> Tensor:
        """Logits (n, 2) of windows (n, samples), 16 kHz mono; index 1 is spoof.

        In training (branches * n, 2): all rows of the first branch, then all of the second.
        """
        logits = [branch(windows) for branch in self.branches]
        return torch.cat(logits) if self.training else torch.stack(logits).mean(dim=0)


SPECS = (
    VoiceSpec(
        name="lfb-resnet.unmask1",
        input=VoiceInput(rate_hz=_RATE_HZ, num_samples=_NUM_SAMPLES),
        spoof_index=1,
        paper=_PAPER,
        build=LfbResnet,
    ),
)
