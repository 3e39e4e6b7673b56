"""The engine of a media worker: faces are found here, crops and windows are scored by the model actors.

Whole frames stay in the worker: one of 1080p is 6 MB, its crops are a hundredth of that. Apart from where the networks
run nothing differs from `detect.engine.LocalEngine`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import ray
import ray.exceptions
from numpy.typing import NDArray

from detect.checkpoints import Checkpoints
from detect.config import Config
from detect.engine import ChosenModels
from detect.errors import DeviceError, DeviceLost
from detect.faces import FaceDetector
from detect.types import Detection, Float32Array, Modality, UInt8Array

_PATIENCE_SECONDS = 120.0
"""A model actor that died is started again by Ray, on another host where its own is gone. Ray notices a lost host after
half a minute (its health checks), and loading a network takes seconds."""
_PAUSE_SECONDS = 1.0


def ask(call: Callable[[], Any]) -> Any:
    """The answer of a model actor; asked again where it died, for the same inputs have the same answer.

    Args:
        call: Makes the remote call, and returns Ray's reference to its answer.

    Raises:
        DeviceError: the actor has no answer, or does not come back.
        UnmaskError, ValueError: what the actor raised.
    """
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return ray.get(call())
        except ray.exceptions.RayActorError as error:
            last = str(error).splitlines()[0]
        except ray.exceptions.RayTaskError as error:
            if not isinstance(error.cause, DeviceLost):  # of which the actor dies, and is started again
                raise (error.cause if isinstance(error.cause, Exception) else error) from error
            last = str(error.cause)
        if time.monotonic() > until:
            raise DeviceError(f"a model actor does not come back: {last}")
        time.sleep(_PAUSE_SECONDS)


class RayEngine(ChosenModels):
    """Forwards what needs a network to actors.

    Args:
        config: Settings.
        checkpoints: What the actors run.
        actors: Handles of the `ModelActor`s by modality; one for each modality that has models.
        device: What the actors say of their device.
    """

    def __init__(self, config: Config, checkpoints: Checkpoints, actors: dict[Modality, Any], *, device: str) -> None:
        super().__init__(checkpoints)
        self._actors = actors
        self.device = device
        self._faces = FaceDetector(config.faces, device="cpu")

    def detect(self, frames: Sequence[UInt8Array], *, fine: bool = False) -> list[list[Detection]]:
        """See `detect.tracks.Detector.detect`."""
        return self._faces.detect(frames, fine=fine)

    def refine(self, frame: UInt8Array, boxes: NDArray[np.float64]) -> list[Detection | None]:
        """See `detect.tracks.Detector.refine`."""
        return self._faces.refine(frame, boxes)

    def score_crops(self, name: str, crops: Sequence[UInt8Array]) -> Float32Array:
        """See `detect.engine.Engine.score_crops`."""
        return self._ask(Modality.FACE, "score", name, crops)

    def score_windows(self, name: str, windows: Sequence[Float32Array]) -> Float32Array:
        """See `detect.engine.Engine.score_windows`."""
        return self._ask(Modality.VOICE, "score", name, windows)

    def heat_maps(self, name: str, crops: Sequence[UInt8Array]) -> Float32Array:
        """See `detect.engine.Engine.heat_maps`."""
        return self._ask(Modality.FACE, "heat_maps", name, crops)

    def _ask(self, modality: Modality, method: str, name: str, inputs: Sequence[NDArray[Any]]) -> Float32Array:
        actor = self._actors[modality]
        answer: Float32Array = ask(lambda: getattr(actor, method).remote(name, list(inputs)))
        return answer
