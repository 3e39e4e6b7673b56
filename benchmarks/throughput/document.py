"""All that was measured, as one document: pages and plots are made of it alone, and of nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmarks.scorefile import Machine
from detect.errors import ConfigError

JSON = "throughput.json"
FORMAT_VERSION: Literal[1] = 1


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class Row(_Part):
    """One thing that was measured, again and again."""

    name: str
    values: tuple[float, ...]
    """In the order of rounds; those of one round stand beside each other in time. Unit: as the part says."""


class Stages(_Part):
    """Decoding alone, each stage, the whole; seconds."""

    device: str
    """Where the models ran."""
    about: str
    rows: tuple[Row, ...]
    """The first is what the others are measured against."""


class Cold(_Part):
    """A fresh process, step by step; seconds."""

    about: str
    rows: tuple[Row, ...]


class Batch(_Part):
    """One checkpoint at one batch size."""

    device: str
    checkpoint: str
    items: str
    """`face crops` or `voice windows`."""
    way: str
    size: int
    per_second: tuple[float, ...]


class Batches(_Part):
    """Items a second, by size."""

    about: str
    rows: tuple[Batch, ...]


class Crew(_Part):
    """One way of working through several recordings."""

    way: str
    workers: int
    num_recordings: int
    per_minute: tuple[float, ...]


class Workers(_Part):
    """Recordings a minute, by worker."""

    about: str
    rows: tuple[Crew, ...]
    """The first is what the others are measured against."""


class Entry(_Part):
    """One program of a contest."""

    name: str
    seconds: tuple[float, ...]
    facts: dict[str, int]
    """What it gives: frames, faces, windows. The same in every round."""


class Contest(_Part):
    """This program against what a user would write instead."""

    title: str
    device: str
    about: str
    rows: tuple[Entry, ...]
    """The first is this program."""


class Memory(_Part):
    """Highest memory of a fresh process and its children; bytes."""

    about: str
    rows: tuple[Row, ...]
    """The first is this program."""


class Document(_Part):
    """A run. Parts that were not asked for are absent."""

    format_version: Literal[1] = FORMAT_VERSION
    tool: str
    command: str
    repeats: int
    machine: Machine
    load_average: float
    """Of the last minute before the run: how many others wanted a CPU."""
    stages: tuple[Stages, ...] = ()
    cold: Cold | None = None
    batches: Batches | None = None
    workers: Workers | None = None
    contests: tuple[Contest, ...] = ()
    memory: Memory | None = None


def write(document: Document, path: Path) -> None:
    """Write a document as indented JSON."""
    path.write_text(document.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> Document:
    """A document as written.

    Raises:
        ConfigError: it is not there, or is none of this version.
    """
    try:
        return Document.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise ConfigError(f"{path} is not there") from error
    except ValidationError as error:
        raise ConfigError(f"{path} is no measurement of this version: {error}") from error
