"""A run that is killed goes on where it was, and ends with the same weights."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from detect.errors import ConfigError
from training.fit import Schedule, fit

SCHEDULE = Schedule(
    seed=3, steps=12, learning_rate=0.05, warmup_steps=2, average_decay=0.5, validate_every=4, workers=0
)


def _batch(step: int) -> tuple[Tensor, Tensor]:
    """Two clouds of points whose class is the sign of their first coordinate."""
    points = np.random.default_rng((3, step)).normal(size=(16, 4)).astype(np.float32)
    return torch.from_numpy(points), torch.from_numpy((points[:, 0] > 0).astype(np.int64))


def _network() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 2))


def _history(folder: Path) -> list[dict[str, str]]:
    with (folder / "history.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _accuracy(network: nn.Module) -> dict[str, float]:
    assert not network.training
    inputs, targets = (tensor.to(next(network.parameters()).device) for tensor in _batch(1_000))
    return {"accuracy": float((network(inputs).argmax(1) == targets).float().mean())}


def _fit(folder: Path, **changes: object) -> Path | None:
    settings: dict[str, object] = {"schedule": SCHEDULE, "fingerprint": "one", "device": torch.device("cpu")} | changes
    return fit(
        _network(),
        batch=_batch,
        loss=functional.cross_entropy,
        validate=_accuracy,
        select="accuracy",
        folder=folder,
        **settings,  # type: ignore[arg-type]
    )


def test_learns_writes_its_history_and_keeps_the_best(tmp_path: Path) -> None:
    schedule = SCHEDULE.model_copy(update={"steps": 200, "validate_every": 50})
    assert _fit(tmp_path, schedule=schedule) == tmp_path / "best.safetensors"
    rows = _history(tmp_path)
    assert [int(row["step"]) for row in rows] == [50, 100, 150, 200]
    assert float(rows[-1]["accuracy"]) >= 0.9
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert load_file(tmp_path / "last.safetensors").keys() == _network().state_dict().keys()


@pytest.mark.parametrize("broken_at", [3, 4, 9])
def test_a_broken_run_ends_as_an_unbroken_one(tmp_path: Path, broken_at: int) -> None:
    _fit(tmp_path / "whole")
    assert _fit(tmp_path / "broken", stop_after=broken_at) is None
    _fit(tmp_path / "broken")
    for name in ("last", "best"):
        whole, broken = (load_file(tmp_path / run / f"{name}.safetensors") for run in ("whole", "broken"))
        assert all(torch.equal(whole[key], broken[key]) for key in whole)
    columns = ("step", "loss", "accuracy")
    histories = [
        [[row[column] for column in columns] for row in _history(tmp_path / run)] for run in ("whole", "broken")
    ]
    assert histories[0] == histories[1]


def test_batches_made_by_worker_processes_are_the_same(tmp_path: Path) -> None:
    _fit(tmp_path / "here")
    _fit(tmp_path / "there", schedule=SCHEDULE.model_copy(update={"workers": 1}))
    here, there = (load_file(tmp_path / run / "last.safetensors") for run in ("here", "there"))
    assert all(torch.equal(here[key], there[key]) for key in here)


def test_the_state_of_another_run_is_refused(tmp_path: Path) -> None:
    _fit(tmp_path, stop_after=3)
    with pytest.raises(ConfigError, match="another configuration"):
        _fit(tmp_path, fingerprint="two")


@pytest.mark.cuda
def test_trains_in_mixed_precision_on_a_gpu(cuda: str, tmp_path: Path) -> None:
    schedule = SCHEDULE.model_copy(update={"steps": 100, "validate_every": 50, "precision": "bfloat16"})
    _fit(tmp_path, schedule=schedule, device=torch.device(cuda))
    assert float(_history(tmp_path)[-1]["loss"]) < 0.5
