"""Services for tests: one that only takes orders, and one that examines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.demo import make_demo
from tests.service.api.bench import Bench, bench, examining, serving


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Bench]:
    """A running service; jobs can be made, and stay in the queue."""
    with bench(tmp_path) as made, serving(made):
        made.announce()
        yield made


@pytest.fixture
def client(at: Bench) -> Iterator[httpx.Client]:
    """Somebody with the first key of `at`."""
    with at.client() as client:
        yield client


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A running service that examines, with the default checkpoints; one for a whole file of tests."""
    with bench(tmp_path_factory.mktemp("live")) as made, serving(made), examining(made):
        yield made


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration recording."""
    path = tmp_path_factory.mktemp("demo") / "demo.mp4"
    make_demo(path)
    return path
