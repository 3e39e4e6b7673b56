"""The training loop of both modalities: resumable, averaged, selected on validation data.

Batch `k` is a pure function of the seed and `k`, so a run that was killed goes on exactly where its last state was
written: no position in a data loader is lost, because there is none.

    folder/state.pt           network, average, optimiser, step: what a resumed run needs
    folder/history.csv        a row a validation: step, seconds, loss, learning rate, metrics
    folder/best.safetensors   the averaged weights with the best selected metric so far
    folder/last.safetensors   the averaged weights at the end
"""

from __future__ import annotations

import csv
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from rich.console import Console
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset

from detect.errors import ConfigError

Batch = tuple[Tensor, Tensor]
"""Inputs and targets of one step."""


class Schedule(BaseModel):
    """How long and how fast to learn; part of a configuration file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    seed: int = 1
    """Of the initial weights and of every batch."""
    steps: int = Field(gt=0)
    learning_rate: float = Field(gt=0)
    """Highest, reached after the warm-up; falls to `final_fraction` of it along a cosine (Loshchilov & Hutter 2017)."""
    final_fraction: float = Field(default=0.01, ge=0, le=1)
    warmup_steps: int = Field(default=100, ge=0)
    weight_decay: float = Field(default=0.01, ge=0)
    """AdamW's (Loshchilov & Hutter, ICLR 2019); not applied to biases and normalisation."""
    clip_norm: float = Field(default=5.0, gt=0)
    """Longest gradient."""
    average_decay: float = Field(default=0.998, ge=0, lt=1)
    """Of the exponential moving average of the weights, which is what is validated and kept."""
    validate_every: int = Field(gt=0)
    save_seconds: float = Field(default=120.0, gt=0)
    """A state is written this often; what a kill costs at most."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of activations in training; weights, averages and validation stay float32."""
    workers: int = Field(default=1, ge=0)
    """Processes that make batches ahead of the step that needs them."""


@dataclass(slots=True)
class _Run:
    """Where a run stands."""

    step: int = 0
    seconds: float = 0.0
    best: float = -math.inf
    best_step: int = 0
    losses: list[float] = field(default_factory=list)


class _Steps(Dataset[Batch]):
    """Batches by number, for the worker processes of a `DataLoader`."""

    def __init__(self, batch: Callable[[int], Batch], start: int, stop: int) -> None:
        self._batch, self._start, self._stop = batch, start, stop

    def __len__(self) -> int:
        return self._stop - self._start

    def __getitem__(self, index: int) -> Batch:
        return self._batch(self._start + index)


