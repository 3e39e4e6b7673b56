"""The face network: the same function in training and out of it, and that it sees what a blur takes away."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.nn import functional

from detect.models import CATALOGUE
from detect.models.mobilenet_hf import MobileNetHf
from tests.models.networks import noise, with_generated_weights
from training.face.train import initialise

SPEC = CATALOGUE["mobilenet-hf.unmask1"]


def test_training_and_scoring_compute_the_same() -> None:
    module = with_generated_weights(SPEC)
    batch = noise(SPEC, 2)
    scored = module(batch)
    torch.testing.assert_close(module.train()(batch), scored)
    assert MobileNetHf(dropout=0.5).dropout.p == 0.5


def test_crops_of_other_sizes_are_taken_too() -> None:
    module = with_generated_weights(SPEC)
    for side in (96, 128, 224):
        assert module(torch.zeros(1, 3, side, side)).shape == (1, 2)


def test_the_second_stem_adds_nothing_at_first_and_ignores_what_is_smooth() -> None:
    torch.manual_seed(1)
    stem = MobileNetHf().high
    picture = torch.rand(1, 3, 64, 64)
    assert torch.equal(stem(picture), torch.zeros(1, 32, 32, 32))
    torch.nn.init.normal_(stem.mix.weight)
    torch.nn.init.zeros_(stem.filter.bias)
    flat = torch.full((1, 3, 64, 64), 0.3)
    assert stem(flat).abs().max() < 1e-5
    blurred = functional.interpolate(functional.avg_pool2d(picture, 8), scale_factor=8, mode="bilinear")
    assert stem(picture).abs().mean() > 5 * stem(blurred).abs().mean()


def test_starts_from_imagenet_weights_and_keeps_the_rest(shared: Path) -> None:
    torch.manual_seed(1)
    module = MobileNetHf()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    initialise(module, shared / "weights" / "init" / "mobilenet_v2_imagenet_fp16.safetensors")
    changed = {name for name, tensor in module.state_dict().items() if not torch.equal(tensor, before[name])}
    assert {name.split(".")[0] for name in changed} == {"stem", "blocks", "head"}
    assert all(torch.equal(before[name], module.state_dict()[name]) for name in before if name.startswith("high."))
