"""The executor that works with Ray: media workers side by side, and model actors that serve them all."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ray
import ray.exceptions

from detect.checkpoints import choose
from detect.errors import DeviceError, UnmaskError
from detect.types import ItemState, Modality
from pipelines.actors import MediaWorker, ModelActor, Ready, Setup
from pipelines.cluster import Cluster
from pipelines.examine import Examined
from pipelines.executor import Failed, Worker, failure
from pipelines.items import Lease

_WORKERS_A_MODEL = 4
"""Media workers that one model actor serves on the CPU: of a generated 10 s clip's work a fifth is scoring
(`python -m benchmarks throughput`: stages), so that one actor keeps four workers busy."""
_MODEL_RESTARTS = 5
"""A model actor that keeps dying has a device that is broken; it is not started for ever."""
_MAX_LOSSES = 5
"""Times that Ray may die on one machine in one run."""
_MAX_DEATHS = 8
"""Workers that may die one after the other without a single result; then something is wrong with all of them."""
_MAX_STILLBIRTHS = 3
"""As `_MAX_DEATHS`, for workers that die while they load: no item can be the cause."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Worker:
    """One `MediaWorker` and what it is doing."""

    actor: Any
    task: Any
    """The call that is under way: `ready`, then one `examine` after the other; None where it waits for work."""
    facts: Ready | None = None
    lease: Lease | None = None


@dataclass(slots=True, kw_only=True)
class _Models:
    """The model actors that one group of workers talks to."""

    actors: dict[Modality, Any] = field(default_factory=dict)


