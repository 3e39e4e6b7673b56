"""Files that are no checkpoint, or another one, are refused by name; nothing in them is executed."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor

from detect.errors import WeightsMismatch, WeightsNotFound
from detect.models import CATALOGUE, load_model
from tests.models.networks import with_generated_weights

LIGHT, FULL, FACE = (CATALOGUE[name] for name in ("aasist-l.asvspoof2019", "aasist.asvspoof2019", "meso4.df"))


def state(spec_name: str = LIGHT.name) -> dict[str, Tensor]:
    return {key: value.contiguous() for key, value in with_generated_weights(CATALOGUE[spec_name]).state_dict().items()}


class Hostile:
    """Unpickling this runs a command."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.witness}",)


def test_a_loaded_network_is_ready_to_score(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save(state(), path)
    module = load_model(LIGHT, path)
    assert not module.training
    assert not any(parameter.requires_grad for parameter in module.parameters())
    expected = state()
    assert all(torch.equal(value, expected[key]) for key, value in module.state_dict().items())


def test_half_precision_is_stored_but_not_computed_with(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    halves = {key: value.half() if value.is_floating_point() else value for key, value in state(FACE.name).items()}
    safetensors.torch.save_file(halves, path)
    assert all(parameter.dtype == torch.float32 for parameter in load_model(FACE, path).parameters())


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_pickle_that_runs_code_is_refused_and_not_run(tmp_path: Path, suffix: str) -> None:
    witness, path = tmp_path / "witness", tmp_path / f"net{suffix}"
    path.write_bytes(pickle.dumps({**state(), "first_bn.weight": Hostile(witness)}, protocol=2))
    with pytest.raises(WeightsMismatch, match=path.name):
        load_model(LIGHT, path)
    torch.save({**state(), "first_bn.weight": Hostile(witness)}, path)
    with pytest.raises(WeightsMismatch, match=path.name):
        load_model(LIGHT, path)
    assert not witness.exists()


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save(state(), path)
    for spec in (FULL, FACE):
        with pytest.raises(WeightsMismatch, match=rf"net\.pth.*{spec.name}"):
            load_model(spec, path)


@pytest.mark.parametrize("change", ["one missing", "one more", "another shape"])
def test_other_parameters_are_refused(tmp_path: Path, change: str) -> None:
    altered = state()
    if change == "one missing":
        del altered["pos_S"]
    elif change == "one more":
        altered["extra"] = torch.zeros(1)
    else:
        altered["pos_S"] = altered["pos_S"][:, :-1]
    torch.save(altered, tmp_path / "net.pth")
    with pytest.raises(WeightsMismatch, match=r"net\.pth"):
        load_model(LIGHT, tmp_path / "net.pth")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    altered = state()
    altered["pos_S"][0, 3, 3] = value
    torch.save(altered, tmp_path / "net.pth")
    with pytest.raises(WeightsMismatch, match="finite"):
        load_model(LIGHT, tmp_path / "net.pth")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_damaged_files_are_refused(tmp_path: Path, suffix: str) -> None:
    good = tmp_path / f"good{suffix}"
    if suffix == ".pth":
        torch.save(state(), good)
    else:
        safetensors.torch.save_file(state(), good)
    content, path = good.read_bytes(), tmp_path / f"net{suffix}"
    rng = np.random.default_rng(1)
    candidates = [
        b"",
        b"\0",
        b"not weights at all",
        content[:8],
        content[:100],
        content[:-1],
        content[: len(content) // 2],
    ]
    candidates += [rng.bytes(1_000), b"\x80\x02" + rng.bytes(1_000), (2**63).to_bytes(8, "little") + content[8:]]
    for candidate in candidates:
        path.write_bytes(candidate)
        with pytest.raises(WeightsMismatch, match=path.name):
            load_model(LIGHT, path)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_garbage_pickles_end_in_no_foreign_exception(tmp_path: Path) -> None:
    """Operations in random order, and a good stream with bytes changed: refused, or harmless changes of a number."""
    rng = np.random.default_rng(4)
    path = tmp_path / "net.pth"
    torch.save(state(), path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    stream = next(name for name in members if name.endswith("data.pkl"))
    operations = list(b"(.0125FIJKLMNPQRSTUXabcdeghijlopqrstu}])\x80\x81\x85\x86\x87\x88\x89\x8a")
    refused = 0
    for turn in range(60):
        content = bytearray(members[stream])
        if turn % 2:
            for place in rng.integers(0, len(content), 3):
                content[place] = rng.integers(256)
        else:
            content = bytearray(b"\x80\x02") + bytes(rng.choice(operations, 30).tolist()) + b"."
        with zipfile.ZipFile(path, "w") as archive:
            for name, value in members.items():
                archive.writestr(name, bytes(content) if name == stream else value)
        try:
            load_model(LIGHT, path)
        except WeightsMismatch:
            refused += 1
    assert refused >= 30


def test_something_else_than_named_tensors_is_refused(tmp_path: Path) -> None:
    for thing in ([torch.zeros(1)], torch.zeros(1), {"pos_S": 3}, {"model": state()}):
        torch.save(thing, tmp_path / "net.pth")
        with pytest.raises(WeightsMismatch, match=r"net\.pth"):
            load_model(LIGHT, tmp_path / "net.pth")


def test_no_file_is_not_found(tmp_path: Path) -> None:
    for name in ("none.pth", "none.safetensors"):
        with pytest.raises(WeightsNotFound, match=name):
            load_model(LIGHT, tmp_path / name)
