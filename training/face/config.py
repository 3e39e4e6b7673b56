"""The configuration of a face training, as `training/face.toml` writes it."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from detect.errors import ConfigError
from detect.models import CATALOGUE, FaceSpec
from training.fit import Schedule


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Pairs(_Section):
    """What a batch is made of."""

    pairs: int = Field(gt=0)
    """Pairs in a batch: twice as many pictures."""
    blended_share: float = Field(ge=0, le=1)
    """Of pairs with a known fake: how many show part of it in its original."""
    self_blended_share: float = Field(ge=0, le=1)
    """Of all pairs: how many show a bona fide face blended into itself."""
    unpaired_share: float = Field(ge=0, le=1)
    """Of all pairs: how many come from pictures without a known original, where there are such."""
    sizes_px: tuple[int, ...] = Field(min_length=1)
    """Sides of the crops, multiples of 32; one is drawn for each batch."""
    size_shares: tuple[float, ...] = Field(min_length=1)


class FaceTraining(_Section):
    """Everything that decides the result of a face training."""

    checkpoint: str
    """`architecture.training`: whose spec is trained."""
    tight_datasets: tuple[str, ...]
    """Data sets whose pictures are tight crops already; others are cut with the project's detector."""
    initial: str | None = None
    """Safetensors file with ImageNet weights, below the folder with development data; None starts from scratch."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    label_smoothing: float = Field(default=0.02, ge=0, lt=1)
    validation_px: int = Field(gt=0)
    """Side of the validation crops, the spec's own."""
    batch: Pairs
    schedule: Schedule

    def fingerprint(self) -> str:
        """SHA-256 of all settings."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def face_spec(config: FaceTraining) -> FaceSpec:
    """The network that a configuration trains.

    Raises:
        ConfigError: the catalogue has no such face checkpoint.
    """
    spec = CATALOGUE.get(config.checkpoint)
    if not isinstance(spec, FaceSpec):
        raise ConfigError(f"{config.checkpoint} is no face checkpoint of the catalogue")
    return spec


def read_config(path: Path) -> FaceTraining:
    """Read a configuration file.

    Raises:
        ConfigError: it is not there, or not a configuration.
    """
    try:
        return FaceTraining.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError) as error:
        raise ConfigError(f"{path}: {error}") from error
