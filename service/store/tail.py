"""Following the events: every one, once, in the order of their numbers.

On SQLite numbers appear in order, for writers come one after the other. On PostgreSQL they are given out before it is
known who commits first: 7 may be there while 6 is still to come, and whoever went on from 7 would never see it. A gap
is therefore waited for until the transactions that could fill it have ended; what is missing then was undone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from service.store.events import events_after, last_event, writers
from service.store.row import AnyRow

_ROWS = 500
"""Events taken at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """Below this number nothing comes any more once these transactions have ended."""

    number: int
    writers: frozenset[str]


class Tail:
    """The end of the events, as far as it is certain."""

    def __init__(self) -> None:
        self.last: int | None = None
        """Number up to which nothing is missing; None until that is known."""
        self._settled = 0
        self._mark: _Mark | None = None

    def advance(self, db: Connection) -> Sequence[AnyRow]:
        """The events that follow, as far as none is missing; the first time there are none: it begins at the end."""
        # Who has ended is asked before the events are read: what they brought is seen then.
        if self._mark is not None and not self._mark.writers & writers(db):
            self._settled, self._mark = self._mark.number, None
            if self.last is None:
                self.last = self._settled
        if self.last is None:
            self._mark = self._mark or _Mark(number=last_event(db), writers=writers(db))
            return ()
        rows = events_after(db, self.last, _ROWS)
        ordered = db.dialect.name != "postgresql"
        for index, row in enumerate(rows):
            if not ordered and row.seq != self.last + 1 and row.seq - 1 > self._settled:
                # Asked after the events were read: whoever has a lower number has the lock since before.
                self._mark = self._mark or _Mark(number=rows[-1].seq, writers=writers(db))
                return rows[:index]
            self.last = row.seq
        return rows