class RayExecutor:
    """Examines with `num_workers` media workers.

    Args:
        open_cluster: Starts or joins Ray; called again where a Ray started here has died.
        setup: What the actors are built from.
        num_workers: Media workers; each takes one CPU.
        num_gpus: GPUs for the models in all; 0 runs them on the CPU.
    """

    def __init__(
        self, open_cluster: Callable[[], Cluster], setup: Setup, *, num_workers: int, num_gpus: float = 0
    ) -> None:
        self._open_cluster, self._setup = open_cluster, setup
        self._num_workers, self._num_gpus = num_workers, num_gpus
        self._num_deaths = self._num_stillbirths = self._num_losses = 0
        self._start()

    def _start(self) -> None:
        self._cluster = self._open_cluster()
        self._models = self._start_models()
        self._workers = [self._start_worker(number) for number in range(self._num_workers)]

    def free(self) -> int:
        """See `Executor.free`."""
        return sum(worker.task is None for worker in self._workers)

    def submit(self, lease: Lease) -> None:
        """See `Executor.submit`."""
        worker = next(worker for worker in self._workers if worker.task is None)
        worker.lease, worker.task = lease, worker.actor.examine.remote(lease)

    def wait(self, seconds: float) -> list[Examined | Failed]:
        """See `Executor.wait`."""
        if not self._cluster.alive():
            return self._start_again()
        tasks = {worker.task: worker for worker in self._workers if worker.task is not None}
        if not tasks:
            time.sleep(seconds)
            return []
        done, _ = ray.wait(list(tasks), num_returns=len(tasks), timeout=0)
        if not done:
            done, _ = ray.wait(list(tasks), num_returns=1, timeout=seconds)
        ended = []
        for task in done:
            outcome = self._collect(tasks[task])
            if outcome is not None:
                ended.append(outcome)
        return ended

    def kill(self, lease: Lease) -> bool:
        """See `Executor.kill`."""
        for number, worker in enumerate(self._workers):
            if worker.lease is not None and worker.lease.seq == lease.seq:
                ray.kill(worker.actor)
                self._workers[number] = self._start_worker(number)
                return True
        return False

    def workers(self) -> list[Worker]:
        """See `Executor.workers`."""
        return [
            Worker(host=worker.facts.host, protections=worker.facts.protections)
            for worker in self._workers
            if worker.facts is not None
        ]

    def close(self) -> None:
        """See `Executor.close`."""
        if self._cluster.alive():
            actors = [worker.actor for worker in self._workers]
            for actor in [*actors, *(actor for group in self._models for actor in group.actors.values())]:
                ray.kill(actor)
        self._cluster.close()

    def _start_again(self) -> list[Examined | Failed]:
        """Ray is gone, and all that was examined with it: start another, and give everything back.

        Raises:
            DeviceError: it keeps dying.
        """
        self._num_losses += 1
        if self._num_losses > _MAX_LOSSES:
            raise DeviceError(f"Ray died {self._num_losses} times on this machine")
        lost = [worker.lease for worker in self._workers if worker.lease is not None]
        self._cluster.close()
        self._start()
        message = "Ray died on this machine, and the examination with it."
        return [
            Failed(lease=lease, blame="machine", state=ItemState.CRASHED, reason="ray_died", message=message)
            for lease in lost
        ]

    def _start_models(self) -> list[_Models]:
        num_workers, num_gpus = self._num_workers, self._num_gpus
        chosen = choose(self._setup.config, weights=self._setup.weights)
        kinds = [modality for modality in Modality if chosen.models[modality]]
        on_gpu = num_gpus > 0
        num_groups = math.ceil(num_gpus) if on_gpu else math.ceil(num_workers / _WORKERS_A_MODEL)
        share = num_gpus / num_groups / max(1, len(kinds)) if on_gpu else 0
        remote = ray.remote(ModelActor)
        groups = []
        for _ in range(num_groups):
            group = _Models()
            for modality in kinds:
                group.actors[modality] = remote.options(
                    num_cpus=0,
                    num_gpus=share,
                    max_restarts=_MODEL_RESTARTS,
                    max_task_retries=0,
                    max_concurrency=max(8, 4 * num_workers),
                ).remote(self._setup, modality, 1)
            groups.append(group)
        return groups

    def _start_worker(self, number: int) -> _Worker:
        group = self._models[number % len(self._models)] if self._models else _Models()
        remote: Any = ray.remote(MediaWorker)
        actor = remote.options(num_cpus=1, max_restarts=0, max_task_retries=0, scheduling_strategy="SPREAD").remote(
            self._setup, group.actors
        )
        return _Worker(actor=actor, task=actor.ready.remote())

    def _collect(self, worker: _Worker) -> Examined | Failed | None:
        """What became of a worker's call.

        Raises:
            UnmaskError: no worker can begin.
        """
        lease, task = worker.lease, worker.task
        worker.lease = worker.task = None
        try:
            answer = ray.get(task)
        except ray.exceptions.RayActorError as error:
            return self._bury(worker, lease, error)
        except ray.exceptions.RayTaskError as error:
            cause = error.cause if isinstance(error.cause, Exception) else error
            if lease is None:
                if isinstance(cause, UnmaskError):
                    raise cause from error
                raise DeviceError(f"a worker cannot begin: {cause}") from error
            return failure(lease, cause)
        if isinstance(answer, Ready):
            worker.facts = answer
            self._num_stillbirths = 0
            return None
        self._num_deaths = 0
        if not isinstance(answer, Examined):
            raise TypeError(f"a worker answered with a {type(answer).__name__}")
        return answer

    def _bury(self, worker: _Worker, lease: Lease | None, error: Exception) -> Failed | None:
        """Put a new worker in the place of a dead one."""
        self._num_deaths += 1
        why = " ".join(str(error).split())[:300]
        self._num_stillbirths = self._num_stillbirths + 1 if worker.facts is None else 0
        if self._num_deaths >= _MAX_DEATHS or self._num_stillbirths >= _MAX_STILLBIRTHS:
            raise DeviceError(f"{self._num_deaths} workers died one after the other; the last: {why}")
        self._workers[self._workers.index(worker)] = self._start_worker(self._workers.index(worker))
        if lease is None:
            return None
        machine = worker.facts is not None and worker.facts.node not in self._cluster.nodes()
        return Failed(
            lease=lease,
            blame="machine" if machine else "item",
            state=ItemState.CRASHED,
            reason="worker_died",
            message=f"The process that examined it died. {why}",
        )
