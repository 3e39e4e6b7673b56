"""The ledger's tables in PostgreSQL: one schema for all jobs, brought up to date by whoever connects first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, LiteralString

from detect.errors import ConfigError
from pipelines.ledger.postgresql_session import Row, Session

_LOCK = 0x756E6D6B
"""`unmk`: the advisory lock under which the schema is made or changed."""

_FIRST: tuple[LiteralString, ...] = (
    """
    CREATE TABLE unmask.jobs (
        number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        facts TEXT NOT NULL,
        triage BOOLEAN NOT NULL,
        inventory_complete BOOLEAN NOT NULL DEFAULT false
    )
    """,
    """
    CREATE TABLE unmask.items (
        job BIGINT NOT NULL,
        seq BIGINT NOT NULL,
        chain_key BYTEA NOT NULL,
        chain TEXT NOT NULL,
        locator TEXT NOT NULL,
        num_bytes NUMERIC,                -- archives may claim any size
        modified TEXT,
        md5 BYTEA,
        sha1 BYTEA,
        sha256 BYTEA,
        state TEXT,                       -- NULL while open
        reason TEXT,
        message TEXT NOT NULL,
        notes TEXT NOT NULL,
        alert TEXT,
        spool TEXT,
        original BOOLEAN NOT NULL,
        duplicate_of BIGINT,
        stage TEXT NOT NULL,              -- of the examination that comes next
        finished_at TEXT,
        owner TEXT,                       -- NULL unless leased
        due TIMESTAMPTZ,
        leases BIGINT NOT NULL DEFAULT 0,
        charged INTEGER NOT NULL DEFAULT 0,
        orphaned INTEGER NOT NULL DEFAULT 0,
        suspicion DOUBLE PRECISION,
        flagged BOOLEAN NOT NULL DEFAULT false,
        result TEXT,
        PRIMARY KEY (job, seq)
    )
    """,
    "CREATE UNIQUE INDEX items_chain ON unmask.items (job, chain_key)",
    "CREATE UNIQUE INDEX items_original ON unmask.items (job, sha256) WHERE original",
    """
    CREATE INDEX items_pending ON unmask.items (job, stage, suspicion DESC NULLS LAST, seq)
    WHERE state IS NULL AND owner IS NULL
    """,
    "CREATE INDEX items_leased ON unmask.items (job, owner) WHERE owner IS NOT NULL",
    "CREATE INDEX items_spool ON unmask.items (job, spool) WHERE state IS NULL AND spool IS NOT NULL",
    "CREATE INDEX items_flagged ON unmask.items (job, seq) WHERE flagged OR alert IS NOT NULL",
    """
    CREATE TABLE unmask.containers (
        job BIGINT NOT NULL,
        number BIGINT GENERATED ALWAYS AS IDENTITY,
        chain_key BYTEA NOT NULL,
        chain TEXT NOT NULL,
        kind TEXT NOT NULL,
        state TEXT NOT NULL,
        num_members BIGINT NOT NULL,
        detail TEXT NOT NULL,
        facts TEXT NOT NULL,
        PRIMARY KEY (job, number)
    )
    """,
    "CREATE UNIQUE INDEX containers_chain ON unmask.containers (job, chain_key)",
    # Several rows for each number, so that dispatchers that end items at the same time do not wait for each other.
    """
    CREATE TABLE unmask.tally (
        job BIGINT NOT NULL,
        name TEXT NOT NULL,
        shard INTEGER NOT NULL,
        value NUMERIC NOT NULL,
        PRIMARY KEY (job, name, shard)
    )
    """,
)

_STEPS: tuple[tuple[LiteralString, ...], ...] = (_FIRST,)
"""What leads from each version to the next; only ever appended to."""
VERSION = len(_STEPS)
"""Of the schema, in `unmask.version`."""

_Ask = Callable[[LiteralString, Sequence[Any]], list[Row]]


def prepare(session: Session) -> None:
    """Make the tables, or bring them up to date.

    Raises:
        ConfigError: they were made by a newer version, or by something else, or we have no right to make them.
        DeviceError: the server fails.
    """
    if _version(session.read) == VERSION:
        return

    def migrate() -> None:
        session.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        version = _version(session.execute)
        if version == 0:
            session.execute("CREATE SCHEMA IF NOT EXISTS unmask")
            session.execute("CREATE TABLE unmask.version (number INTEGER NOT NULL)")
            session.execute("INSERT INTO unmask.version VALUES (0)")
        for statements in _STEPS[version:]:
            for statement in statements:
                session.execute(statement)
        session.execute("UPDATE unmask.version SET number = %s", (VERSION,))

    session.transaction(migrate)


def _version(ask: _Ask) -> int:
    """Version of the tables that are there; 0 where none are.

    Raises:
        ConfigError: it is newer than this program.
    """
    # Not `to_regclass`: it answers from a cache, which waiting for an advisory lock does not refresh.
    if not ask("SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = 'unmask' AND tablename = 'version'", ()):
        return 0
    version = int(ask("SELECT coalesce(max(number), 0) FROM unmask.version", ())[0][0])
    if version > VERSION:
        raise ConfigError(
            f"the ledger in PostgreSQL was made by a newer unmask (schema {version}, this one knows {VERSION})"
        )
    return version
