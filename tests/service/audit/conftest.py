"""Databases for the audit log: a file of its own for each test, or a table that was emptied in a PostgreSQL server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from service.store.database import Store
from service.store.schema import audit
from tests.pipelines.ledger.servers import Server, running_server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Run a server that has the tables."""
    with running_server() as server:
        Store.open(server.url(), migrate=True).close()
        yield server


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a file that has the tables."""
    path = tmp_path_factory.mktemp("audit") / "empty.sqlite"
    Store.open(path, migrate=True).close()
    return path


@pytest.fixture
def path(empty_file: Path, tmp_path: Path) -> Path:
    """A database file that has the tables and no entry."""
    return Path(shutil.copy(empty_file, tmp_path / "unmask.sqlite"))


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """Both kinds of database, with no entry in the log."""
    place = request.getfixturevalue("path") if request.param == "sqlite" else request.getfixturevalue("server").url()
    with closing(Store.open(place)) as store:
        with store.write() as db:
            db.execute(audit.delete())
        yield store
