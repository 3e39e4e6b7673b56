"""The queue of examinations: what the ledger of a scan is for its items, this is for what analysts hand in.

It keeps the same promises as `pipelines.ledger` (an attempt is committed before work begins, a result counts only under
the lease it was ordered with, each examination ends in exactly one state), so that the same dispatcher works on both.
Live work goes first; a dispatcher leases only what is asked of its own setup.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path

from sqlalchemy import Connection, func, or_, select, update

from detect.types import ItemState
from pipelines.items import Counts, Lease, Result, Step
from pipelines.ledger import MAX_ATTEMPTS, MAX_ORPHANED
from pipelines.names import escape
from service.store.database import Store
from service.store.row import AnyRow
from service.store.schema import analyses, evidence

LIVE, BATCH = 0, 1
"""Priorities, the lower first."""

OnEnd = Callable[[Connection, int, float], None]
"""Called in the transaction that ends an examination, with its number and the time."""
OnBegin = Callable[[Connection, int, float], None]


class Queue:
    """The examinations of one setup, for one dispatcher.

    Args:
        store: The database.
        setup: Id of the setup whose examinations are leased.
        place: Where the bytes with a SHA-256 lie.
        on_begin: What else happens when an examination begins for the first time.
        on_end: What else happens when it ends.
    """

    def __init__(
        self, store: Store, setup: str, *, place: Callable[[str], Path], on_begin: OnBegin, on_end: OnEnd
    ) -> None:
        self._store, self._setup, self._place = store, setup, place
        self._on_begin, self._on_end = on_begin, on_end

    def lease(self, owner: str, limit: int, seconds: float) -> list[Lease]:
        """See `Work.lease`: live before batch, then in the order of asking."""
        waiting = (
            select(analyses.c.seq, analyses.c.leases, analyses.c.started_at, evidence.c.sha256, evidence.c.num_bytes)
            .join(evidence, evidence.c.id == analyses.c.evidence_id)
            .where(analyses.c.setup_id == self._setup, analyses.c.state.is_(None), analyses.c.owner.is_(None))
            .order_by(analyses.c.priority, analyses.c.seq)
            .limit(max(limit, 0))
        )
        with self._store.read() as db:  # an idle dispatcher asks often, and need not lock the file for it
            if db.execute(waiting.limit(1)).first() is None:
                return []

        def take(db: Connection) -> list[Lease]:
            now = self._store.now(db)
            rows = db.execute(waiting.with_for_update(skip_locked=True, of=analyses)).all()
            for row in rows:
                db.execute(
                    update(analyses)
                    .where(analyses.c.seq == row.seq)
                    .values(
                        owner=owner,
                        due=now + seconds,
                        leases=analyses.c.leases + 1,
                        charged=analyses.c.charged + 1,
                        started_at=now,
                    )
                )
                if row.started_at is None:
                    self._on_begin(db, row.seq, now)
            return [self._lease(row) for row in rows]

        return self._store.repeat(take)

    def _lease(self, row: AnyRow) -> Lease:
        return Lease(
            seq=row.seq,
            attempt=row.leases + 1,
            stage="full",
            chain=row.sha256,  # a neutral name: several people may have handed it in under names of their own
            locator=(Step("file", escape(str(self._place(row.sha256)).encode())),),
            num_bytes=row.num_bytes,
            sha256=row.sha256,
            spool=None,
        )

    def renew(self, owner: str, seconds: float) -> None:
        """See `Work.renew`."""
        with self._store.read() as db:
            if db.execute(select(analyses.c.seq).where(analyses.c.owner == owner).limit(1)).first() is None:
                return
        self._store.repeat(
            lambda db: db.execute(
                update(analyses).where(analyses.c.owner == owner).values(due=self._store.now(db) + seconds)
            )
        )

    def looked(self, lease: Lease, suspicion: float) -> bool:
        """See `Work.looked`: nothing here is looked at first."""
        raise AssertionError(f"no look was ordered of {lease.seq}, suspicion {suspicion}")

    def finish(self, lease: Lease, result: Result) -> bool:
        """See `Work.finish`."""

        def end(db: Connection) -> bool:
            if self._leased(db, lease) is None:
                return False
            self._end(db, lease.seq, result)
            return True

        return self._store.repeat(end)

    def fail(self, lease: Lease, state: ItemState, reason: str, message: str) -> bool:
        """See `Work.fail`."""

        def end(db: Connection) -> bool:
            row = self._leased(db, lease)
            if row is None:
                return False
            if row.charged >= MAX_ATTEMPTS:
                self._end(db, lease.seq, Result(state=state, reason=reason, message=message))
                return True
            self._reopen(db, lease.seq, charged=row.charged, orphaned=row.orphaned)
            return False

        return self._store.repeat(end)

    def release(self, lease: Lease) -> None:
        """See `Work.release`."""

        def open_again(db: Connection) -> None:
            row = self._leased(db, lease)
            if row is not None:
                self._reopen(db, lease.seq, charged=row.charged - 1, orphaned=row.orphaned)

        self._store.repeat(open_again)

    def recover(self, owner: str, *, alone: bool = False) -> int:
        """See `Work.recover`."""
        now = func.coalesce(analyses.c.due, 0.0)

        def abandoned(db: Connection) -> list[AnyRow]:
            past_due = or_(alone, now < self._store.now(db))  # type: ignore[arg-type]  # a bool is a column expression
            return list(
                db.execute(
                    select(analyses.c.seq, analyses.c.charged, analyses.c.orphaned)
                    .where(analyses.c.owner.is_not(None), analyses.c.owner != owner, past_due)
                    .with_for_update(skip_locked=True)
                ).all()
            )

        with self._store.read() as db:
            if not abandoned(db):
                return 0

        def open_again(db: Connection) -> int:
            rows = abandoned(db)
            for row in rows:
                orphaned = row.orphaned + 1
                self._reopen(db, row.seq, charged=row.charged - 1, orphaned=orphaned)
                if orphaned >= MAX_ORPHANED:
                    message = f"The process that examined it ended {orphaned} times."
                    self._end(db, row.seq, Result(state=ItemState.CRASHED, reason="orphaned", message=message))
            return len(rows)

        return self._store.repeat(open_again)

    def withdrawn(self, leases: Collection[Lease]) -> list[Lease]:
        """Those of a dispatcher's leases that do not count any more: cancelled, or given to another."""
        if not leases:
            return []
        with self._store.read() as db:
            held = dict(
                db.execute(
                    select(analyses.c.seq, analyses.c.leases).where(
                        analyses.c.seq.in_([lease.seq for lease in leases]),
                        analyses.c.owner.is_not(None),
                        analyses.c.state.is_(None),
                    )
                ).all()
            )
        return [lease for lease in leases if held.get(lease.seq) != lease.attempt]

    def counts(self) -> Counts:
        """See `Work.counts`, over all setups."""
        with self._store.read() as db:
            found = numbers(db)
        pending, leased = found.pop("pending"), found.pop("leased")
        return Counts(
            found=sum(found.values()) + pending + leased,
            final={ItemState(state): number for state, number in found.items()},
            pending=pending,
            leased=leased,
            looked=0,
            flagged=0,
            alerts=0,
            bytes_found=0,
            bytes_done=0,
            inventory_complete=False,
        )

    def _leased(self, db: Connection, lease: Lease) -> AnyRow | None:
        """The examination, where the lease is still the one that counts."""
        return db.execute(
            select(analyses.c.charged, analyses.c.orphaned)
            .where(
                analyses.c.seq == lease.seq,
                analyses.c.leases == lease.attempt,
                analyses.c.owner.is_not(None),
                analyses.c.state.is_(None),
            )
            .with_for_update()
        ).first()

    def _end(self, db: Connection, seq: int, result: Result) -> None:
        now = self._store.now(db)
        db.execute(
            update(analyses)
            .where(analyses.c.seq == seq)
            .values(
                state=result.state.value,
                reason=result.reason,
                message=result.message,
                flagged=result.flagged,
                result=result_text(result),
                owner=None,
                due=None,
                finished_at=now,
            )
        )
        self._on_end(db, seq, now)

    def _reopen(self, db: Connection, seq: int, *, charged: int, orphaned: int) -> None:
        db.execute(
            update(analyses)
            .where(analyses.c.seq == seq)
            .values(charged=charged, orphaned=orphaned, owner=None, due=None)
        )


def numbers(db: Connection) -> dict[str, int]:
    """How many examinations are `pending` or `leased`, and how many ended in which state."""
    states: dict[str | None, int] = {
        row.state: row.number
        for row in db.execute(select(analyses.c.state, func.count().label("number")).group_by(analyses.c.state))
    }
    leased = db.scalar(select(func.count()).where(analyses.c.owner.is_not(None))) or 0
    pending = states.pop(None, 0) - leased
    return {"pending": pending, "leased": leased} | {str(state): number for state, number in states.items()}


def result_text(result: Result) -> str:
    """A result as the column holds it."""
    return json.dumps(asdict(result), ensure_ascii=False, allow_nan=False)


def result_of(column: str) -> Result:
    """A result as it was."""
    values = json.loads(column)
    known = {entry.name for entry in fields(Result)}
    with suppress(KeyError):
        values["state"] = ItemState(values["state"])
    return Result(**{name: value for name, value in values.items() if name in known})
