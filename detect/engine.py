"""The calls that need a model, on numpy batches: one interface, and the engine that runs torch in this process.

Everything else of an examination is free of torch. `pipelines.engine.RayEngine` does the same with actors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detect.calibrate import Fusion
from detect.checkpoints import Checkpoints, Model, choose
from detect.config import Config
from detect.faces import FaceDetector
from detect.models import FaceSpec, VoiceSpec
from detect.networks import Networks
from detect.tracks import Detector
from detect.types import Detection, Float32Array, Modality, UInt8Array
from weights import Checkpoint, Manifest


class Engine(Detector, Protocol):
    """Finds faces, scores crops and windows, and says with which checkpoints."""

    @property
    def models(self) -> Mapping[Modality, tuple[Model, ...]]:
        """Checkpoints that run, in the order asked for."""
        ...

    @property
    def missing(self) -> Mapping[Modality, tuple[Checkpoint, ...]]:
        """Checkpoints asked for that are not on this machine."""
        ...

    @property
    def fusion(self) -> Fusion | None:
        """How modalities are combined; None where nothing is filed."""
        ...

    @property
    def face_specs(self) -> tuple[FaceSpec, ...]:
        """Of the face checkpoints that run, in order."""
        ...

    @property
    def voice_specs(self) -> tuple[VoiceSpec, ...]:
        """Of the voice checkpoints that run, in order."""
        ...

    @property
    def device(self) -> str:
        """Where the models run."""
        ...

    def score_crops(self, name: str, crops: Sequence[UInt8Array]) -> Float32Array:
        """Spoof logits (n,) of upright face crops, each (S, S, 3) uint8 RGB with the model's own S.

        NaN where the network fails on a crop.

        Raises:
            DeviceError: the device cannot do it.
        """
        ...

    def score_windows(self, name: str, windows: Sequence[Float32Array]) -> Float32Array:
        """Spoof logits (n,) of 16 kHz mono windows, each (m,) float32, m up to what the model takes; as score_crops."""
        ...

    def heat_maps(self, name: str, crops: Sequence[UInt8Array]) -> Float32Array:
        """Where in each crop the evidence for spoof is, (n, h, w) float32 in [0, 1]; see `detect.activation`."""
        ...


class ChosenModels:
    """The part of an engine that only tells which checkpoints run."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        self.models = checkpoints.models
        self.missing = checkpoints.missing
        self.fusion = checkpoints.fusion
        self.face_specs = checkpoints.face_specs
        self.voice_specs = checkpoints.voice_specs


class LocalEngine(ChosenModels):
    """Runs the face detector and the classifiers in this process.

    Args:
        config: Settings; names the checkpoints to run.
        device: `cpu`, `cuda` or `cuda:N`.
        manifest: Checkpoints to choose from; None takes the project's own.
        weights: Folders searched for checkpoints before the usual places.

    Raises:
        ConfigError: an unknown checkpoint, or one of the wrong modality, is asked for.
        DeviceError: no such device.
        WeightsMismatch: a checkpoint is not the one the manifest names.
    """

    def __init__(
        self,
        config: Config,
        *,
        device: str = "cpu",
        manifest: Manifest | None = None,
        weights: Sequence[Path] | None = None,
    ) -> None:
        checkpoints = choose(config, manifest=manifest, weights=weights)
        super().__init__(checkpoints)
        self._networks = Networks((model for kind in Modality for model in checkpoints.models[kind]), device=device)
        self._config, self._torch_device = config, device
        self._detector: FaceDetector | None = None

    @property
    def device(self) -> str:
        """Where the models run."""
        return self._networks.device

    def detect(self, frames: Sequence[UInt8Array], *, fine: bool = False) -> list[list[Detection]]:
        """Faces in each of (H, W, 3) uint8 RGB frames; `fine` finds only those too small for an ordinary look."""
        return self._faces().detect(frames, fine=fine)

    def refine(self, frame: UInt8Array, boxes: NDArray[np.float64]) -> list[Detection | None]:
        """Look again where faces, (n, 4) boxes, are expected in one frame; None where there is none."""
        return self._faces().refine(frame, boxes)

    def _faces(self) -> FaceDetector:
        if self._detector is None:
            self._detector = FaceDetector(self._config.faces, device=self._torch_device)
        return self._detector

    def score_crops(self, name: str, crops: Sequence[UInt8Array]) -> Float32Array:
        """See `Engine.score_crops`."""
        return self._networks.score(name, crops)

    def score_windows(self, name: str, windows: Sequence[Float32Array]) -> Float32Array:
        """See `Engine.score_windows`."""
        return self._networks.score(name, windows)

    def heat_maps(self, name: str, crops: Sequence[UInt8Array]) -> Float32Array:
        """See `Engine.heat_maps`."""
        return self._networks.heat_maps(name, crops)
