"""What `pipelines.ledger.Ledger` promises, kept by both: finding, leasing, ending."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from detect.errors import ConfigError, DeviceError
from detect.types import ItemState
from pipelines.ledger import MAX_ATTEMPTS, MAX_ORPHANED, Ledger
from tests.pipelines.ledger.recipes import (
    LONG,
    Place,
    consistent,
    entries,
    entry,
    facts,
    leased,
    numbers,
    result,
)
from tests.pipelines.processes import until


def test_begin_returns_the_facts_that_are_there(place: Place) -> None:
    ledger = place.open()
    first = facts(place.job)
    assert ledger.begin(first) == first
    other = facts(place.job, triage=True)
    assert ledger.begin(other) == first
    assert place.open().begin(other) == first
    ledger.add(entries(1))
    assert [lease.stage for lease in leased(ledger)] == ["full"]  # of the first, too


def test_nothing_is_there_before_it_began(place: Place) -> None:
    ledger = place.open()
    assert ledger.counts().found == 0
    assert not ledger.counts().inventory_complete
    assert list(ledger.items()) == list(ledger.containers()) == []
    assert ledger.listed() == ledger.copies() == frozenset()
    with pytest.raises(ConfigError, match="no job has begun"):
        ledger.add(entries(1))
    with pytest.raises(ConfigError, match="no job has begun"):
        leased(ledger)
    ledger.begin(facts(place.job))
    assert ledger.add(entries(1)).num_new == 1


def test_a_closed_ledger_does_no_work(place: Place) -> None:
    ledger = place.begin()
    ledger.close()
    with pytest.raises(DeviceError, match="closed"):
        ledger.add(entries(1))
    with pytest.raises(DeviceError, match="closed"):
        ledger.counts()
    assert place.open().counts().found == 0


def test_what_was_added_is_there_for_others_at_once(place: Place) -> None:
    ledger, other = place.begin(), place.open()
    assert ledger.add(entries(3)).num_new == 3
    ledger.complete_inventory()
    counts = consistent(other)
    assert (counts.found, counts.pending, counts.bytes_found, counts.bytes_done) == (3, 3, 300, 0)
    assert counts.inventory_complete


def test_leases_are_given_by_number_and_once(place: Place) -> None:
    ledger, other = place.begin(), place.open()
    found = entries(5)
    ledger.add(found)
    first, second = leased(ledger, "a", 2), leased(other, "b", 9)
    assert numbers(first) == [1, 2]
    assert numbers(second) == [3, 4, 5]
    assert leased(ledger, "c") == []
    lease = first[0]
    assert (lease.attempt, lease.stage, lease.chain, lease.locator) == (1, "full", found[0].chain, found[0].locator)
    assert (lease.num_bytes, lease.sha256, lease.spool) == (100, found[0].sha256, None)
    counts = consistent(ledger)
    assert (counts.pending, counts.leased) == (0, 5)
    assert ledger.lease("a", 0, LONG) == ledger.lease("a", -1, LONG) == []


def test_finish_counts_once(place: Place) -> None:
    ledger, other = place.begin(), place.open()
    ledger.add(entries(2))
    lease = leased(ledger)[0]
    assert ledger.finish(lease, result(flagged=True))
    assert not ledger.finish(lease, result())
    assert not other.finish(lease, result())
    item = other.item(1)
    assert item.result == result(flagged=True)
    assert (item.entry.state, item.attempts, item.orphaned) == (ItemState.EXAMINED, 1, 0)
    finished = datetime.fromisoformat(item.finished_at or "")
    assert abs(finished - datetime.now(UTC)) < timedelta(hours=1)
    counts = consistent(ledger)
    assert (counts.flagged, counts.bytes_done, counts.leased) == (1, 100, 1)
    assert dict(counts.final) == {ItemState.EXAMINED: 1}


def test_finish_after_the_lease_was_lost_changes_nothing(place: Place) -> None:
    ledger, other = place.begin(), place.open()
    ledger.add(entries(1))
    (lost,) = leased(ledger, "a")
    assert other.recover("b", alone=True) == 1
    assert not ledger.finish(lost, result())
    (held,) = leased(other, "b")
    assert (held.seq, held.attempt) == (1, 2)
    assert not ledger.finish(lost, result())
    assert not ledger.fail(lost, ItemState.CRASHED, "signal", "died")
    ledger.release(lost)
    assert not ledger.looked(lost, 1.0)
    assert leased(ledger, "c") == []
    assert consistent(ledger).leased == 1
    assert other.finish(held, result())


def test_failing_twice_sets_the_item_aside(place: Place) -> None:
    ledger = place.begin()
    ledger.add(entries(1))
    for attempt in range(1, MAX_ATTEMPTS):
        (lease,) = leased(ledger)
        assert lease.attempt == attempt
        assert not ledger.fail(lease, ItemState.CRASHED, "signal", "died of signal 11")
        assert not ledger.fail(lease, ItemState.CRASHED, "signal", "died of signal 11")  # not charged again
        assert consistent(ledger).pending == 1
    (lease,) = leased(ledger)
    assert ledger.fail(lease, ItemState.TIMEOUT, "deadline", "took too long")
    item = ledger.item(1)
    assert item.result is not None
    assert (item.result.state, item.result.reason, item.result.message) == (
        ItemState.TIMEOUT,
        "deadline",
        "took too long",
    )
    assert (item.entry.state, item.attempts) == (ItemState.TIMEOUT, MAX_ATTEMPTS)
    assert leased(ledger) == []
    consistent(ledger)


def test_release_charges_nothing_but_its_lease_is_over(place: Place) -> None:
    ledger = place.begin()
    ledger.add(entries(1))
    for attempt in range(1, 2 * MAX_ATTEMPTS + 1):
        (lease,) = leased(ledger)
        assert lease.attempt == attempt
        ledger.release(lease)
        ledger.release(lease)
        assert not ledger.finish(lease, result())
    assert (ledger.item(1).attempts, consistent(ledger).pending) == (0, 1)
    (lease,) = leased(ledger)
    assert not ledger.fail(lease, ItemState.CRASHED, "signal", "")  # the first that counts


def test_recover_leaves_the_living_alone(place: Place) -> None:
    ledger, other = place.begin(), place.open()
    ledger.add(entries(3))
    (mine,), (theirs,) = leased(ledger, "a", 1), leased(other, "b", 1)
    assert ledger.recover("a") == 0
    assert ledger.recover("a", alone=True) == 1
    assert ledger.finish(mine, result())
    assert not other.finish(theirs, result())
    item = ledger.item(theirs.seq)
    assert (item.attempts, item.orphaned, item.entry.state) == (0, 1, None)
    consistent(ledger)


def test_leases_run_out_unless_renewed(place: Place) -> None:
    ledger, other = place.begin(), place.open()
    ledger.add(entries(2))
    (kept,) = leased(ledger, "kept", 1, 0.05)
    ledger.renew("kept", LONG)
    (lost,) = leased(ledger, "lost", 1, 0.05)
    ledger.renew("another", LONG)
    assert until(lambda: other.recover("watch") == 1, 10)
    assert other.recover("watch") == 0
    assert not ledger.finish(lost, result())
    assert ledger.finish(kept, result())
    assert numbers(leased(other, "watch")) == [lost.seq]


def test_a_lease_past_due_still_counts_until_it_is_taken_away(place: Place) -> None:
    ledger = place.begin()
    ledger.add(entries(1))
    (lease,) = ledger.lease("a", 1, -1.0)
    assert ledger.recover("a") == 0
    assert ledger.finish(lease, result())
    assert ledger.recover("b") == 0


@pytest.mark.parametrize("triage", [False, True])
def test_an_item_that_takes_every_dispatcher_down_ends(place: Place, *, triage: bool) -> None:
    ledger = place.begin(triage=triage)
    ledger.add(entries(2))
    if triage:
        ledger.complete_inventory()
        for look in leased(ledger, "looks"):
            assert ledger.looked(look, 1.0)
    for number in range(MAX_ORPHANED):
        assert ledger.item(1).entry.state is None
        assert numbers(leased(ledger, f"owner {number}", 1)) == [1]
        assert ledger.recover("next", alone=True) == 1
    item = ledger.item(1)
    assert item.result is not None
    assert (item.entry.state, item.result.state, item.result.reason) == (ItemState.CRASHED,) * 2 + ("orphaned",)
    assert (item.attempts, item.orphaned) == (0, MAX_ORPHANED)
    counts = consistent(ledger)
    assert (counts.looked, counts.pending) == (int(triage), 1)
    assert numbers(leased(ledger)) == [2]


def test_triage_looks_at_all_before_it_examines_any(place: Place) -> None:
    ledger = place.begin(triage=True)
    ledger.add(entries(3))
    looks = leased(ledger, "a", 2)
    assert [(lease.seq, lease.stage) for lease in looks] == [(1, "look"), (2, "look")]
    assert ledger.looked(looks[0], 0.1)
    assert not ledger.looked(looks[0], 0.1)
    assert ledger.looked(looks[1], 0.9)
    last = leased(ledger, "a")
    assert [(lease.seq, lease.stage) for lease in last] == [(3, "look")]
    assert leased(ledger) == []  # one look is not done
    assert ledger.looked(last[0], 0.9)
    assert leased(ledger) == []  # more may be found
    ledger.add([entry("late.mov")])
    ledger.complete_inventory()
    late = leased(ledger)
    assert [(lease.seq, lease.stage) for lease in late] == [(4, "look")]
    assert consistent(ledger).looked == 3
    assert ledger.looked(late[0], -2.0)
    assert [(lease.seq, lease.stage, lease.attempt) for lease in leased(ledger)] == [
        (2, "full", 2),
        (3, "full", 2),
        (1, "full", 2),
        (4, "full", 2),
    ]
    assert [ledger.item(seq).suspicion for seq in (1, 2, 3, 4)] == [0.1, 0.9, 0.9, -2.0]


def test_a_look_charges_the_full_examination_nothing(place: Place) -> None:
    ledger = place.begin(triage=True)
    ledger.add(entries(1))
    ledger.complete_inventory()
    (lease,) = leased(ledger)
    assert not ledger.fail(lease, ItemState.CRASHED, "signal", "")
    (lease,) = leased(ledger)
    assert ledger.looked(lease, 1.0)
    assert ledger.item(1).attempts == 0
    (lease,) = leased(ledger)
    assert not ledger.looked(lease, 2.0)  # that is a full examination
    assert not ledger.fail(lease, ItemState.CRASHED, "signal", "")
    (lease,) = leased(ledger)
    assert ledger.finish(lease, result())
    counts = consistent(ledger)
    assert (counts.looked, counts.pending, counts.leased) == (0, 0, 0)


def test_an_item_may_end_at_its_look(place: Place) -> None:
    ledger = place.begin(triage=True)
    ledger.add(entries(2))
    first, second = leased(ledger)
    assert ledger.finish(first, result(state=ItemState.UNREADABLE))
    assert ledger.looked(second, 1.0)
    ledger.complete_inventory()
    assert [(lease.seq, lease.stage) for lease in leased(ledger)] == [(2, "full")]
    consistent(ledger)


def test_a_suspicion_has_an_order(place: Place) -> None:
    ledger = place.begin(triage=True)
    ledger.add(entries(1))
    (lease,) = leased(ledger)
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="finite"):
            ledger.looked(lease, value)
    assert ledger.looked(lease, 1.0)


def test_a_number_that_json_cannot_say_ends_nothing(place: Place) -> None:
    ledger = place.begin()
    ledger.add(entries(1))
    (lease,) = leased(ledger)
    broken = result()
    with pytest.raises(ValueError, match="JSON"):
        ledger.finish(lease, type(broken)(state=broken.state, reason=None, message="", llr=float("nan")))
    assert consistent(ledger).leased == 1
    assert ledger.finish(lease, broken)


def test_work_goes_on_in_another_process(place: Place) -> None:
    first = place.begin()
    first.add(entries(3))
    one, _ = leased(first, "gone", 2)
    assert first.finish(one, result())
    place.close()
    ledger: Ledger = place.open()
    assert ledger.recover("new", alone=True) == 1
    assert numbers(leased(ledger, "new")) == [2, 3]
    assert ledger.item(1).result == result()
    consistent(ledger)
