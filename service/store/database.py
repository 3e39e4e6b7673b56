"""How the database is opened, migrated and spoken to: one `Store` a process.

`read` and `write` are transactions that end with their block: committed, or undone where it raised. A write on SQLite
takes the lock when it begins, so that what it read stays true; on PostgreSQL rows and keys say what collides.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Any, Self, TypeVar

from alembic import command
from alembic.config import Config as Migrations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from detect.errors import ConfigError
from service.problems import Problem, StorageFull, Unavailable

T = TypeVar("T")

_BUSY_SECONDS = 30.0
"""How long a writer waits for another on SQLite: longer than any transaction here, as the ledger waits."""
_POOL = 20
_OVERFLOW = 20
"""Connections: the thread pool of the API has 40 threads (Starlette's default, anyio documentation), one each."""
_POOL_SECONDS = 15.0
_TRIES = 3
"""A transaction that lost against another, or whose connection went before it was committed, is safe to repeat."""
_LOST = frozenset({"40001", "40P01", "23505", "23503"})
"""PostgreSQL: serialization failure, deadlock, and keys that somebody else has just used or removed: the next try finds
it there, or gone (documentation, appendix A)."""
_DAMAGED = frozenset({"XX001", "XX002"})
"""PostgreSQL: damaged data, damaged index."""
_READ_ONLY = "25006"
"""PostgreSQL: the server that answers is one that only reads, as during a failover."""
_RETRY_SECONDS = 5
MIGRATIONS = Path(__file__).parent / "migrations"


class Store:
    """The database, open.

    Use `open`, and close it.
    """

    def __init__(self, engine: Engine, place: str) -> None:
        self._engine = engine
        self._place = place
        self._writer = engine.execution_options(unmask_writes=True)
        self._turn = threading.Lock()

    @classmethod
    def open(cls, place: str | Path, *, migrate: bool = False, create: bool = False) -> Self:
        """Open a database.

        Args:
            place: A file, or the address of a PostgreSQL server.
            migrate: Bring it to this version's schema; else it has to be there already.
            create: Make the tables where there are none; older ones are left to `migrate`, which somebody asks for.

        Raises:
            ConfigError: it cannot be opened, is damaged, or has another schema than this version needs.
        """
        engine = _engine(place)
        store = cls(engine, _shown(place))
        try:
            if migrate or create:
                store._migrate(only_new=not migrate)
            store._check()
        except BaseException:
            engine.dispose()
            raise
        return store

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file on this machine."""
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that changes nothing.

        Raises:
            Unavailable: the database cannot be reached.
        """
        with _translated(), self._engine.connect() as db, db.begin():
            yield db

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction.

        Raises:
            Unavailable: the database cannot be reached, or is locked for long.
            StorageFull: the disk is full; nothing was changed.
        """
        with self._in_turn(), _translated(), self._writer.connect() as db, db.begin():
            yield db

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Let one thread of this process write to a file at a time.

        SQLite lets those who wait sleep, longer and longer, and whoever wakes at the right moment is next: of 16 that
        hand in without a pause one in a hundred waited 2.3 s so, and 0.4 s in turn (`python -m benchmarks load`).
        """
        if not self.is_sqlite:
            yield
            return
        if not self._turn.acquire(timeout=_BUSY_SECONDS):
            raise Unavailable("The database is busy with other changes.", retry_after_seconds=_RETRY_SECONDS)
        try:
            yield
        finally:
            self._turn.release()

    def repeat(self, step: Callable[[Connection], T]) -> T:
        """Run a step in a write transaction, again where it lost against another or the connection went before the end.

        Args:
            step: Does nothing but speak to the database.
        """
        for attempt in range(1, _TRIES + 1):
            try:
                with self.write() as db:
                    return step(db)
            except _Again:
                if attempt == _TRIES:
                    raise
                sleep(0.05 * attempt)
        raise AssertionError("unreachable: the last try returns or raises")

    def now(self, db: Connection) -> float:
        """Seconds of the Unix epoch by the database's clock, so that hosts need not agree."""
        if self.is_sqlite:
            return float(db.scalar(text("SELECT (julianday('now') - 2440587.5) * 86400.0")))
        return float(db.scalar(text("SELECT extract(epoch FROM clock_timestamp())")))

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    def _migrate(self, *, only_new: bool) -> None:
        migrations = _migrations()
        with _translated(), self._writer.connect() as db, db.begin():
            if not self.is_sqlite:
                # Two that start at once: the second waits, and finds the work done. The number is this project's own.
                db.execute(text("SELECT pg_advisory_xact_lock(7246920119)"))
            there = _revision(db)
            if (there is not None and only_new) or not _is_known(there):
                return  # `_check` says what is the matter
            migrations.attributes["connection"] = db
            command.upgrade(migrations, "head")

    def _check(self) -> None:
        with _translated(), self._engine.connect() as db, db.begin():
            there = _revision(db)
            needed = ScriptDirectory.from_config(_migrations()).get_current_head()
            if not _is_known(there):
                raise ConfigError(
                    f"{self._place} has schema {there}, of a newer version of unmask than this one, "
                    f"which needs {needed}: use the newer version, or put back a copy"
                )
            if there != needed:
                raise ConfigError(
                    f"{self._place} has schema {there or 'none'}, this version needs {needed}: "
                    "`unmask database migrate` brings it up; make a copy first"
                )
            if self.is_sqlite and (damage := db.scalar(text("PRAGMA quick_check(1)"))) != "ok":
                raise ConfigError(
                    f"{self._place} is damaged ({str(damage).splitlines()[-1]}): put back a copy, "
                    f"or save what can be read with `sqlite3 {self._place} .recover`"
                )


class _Again(Unavailable):
    """Nothing was changed; the same may go through the next time."""


def _engine(place: str | Path) -> Engine:
    """Raises ConfigError where there is no such kind of database."""
    address = str(place)
    if "://" not in address:
        Path(address).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        address = f"sqlite:///{address}"
    try:
        url = make_url(address)
        if url.get_backend_name() == "postgresql":
            return create_engine(
                url.set(drivername="postgresql+psycopg"),
                hide_parameters=True,
                pool_pre_ping=True,
                pool_size=_POOL,
                max_overflow=_OVERFLOW,
                pool_timeout=_POOL_SECONDS,
            )
        if url.get_backend_name() != "sqlite":
            raise ConfigError(f"a database is a file or postgresql://..., not {url.get_backend_name()}")
    except (ArgumentError, ModuleNotFoundError, ValueError) as error:  # the last of a port that is no number
        raise ConfigError(f"the database cannot be opened: {error}") from error
    engine = create_engine(
        url,
        hide_parameters=True,  # messages go to the log, and what is written there are names and secrets' digests
        connect_args={"timeout": _BUSY_SECONDS},
        pool_size=_POOL,
        max_overflow=_OVERFLOW,
        pool_timeout=_POOL_SECONDS,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver's own idea of when to begin is not ours (SQLAlchemy, pysqlite)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(db: Connection) -> None:
    writes = db.get_execution_options().get("unmask_writes", False)
    db.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _revision(db: Connection) -> str | None:
    """Name of the schema that is there; None for an empty database."""
    return MigrationContext.configure(db).get_current_revision()


def _is_known(revision: str | None) -> bool:
    """Whether this version has heard of a schema."""
    return revision is None or any(
        one.revision == revision for one in ScriptDirectory.from_config(_migrations()).walk_revisions()
    )


def _migrations() -> Migrations:
    migrations = Migrations()
    migrations.set_main_option("script_location", str(MIGRATIONS))
    return migrations


@contextmanager
def _translated() -> Iterator[None]:
    """Give the database's errors their names here."""
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable("All connections are in use.", retry_after_seconds=_RETRY_SECONDS) from error
    except DBAPIError as error:
        raise _named(error) from error
    except SQLAlchemyError as error:
        raise ConfigError(f"the database failed: {error}") from error


def _named(error: DBAPIError) -> Problem | ConfigError | DBAPIError:
    cause: Any = error.orig
    state = getattr(cause, "sqlstate", None)
    if state in _LOST or error.connection_invalidated:
        return _Again("The database was busy with another change.", retry_after_seconds=1)
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL or state == "53100":
        return StorageFull("The database's disk is full; nothing was changed.", retry_after_seconds=60)
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB} or state in _DAMAGED:
        return ConfigError(f"the database is damaged ({cause}): put back a copy")
    if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
        return ConfigError(f"the database cannot be opened for writing: {cause}")
    if isinstance(error, OperationalError) or state == _READ_ONLY:
        return Unavailable("The database cannot be reached.", retry_after_seconds=_RETRY_SECONDS)
    return error


def _shown(place: str | Path) -> str:
    """The database for messages: without a password."""
    address = str(place)
    return make_url(address).render_as_string(hide_password=True) if "://" in address else address
