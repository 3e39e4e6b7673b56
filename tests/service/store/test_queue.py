"""The queue keeps a ledger's promises: what counts, how often something is tried, who goes first."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import closing

from sqlalchemy import select, update

from detect.types import ItemState
from pipelines.items import Lease
from pipelines.ledger import MAX_ATTEMPTS, MAX_ORPHANED
from service.store.database import Store
from service.store.queue import BATCH, LIVE, numbers
from service.store.schema import analyses
from tests.service.store.desk import Desk, digest, leased, queue, result, setup


def test_an_examination_is_given_out_once_and_ends_once(store: Store) -> None:
    desk, work = Desk(store), queue(store)
    job = desk.hand_in("a")
    assert desk.status(job) == "queued"
    (lease,) = leased(work)
    assert (lease.attempt, lease.sha256, lease.locator[0].key) == (1, digest("a"), f"/evidence/{digest('a')}")
    assert lease.chain == digest("a")  # no name that a person gave
    assert leased(work, "b") == []
    assert desk.status(job) == "running"
    assert work.finish(lease, result(flagged=True))
    assert not work.finish(lease, result(ItemState.UNREADABLE))
    assert (desk.status(job), desk.state(job)) == ("done", "examined")
    assert desk.job(job).flagged
    assert desk.kinds(job) == ["created", "started", "finished"]


def test_the_attempt_is_committed_before_work_begins(place: str) -> None:
    with closing(Store.open(place)) as here, closing(Store.open(place)) as there:
        desk = Desk(here)
        job = desk.hand_in("a")
        leased(queue(here))
        with there.read() as db:
            assert numbers(db) == {"pending": 0, "leased": 1}
            assert db.scalar(select(analyses.c.charged)) == 1
        assert desk.status(job) == "running"


def test_a_result_counts_only_under_its_lease(store: Store) -> None:
    desk, work = Desk(store), queue(store)
    job = desk.hand_in("a")
    (late,) = leased(work, "dead", seconds=-1)
    assert work.recover("b") == 1
    (lease,) = leased(work, "b")
    assert lease.attempt == 2
    assert not work.finish(late, result(ItemState.UNREADABLE))
    assert not work.fail(late, ItemState.CRASHED, "worker_died", "gone")
    work.release(late)
    assert work.withdrawn([late, lease]) == [late]
    assert work.finish(lease, result())
    assert desk.state(job) == "examined"


def test_what_kills_its_workers_is_set_aside(store: Store) -> None:
    desk, work = Desk(store), queue(store)
    job = desk.hand_in("a")
    for attempt in range(1, MAX_ATTEMPTS + 1):
        (lease,) = leased(work)
        assert work.fail(lease, ItemState.CRASHED, "worker_died", "gone") == (attempt == MAX_ATTEMPTS)
    assert leased(work) == []
    assert (desk.status(job), desk.state(job), desk.job(job).reason) == ("done", "crashed", "worker_died")
    assert desk.kinds(job) == ["created", "started", "finished"]


def test_what_was_given_back_is_not_charged(store: Store) -> None:
    desk, work = Desk(store), queue(store)
    job = desk.hand_in("a")
    for _ in range(5):
        (lease,) = leased(work)
        work.release(lease)
    assert desk.charged(job) == 0
    assert desk.status(job) == "queued"


def test_what_takes_its_dispatcher_down_each_time_ends_too(store: Store) -> None:
    desk, work = Desk(store), queue(store)
    job = desk.hand_in("a")
    for number in range(MAX_ORPHANED):
        assert len(leased(work, f"dead {number}", seconds=-1)) == 1
        assert work.recover(f"next {number}") == 1
    assert leased(work) == []
    assert (desk.state(job), desk.job(job).reason) == ("crashed", "orphaned")
    assert desk.kinds(job)[-1] == "finished"


def test_a_lease_that_is_renewed_is_not_past_due(store: Store) -> None:
    desk, work = Desk(store), queue(store)
    desk.hand_in("a")
    leased(work, "a", seconds=-1)
    work.renew("a", 600)
    work.renew("nobody", 600)
    assert work.recover("b") == 0
    assert work.recover("a", alone=True) == 0
    assert work.recover("b", alone=True) == 1


def test_live_goes_before_batch_and_else_in_the_order_of_asking(store: Store) -> None:
    desk, work = Desk(store), queue(store)
    for number in range(3):
        desk.hand_in(f"batch {number}", priority=BATCH)
    for number in range(2):
        desk.hand_in(f"live {number}", priority=LIVE)
    order = [lease.sha256 for _ in range(5) for lease in leased(work, limit=1)]
    expected = ["live 0", "live 1", "batch 0", "batch 1", "batch 2"]
    assert order == [digest(name) for name in expected]


def test_what_is_asked_for_live_as_well_becomes_live(store: Store) -> None:
    desk, work = Desk(store), queue(store)
    desk.hand_in("first", priority=BATCH)
    desk.hand_in("second", priority=BATCH)
    desk.hand_in("second", priority=LIVE)
    assert [lease.sha256 for lease in leased(work)] == [digest("second"), digest("first")]


def test_a_dispatcher_leases_only_what_is_asked_of_its_setup(store: Store) -> None:
    desk = Desk(store)
    desk.hand_in("a")
    assert leased(queue(store, setup("another"))) == []
    assert len(leased(queue(store))) == 1


def test_nothing_is_given_out_where_nothing_is_wanted(store: Store) -> None:
    desk, work = Desk(store), queue(store)
    assert leased(work) == []
    desk.hand_in("a")
    assert leased(work, limit=0) == []
    assert leased(work, limit=-1) == []
    assert work.withdrawn([]) == []


def test_counts_are_those_of_the_table(store: Store) -> None:
    desk, work = Desk(store), queue(store)
    for number in range(5):
        desk.hand_in(f"{number}")
    first, second, _ = leased(work, limit=3)
    assert work.finish(first, result())
    assert work.finish(second, result(ItemState.UNREADABLE))
    counts = work.counts()
    assert (counts.found, counts.pending, counts.leased) == (5, 2, 1)
    assert counts.final == {ItemState.EXAMINED: 1, ItemState.UNREADABLE: 1}
    assert not counts.inventory_complete


def test_several_dispatchers_never_get_the_same(place: str) -> None:
    """PostgreSQL lets them lease at the same time, SQLite one after the other."""
    with closing(Store.open(place)) as store:
        desk = Desk(store)
        desk.many(300, priority=BATCH)
    got: list[Lease] = []
    finished: list[int] = []
    errors: list[BaseException] = []
    start = threading.Barrier(4)

    def work(name: str) -> None:
        try:
            with closing(Store.open(place)) as own:
                mine = queue(own)
                start.wait(30)
                while leases := mine.lease(name, 7, 600.0):
                    got.extend(leases)
                    finished.extend(lease.seq for lease in leases if mine.finish(lease, result()))
        except BaseException as error:  # noqa: BLE001 - shown below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(f"d{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors
    assert Counter(lease.seq for lease in got) == Counter(range(1, 301))
    assert Counter(finished) == Counter(range(1, 301))
    assert {lease.attempt for lease in got} == {1}


def test_several_that_recover_count_an_orphan_once(place: str) -> None:
    with closing(Store.open(place)) as store:
        desk = Desk(store)
        desk.many(60, priority=BATCH)
        leased(queue(store), "dead", seconds=-1)
        recovered: list[int] = []
        start = threading.Barrier(4)

        def work(name: str) -> None:
            start.wait(30)
            recovered.append(queue(store).recover(name))

        threads = [threading.Thread(target=work, args=(f"d{number}",)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sum(recovered) == 60
        with store.read() as db:
            assert {row.orphaned for row in db.execute(analyses.select())} == {1}


def test_live_goes_before_twenty_thousand_of_a_batch(store: Store) -> None:
    desk, work = Desk(store), queue(store)
    desk.many(20_000, priority=BATCH)
    assert len(leased(work, limit=2)) == 2
    desk.hand_in("urgent", priority=LIVE)
    assert [lease.sha256 for lease in leased(work, limit=2)] == [digest("urgent"), digest("2")]


def test_the_clock_of_the_database_decides(store: Store) -> None:
    desk, work = Desk(store), queue(store)
    desk.hand_in("a")
    leased(work, "a", seconds=60)
    assert work.recover("b") == 0
    with store.write() as db:
        db.execute(update(analyses).values(due=store.now(db) - 0.5))
    assert work.recover("b") == 1
