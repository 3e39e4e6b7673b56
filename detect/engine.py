"""The calls that need a model, on numpy batches. `LocalEngine` runs torch in this process.

Everything else of an examination is free of torch. A checkpoint that is not on this machine is named in `missing`
and never replaced by another; one that is not what the manifest says stops the engine.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from detect.activation import class_activation
from detect.calibrate import Calibration, Fusion
from detect.config import Config
from detect.errors import ConfigError, DeviceError, WeightsNotFound
from detect.faces import FaceDetector
from detect.models import CATALOGUE, FaceSpec, VoiceSpec, load_model, spoof_logit
from detect.types import Detection, Float32Array, Modality, UInt8Array
from weights import Checkpoint, Manifest, load_manifest, locate


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A checkpoint this engine runs, and what is filed with it."""

    spec: FaceSpec | VoiceSpec
    checkpoint: Checkpoint
    calibration: Calibration | None


class LocalEngine:
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
        self._device = _device(device)
        self._config = config
        self._manifest = manifest if manifest is not None else load_manifest()
        # Two branches run at the same time; more threads than cores would make each wait for the other.
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))
        self.models: dict[Modality, tuple[Model, ...]] = {}
        """Checkpoints that run, in the order asked for."""
        self.missing: dict[Modality, tuple[Checkpoint, ...]] = {}
        """Checkpoints asked for that are not on this machine."""
        self._modules: dict[str, torch.nn.Module] = {}
        for modality in Modality:
            self._load(modality, weights)
        fusion = self._manifest.fusion_path()
        self.fusion: Fusion | None = Fusion.load(fusion) if fusion is not None else None
        self._detector: FaceDetector | None = None

    @property
    def device(self) -> str:
        """Where the models run."""
        if self._device.type == "cuda":
            return f"{self._device} ({torch.cuda.get_device_name(self._device)})"
        return f"cpu ({torch.get_num_threads()} threads a branch)"

    @property
    def face_specs(self) -> tuple[FaceSpec, ...]:
        """Of the face checkpoints that run, in order."""
        return tuple(model.spec for model in self.models[Modality.FACE] if isinstance(model.spec, FaceSpec))

    @property
    def voice_specs(self) -> tuple[VoiceSpec, ...]:
        """Of the voice checkpoints that run, in order."""
        return tuple(model.spec for model in self.models[Modality.VOICE] if isinstance(model.spec, VoiceSpec))

    def _load(self, modality: Modality, weights: Sequence[Path] | None) -> None:
        found, missing = [], []
        for name in self._names(modality):
            checkpoint = self._manifest.checkpoint(name)
            spec = CATALOGUE[name]
            try:
                path = locate(checkpoint, weights)
            except WeightsNotFound:
                missing.append(checkpoint)
                continue
            self._modules[name] = load_model(spec, path, self._device)
            calibration = self._manifest.calibration_path(checkpoint)
            filed = Calibration.load(calibration, checkpoint.sha256) if calibration is not None else None
            found.append(Model(spec=spec, checkpoint=checkpoint, calibration=filed))
        self.models[modality], self.missing[modality] = tuple(found), tuple(missing)

    def _names(self, modality: Modality) -> tuple[str, ...]:
        scoring = self._config.scoring
        asked = scoring.face_models if modality is Modality.FACE else scoring.voice_models
        names = asked if asked is not None else self._manifest.default_names(modality.value)
        for name in names:
            if name not in CATALOGUE:
                raise ConfigError(f"no model is named {name}; there are: {', '.join(sorted(CATALOGUE))}")
            if CATALOGUE[name].modality is not modality:
                raise ConfigError(
                    f"{name} is a {CATALOGUE[name].modality} model; it was asked for as a {modality} model"
                )
        return names

    def detect(self, frames: Sequence[UInt8Array], *, fine: bool = False) -> list[list[Detection]]:
        """Faces in each of (H, W, 3) uint8 RGB frames; `fine` finds only those too small for an ordinary look."""
        return self._faces().detect(frames, fine=fine)

    def refine(self, frame: UInt8Array, boxes: NDArray[np.float64]) -> list[Detection | None]:
        """Look again where faces, (n, 4) boxes, are expected in one frame; None where there is none."""
        return self._faces().refine(frame, boxes)

    def _faces(self) -> FaceDetector:
        if self._detector is None:
            self._detector = FaceDetector(self._config.faces, device=str(self._device))
        return self._detector

    def score_crops(self, name: str, crops: Sequence[UInt8Array]) -> Float32Array:
        """Spoof logits (n,) of upright face crops, each (S, S, 3) uint8 RGB with the model's own S."""
        return self._logits(name, self._face_spec(name).prepare(np.stack(crops)))

    def score_windows(self, name: str, windows: Sequence[Float32Array]) -> Float32Array:
        """Spoof logits (n,) of 16 kHz mono windows, each (m,) float32, m up to what the model takes."""
        spec = next(spec for spec in self.voice_specs if spec.name == name)
        return self._logits(name, spec.prepare(windows))

    def _logits(self, name: str, batch: torch.Tensor) -> Float32Array:
        try:
            with torch.inference_mode():
                output = self._modules[name](batch.to(self._device))
                logits = spoof_logit(output, CATALOGUE[name]).float().cpu().numpy()
        except torch.cuda.OutOfMemoryError as error:
            raise DeviceError(
                f"{self.device} is out of memory with a batch of {len(batch)}; lower scoring.batch_size"
            ) from error
        result: Float32Array = logits
        return result

    def heat_maps(self, name: str, crops: Sequence[UInt8Array]) -> Float32Array:
        """Where in each crop the evidence for spoof is, (n, h, w) float32 in [0, 1]; see `detect.activation`."""
        spec = self._face_spec(name)
        return class_activation(self._modules[name], spec, spec.prepare(np.stack(crops)).to(self._device))

    def _face_spec(self, name: str) -> FaceSpec:
        return next(spec for spec in self.face_specs if spec.name == name)


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"{name} is no device; use cpu, cuda or cuda:N") from error
    if device.type not in ("cpu", "cuda"):
        raise DeviceError(f"{name} is not supported; use cpu, cuda or cuda:N")
    if device.type == "cuda" and (not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count()):
        raise DeviceError(f"{name} is not there: this machine has {torch.cuda.device_count()} CUDA devices")
    return device
