"""Any sequence of operations, against a ledger of a few lines that keeps everything in memory."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from detect.types import ItemState
from pipelines.items import Entry, Lease
from pipelines.ledger import MAX_ATTEMPTS, MAX_ORPHANED
from tests.pipelines.ledger.recipes import LONG, Place, consistent, entry, result

_OWNERS = st.sampled_from(["a", "b", "c"])


@dataclass
class _Row:
    """What the model knows of an item."""

    entry: Entry
    state: ItemState | None
    duplicate_of: int | None
    stage: str
    owner: str | None = None
    leases: int = 0
    charged: int = 0
    orphaned: int = 0
    suspicion: float | None = None


class _Machine(RuleBasedStateMachine):
    """A ledger and a model of it, which must agree after every step."""

    place: Callable[[], Place]

    def __init__(self) -> None:
        super().__init__()
        self._place = type(self).place()
        self._rows: list[_Row] = []
        self._leases: list[Lease] = []
        self._complete = False

    @initialize(triage=st.booleans())
    def begin(self, *, triage: bool) -> None:
        self._triage = triage
        self._ledger = self._place.begin(triage=triage)

    @rule(
        finds=st.lists(
            st.tuples(st.integers(0, 30), st.integers(0, 8), st.sampled_from([None, None, None, ItemState.KNOWN])),
            max_size=6,
        )
    )
    def add(self, finds: list[tuple[int, int, ItemState | None]]) -> None:
        made = [entry(f"{name}", f"content {content}", state=state) for name, content, state in finds]
        num_new = 0
        for one in made:
            if any(row.entry.chain == one.chain for row in self._rows):
                continue
            num_new += 1
            first = next(
                (
                    number
                    for number, row in enumerate(self._rows, 1)
                    if row.entry.state is None and row.duplicate_of is None and row.entry.sha256 == one.sha256
                ),
                None,
            )
            duplicate_of = first if one.state is None else None
            state = one.state if duplicate_of is None else ItemState.DUPLICATE
            self._rows.append(_Row(one, state, duplicate_of, "look" if self._triage else "full"))
        assert self._ledger.add(made).num_new == num_new

    @rule()
    def complete(self) -> None:
        self._ledger.complete_inventory()
        self._complete = True

    @rule(owner=_OWNERS, limit=st.integers(0, 5))
    def lease(self, owner: str, limit: int) -> None:
        stage = "full"
        if self._triage:
            looks = any(row.state is None and row.stage == "look" for row in self._rows)
            stage = "look" if looks else "full" if self._complete else "none"
        numbered = [
            (number, row)
            for number, row in enumerate(self._rows, 1)
            if row.state is None and row.owner is None and row.stage == stage
        ]
        expected = sorted(numbered, key=lambda pair: (-(pair[1].suspicion or 0.0), pair[0]))[:limit]
        leases = self._ledger.lease(owner, limit, LONG)
        for _, row in expected:
            row.owner = owner
            row.leases += 1
            row.charged += 1
        assert [(lease.seq, lease.attempt, lease.stage) for lease in leases] == [
            (number, row.leases, stage) for number, row in expected
        ]
        self._leases += leases

    def _held(self, lease: Lease) -> _Row | None:
        row = self._rows[lease.seq - 1]
        return row if row.owner is not None and row.leases == lease.attempt and row.state is None else None

    def _pick(self, number: int) -> Lease | None:
        """Any lease that was ever given: also those that are over."""
        return self._leases[-1 - number % len(self._leases)] if self._leases else None

    @rule(number=st.integers(0, 20), flagged=st.booleans())
    def finish(self, number: int, *, flagged: bool) -> None:
        if (lease := self._pick(number)) is not None:
            row = self._held(lease)
            assert self._ledger.finish(lease, result(flagged=flagged)) == (row is not None)
            if row is not None:
                row.state, row.owner = ItemState.EXAMINED, None

    @rule(number=st.integers(0, 20))
    def fail(self, number: int) -> None:
        if (lease := self._pick(number)) is not None:
            row = self._held(lease)
            ends = row is not None and row.charged >= MAX_ATTEMPTS
            assert self._ledger.fail(lease, ItemState.CRASHED, "signal", "") == ends
            if row is not None:
                row.owner = None
                row.state = ItemState.CRASHED if ends else None

    @rule(number=st.integers(0, 20))
    def release(self, number: int) -> None:
        if (lease := self._pick(number)) is not None:
            self._ledger.release(lease)
            if (row := self._held(lease)) is not None:
                row.owner = None
                row.charged -= 1

    @rule(number=st.integers(0, 20), suspicion=st.floats(-3, 3))
    def looked(self, number: int, suspicion: float) -> None:
        if (lease := self._pick(number)) is not None:
            row = self._held(lease) if lease.stage == "look" else None
            assert self._ledger.looked(lease, suspicion) == (row is not None)
            if row is not None:
                row.owner, row.stage, row.suspicion, row.charged = None, "full", suspicion, 0

    @rule(owner=_OWNERS)
    def recover(self, owner: str) -> None:
        lost = [row for row in self._rows if row.owner not in {None, owner}]
        assert self._ledger.recover(owner) == 0  # none is past due
        assert self._ledger.recover(owner, alone=True) == len(lost)
        for row in lost:
            row.owner = None
            row.charged -= 1
            row.orphaned += 1
            if row.orphaned >= MAX_ORPHANED:
                row.state = ItemState.CRASHED

    @rule()
    def reopen(self) -> None:
        self._place.close()
        self._ledger = self._place.open()

    @invariant()
    def agree(self) -> None:
        if not hasattr(self, "_ledger"):
            return
        counts = consistent(self._ledger)
        assert counts.leased == sum(row.owner is not None for row in self._rows)
        assert counts.inventory_complete == self._complete
        assert [
            (item.entry.chain, item.entry.state, item.duplicate_of, item.attempts, item.orphaned, item.suspicion)
            for item in self._ledger.items()
        ] == [
            (row.entry.chain, row.state, row.duplicate_of, row.charged, row.orphaned, row.suspicion)
            for row in self._rows
        ]

    def teardown(self) -> None:
        self._place.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_ledger_does_what_its_model_does(kind: str, request: pytest.FixtureRequest) -> None:
    with TemporaryDirectory() as folder:

        def place() -> Place:
            job = str(uuid.uuid4())
            if kind == "sqlite":
                return Place(str(Path(folder) / f"{job}.sqlite"), job)
            return Place(request.getfixturevalue("server").url(), job)

        machine = type("Machine", (_Machine,), {"place": staticmethod(place)})
        run_state_machine_as_test(  # type: ignore[no-untyped-call]
            machine,
            settings=settings(
                max_examples=30, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )
