"""What every network in the catalogue has to do, whatever its weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from detect.models import CATALOGUE, FaceSpec, spoof_logit
from detect.types import Modality
from tests.models.networks import (
    ARCHITECTURES,
    UPSTREAM,
    extremes,
    noise,
    with_generated_weights,
    with_upstream_weights,
)
from weights import load_manifest

SAME = 1e-5
"""How much a logit may depend on what else is in the batch, in logits and as a fraction of the logit. Measured at most
1e-6 of the logit; reports round to 1e-4."""


@pytest.fixture(scope="module", params=ARCHITECTURES)
def network(request: pytest.FixtureRequest) -> tuple[str, nn.Module]:
    return request.param, with_generated_weights(CATALOGUE[request.param])


def test_catalogue_and_manifest_name_the_same_checkpoints() -> None:
    checkpoints = {checkpoint.name: checkpoint for checkpoint in load_manifest().checkpoints}
    assert set(CATALOGUE) == set(checkpoints)
    for name, spec in CATALOGUE.items():
        assert spec.name == name
        assert spec.modality is Modality(checkpoints[name].modality)
        assert spec.spoof_index in (0, 1)
        assert spec.paper


def test_logits_are_two_finite_the_same_every_time_and_change_nothing(network: tuple[str, nn.Module]) -> None:
    name, module = network
    batch = noise(CATALOGUE[name], 2)
    before = {key: value.clone() for key, value in module.state_dict().items()}, batch.clone()
    logits = module(batch)
    assert logits.shape == (2, 2)
    assert logits.dtype == torch.float32
    assert torch.isfinite(logits).all()
    assert torch.equal(logits, module(batch))
    assert not torch.allclose(logits[0], logits[1], atol=1e-4), "the input makes no difference"
    assert torch.equal(batch, before[1])
    assert all(torch.equal(value, before[0][key]) for key, value in module.state_dict().items())


def test_a_logit_does_not_depend_on_its_neighbours(network: tuple[str, nn.Module]) -> None:
    name, module = network
    batch = noise(CATALOGUE[name], 3)
    together = module(batch)
    torch.testing.assert_close(module(batch[1:2]), together[1:2], atol=SAME, rtol=SAME)
    order = [2, 1]
    torch.testing.assert_close(module(batch[order]), together[order], atol=SAME, rtol=SAME)


def test_input_that_carries_nothing_still_gives_finite_logits(network: tuple[str, nn.Module]) -> None:
    name, module = network
    assert torch.isfinite(module(extremes(CATALOGUE[name]))).all()


def test_face_networks_can_be_explained(network: tuple[str, nn.Module]) -> None:
    name, module = network
    spec = CATALOGUE[name]
    if not isinstance(spec, FaceSpec):
        pytest.skip("heat maps are made of face crops")
    kept: list[torch.Tensor] = []
    hook = module.get_submodule(spec.explain_layer).register_forward_hook(lambda _m, _i, output: kept.append(output))
    with torch.inference_mode(mode=False), torch.enable_grad():
        logits = spoof_logit(module(noise(spec, 2).clone().requires_grad_()), spec)
        (gradient,) = torch.autograd.grad(logits.sum(), kept[0])
    hook.remove()
    assert gradient.ndim == 4
    assert min(gradient.shape[2:]) >= 7
    assert gradient.abs().max() > 0


@pytest.mark.shared
@pytest.mark.parametrize("name", UPSTREAM)
def test_upstream_weights_give_finite_logits_for_input_that_carries_nothing(name: str, shared: Path) -> None:
    assert torch.isfinite(with_upstream_weights(name, shared)(extremes(CATALOGUE[name]))).all()
