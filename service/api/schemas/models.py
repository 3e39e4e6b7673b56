"""Checkpoints, and what may be expected of them."""

from __future__ import annotations

from typing import Literal

from service.api.schemas.common import Out


class ModelPopulation(Out):
    """What a calibration was fitted on: an LLR holds for recordings like these."""

    description: str
    num_bonafide: int
    num_spoof: int
    largest_llr: float
    """Of a whole modality, nats: so many trials support no stronger evidence."""
    smallest_llr: float


class ModelResult(Out):
    """A number that others measured."""

    benchmark: str
    metric: str
    value: float
    source: str


class Model(Out):
    """A checkpoint that this installation knows."""

    name: str
    modality: Literal["face", "voice"]
    architecture: str
    kind: Literal["default", "upstream"]
    """`default`: made by this project. `upstream`: its authors'."""
    sha256: str
    num_bytes: int
    licence: str
    """SPDX identifier."""
    source: str | None
    """Where its authors publish it; null for the project's own."""
    paper: str
    training_data: list[str]
    """Results on these are no evidence of anything."""
    known_limits: str
    calibration: ModelPopulation | None
    """Null: its outputs are of unknown strength, and give no LLR."""
    published: list[ModelResult]
    in_use: bool
    """Examinations that are asked for now use it."""
    in_use_sha256: str | None
    """Of the file that the dispatchers verified; null where it is not in use."""


class ModelCard(Model):
    """A checkpoint with its card."""

    card: str
    """Markdown: what to read before relying on it."""


class ModelList(Out):
    """What this installation knows, and what it uses."""

    models: list[Model]
    fusion: ModelPopulation | None
    """What the fusion of face and voice was fitted on; null where none is filed."""
    tool: str | None
    """Program and version of the setup in use; null before the first dispatcher."""
    config_digest: str | None
