"""Loaded networks: prepared inputs -> spoof logits. What one input does to a network stays with that input.

On the CPU a network sees one input at a time. Measured on the default checkpoints, 16 inputs together take as long
(voice) or twice as long (face) as one after the other, and their logits differ in the seventh digit with what else is
in the batch, and with the number of threads that share the work. So each input has one thread, several inputs go side
by side, and a logit is the same whatever the batch, the order, or the number of cores. On a CUDA device inputs go
together; a failing batch is halved until the failure stands alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from detect.activation import class_activation
from detect.checkpoints import Model
from detect.errors import DeviceError, DeviceLost, DeviceOutOfMemory
from detect.models import FaceSpec, load_model, spoof_logit
from detect.types import Float32Array, UInt8Array


class Networks:
    """Some checkpoints' networks on one device.

    Args:
        models: Which.
        device: `cpu`, `cuda` or `cuda:N`.
        parallel: Inputs at the same time, on the CPU; None takes half of the cores, for a recording's two branches run
            side by side.

    Raises:
        DeviceError: no such device.
        WeightsMismatch: a checkpoint does not hold its network's parameters.
    """

    def __init__(self, models: Iterable[Model], *, device: str = "cpu", parallel: int | None = None) -> None:
        self._device = open_device(device)
        torch.set_num_threads(1)  # sums in another order have other last digits
        self._parallel = parallel or max(1, (os.cpu_count() or 1) // 2)
        self._pool = ThreadPoolExecutor(self._parallel, thread_name_prefix="network")
        self._models = {model.spec.name: model for model in models}
        self._modules = {name: load_model(model.spec, model.path, self._device) for name, model in self._models.items()}

    @property
    def device(self) -> str:
        """Where the networks run."""
        if self._device.type == "cuda":
            return f"{self._device} ({torch.cuda.get_device_name(self._device)})"
        return f"cpu ({self._parallel} inputs at a time)"

    def score(self, name: str, inputs: Sequence[NDArray[Any]]) -> Float32Array:
        """Spoof logits (n,) of face crops or voice windows, as the checkpoint's spec takes them.

        An input that the network fails on has the logit NaN; its neighbours have theirs.

        Raises:
            DeviceOutOfMemory: the device has no memory left for a single input.
            DeviceLost: the device is not usable any more.
        """
        if self._device.type == "cpu":
            parts = self._pool.map(lambda item: self._safely(name, [item]), inputs)
            return np.concatenate([np.empty(0, np.float32), *parts])
        return self._safely(name, inputs)

    def heat_maps(self, name: str, crops: Sequence[UInt8Array]) -> Float32Array:
        """Where in each crop the evidence for spoof is, (n, h, w) float32 in [0, 1]; see `detect.activation`."""
        model = self._models[name]
        if not isinstance(model.spec, FaceSpec):
            raise TypeError(f"{name} looks at no faces")
        maps = [
            class_activation(self._modules[name], model.spec, model.spec.prepare(crop[None]).to(self._device))
            for crop in crops
        ]
        return np.concatenate(maps)

    def _safely(self, name: str, inputs: Sequence[NDArray[Any]]) -> Float32Array:
        """Score a batch; where that fails, its halves."""
        if not inputs:
            return np.empty(0, np.float32)
        try:
            return self._forward(name, inputs)
        except torch.OutOfMemoryError as error:
            if len(inputs) == 1:
                raise DeviceOutOfMemory(f"{self.device} has no memory left for a single input of {name}") from error
            torch.cuda.empty_cache()
        except RuntimeError as error:
            self._check_device(error)
            if len(inputs) == 1:
                return np.full(1, np.nan, np.float32)
        middle = len(inputs) // 2
        return np.concatenate([self._safely(name, inputs[:middle]), self._safely(name, inputs[middle:])])

    def _forward(self, name: str, inputs: Sequence[NDArray[Any]]) -> Float32Array:
        spec = self._models[name].spec
        batch = spec.prepare(np.stack(inputs)) if isinstance(spec, FaceSpec) else spec.prepare(inputs)
        with torch.inference_mode():
            output = self._modules[name](batch.to(self._device))
            logits: Float32Array = spoof_logit(output, spec).float().cpu().numpy()
        return logits

    def _check_device(self, error: RuntimeError) -> None:
        """Tell a failing input from a device whose every further answer is an error (CUDA's sticky errors).

        Raises:
            DeviceLost: it is the device.
        """
        if self._device.type != "cuda":
            return
        try:
            torch.cuda.synchronize(self._device)
        except RuntimeError as still:
            raise DeviceLost(f"{self._device} is not usable any more: {error}") from still


def open_device(name: str) -> torch.device:
    """The device of a name.

    Raises:
        DeviceError: there is none.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"{name} is no device; use cpu, cuda or cuda:N") from error
    if device.type not in ("cpu", "cuda"):
        raise DeviceError(f"{name} is not supported; use cpu, cuda or cuda:N")
    if device.type == "cuda" and (not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count()):
        raise DeviceError(f"{name} is not there: this machine has {torch.cuda.device_count()} CUDA devices")
    return device
