"""Logs as a service writes them, and ways to look at them and to spoil them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from service.audit import log
from service.audit.checkpoint import Checkpoint, make_checkpoint
from service.audit.entry import Entry, decode_details, link
from service.audit.verify import Verdict, verify
from service.results.signing import SigningKey
from service.store.database import Store
from service.store.schema import audit

CASE = "case_00112233445566778899aabbccddeeff"
OTHER_CASE = "case_ffeeddccbbaa99887766554433221100"
BEGIN = 1_764_000_000.25
"""Time of the first entry."""
SECONDS = 10.5
"""Between entries."""


def write(db: Connection, number: int, **changes: Any) -> Entry:
    """The entry that gets this number, the first after the beginning being 2."""
    values: dict[str, Any] = {
        "now": BEGIN + number * SECONDS,
        "person_id": f"person_{number % 3}",
        "key_id": None if number % 4 == 0 else "key_1",
        "action": "upload" if number % 2 else "read_report",
        "object": f"job_{number}",
        "case_id": None if number % 5 == 0 else (CASE, OTHER_CASE)[number % 2],
        "details": {"num_bytes": number, "name_sha256": "ä\u2028\0\x7f", "flags": [True, None, {"deep": "x"}]},
    }
    return log.record(db, **(values | changes))


def fill(store: Store, num_entries: int, *, start: int = 2) -> None:
    """Write entries in transactions of their own, up to a number."""
    for number in range(start, num_entries + 1):
        with store.write() as db:
            write(db, number)


def read(store: Store) -> list[Any]:
    with store.read() as db:
        return list(log.entries(db))


def judge(store: Store, *checkpoints: Checkpoint, key: bytes | None = None) -> Verdict:
    with store.read() as db:
        return verify(log.entries(db), checkpoints, key=key)


def mark(store: Store, key: SigningKey, *, after: float = 1.0) -> Checkpoint:
    """A checkpoint of where a log stands, some seconds after its last entry."""
    with store.read() as db:
        first, last = log.first(db), log.head(db)
    assert isinstance(first, Entry)
    assert isinstance(last, Entry)
    return make_checkpoint(first.object, last, key, now=last.at + after)


def rows(store: Store) -> list[dict[str, Any]]:
    with store.read() as db:
        return [dict(row) for row in db.execute(select(audit).order_by(audit.c.seq)).mappings()]


def put(store: Store, new: Sequence[dict[str, Any]]) -> None:
    """Make these all rows that there are."""
    with store.write() as db:
        db.execute(audit.delete())
        if new:
            db.execute(audit.insert(), list(new))


def seal(row: dict[str, Any], prev: str) -> dict[str, Any]:
    """A row as somebody who knows how digests are made would leave it."""
    details = decode_details(row["details"])
    assert details is not None
    entry = Entry(**{**row, "details": details, "prev": prev})
    return {**row, "prev": prev, "digest": link(prev, entry.body())}


def change(store: Store, seq: int, **values: Any) -> None:
    with store.write() as db:
        db.execute(update(audit).where(audit.c.seq == seq).values(**values))
