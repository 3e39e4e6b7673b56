"""Databases of both kinds, each a fresh one of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from service.store.database import Store
from tests.pipelines.ledger.servers import Server, fresh_database, running_server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server, with nothing in it."""
    with running_server() as server:
        yield server


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    """The name of a database with nothing in it."""
    with fresh_database(server) as name:
        yield name


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a database can be: a file that is not there yet, or an address; there are no tables."""
    if request.param == "sqlite":
        return str(tmp_path / "service.sqlite")
    server: Server = request.getfixturevalue("server")
    return server.url(request.getfixturevalue("database"))


@pytest.fixture
def place(empty: str) -> str:
    """Where a database is that has this version's tables, of both kinds."""
    Store.open(empty, migrate=True).close()
    return empty


@pytest.fixture
def store(place: str) -> Iterator[Store]:
    """An open database, of both kinds."""
    with closing(Store.open(place)) as store:
        yield store


@pytest.fixture
def served(server: Server, database: str) -> Iterator[Store]:
    """An open database in the server."""
    with closing(Store.open(server.url(database), migrate=True)) as store:
        yield store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database in a file, with the tables."""
    path = tmp_path / "service.sqlite"
    Store.open(path, migrate=True).close()
    return path
