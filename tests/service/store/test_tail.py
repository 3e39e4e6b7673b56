"""Events in order, also where the database gives out numbers before it knows who commits first."""

from __future__ import annotations

import random
import threading

from sqlalchemy import insert

from service.store.database import Store
from service.store.events import add_event, present
from service.store.schema import events
from service.store.tail import Tail

CASE, JOB = "case_1", "job_1"


def _begun(store: Store) -> Tail:
    tail = Tail()
    while tail.last is None:
        with store.read() as db:
            assert not tail.advance(db)
    return tail


def _next(store: Store, tail: Tail) -> list[int]:
    with store.read() as db:
        return [row.seq for row in tail.advance(db)]


def test_it_begins_at_the_end_and_follows(store: Store) -> None:
    with store.write() as db:
        add_event(db, "created", CASE, JOB, {}, now=1.0)
    tail = _begun(store)
    assert tail.last == 1
    for _ in range(2):
        with store.write() as db:
            add_event(db, "started", CASE, JOB, {}, now=2.0)
    assert _next(store, tail) == [2, 3]
    assert _next(store, tail) == []


def test_a_number_that_comes_later_than_a_higher_one_is_waited_for(served: Store) -> None:
    tail = _begun(served)
    with served.write() as slow:
        add_event(slow, "created", CASE, JOB, {}, now=1.0)
        for _ in range(2):
            with served.write() as quick:
                add_event(quick, "created", CASE, JOB, {}, now=1.0)
        assert _next(served, tail) == []
        assert _next(served, tail) == []
        assert tail.last == 0
    assert _next(served, tail) == [1, 2, 3]


def test_a_number_that_was_undone_is_passed_over(served: Store) -> None:
    tail = _begun(served)
    try:
        with served.write() as db:
            add_event(db, "created", CASE, JOB, {}, now=1.0)
            raise LookupError  # noqa: TRY301 - undoes the transaction
    except LookupError:
        pass
    with served.write() as db:
        add_event(db, "created", CASE, JOB, {}, now=1.0)
    assert [number for _ in range(3) for number in _next(served, tail)] == [2]


def test_it_begins_behind_what_is_still_to_come(served: Store) -> None:
    """A transaction that is under way when the first one looks is not left out."""
    tail = Tail()
    with served.write() as slow:
        add_event(slow, "created", CASE, JOB, {}, now=1.0)
        with served.write() as quick:
            add_event(quick, "created", CASE, JOB, {}, now=1.0)
        for _ in range(3):
            assert _next(served, tail) == []
        assert tail.last is None
    assert _next(served, tail) == []
    assert tail.last == 2


def test_nothing_is_missed_while_many_write(store: Store) -> None:
    tail, seen, stop = _begun(store), list[int](), threading.Event()

    def write(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - the same one every time
        for _ in range(15):
            try:
                with store.write() as db:
                    add_event(db, "created", CASE, JOB, {}, now=1.0)
                    stop.wait(chance.random() * 0.004)
                    if chance.random() < 0.2:
                        raise LookupError  # noqa: TRY301 - undoes the transaction
            except LookupError:
                continue

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(6)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        seen += _next(store, tail)
    for _ in range(3):
        seen += _next(store, tail)
    with store.read() as db:
        there = [row.seq for row in db.execute(events.select().order_by(events.c.seq))]
    assert seen == there


def test_rows_that_were_removed_leave_no_gap_behind_which_one_waits(served: Store) -> None:
    tail = _begun(served)
    with served.write() as db:
        for _ in range(3):
            add_event(db, "created", CASE, JOB, {}, now=1.0)
    with served.write() as db:
        db.execute(events.delete().where(events.c.seq < 3))
    with served.write() as db:
        db.execute(insert(events).values(seq=10, case_id=CASE, job_id=JOB, kind="created", data="{}", at=1.0))
    assert [number for _ in range(4) for number in _next(served, tail)] == [3, 10]


def test_who_begins_now_does_not_pass_over_what_is_still_to_come(served: Store) -> None:
    with served.write() as db:
        add_event(db, "created", CASE, JOB, {}, now=1.0)
    with served.read() as db:
        assert present(db, now=100.0) == 1
    with served.write() as slow:
        add_event(slow, "started", CASE, JOB, {}, now=100.0)
        with served.write() as quick:
            add_event(quick, "started", CASE, JOB, {}, now=100.0)
        with served.read() as db:
            assert present(db, now=100.0) == 1
    with served.read() as db:
        assert present(db, now=100.0) == 3
