"""Logit -> log-likelihood ratio, from the calibration filed with the checkpoint, and the words for it.

A calibration is fitted on data that was neither trained on nor is reported on, and is bound to one checkpoint by its
SHA-256. Without one there is no LLR: `Calibration.find` says None, and everything after it says *uncalibrated*.
LLRs are natural logarithms; positive supports manipulation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from detect.errors import WeightsMismatch
from detect.types import Modality


class Level(StrEnum):
    """What a logit speaks of; each level has its own map, because pooling changes the distribution."""

    WINDOW = "window"
    """One face crop or one voice window."""
    SUBJECT = "subject"
    """One face track, one utterance, one voice, or one of them within one time segment."""
    MODALITY = "modality"
    """All faces, or all voices, of the recording."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class AffineMap(_Part):
    """`llr = a * logit + b`, cut to `[lower, upper]`."""

    a: float = Field(gt=0)
    """Positive: a calibration never turns a checkpoint's polarity round."""
    b: float
    lower: float = Field(le=0)
    upper: float = Field(ge=0)
    """What the number of calibration trials can support: with n trials of a class, no LLR beyond about ln(n + 1) can
    be told from a larger one (Vergeer et al., Science & Justice 56, 2016)."""

    def apply(self, logit: float) -> tuple[float, bool]:
        """LLR in nats, and whether it was cut at a bound."""
        llr = self.a * logit + self.b
        return min(max(llr, self.lower), self.upper), not self.lower < llr < self.upper


class Pooling(_Part):
    """From many logits to one: the mean of the highest `fraction` of them, at least one.

    1 is the plain mean, 0 the maximum. A few manipulated seconds raise the former little and the latter much; which
    to take is chosen on the calibration data and filed with the checkpoint.
    """

    fraction: float = Field(ge=0, le=1)

    def pool(self, logits: Sequence[float]) -> float:
        """One logit for many.

        Raises:
            ValueError: there are none to pool.
        """
        if not logits:
            raise ValueError("no logits to pool")
        # The small allowance keeps 0.3 * 10 = 3.0000000000000004 from counting as four.
        count = max(1, math.ceil(self.fraction * len(logits) - 1e-9))
        return math.fsum(sorted(logits, reverse=True)[:count]) / count


UNCALIBRATED_POOLING = {Level.SUBJECT: Pooling(fraction=1.0), Level.MODALITY: Pooling(fraction=0.0)}
"""Where nothing is filed: a subject's logit is the mean of its windows, a modality's that of its highest subject, so
that one manipulated face among many is not averaged away. A convention for showing logits, not a measured choice."""


class Population(_Part):
    """What the calibration was fitted on: an LLR holds for recordings like these."""

    description: str
    num_bonafide: int = Field(gt=0)
    num_spoof: int = Field(gt=0)
    command: str
    """What fits it again."""


class Calibration(_Part):
    """The maps of one checkpoint, one for each level, as filed beside it in JSON."""

    format_version: Literal[1]
    checkpoint_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    maps: dict[Level, AffineMap]
    pooling: dict[Level, Pooling]
    """For the levels above `window`."""
    population: Population

    @model_validator(mode="after")
    def _every_level_is_there(self) -> Self:
        if set(self.maps) != set(Level):
            raise ValueError(f"maps must name the levels {', '.join(Level)}")
        if set(self.pooling) != {Level.SUBJECT, Level.MODALITY}:
            raise ValueError("pooling must name the levels subject, modality")
        return self

    @classmethod
    def load(cls, path: Path, checkpoint_sha256: str) -> Self:
        """Read a calibration and check that it belongs to the checkpoint.

        Raises:
            WeightsMismatch: it is malformed or was fitted for other weights.
        """
        try:
            calibration = cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise WeightsMismatch(f"{path}: not a calibration: {error}") from error
        if calibration.checkpoint_sha256 != checkpoint_sha256:
            raise WeightsMismatch(
                f"{path} was fitted for the checkpoint {calibration.checkpoint_sha256}, not for {checkpoint_sha256}"
            )
        return calibration


class Fusion(_Part):
    """From one LLR a modality to one for the recording: a weighted sum, fitted like a calibration."""

    format_version: Literal[1]
    weights: dict[Modality, float]
    b: float
    lower: float = Field(le=0)
    upper: float = Field(ge=0)
    population: Population

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a fusion file.

        Raises:
            WeightsMismatch: it is malformed.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise WeightsMismatch(f"{path}: not a fusion: {error}") from error

    def apply(self, llrs: dict[Modality, float]) -> tuple[float, bool]:
        """LLR of the recording in nats, and whether it was cut at a bound."""
        llr = math.fsum(self.weights[modality] * value for modality, value in llrs.items()) + self.b
        return min(max(llr, self.lower), self.upper), not self.lower < llr < self.upper


_SCALE: tuple[tuple[float, str], ...] = (
    (1_000_000.0, "extremely strong"),
    (10_000.0, "very strong"),
    (1_000.0, "strong"),
    (100.0, "moderately strong"),
    (10.0, "moderate"),
    (2.0, "weak"),
)
"""Lowest likelihood ratio of each step: ENFSI Guideline for Evaluative Reporting in Forensic Science (2015)."""

PROPOSITIONS: dict[Modality | Literal["recording"], tuple[str, str]] = {
    Modality.FACE: (
        "a face in the recording was manipulated or synthesised by a program",
        "the faces in the recording are bona fide",
    ),
    Modality.VOICE: (
        "a voice in the recording was manipulated or synthesised by a program",
        "the voices in the recording are bona fide",
    ),
    "recording": (
        "a face or a voice in the recording was manipulated or synthesised by a program",
        "the faces and voices in the recording are bona fide",
    ),
}
"""What is weighed against what: the first is manipulation, the second its alternative."""


def verbal(llr: float, subject: Modality | Literal["recording"]) -> str:
    """An LLR in words, naming both propositions.

    Args:
        llr: Natural log; positive supports manipulation.
        subject: Whose propositions.
    """
    manipulated, bonafide = PROPOSITIONS[subject]
    supported, alternative = (manipulated, bonafide) if llr >= 0 else (bonafide, manipulated)
    # Compared as logarithms: a likelihood ratio of e^800 would overflow.
    strength = next((word for ratio, word in _SCALE if abs(llr) >= math.log(ratio) - 1e-12), None)
    if strength is None:
        return f"The findings do not support that {manipulated} over that {bonafide}, nor the reverse."
    return (
        f"The findings provide {strength} support for the proposition that {supported}, rather than that {alternative}."
    )
