"""Which checkpoints an examination runs, and what is filed with each. Knows no network and loads none.

A checkpoint that is not on this machine is named in `missing` and never replaced by another; one that is not what the
manifest says stops whoever asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from detect.calibrate import Calibration, Fusion
from detect.config import Config
from detect.errors import ConfigError, WeightsNotFound
from detect.models import CATALOGUE, FaceSpec, VoiceSpec
from detect.types import Modality
from weights import Checkpoint, Manifest, load_manifest, locate


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A checkpoint that runs, and what is filed with it."""

    spec: FaceSpec | VoiceSpec
    checkpoint: Checkpoint
    calibration: Calibration | None
    path: Path
    """Its verified file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoints:
    """What an engine runs."""

    models: Mapping[Modality, tuple[Model, ...]]
    """Checkpoints that run, in the order asked for."""
    missing: Mapping[Modality, tuple[Checkpoint, ...]]
    """Checkpoints asked for that are not on this machine."""
    fusion: Fusion | None

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of each checkpoint that runs, by its name: with the settings they decide a report's body."""
        return {model.checkpoint.name: model.checkpoint.sha256 for kind in Modality for model in self.models[kind]}

    @property
    def face_specs(self) -> tuple[FaceSpec, ...]:
        """Of the face checkpoints that run, in order."""
        return tuple(model.spec for model in self.models[Modality.FACE] if isinstance(model.spec, FaceSpec))

    @property
    def voice_specs(self) -> tuple[VoiceSpec, ...]:
        """Of the voice checkpoints that run, in order."""
        return tuple(model.spec for model in self.models[Modality.VOICE] if isinstance(model.spec, VoiceSpec))


def choose(config: Config, *, manifest: Manifest | None = None, weights: Sequence[Path] | None = None) -> Checkpoints:
    """Find the checkpoints that the settings ask for, and verify them.

    Args:
        config: Names the checkpoints.
        manifest: Checkpoints to choose from; None takes the project's own.
        weights: Folders searched before the usual places.

    Raises:
        ConfigError: an unknown checkpoint, or one of the wrong modality, is asked for.
        WeightsMismatch: a checkpoint is not the one the manifest names.
    """
    manifest = manifest if manifest is not None else load_manifest()
    models: dict[Modality, tuple[Model, ...]] = {}
    missing: dict[Modality, tuple[Checkpoint, ...]] = {}
    for modality in Modality:
        found, lost = [], []
        for name in _names(config, manifest, modality):
            checkpoint = manifest.checkpoint(name)
            try:
                path = locate(checkpoint, weights)
            except WeightsNotFound:
                lost.append(checkpoint)
                continue
            calibration = manifest.calibration_path(checkpoint)
            filed = Calibration.load(calibration, checkpoint.sha256) if calibration is not None else None
            found.append(Model(spec=CATALOGUE[name], checkpoint=checkpoint, calibration=filed, path=path))
        models[modality], missing[modality] = tuple(found), tuple(lost)
    fusion = manifest.fusion_path()
    return Checkpoints(models=models, missing=missing, fusion=Fusion.load(fusion) if fusion is not None else None)


def _names(config: Config, manifest: Manifest, modality: Modality) -> tuple[str, ...]:
    asked = config.scoring.face_models if modality is Modality.FACE else config.scoring.voice_models
    names = asked if asked is not None else manifest.default_names(modality.value)
    for name in names:
        if name not in CATALOGUE:
            raise ConfigError(f"no model is named {name}; there are: {', '.join(sorted(CATALOGUE))}")
        if CATALOGUE[name].modality is not modality:
            raise ConfigError(f"{name} is a {CATALOGUE[name].modality} model; it was asked for as a {modality} model")
    return names
