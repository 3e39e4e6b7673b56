"""`unmask audit`: verify the audit log, sign where it stands, and write it to a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click
from sqlalchemy import select

from detect.errors import ConfigError
from service.audit import log
from service.audit.checkpoint import MAX_BYTES, Checkpoint, make_checkpoint, read_checkpoint
from service.audit.entry import Damaged, Entry, begins
from service.audit.export import export, read_export
from service.audit.verify import Verdict
from service.audit.verify import verify as verify_entries
from service.results.ed25519 import public_key_of
from service.results.signing import load_or_create_key
from service.store.database import Store
from service.store.schema import cases

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
_NEW = click.Path(path_type=Path, dir_okay=False)
_database = click.option(
    "--database",
    metavar="PATH|URL",
    envvar="UNMASK_DATABASE",
    help="The service's database. From the environment, UNMASK_DATABASE, a password stays private.",
)

_VERIFY_EPILOG = """\b
Every entry is checked against the one before it. That entries are missing at the end, that an old copy of the database
was put back, or that the log was made anew, is found against checkpoints only (`unmask audit checkpoint`): keep them
where nobody who can write to the database can write, and name them all.
\b
Exit codes:
  0  everything is as it was written
  1  something is not; the first entry concerned is named
"""


@click.group()
def audit() -> None:
    """The record of who did what: verify it, sign where it stands, write it to a file."""


@audit.command(epilog=_VERIFY_EPILOG)
@click.argument("file", metavar="[FILE]", required=False, type=_FILE)
@_database
@click.option("--checkpoint", "checkpoints", multiple=True, type=_FILE, help="A checkpoint; may be given again.")
@click.option("--public-key", type=_FILE, help="The key that checkpoints are signed with, PEM.")
def verify(file: Path | None, database: str | None, checkpoints: tuple[Path, ...], public_key: Path | None) -> None:
    """Check the log in the service's database, or in FILE, an export."""
    given = click.get_current_context().get_parameter_source("database")
    if file is not None and given == click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError("name a FILE or a --database, not both")
    marks = [_read_checkpoint(path) for path in checkpoints]
    key = None if public_key is None else _read_key(public_key)
    if file is not None:
        with _translated(file), file.open("rb") as lines:
            verdict = verify_entries(read_export(lines), marks, key=key)
    else:
        verdict = _verify_database(_required(database), marks, key)
    click.echo(verdict.text())
    sys.exit(0 if verdict.good else 1)


@audit.command()
@click.argument("out", metavar="OUT", type=_NEW)
@_database
@click.option("--sign-key", type=_FILE, help="Ed25519 key (PEM) that signs.  [default: this installation's own]")
def checkpoint(out: Path, database: str | None, sign_key: Path | None) -> None:
    """Sign where the log stands, into the new file OUT.

    Do it often (each day, and when a case is closed), and keep OUT where nobody who can write to the database can.
    """
    place, key = _required(database), load_or_create_key(sign_key)
    _refuse_existing(out)
    with closing(Store.open(place)) as store, store.write() as db:
        now = store.now(db)
        last = log.record(db, now=now, action="checkpoint", object=key.fingerprint)
        mark = make_checkpoint(_log_id(log.first(db)), last, key, now=now)
    # Committed before: a checkpoint of an entry that came to nothing would speak against the log for ever.
    _write_new(out, [mark.encode()])
    click.echo(f"wrote {out}: entry {mark.seq}, signed by the key with the fingerprint {mark.fingerprint}")


@audit.command("export")
@click.argument("out", metavar="OUT", type=_NEW)
@_database
@click.option("--case", "case_id", metavar="ID", help="Show the entries of this case, and withhold the others.")
def write_export(out: Path, database: str | None, case_id: str | None) -> None:
    """Write the log to the new file OUT, one entry a line, for `unmask audit verify OUT`. The log says that it was."""
    place = _required(database)
    _refuse_existing(out)
    with closing(Store.open(place)) as store:
        with store.write() as db:
            if case_id is not None and db.scalar(select(cases.c.id).where(cases.c.id == case_id)) is None:
                raise ConfigError(f"there is no case {case_id}")
            log.record(db, now=store.now(db), action="audit_read", object=case_id or "log", case_id=case_id)
        with store.read() as db:
            _write_new(out, export(db, case_id))
    click.echo(f"wrote {out}")


def _verify_database(place: str, marks: list[Checkpoint], key: bytes | None) -> Verdict:
    with closing(Store.open(place)) as store, store.read() as db:
        return verify_entries(log.entries(db), marks, key=key)


def _required(database: str | None) -> str:
    if database is None:
        raise click.UsageError("name the service's database: --database, or UNMASK_DATABASE in the environment")
    if "://" not in database and not Path(database).is_file():
        raise click.UsageError(f"there is no database {database}")
    return database


def _log_id(first: Entry | Damaged | None) -> str:
    if not isinstance(first, Entry) or not begins(first):
        raise ConfigError("the log has no beginning; `unmask audit verify` says more")
    return first.object


def _read_checkpoint(path: Path) -> Checkpoint:
    try:
        with _translated(path), path.open("rb") as file:
            return read_checkpoint(file.read(MAX_BYTES + 1))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _read_key(path: Path) -> bytes:
    try:
        with _translated(path), path.open("rb") as file:
            return public_key_of(file.read(MAX_BYTES))
    except ValueError as error:
        raise ConfigError(f"{path} {error}") from error


def _refuse_existing(path: Path) -> None:
    """Before the log says that it was written."""
    if os.path.lexists(path):
        raise ConfigError(f"{path} is there already, and is not written over")


def _write_new(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file that was not there, readable by its owner alone, and through to the disk."""
    with (
        _translated(path),
        os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file,
    ):
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
