"""Jobs in the database: what is examined once, what is cancelled, and lists that nobody's arrival shifts."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import insert, select, update

from detect.types import ItemState
from service.problems import Conflict, Gone, NotFound, TooMany, Unavailable
from service.store import cases, jobs, keys, setups
from service.store.database import Store
from service.store.queue import BATCH
from service.store.schema import analyses, dispatchers, uploads
from service.store.schema import jobs as job_table
from tests.service.store.desk import Desk, leased, queue, result, setup


def test_the_same_content_in_a_case_is_examined_once(store: Store) -> None:
    desk, work = Desk(store), queue(store)
    first, second = desk.hand_in("a"), desk.hand_in("a")
    assert first != second
    (lease,) = leased(work)
    assert work.finish(lease, result())
    third = desk.hand_in("a")
    assert {desk.status(job) for job in (first, second, third)} == {"done"}
    assert desk.num_examinations() == 1
    assert desk.kinds(third) == ["created", "finished"]


def test_the_same_content_in_another_case_is_its_own(store: Store) -> None:
    desk = Desk(store)
    with store.write() as db:
        other = desk.add_case(db)
    desk.hand_in("a")
    desk.hand_in("a", case=other)
    assert desk.num_examinations() == 2


def test_many_who_ask_for_the_same_at_once_share_one_examination(store: Store) -> None:
    desk = Desk(store)
    errors: list[BaseException] = []
    start = threading.Barrier(8)

    def ask() -> None:
        try:
            start.wait(30)
            for number in range(5):
                desk.hand_in(f"{number}")
        except BaseException as error:  # noqa: BLE001 - shown below
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not [error for error in errors if not isinstance(error, Unavailable)], errors
    assert desk.num_examinations() == 5
    assert len(set(desk.given)) == 40 - len(errors)


def test_asked_and_cancelled_at_once_a_job_is_never_left_behind(store: Store) -> None:
    """Whoever asks while the last other one cancels gets an examination, not the other's cancellation."""
    desk = Desk(store)
    for number in range(25):
        first = desk.hand_in(f"{number}")
        threads = [
            threading.Thread(target=desk.cancel, args=(first,)),
            threading.Thread(target=desk.hand_in, args=(f"{number}",)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert (desk.status(first), desk.status(desk.given[-1])) == ("cancelled", "queued")


def test_a_cancelled_job_withdraws_its_examination(store: Store) -> None:
    desk, work = Desk(store), queue(store)
    job = desk.hand_in("a")
    (lease,) = leased(work)
    desk.cancel(job)
    assert work.withdrawn([lease]) == [lease]
    assert not work.finish(lease, result())
    assert (desk.status(job), desk.kinds(job)) == ("cancelled", ["created", "started", "cancelled"])
    with pytest.raises(Conflict):
        desk.cancel(job)


def test_an_examination_goes_on_while_another_job_wants_it(store: Store) -> None:
    desk, work = Desk(store), queue(store)
    first, second = desk.hand_in("a"), desk.hand_in("a")
    (lease,) = leased(work)
    desk.cancel(first)
    assert work.withdrawn([lease]) == []
    assert work.finish(lease, result())
    assert (desk.status(first), desk.status(second)) == ("cancelled", "done")
    assert "finished" not in desk.kinds(first)


@pytest.mark.parametrize("state", [ItemState.TIMEOUT, ItemState.CRASHED])
def test_what_another_try_may_better_is_examined_anew(store: Store, state: ItemState) -> None:
    desk, work = Desk(store), queue(store)
    desk.hand_in("a")
    (old,) = leased(work)
    assert work.finish(old, result(state))
    again = desk.hand_in("a")
    assert desk.status(again) == "queued"
    (new,) = leased(work)
    assert (new.seq, new.attempt) == (old.seq, old.attempt + 1)
    assert not work.finish(old, result(ItemState.UNREADABLE))
    assert work.finish(new, result())
    assert desk.state(again) == "examined"


def test_cancelled_and_asked_for_again_it_is_examined(store: Store) -> None:
    desk, work = Desk(store), queue(store)
    first = desk.hand_in("a")
    (late,) = leased(work)
    desk.cancel(first)
    second = desk.hand_in("a")
    (lease,) = leased(work)
    assert not work.finish(late, result(ItemState.UNREADABLE))
    assert work.finish(lease, result())
    assert (desk.status(first), desk.status(second), desk.num_examinations()) == ("cancelled", "done", 1)


def test_a_deleted_job_stops_an_examination_that_nobody_else_wants(store: Store) -> None:
    desk, work = Desk(store), queue(store)
    cancelled, deleted = desk.hand_in("a"), desk.hand_in("a")
    (lease,) = leased(work)
    desk.cancel(cancelled)
    with store.write() as db:
        row = jobs.job_of(db, deleted, desk.person)
        assert not jobs.mark_deleted(db, row, desk.person, "by order", now=store.now(db))
    assert work.withdrawn([lease]) == [lease]
    with pytest.raises(Gone):
        desk.job(deleted)


def test_deleted_evidence_takes_no_job(store: Store) -> None:
    desk = Desk(store)
    job = desk.hand_in("a")
    sha256 = desk.job(job).sha256
    with store.write() as db:
        row, now = jobs.job_of(db, job, desk.person), store.now(db)
        jobs.mark_deleted(db, row, desk.person, "by order", now=now)
        assert jobs.purge_evidence(db, row.evidence_id, now=now) == sha256
    asked = jobs.Asked(
        case_id=desk.case, person_id=desk.person, evidence_id=row.evidence_id, filename="a", priority=BATCH
    )
    with pytest.raises(NotFound), store.write() as db:
        jobs.add_job(db, asked, now=store.now(db))
    assert desk.status(desk.hand_in("a")) == "queued"


def test_before_the_first_dispatcher_nobody_knows_what_to_ask(store: Store) -> None:
    with store.write() as db:
        person = keys.add_person(db, "somebody", now=0.0)
        case = cases.add_case(db, "a case", "", created_by=person, retention_days=None, now=0.0)
        of = jobs.add_evidence(db, case, "0" * 64, 1, now=0.0)
    asked = jobs.Asked(case_id=case, person_id=person, evidence_id=of, filename="a", priority=BATCH)
    with pytest.raises(Unavailable) as caught, store.write() as db:
        jobs.add_job(db, asked, now=0.0)
    assert caught.value.retry_after_seconds


def test_a_list_goes_on_where_it_was_while_jobs_arrive(store: Store) -> None:
    desk = Desk(store)
    for number in range(25):
        desk.hand_in(f"{number}")
    wanted, seen, before = jobs.Filter(case_id=desk.case), list[str](), None
    expected = list(reversed(desk.given))
    while True:
        with store.read() as db:
            page = jobs.list_jobs(db, desk.person, wanted, before=before, limit=10)
        if not page:
            break
        seen += [row.id for row in page]
        before = page[-1].seq
        desk.hand_in(f"new {before}")
    assert seen == expected


def test_lists_of_some(store: Store) -> None:
    desk, work = Desk(store), queue(store)
    queued, running, cancelled, flagged, unreadable = (desk.hand_in(name) for name in "abcde")
    by_digest = {lease.sha256: lease for lease in leased(work, limit=5)}
    lease_of = {job: by_digest[desk.job(job).sha256] for job in desk.given}
    work.release(lease_of[queued])
    desk.cancel(cancelled)
    assert work.finish(lease_of[flagged], result(flagged=True))
    assert work.finish(lease_of[unreadable], result(ItemState.UNREADABLE))

    def listed(person: str = desk.person, **values: object) -> list[str]:
        with store.read() as db:
            wanted = jobs.Filter(**values)  # type: ignore[arg-type]
            return [row.id for row in jobs.list_jobs(db, person, wanted, before=None, limit=100)]

    assert listed(status="queued") == [queued]
    assert listed(status="running") == [running]
    assert listed(status="cancelled") == [cancelled]
    assert listed(status="done") == [unreadable, flagged]
    assert listed(state=ItemState.UNREADABLE) == [unreadable]
    assert listed(flagged=True) == [flagged]
    assert listed(case_id="case_" + "0" * 32) == []
    assert listed("person_" + "0" * 32) == []


def test_a_full_queue_takes_nothing_more(store: Store) -> None:
    desk = Desk(store)
    for number in range(3):
        desk.hand_in(f"{number}")

    def check(*, most: int, own: int, person: str = desk.person) -> None:
        with store.write() as db:
            jobs.check_room(db, person, max_open=most, max_open_per_person=own)

    check(most=4, own=4)
    check(most=4, own=1, person="person_" + "0" * 32)
    for most, own in ((3, 4), (4, 3)):
        with pytest.raises(TooMany) as caught:
            check(most=most, own=own)
        assert caught.value.retry_after_seconds
    with store.write() as db:  # what is being sent has a place already
        values = {"id": "u", "person_id": desk.person, "case_id": desk.case, "filename": "", "received_bytes": 0}
        values |= {"priority": 0, "resumable": True, "state": "open", "created_at": 0.0, "expires_at": 0.0}
        db.execute(insert(uploads).values(values))
    for most, own in ((4, 5), (5, 4)):
        with pytest.raises(TooMany):
            check(most=most, own=own)


def test_a_new_setup_takes_over_what_is_open_of_setups_that_are_gone(store: Store) -> None:
    desk = Desk(store)
    open_, running, both = desk.hand_in("a"), desk.hand_in("b"), desk.hand_in("c")
    new = setup("new")
    with store.write() as db:
        setups.left(db, desk.owner)
    (*_, lease) = leased(queue(store), "dead", limit=2, seconds=-1)
    desk.announce(new, "second")
    second = desk.hand_in("c", priority=BATCH)
    work = queue(store, new)
    assert [lease.sha256 for lease in leased(work)] == [desk.job(both).sha256]
    assert desk.job(both).analysis_seq == desk.job(second).analysis_seq
    # What a dead dispatcher had leased is opened under the old setup, and taken over at the next sign of life.
    assert work.recover("second") == 2
    assert leased(work) == []
    with store.write() as db:
        setups.still_here(db, "second", {}, now=store.now(db))
    assert {lease.sha256 for lease in leased(work)} == {desk.job(open_).sha256, desk.job(running).sha256}
    assert not queue(store).finish(lease, result())


def test_what_a_working_dispatcher_serves_is_left_to_it(store: Store) -> None:
    desk = Desk(store)
    desk.hand_in("a")
    new = setup("new")
    desk.announce(new, "second")
    assert leased(queue(store, new)) == []
    with store.write() as db:
        db.execute(update(dispatchers).where(dispatchers.c.owner == desk.owner).values(seen_at=0.0))
        setups.still_here(db, "second", {}, now=store.now(db))
    assert len(leased(queue(store, new))) == 1


def test_a_job_that_joins_one_that_has_ended_is_told_so(store: Store) -> None:
    desk = Desk(store)
    old = desk.hand_in("a")
    new = setup("new")
    desk.announce(new, "second")
    desk.hand_in("a")
    (lease,) = leased(queue(store, new))
    assert queue(store, new).finish(lease, result())
    with store.write() as db:
        setups.left(db, desk.owner)
        setups.still_here(db, "second", {}, now=store.now(db))
    assert (desk.status(old), desk.kinds(old)) == ("done", ["created", "finished"])
    assert desk.num_examinations() == 1


def test_a_dispatcher_that_was_silent_comes_back(store: Store) -> None:
    desk = Desk(store)
    desk.announce(setup(), "slow", ago=setups.SILENT_SECONDS + 1)

    def owners() -> set[str]:
        with store.read() as db:
            return {row.owner for row in setups.working(db, now=store.now(db))}

    assert owners() == {desk.owner}
    desk.announce(setup(), "third")
    with store.write() as db:
        setups.still_here(db, "slow", {"network": "yes"}, now=store.now(db))
    assert owners() == {desk.owner, "slow", "third"}


def test_an_event_is_told_for_each_job_of_an_examination(store: Store) -> None:
    desk, work = Desk(store), queue(store)
    first, second = desk.hand_in("a"), desk.hand_in("a")
    (lease,) = leased(work)
    assert work.finish(lease, result())
    assert desk.kinds(first) == desk.kinds(second) == ["created", "started", "finished"]
    with store.read() as db:
        assert db.scalar(select(analyses.c.state)) == "examined"
        assert len(db.execute(select(job_table)).all()) == 2
