"""Databases of both kinds, each a fresh one of its own."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from service.store.database import Store
from tests.pipelines.ledger.servers import Server, binaries


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server, with nothing in it."""
    folder = binaries()
    if folder is None or shutil.which("setpriv") is None:
        pytest.skip("no PostgreSQL server on this machine, or no setpriv to run it without root's rights")
    server = Server(folder)
    yield server
    server.remove()


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    """The name of a database with nothing in it."""
    name = f"d{uuid.uuid4().hex}"
    with psycopg.connect(server.url(), autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}".encode())
    yield name
    with psycopg.connect(server.url(), autocommit=True) as db:
        db.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


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