def fit(
    network: nn.Module,
    *,
    batch: Callable[[int], Batch],
    loss: Callable[[Tensor, Tensor], Tensor],
    validate: Callable[[nn.Module], dict[str, float]],
    select: str,
    schedule: Schedule,
    fingerprint: str,
    folder: Path,
    device: torch.device,
    stop_after: int | None = None,
) -> Path | None:
    """Train a network, from its last state where there is one.

    Args:
        network: With its initial weights; trained in place.
        batch: Inputs and targets of step k, a pure function of k.
        loss: Of the network's float32 output and the targets.
        validate: Metrics of a network in eval mode.
        select: The metric, larger for better, by which `best.safetensors` is chosen.
        schedule: Length, rates, precision.
        fingerprint: Of everything that decides the result; a state with another is not resumed.
        folder: Takes state, history and weights.
        device: Where it runs.
        stop_after: End after this step as a kill would, with a state; for tests and for planned breaks.

    Returns:
        `best.safetensors`, or None where the run was ended by `stop_after`.

    Raises:
        ConfigError: the folder holds the state of another run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    network.to(device).to(memory_format=torch.channels_last)
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(schedule.average_decay), use_buffers=True)  # type: ignore[no-untyped-call]
    optimiser = _optimiser(network, schedule, device)
    run = _resume(folder, fingerprint, network, average, optimiser)
    console = Console(stderr=True, log_path=False)
    if run.step:
        console.log(f"going on after step {run.step} of {schedule.steps}")
    stop = schedule.steps if stop_after is None else min(stop_after, schedule.steps)
    began, saved = time.monotonic() - run.seconds, time.monotonic()
    for inputs, targets in _batches(batch, run.step, stop, schedule):
        for group in optimiser.param_groups:
            group["lr"] = _rate(run.step, schedule)
        network.train()
        torch.manual_seed(schedule.seed + run.step)  # dropout and masks are functions of the seed and the step as well
        with torch.autocast(device.type, torch.bfloat16, enabled=schedule.precision == "bfloat16"):
            output = network(inputs.to(device, non_blocking=True))
        value = loss(output.float(), targets.to(device, non_blocking=True))
        optimiser.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), schedule.clip_norm)
        optimiser.step()
        run.step += 1
        run.losses.append(float(value.detach()))
        # Before the warm-up ends the weights are still those of the start, which an average should forget.
        if run.step > schedule.warmup_steps:
            average.update_parameters(network)
        else:
            average.module.load_state_dict(network.state_dict())
        run.seconds = time.monotonic() - began
        if run.step % schedule.validate_every == 0 or run.step == schedule.steps:
            _validate(run, average.module, validate, select, schedule, folder, console)
        if time.monotonic() - saved > schedule.save_seconds or run.step == stop:
            _save(folder, fingerprint, network, average, optimiser, run)
            saved = time.monotonic()
            if run.losses:
                recent = math.fsum(run.losses) / len(run.losses)
                console.log(f"step {run.step}/{schedule.steps}  loss {recent:.4f}  state saved")
    if run.step < schedule.steps:
        return None
    save_weights(average.module, folder / "last.safetensors")
    return folder / "best.safetensors"


def save_weights(network: nn.Module, path: Path, dtype: torch.dtype = torch.float32) -> None:
    """Write a network's parameters and buffers as safetensors, whole or not at all."""
    state = {
        name: tensor.detach().to("cpu", dtype if tensor.is_floating_point() else tensor.dtype).contiguous()
        for name, tensor in network.state_dict().items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    save_file(state, partial)
    partial.chmod(0o644)  # safetensors leaves it to its owner alone
    partial.replace(path)


def _optimiser(network: nn.Module, schedule: Schedule, device: torch.device) -> torch.optim.AdamW:
    matrices = [p for p in network.parameters() if p.requires_grad and p.ndim > 1]
    vectors = [p for p in network.parameters() if p.requires_grad and p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": schedule.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=schedule.learning_rate, fused=device.type == "cuda")


def _rate(step: int, schedule: Schedule) -> float:
    if step < schedule.warmup_steps:
        return schedule.learning_rate * (step + 1) / schedule.warmup_steps
    done = (step - schedule.warmup_steps) / max(1, schedule.steps - schedule.warmup_steps)
    fraction = schedule.final_fraction + (1 - schedule.final_fraction) * (1 + math.cos(math.pi * done)) / 2
    return schedule.learning_rate * fraction


def _batches(batch: Callable[[int], Batch], start: int, stop: int, schedule: Schedule) -> Iterator[Batch]:
    loader = DataLoader(
        _Steps(batch, start, stop),
        batch_size=None,
        num_workers=schedule.workers,
        prefetch_factor=4 if schedule.workers else None,
        worker_init_fn=_one_thread,
        pin_memory=torch.cuda.is_available(),
    )
    yield from loader


def _one_thread(_worker: int) -> None:
    torch.set_num_threads(1)


def _validate(
    run: _Run,
    network: nn.Module,
    validate: Callable[[nn.Module], dict[str, float]],
    select: str,
    schedule: Schedule,
    folder: Path,
    console: Console,
) -> None:
    network.eval()
    with torch.inference_mode():
        metrics = validate(network)
    loss = math.fsum(run.losses) / len(run.losses)
    run.losses.clear()
    row = {"step": run.step, "seconds": round(run.seconds), "loss": round(loss, 5), "rate": _rate(run.step, schedule)}
    shown = {name: round(value, 5) for name, value in metrics.items()}
    _append(folder / "history.csv", row | shown)
    remaining = run.seconds / run.step * (schedule.steps - run.step)
    told = "  ".join(f"{name} {value:.4f}" for name, value in shown.items())
    console.log(f"step {run.step}/{schedule.steps}  loss {loss:.4f}  {told}  {remaining / 60:.0f} min left")
    if metrics[select] > run.best:
        run.best, run.best_step = metrics[select], run.step
        save_weights(network, folder / "best.safetensors")


def _append(path: Path, row: dict[str, float]) -> None:
    """Add a row; rows at or after its step are those of a run that was killed after them, and go."""
    kept: list[dict[str, str]] = []
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            kept = [old for old in csv.DictReader(file) if int(old["step"]) < row["step"]]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        writer.writeheader()
        writer.writerows(kept)
        writer.writerow(row)


def _save(
    folder: Path, fingerprint: str, network: nn.Module, average: AveragedModel, optimiser: torch.optim.AdamW, run: _Run
) -> None:
    state = {
        "fingerprint": fingerprint,
        "network": network.state_dict(),
        "average": average.state_dict(),
        "optimiser": optimiser.state_dict(),
        "run": {name: getattr(run, name) for name in _Run.__slots__},
    }
    partial = folder / "state.partial"
    with partial.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / "state.pt")


def _resume(
    folder: Path, fingerprint: str, network: nn.Module, average: AveragedModel, optimiser: torch.optim.AdamW
) -> _Run:
    path = folder / "state.pt"
    if not path.exists():
        return _Run()
    state = torch.load(path, map_location="cpu", weights_only=True)
    if state["fingerprint"] != fingerprint:
        raise ConfigError(f"{path} belongs to a run with another configuration; take another --run folder")
    network.load_state_dict(state["network"])
    average.load_state_dict(state["average"])
    optimiser.load_state_dict(state["optimiser"])
    return _Run(**state["run"])
