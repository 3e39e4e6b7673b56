"""The two kinds of Ray actors: those that hold networks, and those that examine recordings.

Ray never retries their work by itself: what is done again, and how often, is for the ledger and `RayEngine` to say.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import torch
from numpy.typing import NDArray

from detect.checkpoints import choose
from detect.config import Config
from detect.errors import DeviceLost
from detect.networks import Networks
from detect.types import Float32Array, Modality, UInt8Array
from pipelines.batching import Batcher
from pipelines.engine import RayEngine, ask
from pipelines.evidence.options import Options
from pipelines.examine import Examined, Examiner, Render
from pipelines.items import Lease
from pipelines.sandbox import Sandbox

_MAX_WAITING_BYTES = 256 * 2**20
"""Inputs that wait in one model actor: 3,300 face crops of 160 px, or 1,000 voice windows."""
_WINDOW_SECONDS = 0.005
"""How long a GPU's batch waits for company: short beside the decoding of a frame. On the CPU nothing waits, for there
batches gain nothing (`detect.networks`)."""
_LEAVE_SECONDS = 1.0
"""Until an actor that lost its device leaves: the answer must be on its way first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What every actor of one scan is built from; travels by pickle between our own processes."""

    config: Config
    weights: tuple[Path, ...]
    options: Options
    scratch: Path
    device: str
    """Of the models: `cpu` or `cuda`."""
    entry: str = "pipelines.child"
    """Module that a decoding child runs."""
    render: Render | None = None
    progress: Path | None = None
    """Folder where examinations leave word of how far they are."""


class ModelActor:
    """`FaceModel` and `VoiceModel`: the networks of one modality, for any number of workers.

    Args:
        setup: What to run.
        modality: Which of the checkpoints.
        parallel: Inputs at the same time, on the CPU.
    """

    def __init__(self, setup: Setup, modality: Modality, parallel: int) -> None:
        chosen = choose(setup.config, weights=setup.weights)
        self._networks = Networks(chosen.models[modality], device=setup.device, parallel=parallel)
        self._batcher = Batcher(
            self._networks.score,
            max_inputs=setup.config.scoring.batch_size,
            window_seconds=0.0 if setup.device == "cpu" else _WINDOW_SECONDS,
            max_waiting_bytes=_MAX_WAITING_BYTES,
        )

    async def ready(self) -> str:
        """The device, once the networks are loaded."""
        return self._networks.device

    async def score(self, name: str, inputs: Sequence[NDArray[Any]]) -> Float32Array:
        """Logits (n,); see `Networks.score`."""
        try:
            return await self._batcher.score(name, inputs)
        except DeviceLost:
            # A process whose CUDA context is broken stays broken; Ray starts another in its place.
            asyncio.get_running_loop().call_later(_LEAVE_SECONDS, os._exit, 1)
            raise

    async def heat_maps(self, name: str, crops: Sequence[UInt8Array]) -> Float32Array:
        """See `Networks.heat_maps`."""
        return await asyncio.to_thread(self._networks.heat_maps, name, crops)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What a worker says when it can begin."""

    host: str
    pid: int
    node: str
    """Ray's identifier of the machine."""
    protections: dict[str, str]
    """What the sandbox found on this host."""


class MediaWorker:
    """Examines one recording at a time.

    Args:
        setup: What to run.
        actors: `ModelActor`s by modality.
    """

    def __init__(self, setup: Setup, actors: dict[Modality, Any]) -> None:
        self._sandbox = Sandbox(entry=setup.entry)
        chosen = choose(setup.config, weights=setup.weights)
        devices = sorted({ask(actor.ready.remote) for actor in actors.values()})
        torch.set_num_threads(1)  # workers share the cores between them
        engine = RayEngine(setup.config, chosen, actors, device=", ".join(devices) or "no model")
        self._examiner = Examiner(
            setup.config,
            engine,
            self._sandbox,
            options=setup.options,
            scratch=setup.scratch,
            render=setup.render,
            progress=setup.progress,
        )

    def ready(self) -> Ready:
        """Where it is, once everything is loaded."""
        node = ray.get_runtime_context().get_node_id()
        return Ready(host=socket.gethostname(), pid=os.getpid(), node=node, protections=self._sandbox.facts())

    def examine(self, lease: Lease) -> Examined:
        """See `Examiner.examine`."""
        return self._examiner.examine(lease)
