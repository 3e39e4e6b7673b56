"""Several at a time, and killed at any time: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections import Counter

import pytest

from detect.types import ItemState
from tests.pipelines.ledger.recipes import Place, consistent, entries, leased, numbers, result

_KILLS = 4
"""A process takes half a second to start; each is killed after another number of results."""


def _process(place: Place, name: str) -> subprocess.Popen[str]:
    call = [sys.executable, "-m", "tests.pipelines.ledger.storm", place.address, place.job, name, name]
    return subprocess.Popen(call, stdout=subprocess.PIPE, text=True)


def _kill_after(process: subprocess.Popen[str], lines: int) -> list[int]:
    """Let it confirm some results, kill it; return all it has confirmed."""
    assert process.stdout is not None
    first = [process.stdout.readline() for _ in range(lines)]
    process.kill()
    said, _ = process.communicate()
    return [int(line) for line in [*first, *said.splitlines()]]


def test_killed_at_any_time_nothing_is_lost(place: Place) -> None:
    confirmed: list[int] = []
    for number in range(_KILLS):
        process = _process(place, f"owner {number}")
        confirmed += _kill_after(process, 20 + 7 * number)
        ledger = place.open()
        ledger.recover(f"after {number}", alone=True)
        counts = consistent(ledger)
        assert counts.leased == 0
        assert counts.found > 0
    assert len(set(confirmed)) == len(confirmed)
    assert all(ledger.item(seq).result is not None for seq in confirmed)
    # A result may be there whose writer was killed before it could say so: one for each that was killed.
    with_result = sum(item.result is not None for item in ledger.items())
    assert len(confirmed) <= with_result <= len(confirmed) + _KILLS
    originals = [item.entry.sha256 for item in ledger.items() if item.duplicate_of is None]
    assert len(set(originals)) == len(originals)
    for item in ledger.items(states=[ItemState.DUPLICATE]):
        assert item.duplicate_of is not None
        assert item.duplicate_of < item.seq
        assert ledger.item(item.duplicate_of).entry.sha256 == item.entry.sha256


def test_processes_at_a_time_do_nothing_twice(place: Place) -> None:
    place.begin()
    processes = [_process(place, f"owner {number}") for number in range(2)]
    confirmed = [seq for process in processes for seq in _kill_after(process, 25)]
    assert len(set(confirmed)) == len(confirmed)
    ledger = place.open()
    ledger.recover("after", alone=True)
    consistent(ledger)
    assert all(ledger.item(seq).result is not None for seq in confirmed)


def test_owners_at_a_time_share_no_item(place: Place) -> None:
    place.begin().add(entries(120))
    got: list[int] = []
    ended: list[int] = []

    def own(owner: str) -> None:
        chance = random.Random(owner)  # noqa: S311  # nothing secret
        with place.apart() as ledger:
            while leases := leased(ledger, owner, chance.randrange(1, 6)):
                got.extend(numbers(leases))
                ended.extend(lease.seq for lease in leases if ledger.finish(lease, result()))

    threads = [threading.Thread(target=own, args=(f"owner {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(got) == Counter(ended) == Counter(range(1, 121))
    assert dict(consistent(place.open()).final) == {ItemState.EXAMINED: 120}


@pytest.mark.parametrize("triage", [False, True])
def test_finders_at_a_time_number_without_gaps(place: Place, *, triage: bool) -> None:
    place.begin(triage=triage)
    added: list[int] = []

    def find() -> None:
        with place.apart() as ledger:
            added.extend(ledger.add(entries(60)[start : start + 12]).num_new for start in range(0, 60, 6))

    threads = [threading.Thread(target=find) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(added) == 60
    assert consistent(place.open()).pending == 60


def test_a_lease_that_is_taken_away_while_it_ends(place: Place) -> None:
    """Whoever comes first counts, the other changes nothing."""
    place.begin().add(entries(150))
    opened: list[int] = []
    done = threading.Event()

    def take_away() -> None:
        with place.apart() as ledger:
            while not done.is_set():
                opened.append(ledger.recover("watch", alone=True))

    thread = threading.Thread(target=take_away)
    thread.start()
    ledger, ended = place.open(), []
    for number in range(300):
        for lease in leased(ledger, f"owner {number}", 1):
            ended += [lease.seq] if ledger.finish(lease, result()) else []
    done.set()
    thread.join()
    assert consistent(ledger).leased == 0
    assert len(set(ended)) == len(ended)
    assert [item.seq for item in ledger.items() if item.result == result()] == sorted(ended)
    assert sum(opened) == sum(item.orphaned for item in ledger.items())
