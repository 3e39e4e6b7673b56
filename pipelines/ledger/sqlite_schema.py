"""The ledger's SQLite file: its tables, and what is checked before it is trusted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from detect.errors import ConfigError, DeviceError, UnmaskError

VERSION = 1
"""Of the schema, in `PRAGMA user_version`."""
_APPLICATION = 0x756E6D6B
"""`unmk`, in `PRAGMA application_id`: no other program's database is taken for a ledger."""
_BUSY_SECONDS = 60.0
"""A backup or a virus scanner may hold the file for half a minute; our own transactions take milliseconds."""
_CACHE_KIB = 65_536
"""The upper levels of all indexes of a million items, and the leaves of the folder at hand."""
_CHECKPOINT_PAGES = 8_192
"""Digests fall anywhere in their index: a page is rewritten by many batches, and 32 MiB of log gather those writes."""
_JOURNAL_BYTES = 67_108_864
"""What the write-ahead log keeps on disk after a burst."""

_TABLES = """
CREATE TABLE job (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    facts TEXT NOT NULL,
    triage INTEGER NOT NULL,
    inventory_complete INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE items (
    seq INTEGER PRIMARY KEY,
    chain_key BLOB NOT NULL,
    chain TEXT NOT NULL,
    locator TEXT NOT NULL,
    num_bytes,                        -- text where 63 bits are too few: archives may claim any size
    modified TEXT,
    md5 BLOB,
    sha1 BLOB,
    sha256 BLOB,
    state TEXT,                       -- NULL while open
    reason TEXT,
    message TEXT NOT NULL,
    notes TEXT NOT NULL,
    alert TEXT,
    spool TEXT,
    original INTEGER NOT NULL,
    duplicate_of INTEGER,
    stage TEXT NOT NULL,              -- of the examination that comes next
    finished_at TEXT,
    owner TEXT,                       -- NULL unless leased
    due REAL,                         -- seconds of the Unix epoch
    leases INTEGER NOT NULL DEFAULT 0,
    charged INTEGER NOT NULL DEFAULT 0,
    orphaned INTEGER NOT NULL DEFAULT 0,
    suspicion REAL,
    flagged INTEGER NOT NULL DEFAULT 0,
    result TEXT
);
CREATE UNIQUE INDEX items_chain ON items (chain_key);
CREATE UNIQUE INDEX items_original ON items (sha256) WHERE original = 1;
CREATE INDEX items_pending ON items (stage, suspicion DESC, seq) WHERE state IS NULL AND owner IS NULL;
CREATE INDEX items_leased ON items (owner, due) WHERE owner IS NOT NULL;
CREATE INDEX items_spool ON items (spool) WHERE state IS NULL AND spool IS NOT NULL;
CREATE INDEX items_flagged ON items (seq) WHERE flagged = 1 OR alert IS NOT NULL;
CREATE TABLE containers (
    number INTEGER PRIMARY KEY,
    chain_key BLOB NOT NULL UNIQUE,
    chain TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    num_members INTEGER NOT NULL,
    detail TEXT NOT NULL,
    facts TEXT NOT NULL
);
CREATE TABLE tally (
    name TEXT PRIMARY KEY,
    value NOT NULL                    -- text where 63 bits are too few
) WITHOUT ROWID;
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open a ledger's file, made if it is not there, checked if a process ended while it had it open.

    Raises:
        ConfigError: it is damaged, of another program or a newer version, or cannot be written.
        DeviceError: it is locked for long, or the disk fails.
    """
    # The last to close a database removes its log. One that is there tells of a kill, or of a loss of power.
    unclean = path.with_name(path.name + "-wal").exists()
    with translated(path):
        db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            _prepare(db, path, check=unclean)
        except (sqlite3.Error, UnmaskError):
            db.close()
            raise
    return db


def _prepare(db: sqlite3.Connection, path: Path, *, check: bool) -> None:
    _ours(db, path)
    if db.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise ConfigError(f"{path}: this file system cannot hold a ledger (no shared memory): put it on a local disk")
    db.execute("PRAGMA synchronous = FULL")
    db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    db.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    db.execute(f"PRAGMA journal_size_limit = {_JOURNAL_BYTES}")
    if check and (damage := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise _damaged(path, damage)
    with db:
        db.execute("BEGIN IMMEDIATE")  # also shows that it can be written
        if not _ours(db, path):
            for statement in _TABLES.split(";\n"):
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {_APPLICATION}")
            db.execute(f"PRAGMA user_version = {VERSION}")


def _ours(db: sqlite3.Connection, path: Path) -> bool:
    """Whether there is a ledger in it; False where there is nothing.

    Raises:
        ConfigError: it is of another program or a newer version.
    """
    application = db.execute("PRAGMA application_id").fetchone()[0]
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if application == 0 and version == 0 and db.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is None:
        return False
    if application != _APPLICATION:
        raise ConfigError(f"{path} is a database of another program")
    if version > VERSION:
        raise ConfigError(f"{path} was written by a newer unmask (schema {version}, this one knows {VERSION})")
    return True


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Give SQLite's errors their names here.

    Raises:
        ConfigError: the file is damaged, or cannot be opened or written.
        DeviceError: it is locked for long, closed, or the disk fails.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the high bits only say more of the same
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise _damaged(path, str(error)) from error
        if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
            raise ConfigError(f"the ledger {path} cannot be opened for writing: {error}") from error
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise DeviceError(f"another process has kept the ledger {path} locked for {_BUSY_SECONDS:.0f} s") from error
        raise DeviceError(f"the ledger {path} failed: {error}") from error


def _damaged(path: Path, damage: str) -> ConfigError:
    return ConfigError(
        f"the ledger {path} is damaged ({' '.join(damage.split())}): put back a copy that was made while no scan was "
        f"running, or save what can be read with `sqlite3 {path} .recover | sqlite3 NEW` and put NEW in its place, "
        f"without the files {path.name}-wal and {path.name}-shm; else scan again into another folder"
    )


def checked(path: Path) -> str:
    """What SQLite finds wrong with a ledger's file, reading all of it; `ok` where nothing is.

    Raises:
        ConfigError, DeviceError: as `connect`.
    """
    with translated(path), closing(sqlite3.connect(path, timeout=_BUSY_SECONDS)) as db:
        return str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
