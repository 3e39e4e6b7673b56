"""What `unmask audit` does; `service.audit.cli` has its words."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from sqlalchemy import select

from detect.errors import ConfigError
from service.audit import log
from service.audit.checkpoint import MAX_BYTES, Checkpoint, make_checkpoint, read_checkpoint
from service.audit.entry import Damaged, Entry, begins
from service.audit.export import export, read_export
from service.audit.verify import Verdict, verify
from service.results.ed25519 import public_key_of
from service.results.signing import SigningKey, load_or_create_key
from service.settings import load_settings
from service.store.database import Store
from service.store.schema import cases


def verify_log(
    file: Path | None, database: str | None, checkpoints: Sequence[Path], public_key: Path | None
) -> Verdict:
    """Verify an export, or else the log in a database.

    Args:
        file: An export; None takes the database.
        database: Its place; None takes that of the service's settings.
        checkpoints: Files of checkpoints.
        public_key: File with the signer's key, PEM; None takes the checkpoints' own.

    Raises:
        ConfigError: a file or the database cannot be read.
    """
    marks = [_read_checkpoint(path) for path in checkpoints]
    key = None if public_key is None else _read_key(public_key)
    if file is not None:
        with _translated(file), file.open("rb") as lines:
            return verify(read_export(lines), marks, key=key)
    with closing(_open(database)) as store, store.read() as db:
        return verify(log.entries(db), marks, key=key)


def write_checkpoint(out: Path, database: str | None, sign_key: Path | None) -> Checkpoint:
    """Sign where the log stands, and say so in the log.

    Raises:
        ConfigError: the file is there already or cannot be written, the key or the database cannot be used.
    """
    _refuse_existing(out)
    key = load_or_create_key(sign_key or load_settings().signing_key)
    with closing(_open(database)) as store:
        return sign_log(store, key, out)


def sign_log(store: Store, key: SigningKey, out: Path) -> Checkpoint:
    """As `write_checkpoint`, for a database that is open.

    Raises:
        ConfigError: the file is there already or cannot be written, or the log has no beginning.
    """
    _refuse_existing(out)
    with store.write() as db:
        now = store.now(db)
        last = log.record(db, now=now, action="checkpoint", object=key.fingerprint)
        mark = make_checkpoint(_log_id(log.first(db)), last, key, now=now)
    # Committed before: a checkpoint of an entry that came to nothing would speak against the log for ever.
    _write_new(out, [mark.encode()])
    return mark


def write_export(out: Path, database: str | None, case_id: str | None) -> None:
    """Write the log, or what belongs to a case, to a file, and say so in the log.

    Raises:
        ConfigError: the file is there already or cannot be written, there is no such case, or the database cannot be
            used.
    """
    _refuse_existing(out)
    with closing(_open(database)) as store:
        with store.write() as db:
            if case_id is not None and db.scalar(select(cases.c.id).where(cases.c.id == case_id)) is None:
                raise ConfigError(f"there is no case {case_id}")
            log.record(db, now=store.now(db), action="audit_read", object=case_id or "log", case_id=case_id)
        with store.read() as db:
            _write_new(out, export(db, case_id))


def _open(database: str | None) -> Store:
    place = load_settings(database=database).database_place
    if "://" not in str(place) and not Path(place).is_file():
        raise ConfigError(f"there is no database {place}")
    return Store.open(place)


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
    """Write a file that was not there, readable by its owner alone, and through to the disk; all of it, or none."""
    with _translated(path), ExitStack() as stack:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        stack.callback(path.unlink, missing_ok=True)  # half an export looks like a log that was cut off
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        stack.pop_all()


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
