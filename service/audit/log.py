"""Writing the audit log, in the transaction of what it records, and reading it."""

from __future__ import annotations

import math
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, LargeBinary, Text, cast, insert, select, text

from detect.errors import ConfigError
from service.audit.actions import ACTIONS, CREATED, Action
from service.audit.entry import (
    Damaged,
    Detail,
    Entry,
    check_text,
    decode_details,
    encode_details,
    genesis,
    is_digest,
    line_of,
    link,
)
from service.store.schema import audit

_LOCK = 7246920120
"""PostgreSQL's advisory lock that writers queue for; the number behind that of the migrations."""
_MAX_SEQ = 2**53
"""No log has as many entries: a larger number was put there, and not every JSON reader would take it (RFC 8259)."""
_ROWS = 1000
"""Rows fetched at a time: some 500 kB."""


def record(
    db: Connection,
    *,
    now: float,
    action: Action,
    object: str,  # noqa: A002 - the column's name
    person_id: str | None = None,
    key_id: str | None = None,
    case_id: str | None = None,
    details: Mapping[str, Detail] | None = None,
) -> Entry:
    """Append an entry. It is there if the caller's transaction is committed, and leaves no gap if it is not.

    Writers come one after the other: on SQLite because a write transaction holds the lock of the whole file, on
    PostgreSQL because this takes a lock that is held until the transaction ends. Call it last: what else the
    transaction locks is locked before by everybody, and nobody waits with this lock in hand. The transaction must not
    be isolated more than READ COMMITTED, the default, or it does not see what it waited for.

    Args:
        db: Connection in a write transaction.
        now: Seconds of the Unix epoch by the database's clock.
        action: What was done.
        object: What it was done to: an id, never a name or a path from evidence.
        person_id: Who did it; None where the service did, or nobody knows.
        key_id: Id of the key it was done with, never the key.
        case_id: The case it belongs to.
        details: What else is to be known; no secrets, and no fractions (see `Detail`).

    Raises:
        ValueError: an argument is not what the log takes; nothing was written.
        ConfigError: the last entry is none, so that nothing can be bound to it.
    """
    if action not in ACTIONS or action == CREATED:
        raise ValueError(f"the audit log has no action {action!r} for others")
    fields: dict[str, Any] = {"person_id": person_id, "key_id": key_id, "object": object, "case_id": case_id}
    for name, value in fields.items():
        check_text(name, value)
    if not math.isfinite(now):
        raise ValueError(f"{now} is no time")
    fields |= {"at": float(now), "action": action, "details": encode_details(details or {}, secrets.token_hex(16))}
    if db.dialect.name == "postgresql":
        db.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
    last = db.execute(select(audit.c.seq, audit.c.digest).order_by(audit.c.seq.desc()).limit(1)).one_or_none()
    if last is None:
        begin = _begin(db, float(now))
        return _append(db, begin.seq + 1, begin.digest, fields)
    if type(last.seq) is not int or not 0 < last.seq < _MAX_SEQ or not is_digest(last.digest):
        raise ConfigError("the audit log is damaged, and nothing is done that it cannot record: `unmask audit verify`")
    return _append(db, last.seq + 1, last.digest, fields)


def head(db: Connection) -> Entry | Damaged | None:
    """The last entry; None where there is none yet."""
    row = db.execute(_select(db).order_by(audit.c.seq.desc()).limit(1)).one_or_none()
    return None if row is None else _line(row)


def first(db: Connection) -> Entry | Damaged | None:
    """The entry that began the log, whose object is the log's id; None where there is none yet."""
    row = db.execute(_select(db).order_by(audit.c.seq).limit(1)).one_or_none()
    return None if row is None else _line(row)


def entries(db: Connection) -> Iterator[Entry | Damaged]:
    """The whole log in order, row by row, as it is in the database: nothing of it is trusted."""
    statement = _select(db).order_by(audit.c.seq).execution_options(yield_per=_ROWS)
    with db.execute(statement) as rows:  # closed with the generator, however far it was read
        yield from map(_line, rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which entries to show; None is any."""

    case_id: str | None = None
    person_id: str | None = None
    action: str | None = None


def newest(db: Connection, wanted: Wanted, *, before: int | None, limit: int) -> list[tuple[int, Entry | Damaged]]:
    """Entries with their numbers, the newest first, from the one before the number `before` on.

    What has no number in the log is not found here; `service.audit.verify` finds it.
    """
    statement = _select(db).where(audit.c.seq < (_MAX_SEQ if before is None else before), audit.c.seq > 0)
    for column, value in (
        (audit.c.case_id, wanted.case_id),
        (audit.c.person_id, wanted.person_id),
        (audit.c.action, wanted.action),
    ):
        if value is not None:
            statement = statement.where(column == value)
    rows = db.execute(statement.order_by(audit.c.seq.desc()).limit(limit)).all()
    return [(int(row[0]), _line(row)) for row in rows]


def entries_of(db: Connection, case_id: str, objects: Collection[str]) -> list[Entry]:
    """The sound entries of a case on these objects, in order."""
    statement = _select(db).where(audit.c.case_id == case_id, audit.c.object.in_(objects)).order_by(audit.c.seq)
    return [line for line in map(_line, db.execute(statement)) if isinstance(line, Entry) and line.whole()]


def _begin(db: Connection, now: float) -> Entry:
    log = f"log_{secrets.token_hex(16)}"
    fields = {
        "at": now,
        "person_id": None,
        "key_id": None,
        "action": CREATED,
        "object": log,
        "case_id": None,
        "details": encode_details({}, secrets.token_hex(16)),
    }
    return _append(db, 1, genesis(log), fields)


def _append(db: Connection, seq: int, prev: str, fields: Mapping[str, Any]) -> Entry:
    unbound = Entry(**{**fields, "details": decode_details(fields["details"])}, seq=seq, prev=prev, digest="")
    digest = link(prev, unbound.body())
    db.execute(insert(audit).values(**fields, seq=seq, prev=prev, digest=digest))
    return replace(unbound, digest=digest)


def _select(db: Connection) -> Any:
    """On SQLite texts are read as bytes: who can write to the file can put bytes there that are none."""
    if db.dialect.name != "sqlite":
        return select(audit)
    return select(
        *(cast(each, LargeBinary).label(each.name) if isinstance(each.type, Text) else each for each in audit.c)
    )


def _line(row: Sequence[Any]) -> Entry | Damaged:
    values = {}
    for name, value in zip(audit.c.keys(), row, strict=True):
        try:
            values[name] = value.decode() if isinstance(value, bytes) else value
        except UnicodeDecodeError:
            return Damaged(why=f"its {name} is no text")
    details, prev, digest = values.pop("details"), values.pop("prev"), values.pop("digest")
    parsed = decode_details(details) if isinstance(details, str) else None
    return line_of({**values, "details": parsed}, prev=prev, digest=digest)
