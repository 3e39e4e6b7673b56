"""Face crops and voice windows a second, by how many are handed to the networks together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.throughput.document import Batch, Batches
from benchmarks.throughput.samples import alternate
from benchmarks.throughput.threads import torch_threads
from detect.checkpoints import Model, choose
from detect.config import Config
from detect.models import FaceSpec, load_model, spoof_logit
from detect.networks import Networks
from detect.types import Modality

SIZES = (1, 2, 4, 8, 16, 32)
_LEAST = {"cpu": 8, "cuda": 256}
"""Inputs of one run, at least: enough for some tenths of a second on a CPU, and for a GPU to be kept busy."""
OURS = "unmask"
TOGETHER = "one pass for the batch"

_ABOUT = (
    "Inputs are noise of the right shape: what these networks see makes no difference to their time. `unmask` is how "
    "examinations score: on a CPU each input by itself, on half of the cores, so that a logit depends on nothing "
    "beside it; on a GPU a batch together. `one pass for the batch` is the same network on the CPU as torch comes, "
    "{threads} threads for one pass."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One row to be measured."""

    device: str
    model: Model
    way: str
    size: int
    score: Callable[[Sequence[NDArray[Any]]], object]


def measure(devices: Sequence[str], rounds: int, threads: int, sizes: Sequence[int] = SIZES) -> Batches:
    """Items a second of every default checkpoint at every size, sizes and ways in turn within each round.

    Args:
        devices: Where.
        rounds: Runs of each.
        threads: Of torch, for `one pass for the batch`.
        sizes: Of batches, ascending.
    """
    rows: list[Batch] = []
    models = choose(Config()).models
    for model in (*models[Modality.FACE], *models[Modality.VOICE]):
        for device in devices:
            rows += _rows(list(_jobs(model, device, threads, sizes)), rounds)
    return Batches(about=_ABOUT.format(threads=threads), rows=tuple(rows))


def _jobs(model: Model, device: str, threads: int, sizes: Sequence[int]) -> Iterator[_Job]:
    networks = Networks([model], device=device)
    for size in sizes:
        score = partial(networks.score, model.spec.name)
        yield _Job(device=device, model=model, way=OURS, size=size, score=score)
    if device == "cpu":
        module = load_model(model.spec, model.path)
        for size in sizes:
            together = partial(_together, model, module, threads)
            yield _Job(device=device, model=model, way=TOGETHER, size=size, score=together)


def _together(model: Model, module: torch.nn.Module, threads: int, inputs: Sequence[NDArray[Any]]) -> object:
    spec = model.spec
    with torch_threads(threads), torch.inference_mode():
        prepared = spec.prepare(np.stack(inputs)) if isinstance(spec, FaceSpec) else spec.prepare(inputs)
        return spoof_logit(module(prepared), spec).numpy()


def _rows(jobs: Sequence[_Job], rounds: int) -> Iterator[Batch]:
    works: dict[str, Callable[[], int]] = {}
    for number, job in enumerate(jobs):
        inputs = _inputs(job.model, max(job.size, _LEAST[job.device]))
        job.score(inputs[: job.size])  # memory of this shape is taken, kernels are chosen
        works[str(number)] = partial(_work, job, inputs)
    seconds, counts = alternate(works, rounds)
    for number, job in enumerate(jobs):
        yield Batch(
            device=job.device,
            checkpoint=job.model.spec.name,
            items="face crops" if job.model.spec.modality is Modality.FACE else "voice windows",
            way=job.way,
            size=job.size,
            per_second=tuple(counts[str(number)] / spent for spent in seconds[str(number)]),
        )


def _work(job: _Job, inputs: Sequence[NDArray[Any]]) -> int:
    for start in range(0, len(inputs), job.size):
        job.score(inputs[start : start + job.size])
    return len(inputs)


def _inputs(model: Model, count: int) -> list[NDArray[Any]]:
    noise, spec = np.random.default_rng(0), model.spec
    if isinstance(spec, FaceSpec):
        side = spec.input.size_px
        return [noise.integers(0, 256, (side, side, 3), dtype=np.uint8) for _ in range(count)]
    return [noise.normal(0, 0.1, spec.input.num_samples).astype(np.float32) for _ in range(count)]
