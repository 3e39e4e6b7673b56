"""A sandbox whose children also know how to break, and evidence that tells them to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from detect.config import Config, Limits
from pipelines.sandbox import Sandbox

FAULTY = "tests.pipelines.faulty_child"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(entry=FAULTY) as sandbox:
        yield sandbox


@pytest.fixture
def evidence(tmp_path: Path) -> Callable[[str], Path]:
    """Write a line that `faulty_child` obeys; return the file."""

    def write(line: str) -> Path:
        path = tmp_path / line.replace(" ", "_")
        path.write_text(line + "\n")
        return path

    return write


@pytest.fixture
def brief() -> Config:
    """A short deadline, and little memory."""
    limits = Limits(deadline_floor_seconds=1.0, deadline_seconds_per_megabyte=0.0, decoder_memory_bytes=2**28)
    return Config(limits=limits)
