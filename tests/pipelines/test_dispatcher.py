"""The loop's six promises, with an executor that obeys: lost, doubled, hung, poisoned, stopped, bounded."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from detect.errors import ConfigError, DeviceError
from detect.types import ItemState
from pipelines.dispatcher import Policy
from pipelines.examine import Examined
from pipelines.executor import Failed
from pipelines.intake import Found
from pipelines.items import Lease
from pipelines.runlog import verify_log
from tests.pipelines.scans import Bench, Obedient, bench, died, entry, facts, found, good, machine


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Bench]:
    made = bench(tmp_path / "out")
    yield made
    made.ledger.close()
    made.log.close()


def _entries(number: int) -> list:
    return [entry(Path(f"/evidence/{index:03d}.mp4")) for index in range(number)]


def _states(at: Bench) -> list[str | None]:
    return [item.entry.state and item.entry.state.value for item in at.ledger.items()]


def test_every_item_ends_once_with_its_files(at: Bench) -> None:
    executor = Obedient(good, places=3)
    assert at.dispatcher(executor, found(_entries(25))).run() == "done"
    items = list(at.ledger.items())
    assert [item.entry.state for item in items] == [ItemState.EXAMINED] * 25
    assert sorted(executor.began) == [(seq, 1, "full") for seq in range(1, 26)]
    for item in items:
        assert item.result is not None
        assert item.result.report is not None
        folder = at.out / item.result.report
        assert json.loads((folder / "report.json").read_text()) == item.entry.chain
        assert {path.name for path in folder.iterdir()} == {"report.json", "report.html"}
    counts = at.ledger.counts()
    assert counts.inventory_complete
    assert (counts.found, counts.final[ItemState.EXAMINED], counts.pending, counts.leased) == (25, 25, 0, 0)
    lines = [json.loads(line) for line in (at.out / "run.jsonl").read_text().splitlines()]
    assert sorted(line["item"] for line in lines if line["event"] == "item") == list(range(1, 26))
    verify_log(at.out / "run.jsonl", facts().id)


def test_what_ended_where_it_was_found_and_duplicates_are_not_examined(at: Bench) -> None:
    first, second = _entries(2)
    copy = replace(second, chain="copy.mp4", sha256=first.sha256, spool="m-1")
    (at.copies.folder / "m-1").write_bytes(b"copy")
    text = replace(second, chain="notes.txt", sha256=None, state=ItemState.UNSUPPORTED, reason="text")
    executor = Obedient(good)
    at.dispatcher(executor, found([first, copy, text, second])).run()
    assert _states(at) == ["examined", "duplicate", "unsupported", "examined"]
    assert [seq for seq, _, _ in executor.began] == [1, 4]
    assert not (at.copies.folder / "m-1").exists()  # nobody will examine it


def test_a_poison_item_is_set_aside_after_two_deaths_and_its_neighbours_end_well(at: Bench) -> None:
    executor = Obedient(lambda lease: died(lease) if lease.seq == 3 else good(lease))
    assert at.dispatcher(executor, found(_entries(6))).run() == "done"
    assert _states(at) == ["examined", "examined", "crashed", "examined", "examined", "examined"]
    assert [attempt for seq, attempt, _ in executor.began if seq == 3] == [1, 2]
    assert at.ledger.item(3).result.reason == "worker_died"  # type: ignore[union-attr]


def test_one_death_is_forgiven(at: Bench) -> None:
    executor = Obedient(lambda lease: died(lease) if lease.attempt == 1 else good(lease))
    at.dispatcher(executor, found(_entries(4))).run()
    assert _states(at) == ["examined"] * 4


def test_the_machines_faults_are_not_charged(at: Bench) -> None:
    left = dict.fromkeys(range(1, 5), 5)

    def obey(lease: Lease) -> Examined | Failed:
        left[lease.seq] -= 1
        return machine(lease) if left[lease.seq] else good(lease)

    assert at.dispatcher(Obedient(obey), found(_entries(4))).run() == "done"
    assert _states(at) == ["examined"] * 4
    assert {item.attempts for item in at.ledger.items()} == {1}


def test_a_device_that_fails_again_and_again_stops_the_scan_and_charges_nobody(at: Bench) -> None:
    executor = Obedient(lambda lease: machine(lease, DeviceError("the GPU is gone")), places=1)
    with pytest.raises(DeviceError, match="3 times one after the other: the GPU is gone"):
        at.dispatcher(executor, found(_entries(4))).run()
    assert len(executor.began) == 3
    counts = at.ledger.counts()
    assert (counts.pending, counts.leased, sum(counts.final.values())) == (4, 0, 0)


def test_what_hangs_is_killed_at_its_deadline_and_the_rest_goes_on(at: Bench) -> None:
    executor = Obedient(lambda lease: None if lease.seq == 2 else good(lease))
    policy = Policy(deadline_floor_seconds=0.2, deadline_seconds_per_megabyte=0)
    assert at.dispatcher(executor, found(_entries(5)), policy=policy).run() == "done"
    assert _states(at) == ["examined", "timeout", "examined", "examined", "examined"]
    assert executor.killed == [2]
    assert at.ledger.item(2).result.reason == "deadline"  # type: ignore[union-attr]


def test_a_stop_gives_back_what_is_unfinished_and_the_next_run_goes_on(at: Bench) -> None:
    stop = threading.Event()

    def obey(lease: Lease) -> Examined | None:
        if lease.seq == 3:
            stop.set()
            return None
        return good(lease)

    assert at.dispatcher(Obedient(obey, places=1), found(_entries(6)), stop=stop).run() == "interrupted"
    counts = at.ledger.counts()
    assert (sum(counts.final.values()), counts.leased) == (2, 0)
    again = Obedient(good)
    assert at.dispatcher(again, found(_entries(6)), owner="next").run() == "done"
    assert _states(at) == ["examined"] * 6
    assert sorted(seq for seq, _, _ in again.began) == [3, 4, 5, 6]
    assert at.ledger.item(3).attempts == 1


def test_no_new_item_is_begun_when_the_time_is_up(at: Bench) -> None:
    executor = Obedient(lambda lease: None if lease.seq == 2 else good(lease), places=1)
    policy = Policy(time_limit_seconds=0.2, grace_seconds=0.1)
    assert at.dispatcher(executor, found(_entries(9)), policy=policy).run() == "time_limit"
    assert [seq for seq, _, _ in executor.began] == [1, 2]
    assert at.ledger.counts().pending == 8


def test_the_leases_of_a_dispatcher_that_was_killed_are_opened_by_the_next(at: Bench) -> None:
    at.ledger.add(_entries(4))
    leases = at.ledger.lease("killed", 3, 3600)
    assert at.ledger.recover("next", alone=True) == 3
    executor = Obedient(good)
    at.dispatcher(executor, found(_entries(4)), owner="next").run()
    assert _states(at) == ["examined"] * 4
    # What the killed one's workers might still say comes too late.
    assert not at.ledger.finish(leases[0], good(leases[0]).result)
    assert [item.orphaned for item in at.ledger.items()] == [1, 1, 1, 0]


def test_with_triage_everything_is_looked_at_before_the_most_suspicious_are_examined(tmp_path: Path) -> None:
    at = bench(tmp_path / "out", triage=True)
    executor = Obedient(good, places=2)
    assert at.dispatcher(executor, found(_entries(14))).run() == "done"
    stages = [stage for _, _, stage in executor.began]
    assert stages == ["look"] * 14 + ["full"] * 14
    order = [seq for seq, _, stage in executor.began if stage == "full"]
    assert order == sorted(range(1, 15), key=lambda seq: (-(seq % 7), seq))
    at.ledger.close()
    at.log.close()


def test_copies_give_room_when_the_folder_is_crowded(tmp_path: Path) -> None:
    at = bench(tmp_path / "out", triage=True)
    entries = [replace(each, spool=f"m-{number}") for number, each in enumerate(_entries(4))]
    for each in entries:
        (at.copies.folder / str(each.spool)).write_bytes(b"\0" * 200)
    left: list[int] = []

    def obey(lease: Lease) -> Examined:
        if lease.stage == "full":
            left.append(len(list(at.copies.folder.iterdir())))
        return good(lease)

    at.dispatcher(Obedient(obey, places=1), found(entries)).run()
    assert left[0] == 2  # of 1000 bytes 500 may stay through the looks
    assert not list(at.copies.folder.iterdir())
    at.ledger.close()
    at.log.close()


def test_what_stops_the_finder_stops_the_scan(at: Bench) -> None:
    def broken() -> Iterator[Found]:
        yield _entries(2)
        raise ConfigError("/evidence is not there")

    with pytest.raises(ConfigError, match="not there"):
        at.dispatcher(Obedient(lambda _lease: None), broken()).run()
    counts = at.ledger.counts()
    assert (counts.found, counts.pending, counts.leased) == (2, 2, 0)


def test_finding_waits_for_the_ledger(at: Bench) -> None:
    ahead = 0

    def many() -> Iterator[Found]:
        nonlocal ahead
        for index in range(50):
            ahead = max(ahead, index * 10 - at.ledger_found)  # type: ignore[attr-defined]
            yield [entry(Path(f"/evidence/{index}-{number}.mp4")) for number in range(10)]

    at.ledger_found = 0  # type: ignore[attr-defined]
    add = at.ledger.add

    def counting(entries: list, containers: tuple = ()) -> object:
        at.ledger_found += len(entries)  # type: ignore[attr-defined]
        return add(entries, containers)

    at.ledger.add = counting  # type: ignore[method-assign, assignment]
    at.dispatcher(Obedient(good, places=8), many()).run()
    assert at.ledger.counts().found == 500
    assert ahead <= 70  # four batches in the queue, one in each hand, one being made
