"""Jobs, finds and results as ledgers get them, and what must hold for a ledger at any time."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from detect.types import ItemState
from pipelines.items import Counts, Entry, Item, JobFacts, Lease, Result, Step
from pipelines.ledger import Ledger
from pipelines.ledger.opening import open_ledger

LONG = 600.0
"""Seconds of a lease that outlives its test."""


@dataclass
class Place:
    """An address and a job; each `open` is one more process's view of it."""

    address: str
    job: str
    opened: list[Ledger] = field(default_factory=list)

    def open(self) -> Ledger:
        ledger = open_ledger(self.address, self.job)
        self.opened.append(ledger)
        return ledger

    @contextmanager
    def apart(self) -> Iterator[Ledger]:
        """One that another thread opens, and closes."""
        with closing(open_ledger(self.address, self.job)) as ledger:
            yield ledger

    def begin(self, *, triage: bool = False) -> Ledger:
        ledger = self.open()
        ledger.begin(facts(self.job, triage=triage))
        return ledger

    def close(self) -> None:
        while self.opened:
            self.opened.pop().close()


def facts(job: str, *, triage: bool = False) -> JobFacts:
    return JobFacts(
        id=job,
        tool="unmask test",
        config_digest="0" * 64,
        config={"threshold": 0.5, "name": "\u00fc\u2028\0"},
        models={"face": "1" * 64},
        roots=("/evidence", "/more\\xff"),
        options={"triage": triage},
        created_at="2026-01-01T00:00:00+00:00",
    )


def digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def entry(name: str, content: str | None = None, **more: object) -> Entry:
    """A find to be examined, unlike others unless they say the same `content`."""
    values: dict[str, object] = {
        "chain": name,
        "locator": (Step("file", f"/evidence/{name}"),),
        "num_bytes": 100,
        "sha256": digest(content or name),
    }
    return Entry(**(values | more))  # type: ignore[arg-type]


def entries(count: int) -> list[Entry]:
    return [entry(f"clip {number}.mov") for number in range(1, count + 1)]


def result(*, flagged: bool = False, state: ItemState = ItemState.EXAMINED) -> Result:
    return Result(
        state=state,
        reason=None,
        message="done",
        flagged=flagged,
        llr=3.25 if flagged else -1.5,
        summary={"media": "video", "findings": [{"subject": "P1", "llr": 3.25, "verbal": None}]},
        report="items/000001",
        seconds=0.25,
        host="host-1",
    )


def leased(ledger: Ledger, owner: str = "a", limit: int = 100, seconds: float = LONG) -> list[Lease]:
    return ledger.lease(owner, limit, seconds)


def numbers(leases: list[Lease]) -> list[int]:
    return [lease.seq for lease in leases]


def consistent(ledger: Ledger) -> Counts:
    """Check a ledger's counts against its items one by one; return them."""
    counts = ledger.counts()
    items = list(ledger.items())
    assert counts.found == len(items)
    assert sum(counts.final.values()) + counts.pending + counts.leased == counts.found
    assert dict(counts.final) == Counter(item.entry.state for item in items if item.entry.state is not None)
    assert counts.flagged == sum(item.result is not None and item.result.flagged for item in items)
    assert counts.alerts == sum(item.entry.alert is not None for item in items)
    assert counts.bytes_found == sum(item.entry.num_bytes or 0 for item in items)
    assert counts.bytes_done == sum(item.entry.num_bytes or 0 for item in items if item.entry.state is not None)
    assert counts.looked == sum(item.suspicion is not None and item.entry.state is None for item in items)
    assert [item.seq for item in items] == list(range(1, len(items) + 1))
    assert all(ended(item) == (item.entry.state is not None) for item in items)
    return counts


def ended(item: Item) -> bool:
    return item.finished_at is not None
