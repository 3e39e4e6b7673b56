"""What one input does to a network stays with that input: batches, orders, threads, failures, a full device."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from detect import networks
from detect.checkpoints import Checkpoints, Model, choose
from detect.config import Config
from detect.errors import DeviceError, DeviceLost, DeviceOutOfMemory
from detect.networks import Networks
from detect.types import Modality

KINDS = list(Modality)


@pytest.fixture(scope="module")
def chosen() -> Checkpoints:
    return choose(Config())


def _inputs(model: Model, count: int) -> list[np.ndarray]:
    random = np.random.default_rng(7)
    if model.spec.modality is Modality.FACE:
        side = model.spec.input.size_px
        return [random.integers(0, 256, (side, side, 3), dtype=np.uint8) for _ in range(count)]
    return [(random.normal(size=model.spec.input.num_samples) * 0.1).astype(np.float32) for _ in range(count)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_logit_is_the_same_to_the_last_bit_in_any_company(chosen: Checkpoints, kind: Modality) -> None:
    model = chosen.models[kind][0]
    inputs = _inputs(model, 5)
    name, runs = model.spec.name, Networks([model])
    alone = [float(runs.score(name, [item])[0]) for item in inputs]
    assert len(set(alone)) == len(inputs)
    assert runs.score(name, inputs).tolist() == alone
    assert runs.score(name, inputs[::-1]).tolist() == alone[::-1]
    assert runs.score(name, inputs[:2]).tolist() + runs.score(name, inputs[2:]).tolist() == alone
    for parallel in (1, 2, 3):
        assert Networks([model], parallel=parallel).score(name, inputs).tolist() == alone


def test_heat_maps_are_the_same_while_others_score(chosen: Checkpoints) -> None:
    model = chosen.models[Modality.FACE][0]
    runs, name = Networks([model]), model.spec.name
    crops = _inputs(model, 3)
    expected = runs.heat_maps(name, crops)
    with ThreadPoolExecutor(3) as others:
        scoring = [others.submit(runs.score, name, crops * 3) for _ in range(2)]
        explaining = [others.submit(runs.heat_maps, name, crops) for _ in range(2)]
        for each in explaining:
            np.testing.assert_array_equal(each.result(), expected)
        assert all(np.isfinite(each.result()).all() for each in scoring)


def test_a_crop_the_network_fails_on_is_no_number_and_its_neighbours_have_theirs(chosen: Checkpoints) -> None:
    model = chosen.models[Modality.VOICE][0]
    runs = Networks([model])
    good = _inputs(model, 3)
    broken = np.full_like(good[1], np.nan)
    logits = runs.score(model.spec.name, [good[0], broken, good[2]])
    assert np.isfinite(logits).tolist() == [True, False, True]
    assert logits[0] == runs.score(model.spec.name, [good[0]])[0]


class _Small(torch.nn.Module):
    """A network on a device that holds so many inputs at once, and fails on some: the faults of CUDA, without it."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room
        self.seen: list[int] = []

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        self.seen.append(len(batch))
        if len(batch) > self.room:
            raise torch.OutOfMemoryError("no room")
        first = batch[:, :1]
        if (first == 0).any():
            raise RuntimeError("this input breaks the kernel")
        return torch.cat([first, -first], dim=1)


def _on(device: _Small, model: Model) -> Networks:
    """Networks whose one network is `device`."""
    runs = Networks([model])
    runs._modules[model.spec.name] = device
    return runs


@pytest.fixture
def voice(chosen: Checkpoints) -> Model:
    return chosen.models[Modality.VOICE][0]


def _numbered(voice: Model, *values: float) -> list[np.ndarray]:
    return [np.full(voice.spec.input.num_samples, value, np.float32) for value in values]


def test_a_full_device_gets_half_the_batch_until_it_fits(voice: Model) -> None:
    device = _Small(room=3)
    runs = _on(device, voice)
    logits = runs._safely(voice.spec.name, _numbered(voice, *range(1, 9)))
    assert (np.abs(logits) / 2).tolist() == list(range(1, 9))
    assert device.seen == [8, 4, 2, 2, 4, 2, 2]


def test_a_device_without_room_for_one_input_says_so(voice: Model) -> None:
    with pytest.raises(DeviceOutOfMemory, match="single input"):
        _on(_Small(room=0), voice)._safely(voice.spec.name, _numbered(voice, 1, 2))


def test_one_bad_input_of_a_batch_stands_alone(voice: Model) -> None:
    logits = _on(_Small(room=99), voice)._safely(voice.spec.name, _numbered(voice, 1, 2, 0, 4, 5, 6, 7))
    assert np.isfinite(logits).tolist() == [True, True, False, True, True, True, True]
    assert (np.abs(logits[[0, 1, 3, 4, 5, 6]]) / 2).tolist() == [1, 2, 4, 5, 6, 7]


def test_a_device_that_stays_broken_is_told_from_a_bad_input(voice: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = _on(_Small(room=99), voice)
    runs._device = torch.device("cuda")

    def lost(_device: torch.device) -> None:
        raise RuntimeError("an illegal memory access was encountered")

    monkeypatch.setattr(networks.torch.cuda, "synchronize", lost)
    monkeypatch.setattr(torch.Tensor, "to", lambda self, *_args, **_more: self)
    with pytest.raises(DeviceLost, match="not usable any more"):
        runs._safely(voice.spec.name, _numbered(voice, 0))


@pytest.mark.parametrize("name", ["tpu", "cuda:99", "meta"])
def test_a_device_that_is_not_there_is_named(chosen: Checkpoints, name: str) -> None:
    with pytest.raises(DeviceError, match=name.partition(":")[0]):
        Networks(chosen.models[Modality.FACE], device=name)


@pytest.mark.cuda
def test_batches_on_cuda_agree_with_the_cpu(chosen: Checkpoints, cuda: str) -> None:
    for kind in KINDS:
        model = chosen.models[kind][0]
        inputs = _inputs(model, 20)
        on_cpu = Networks([model]).score(model.spec.name, inputs)
        on_gpu = Networks([model], device=cuda).score(model.spec.name, inputs)
        np.testing.assert_allclose(on_gpu, on_cpu, atol=1e-2)
