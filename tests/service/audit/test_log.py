"""Writing the log: each entry in its place, whoever writes at the same time, and nothing in it that should not be."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from detect.errors import ConfigError
from service.audit import log
from service.audit.actions import ACTIONS
from service.audit.entry import Detail, Entry
from service.store.database import Store
from service.store.schema import audit
from tests.service.audit.logs import BEGIN, CASE, fill, judge, read, rows, write


def test_the_first_entry_begins_the_log(store: Store) -> None:
    with store.write() as db:
        assert log.first(db) is None
        assert log.head(db) is None
        entry = write(db, 2)
    first, second = read(store)
    assert (first.seq, first.action, second) == (1, "log_created", entry)
    assert first.prev == hashlib.sha256(f"unmask audit log {first.object}".encode()).hexdigest()
    with store.read() as db:
        assert (log.first(db), log.head(db)) == (first, second)


def test_two_logs_are_not_the_same(store: Store) -> None:
    fill(store, 3)
    before = read(store)[0].object
    with store.write() as db:
        db.execute(audit.delete())
    fill(store, 3)
    assert read(store)[0].object != before


def test_an_entry_is_read_as_it_was_written(store: Store) -> None:
    at = 1_764_012_501.1234567
    details: dict[str, Detail] = {
        "text": 'ä\u2028\U0001f600\0"\\\n\x7f',
        "number": -(2**53 - 1),
        "list": [1, [True, None]],
        "map": {"a": ""},
    }
    with store.write() as db:
        entry = log.record(
            db, now=at, action="export", object="job_7", person_id="p", key_id="k", case_id=CASE, details=details
        )
    assert read(store)[1] == entry
    assert entry.facts == details
    assert entry.at == at
    assert judge(store).good


def test_anybody_can_compute_the_digests(store: Store) -> None:
    """The definition in `service.audit.entry`, with nothing but the standard library."""
    fill(store, 12)
    prev = None
    for row in rows(store):
        fields = {name: value for name, value in row.items() if name not in ("prev", "digest")}
        fields |= {"at": repr(row["at"]), "details": json.loads(row["details"])}
        body = hashlib.sha256(
            json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        ).hexdigest()
        assert row["prev"] == (prev or hashlib.sha256(b"unmask audit log " + row["object"].encode()).hexdigest())
        assert row["digest"] == hashlib.sha256((row["prev"] + body).encode()).hexdigest()
        prev = row["digest"]


def test_no_two_bodies_are_alike(store: Store) -> None:
    with store.write() as db:
        one, other = (write(db, 2).numbered(9).body() for _ in range(2))
    assert one != other


def test_what_is_undone_leaves_no_gap(store: Store) -> None:
    fill(store, 3)

    def fail() -> None:
        with store.write() as db:
            write(db, 4)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    fill(store, 5, start=4)
    assert [entry.seq for entry in read(store)] == [1, 2, 3, 4, 5]
    assert judge(store).good


def test_many_write_at_once(store: Store) -> None:
    """Eight threads begin a log together; no number is left out, given twice, or asked for a second time."""
    num_threads, num_each = 8, 25
    ready = threading.Barrier(num_threads)
    errors: list[BaseException] = []
    numbers: list[list[int]] = [[] for _ in range(num_threads)]

    def work(thread: int) -> None:
        ready.wait()
        try:
            for number in range(num_each):
                with store.write() as db:
                    entry = write(db, number, object=f"job_{thread}_{number}")
                numbers[thread].append(entry.seq)
        except Exception as error:  # noqa: BLE001 - handed to the main thread
            errors.append(error)

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(num_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert sorted(seq for mine in numbers for seq in mine) == list(range(2, num_threads * num_each + 2))
    assert all(mine == sorted(mine) for mine in numbers)
    verdict = judge(store)
    assert verdict.good, verdict.text()
    assert verdict.num_entries == num_threads * num_each + 1


def test_the_log_is_written_with_what_it_records(store: Store) -> None:
    """A writer sees what those before it committed, though its transaction began before theirs ended."""
    began, go = threading.Event(), threading.Event()

    def slow() -> None:
        with store.write() as db:
            write(db, 2)
            began.set()
            go.wait(10)

    first = threading.Thread(target=slow)
    first.start()
    began.wait(10)
    second = threading.Thread(target=fill, args=(store, 2))
    second.start()
    go.set()
    first.join()
    second.join()
    assert [entry.seq for entry in read(store)] == [1, 2, 3]
    assert judge(store).good


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"action": "log_created"}, "no action"),
        ({"action": "shrugged"}, "no action"),
        ({"object": ""}, "object must be"),
        ({"object": "x" * 301}, "object must be"),
        ({"object": "a\nb"}, "object must be"),
        ({"object": "a\0"}, "object must be"),
        ({"person_id": "\ud800"}, "person_id must be"),
        ({"key_id": "\x1b[2J"}, "key_id must be"),
        ({"case_id": ""}, "case_id must be"),
        ({"now": float("nan")}, "no time"),
        ({"now": float("inf")}, "no time"),
        ({"details": {"llr": 0.5}}, "a fraction as text"),
        ({"details": {"data": b"x"}}, "no value"),
        ({"details": {"number": 2**53}}, "larger than"),
        ({"details": {"text": "\ud800"}}, "surrogates"),
        ({"details": {"Name": 1}}, "no plain name"),
        ({"details": {"ä": 1}}, "no plain name"),
        ({"details": {1: 1}}, "no plain name"),
        ({"details": {"salt": "x"}}, "own word"),
        ({"details": {"text": "x" * 8192}}, "8192"),
        ({"details": {"a": {"b": {"c": {"d": {}}}}}}, "nested"),
        ({"details": {"api_token": "x"}}, "is a secret"),
        ({"details": {"deep": [{"password": "x"}]}}, "is a secret"),
        ({"details": {"session_cookie": 1}}, "is a secret"),
        ({"details": {"pem": "-----BEGIN PRIVATE KEY-----"}}, "a private key"),
    ],
)
def test_what_has_no_place_in_the_log_is_refused(path: Path, changes: dict[str, Any], problem: str) -> None:
    store = Store.open(path)
    with store.write() as db, pytest.raises(ValueError, match=problem):
        write(db, 2, **changes)
    with store.read() as db:
        assert db.scalar(select(func.count()).select_from(audit)) == 0
    store.close()


@pytest.mark.parametrize(
    "spoil",
    ["seq = 'abc'", "seq = x'00'", "seq = 9223372036854775807", "digest = x'00'", "digest = ''", "digest = 'x'"],
)
def test_a_log_whose_end_is_spoilt_is_not_gone_on_with(path: Path, spoil: str) -> None:
    store = Store.open(path)
    with store.write() as db:
        write(db, 2)
        db.execute(text(f"UPDATE audit SET {spoil} WHERE seq = 2"))  # noqa: S608
        with pytest.raises(ConfigError, match="the audit log is damaged"):
            write(db, 3)
    store.close()


@pytest.mark.parametrize("action", sorted(ACTIONS - {"log_created"}))
def test_every_action_has_its_place(path: Path, action: str) -> None:
    store = Store.open(path)
    with store.write() as db:
        entry = write(db, 2, action=action, now=int(BEGIN))
    assert isinstance(entry, Entry)
    assert judge(store).good
    store.close()
