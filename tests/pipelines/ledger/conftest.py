"""Both ledgers, for tests that ask nothing about which one it is."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipelines.ledger.recipes import Place
from tests.pipelines.ledger.servers import Server, running_server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Where a ledger can be, with nothing there yet."""
    job = str(uuid.uuid4())
    if request.param == "sqlite":
        place = Place(str(tmp_path / "ledger.sqlite"), job)
    else:
        place = Place(request.getfixturevalue("server").url(), job)
    yield place
    place.close()
