"""The ledger: what was found, what is being examined, how each item ended. It owns durability, nothing else does.

Kill anything at any time: what a method of the ledger has returned from is on disk, and each item ends in exactly one
final row. `pipelines.ledger.sqlite` keeps one job in one file; `pipelines.ledger.postgresql` keeps many in a server,
for several hosts. Times are the ledger's own clock, so that hosts need not agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from detect.types import ItemState
from pipelines.items import Container, Counts, Entry, Item, JobFacts, Lease, Result

MAX_ATTEMPTS = 2
"""A worker's death can be the machine's fault once; twice it is the item's. Decoding children have the same rule."""
MAX_ORPHANED = 10
"""Examinations whose dispatcher died say little about the item, yet an item that takes the whole machine down each time
must end too."""


class Added(NamedTuple):
    """What came of `Ledger.add`."""

    num_new: int
    """Entries that were not there yet."""
    unneeded_copies: tuple[str, ...]
    """`spool` of those that nobody will examine: duplicates, and entries that were there already."""


class Work(Protocol):
    """What is given out and taken back: all that a dispatcher needs. Safe to use from one thread."""

    def lease(self, owner: str, limit: int, seconds: float) -> list[Lease]:
        """Give out open items; the attempt is committed before this returns.

        In a job with triage first every item's `look`, by number; its `full` examination only when the inventory is
        complete and no look is open or leased, most suspicious first, then by number. Without triage `full`, by number.

        Args:
            owner: Who asks: one name a process, never used again.
            limit: Items at most.
            seconds: Until the lease is past due, unless it is renewed.
        """
        ...

    def renew(self, owner: str, seconds: float) -> None:
        """Extend all leases of `owner`."""
        ...

    def looked(self, lease: Lease, suspicion: float) -> bool:
        """Record a cheap look: the item is open again, for its full examination, with no attempts charged.

        Returns:
            False where the lease is not valid any more; nothing is changed then.
        """
        ...

    def finish(self, lease: Lease, result: Result) -> bool:
        """Record a result and end the item, in one transaction. Returns as `looked` does."""
        ...

    def fail(self, lease: Lease, state: ItemState, reason: str, message: str) -> bool:
        """The item's worker died: open again, or after `MAX_ATTEMPTS` ended in `state`.

        Returns:
            True where the item has ended.
        """
        ...

    def release(self, lease: Lease) -> None:
        """Give an item back that was not begun or was interrupted: open again, and the attempt is not charged."""
        ...

    def recover(self, owner: str, *, alone: bool = False) -> int:
        """Open the items whose dispatcher is gone: leases of others that are past due; with `alone` all of others.

        Their attempt is not charged, `orphaned` is counted; from `MAX_ORPHANED` on the item ends as
        `crashed:orphaned`.

        Returns:
            Items that were opened or ended.
        """
        ...

    def counts(self) -> Counts:
        """Where the job stands; quick also with a million items."""
        ...


class Ledger(Work, Protocol):
    """One job's items. Safe to use from one thread; several processes may hold one each."""

    def begin(self, facts: JobFacts) -> JobFacts:
        """Create the job, or return the facts of the one that is there (the caller compares them)."""
        ...

    def add(self, entries: Sequence[Entry], containers: Sequence[Container] = ()) -> Added:
        """Record what was found, in one transaction, in the order given; a chain that is there already is left alone.

        An entry to be examined whose SHA-256 an earlier item to be examined has becomes `duplicate` of the first.
        """
        ...

    def listed(self) -> frozenset[str]:
        """Chains of the containers that are recorded: a resumed listing need not open them again."""
        ...

    def copies(self) -> frozenset[str]:
        """`spool` of the items that are still to be examined."""
        ...

    def complete_inventory(self) -> None:
        """Everything has been found."""
        ...

    def items(self, *, states: Sequence[ItemState] | None = None, flagged: bool = False) -> Iterator[Item]:
        """All items by number, streaming; `states` only those that ended so, `flagged` only flagged or on alert."""
        ...

    def item(self, seq: int) -> Item:
        """One item.

        Raises:
            KeyError: there is none of this number.
        """
        ...

    def containers(self) -> Iterator[Container]:
        """All containers in the order of finding, streaming."""
        ...

    def close(self) -> None:
        """Let go; work on a closed ledger raises."""
        ...
