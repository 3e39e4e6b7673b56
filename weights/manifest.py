"""The manifest: which checkpoints there are, where each comes from, and what it may be held to."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from weights.errors import WeightsError, WeightsNotFound

PACKAGE_FOLDER = Path(__file__).resolve().parent
"""Holds `manifest.toml`, the cards and the project's own small checkpoints."""

_FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""A bare name: a manifest cannot point outside the folders that are searched."""
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class Published(_Entry):
    """A number that others measured."""

    benchmark: str
    """Data set, subset, and what one trial is."""
    metric: str
    """With its unit: `EER %`, `min t-DCF`, `accuracy`."""
    value: float
    source: str


class Conversion(_Entry):
    """The safetensors file that `weights.keras` makes of a Keras HDF5 file, byte for byte the same everywhere."""

    file: _FileName
    sha256: _Digest


class Checkpoint(_Entry):
    """One set of trained parameters."""

    name: str = Field(pattern=r"^[a-z0-9-]+\.[a-z0-9-]+$")
    """`architecture.training`."""
    modality: Literal["face", "voice"]
    architecture: str
    kind: Literal["default", "upstream"]
    """`default`: made by `training/` and part of this package. `upstream`: fetched from its authors' address."""
    file: _FileName
    """As stored on this machine; the authors may call it otherwise."""
    sha256: _Digest
    """Of that file."""
    num_bytes: int = Field(gt=0)
    url: str | None = Field(default=None, pattern=r"^https://")
    repository: str | None = None
    commit: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}$")
    licence: str
    """SPDX identifier."""
    paper: str
    training_data: tuple[str, ...]
    """Data sets it was trained or selected on: results on these are no evidence of anything."""
    corpora: tuple[str, ...]
    """The same and what it was calibrated on, in the names of `benchmarks/corpora.py`, which knows their sources."""
    card: _FileName
    """In `cards/`: what a person should read before relying on it."""
    calibration: _FileName | None = None
    """Beside the manifest; None where nothing is filed and so no LLR is given."""
    published: tuple[Published, ...] = ()
    known_limits: str
    """One or two plain sentences for a report's reader."""
    converted: Conversion | None = None
    """For Keras HDF5: the file that is loaded instead."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.name.split(".")[0] != self.architecture:
            raise ValueError(f"{self.name} does not begin with its architecture, {self.architecture}")
        if self.kind == "upstream" and not (self.url and self.repository and self.commit):
            raise ValueError(f"{self.name} is upstream and needs url, repository and commit")
        if (self.converted is not None) != self.file.endswith(".h5"):
            raise ValueError(f"{self.name}: `converted` belongs to .h5 files, and they need it")
        return self


class Defaults(_Entry):
    """Checkpoints that run when a configuration names none."""

    face: tuple[str, ...]
    voice: tuple[str, ...]


class Manifest(_Entry):
    """Every checkpoint this project can run."""

    folder: Path
    """Where the manifest lies; not part of the file."""
    defaults: Defaults
    fusion: _FileName | None = None
    """Beside the manifest: how the modalities' LLRs become one; None where nothing is filed."""
    checkpoints: tuple[Checkpoint, ...]

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        names = [checkpoint.name for checkpoint in self.checkpoints]
        files = [checkpoint.file for checkpoint in self.checkpoints]
        files += [checkpoint.converted.file for checkpoint in self.checkpoints if checkpoint.converted]
        for kind, values in (("name", names), ("file", files)):
            twice = {value for value in values if values.count(value) > 1}
            if twice:
                raise ValueError(f"a {kind} stands for two things: {', '.join(sorted(twice))}")
        known = {checkpoint.name: checkpoint.modality for checkpoint in self.checkpoints}
        for modality in ("face", "voice"):
            for name in self.default_names(modality):
                if known.get(name) != modality:
                    raise ValueError(f"default {name} is no {modality} checkpoint of this manifest")
        return self

    def default_names(self, modality: str) -> tuple[str, ...]:
        """Checkpoints that run by default for `face` or `voice`."""
        return {"face": self.defaults.face, "voice": self.defaults.voice}[modality]

    def checkpoint(self, name: str) -> Checkpoint:
        """The checkpoint of that name.

        Raises:
            WeightsNotFound: there is none.
        """
        for checkpoint in self.checkpoints:
            if checkpoint.name == name:
                return checkpoint
        known = ", ".join(sorted(checkpoint.name for checkpoint in self.checkpoints))
        raise WeightsNotFound(f"no checkpoint is named {name}; there are: {known}")

    def calibration_path(self, checkpoint: Checkpoint) -> Path | None:
        """File with the checkpoint's calibration; None where nothing is filed."""
        return self.folder / checkpoint.calibration if checkpoint.calibration is not None else None

    def fusion_path(self) -> Path | None:
        """File that says how LLRs of modalities are fused; None where nothing is filed."""
        return self.folder / self.fusion if self.fusion is not None else None

    def card_path(self, checkpoint: Checkpoint) -> Path:
        """The checkpoint's card."""
        return self.folder / "cards" / checkpoint.card


def load_manifest(path: Path | None = None) -> Manifest:
    """Read a manifest.

    Args:
        path: The file; None takes the one in this package.

    Raises:
        WeightsError: it is not there, or not a manifest.
    """
    path = path if path is not None else PACKAGE_FOLDER / "manifest.toml"
    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
        if "folder" in content:
            raise WeightsError(f"{path}: `folder` is not for the file to say")
        return Manifest.model_validate({**content, "folder": path.resolve().parent})
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError) as error:
        raise WeightsError(f"{path} is not a manifest: {error}") from error
