"""The engine of a media worker: faces are found here, crops and windows are scored by the model actors.

Whole frames stay in the worker: one of 1080p is 6 MB, its crops are a hundredth of that. Apart from where the networks
run nothing differs from `detect.engine.LocalEngine`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
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

_TRIES = 5
"""A model actor that died is started again by Ray: its network loads in seconds."""
_WAIT_SECONDS = 2.0


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
        """Ask the actor; ask again where it died, for the same inputs have the same answer.

        Raises:
            DeviceError: the actor has no answer, or keeps dying.
        """
        for _ in range(_TRIES):
            try:
                answer: Float32Array = ray.get(getattr(self._actors[modality], method).remote(name, list(inputs)))
            except ray.exceptions.RayActorError as error:
                last = str(error).splitlines()[0]
                time.sleep(_WAIT_SECONDS)
            except ray.exceptions.RayTaskError as error:
                if isinstance(error.cause, DeviceLost):
                    last = str(error.cause)  # the actor leaves, and is started again
                    time.sleep(_WAIT_SECONDS)
                elif isinstance(error.cause, Exception):
                    raise error.cause from error
                else:
                    raise
            else:
                return answer
        raise DeviceError(f"the {modality} model keeps dying: {last}")
