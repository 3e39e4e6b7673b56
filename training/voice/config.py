"""The configuration of a voice training, as read from `training/voice.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from detect.errors import ConfigError
from detect.models import CATALOGUE, VoiceSpec
from training.fit import Schedule

_Share = Field(ge=0, le=1)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Augmentation(_Part):
    """How likely each degradation is; the same for both classes."""

    reverberation: float = _Share
    noise: float = _Share
    impulses: float = _Share
    line: float = _Share
    """A random frequency response."""
    distortion: float = _Share
    high_pass: float = _Share
    band_limit: float = _Share
    codec: float = _Share
    second_codec: float = _Share
    """Of those that were coded once."""
    speed: float = _Share
    """Played faster or slower."""
    trim: float = _Share
    """Silence at both ends is cut away."""
    clean: float = _Share
    """Nothing but level, speed and silence at the ends changes."""

    def none(self) -> Augmentation:
        """The same with every likelihood zero."""
        return Augmentation(**dict.fromkeys(Augmentation.model_fields, 0.0))


class Batches(_Part):
    """What one step sees: rows of `bona fide, spoof, bona fide, spoof ...`."""

    made_pairs: int = Field(gt=0)
    """A bona fide utterance and a machine-made copy of it, one chain of degradations for both."""
    labelled_pairs: int = Field(ge=0)
    """A ground truth and a synthesis of the same sentence, one chain for both."""
    singles: int = Field(ge=0)
    """A bona fide utterance and a spoof that have nothing to do with each other, a chain each."""
    seconds: tuple[float, ...]
    """Lengths of the windows; one is drawn for each batch."""
    hybrid: float = _Share
    """Of the copies: only a band or a stretch of time is machine-made."""
    makers: dict[str, float]
    """How often each kind of copy is taken, in proportion."""
    studio_share: float = _Share
    """Of the bona fide utterances: those that a demonstration page pairs with syntheses."""
    sound_alike: float = Field(ge=0)
    """Weight of the loss on the order of the two of a pair, beside the loss on each."""


class VoiceConfig(_Part):
    """One training of the voice network."""

    checkpoint: str
    """Of the catalogue: which network, and its window."""
    initial: str | None = None
    """Weights of an earlier run to begin with, relative to the folder of this one; None begins anew."""
    copies_seed: int
    """Of the machine-made copies."""
    label_smoothing: float = Field(ge=0, lt=0.5)
    augmentation: Augmentation
    batch: Batches
    schedule: Schedule

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a configuration file.

        Raises:
            ConfigError: it is missing or malformed.
        """
        try:
            return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
            raise ConfigError(f"{path}: {error}") from error


def voice_spec(config: VoiceConfig) -> VoiceSpec:
    """The network that a configuration trains.

    Raises:
        ConfigError: the catalogue has no such voice checkpoint.
    """
    spec = CATALOGUE.get(config.checkpoint)
    if not isinstance(spec, VoiceSpec):
        raise ConfigError(f"{config.checkpoint} is no voice checkpoint of the catalogue")
    return spec
