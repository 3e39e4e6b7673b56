"""Streams of events: nothing missed, nothing twice, nothing seen by others, and clients that do not read."""

from __future__ import annotations

import asyncio
import random
import re
import socket
import time
from pathlib import Path

import httpx
from sqlalchemy import event

from pipelines.telling import telling
from service.api.streams import Stream, Streams
from service.api.watching import frames
from service.store.keys import caller_of_key
from tests.service.api.bench import Bench, bench, serving
from tests.service.api.listening import Examiner, Heard, hand_in, happen, heard, listening, new_case


def test_a_job_is_watched_from_its_beginning_to_its_end(at: Bench, client: httpx.Client) -> None:
    job = hand_in(client, new_case(client))
    examiner = Examiner(at)
    with listening(client, f"/v1/jobs/{job['id']}/events") as events:
        first = next(events)
        assert (first.kind, first.data["filename"], first.data["case"]) == ("created", "a.mp4", job["case"])
        lease = examiner.begin()
        assert next(events).kind == "started"
        examiner.end(lease, flagged=True)
        last = next(events)
        assert (last.kind, last.data["job"], last.data["state"]) == ("finished", job["id"], "examined")
        assert last.data["flagged"] is True


def test_who_comes_back_misses_nothing_and_sees_nothing_twice(at: Bench, client: httpx.Client) -> None:
    """Case 60: the connection breaks anywhere, also in the middle of an event, while more happens."""
    case = new_case(client)
    job = hand_in(client, case)["id"]
    happen(at, new_case(client, "another"), "job_of_another", 500)
    chance, seen, last = random.Random(60), list[str](), "0"  # noqa: S311 - the same one every time
    for _ in range(25):
        happen(at, case, job, chance.randrange(80))
        with listening(client, "/v1/events", last, case=case) as events:
            for _ in range(chance.randrange(1, 60)):
                if len(seen) == _count(at, case):
                    break
                seen.append(str(next(events).id))
        last = seen[-1]
    happen(at, case, job, 300)
    while len(seen) < _count(at, case) - 30:
        with client.stream("GET", "/v1/events", params={"case": case, "last_event_id": last}) as answer:
            blocks = answer.iter_raw(chance.randrange(50, 900))
            cut = b"".join(next(blocks) for _ in range(3)).decode()
        seen += [one.id for one in heard(cut.split("\n")) if one.id is not None]
        last = seen[-1]
    with listening(client, "/v1/events", last, case=case) as events:
        seen += [str(next(events).id) for _ in range(_count(at, case) - len(seen))]
    assert seen == _numbers(at, case)


def _numbers(at: Bench, case: str) -> list[str]:
    with at.service.store.read() as db:
        rows = db.exec_driver_sql("SELECT seq FROM events WHERE case_id = ? ORDER BY seq", (case,))
        return [str(row.seq) for row in rows]


def _count(at: Bench, case: str) -> int:
    return len(_numbers(at, case))


def test_who_watches_from_now_on_is_told_where_now_is(at: Bench, client: httpx.Client) -> None:
    case = new_case(client)
    hand_in(client, case)
    with client.stream("GET", "/v1/events") as answer:
        lines = answer.iter_lines()
        assert f"id: {_numbers(at, case)[-1]}" in [next(lines) for _ in range(3)]
        other = new_case(client, "made meanwhile")
        job = hand_in(client, other)
        told = next(heard(lines))
        assert (told.kind, told.data["case"], told.data["job"]) == ("created", other, job["id"])


def test_what_happens_just_after_the_answer_begins_is_not_missed(at: Bench, client: httpx.Client) -> None:
    """A page opens its stream, then reads how things stand: between the two nothing may be lost."""
    case = new_case(client)
    for _ in range(3):
        with listening(client, "/v1/events") as events:
            job = hand_in(client, case)["id"]
            assert next(events).data["job"] == job


def test_nobody_watches_what_is_not_his(at: Bench, client: httpx.Client) -> None:
    case = new_case(client)
    job = hand_in(client, case)["id"]
    with at.client(at.key_for("somebody else")) as other:
        mine, none = (other.get(f"/v1/jobs/{id_}/events") for id_ in (job, f"job_{'0' * 32}"))
        assert (mine.status_code, mine.json()) == (none.status_code, none.json())
        assert mine.status_code == 404
        assert other.get("/v1/events", params={"case": case}).status_code == 404
        assert other.get("/v1/events", headers={"Last-Event-ID": "seven"}).status_code == 422
        assert other.get("/v1/events", params={"last_event_id": "999999"}).status_code == 422
        with listening(other, "/v1/events", "0") as events:
            own = new_case(other)
            own_job = hand_in(other, own)["id"]
            assert next(events).data["job"] == own_job


def test_a_stream_ends_with_the_membership(at: Bench, client: httpx.Client) -> None:
    case = new_case(client)
    job = hand_in(client, case)["id"]
    with at.client(at.key_for("colleague")) as other:
        person = other.get("/v1/me").json()["person"]
        client.post(f"/v1/cases/{case}/members", json={"person": person}).raise_for_status()
        with (
            listening(other, "/v1/events", "0", case=case) as of_case,
            listening(other, f"/v1/jobs/{job}/events") as of_job,
            listening(other, "/v1/events", "0") as of_all,
        ):
            assert next(of_case).kind == next(of_job).kind == next(of_all).kind == "created"
            client.delete(f"/v1/cases/{case}/members/{person}").raise_for_status()
            happen(at, case, job, 1)
            assert list(of_case) == list(of_job) == []
            own = hand_in(other, new_case(other))["id"]
            assert next(of_all).data["job"] == own
        assert other.get(f"/v1/jobs/{job}/events").status_code == 404


def test_a_stream_ends_with_the_key(at: Bench, client: httpx.Client) -> None:
    with at.client(at.key_for("colleague")) as other, listening(other, "/v1/events", "0") as events:
        key = next(key for key in client.get("/v1/keys").json() if key["name"] == "colleague")
        client.delete(f"/v1/keys/{key['id']}").raise_for_status()
        assert list(events) == []


def test_a_stream_ends_with_the_browsers_session(at: Bench) -> None:
    with httpx.Client(base_url=at.base, timeout=60) as browser:
        token = browser.post("/v1/session", json={"key": at.key}).json()["csrf_token"]
        with listening(browser, "/v1/events", "0") as events:
            browser.delete("/v1/session", headers={"X-CSRF-Token": token}).raise_for_status()
            assert list(events) == []


def test_a_stream_ends_with_the_deleted_job_and_no_name_is_left(client: httpx.Client) -> None:
    case = new_case(client)
    job = hand_in(client, case)["id"]
    with listening(client, f"/v1/jobs/{job}/events") as events:
        assert next(events).kind == "created"
        client.post(f"/v1/jobs/{job}/delete", json={"reason": "by order"}).raise_for_status()
        assert [one.kind for one in events] == ["deleted"]
    assert client.get(f"/v1/jobs/{job}/events").status_code == 410
    with listening(client, "/v1/events", "0", case=case) as events:
        created = next(events)
        assert (created.kind, created.data.keys()) == ("created", {"job", "case", "at"})


def test_streams_end_when_the_service_does(at: Bench, client: httpx.Client) -> None:
    with client.stream("GET", "/v1/events", params={"last_event_id": "0"}) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith(":")
        at.service.stopping.set()
        began = time.monotonic()
        assert [line for line in lines if line][-1].startswith("retry: ")
        assert time.monotonic() - began < 3


def test_how_far_a_job_is_comes_without_a_number(at: Bench, client: httpx.Client) -> None:
    job = hand_in(client, new_case(client))["id"]
    at.settings.progress.mkdir(parents=True)
    with listening(client, "/v1/events") as events, listening(client, f"/v1/jobs/{job}/events") as of_job:
        assert next(of_job).kind == "created"
        lease = Examiner(at).begin()
        with telling(at.settings.progress, lease.seq) as tell:
            assert tell is not None
            tell("video 0", 0.25)
            assert [next(events).kind, next(of_job).kind] == ["started", "started"]
            for told in (next(events), next(of_job)):
                assert (told.kind, told.id) == ("progress", None)
                assert (told.data["job"], told.data["progress"]) == (job, {"video 0": 0.25})


def test_a_person_has_so_many_streams(tmp_path: Path) -> None:
    with bench(tmp_path, max_streams_per_person=2) as made, serving(made), made.client() as client:
        with listening(client, "/v1/events"), listening(client, "/v1/events"):
            refused = client.get("/v1/events")
            assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (429, "too-many")
            assert refused.headers["Retry-After"]
            with made.client(made.key_for("another")) as other, listening(other, "/v1/events"):
                pass
        _wait_for(lambda: _tried(client) == 200)


def _tried(client: httpx.Client) -> int:
    with client.stream("GET", "/v1/events") as answer:
        return answer.status_code


def _wait_for(condition: object, seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    assert callable(condition)
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_client_that_does_not_read_is_left_and_loses_nothing(tmp_path: Path) -> None:
    """Case 60: what it does not take is kept by nobody; it is left after a while, and goes on where it was."""
    with bench(tmp_path, idle_seconds=1) as made, serving(made), made.client() as client:
        made.announce()
        case = new_case(client)
        job = hand_in(client, case)["id"]
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(("127.0.0.1", int(made.base.rpartition(":")[2])))
            request = f"GET /v1/events?case={case}&last_event_id=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            deaf.sendall(f"{request}Authorization: Bearer {made.key}\r\n\r\n".encode())
            for _ in range(50):  # 8 MB in all: more than any socket's buffers hold
                happen(made, case, job, 80, text="x" * 2000)
            assert _running(client) == 2
            _wait_for(lambda: _running(client) == 1)
            deaf.settimeout(10)
            got = bytearray()
            while block := deaf.recv(1 << 16):
                got += block
        assert len(got) < 6_000_000
        body = re.sub(rb"\r\n[0-9a-f]+\r\n", b"", bytes(got))  # chunks as HTTP/1.1 has them
        ids = [one.id for one in heard(body.decode().split("\n"))]
        with listening(client, "/v1/events", ids[-1], case=case) as events:
            ids += [next(events).id for _ in range(_count(made, case) - len(ids))]
        assert ids == _numbers(made, case)


def _running(client: httpx.Client) -> int:
    """Requests that are being answered, this one included."""
    lines = client.get("/metrics").text.splitlines()
    return int(float(next(line for line in lines if line.startswith("unmask_requests_running ")).split()[1]))


def test_many_who_watch_are_no_more_load_than_one(at: Bench) -> None:
    """One look for all: the database is asked as often for forty streams as for one."""
    counted = 0

    def count(*_: object) -> None:
        nonlocal counted
        counted += 1

    def asked(number: int) -> int:
        nonlocal counted
        streams, clients = [], [at.client(at.key_for(f"person {number} {n}")) for n in range(number)]
        for client in clients:
            request = client.build_request("GET", "/v1/events", params={"last_event_id": "0"})
            streams.append(client.send(request, stream=True))
        time.sleep(0.5)
        counted = 0
        time.sleep(2)
        total = counted
        for stream in streams:
            stream.close()
        for client in clients:
            client.close()
        return total

    engine = at.service.store._engine
    event.listen(engine, "after_cursor_execute", count)
    one, many = asked(1), asked(40)
    event.remove(engine, "after_cursor_execute", count)
    assert many <= one + 8
    assert one < 40


def test_silence_is_broken_and_no_stream_lasts_for_ever(at: Bench) -> None:
    with at.service.store.read() as db:
        caller = caller_of_key(db, at.key, now=at.service.store.now(db))
    assert caller is not None

    async def listen() -> list[bytes]:
        streams = Streams(at.service)
        stream = Stream(caller=caller, session=None, cases=frozenset(), sent=0)
        streams.add(stream)
        try:
            return [block async for block in frames(streams, stream, beat_seconds=0.2, longest_seconds=1.1)]
        finally:
            streams.remove(stream)
            assert streams.num_open == 0

    first, *beats, last = asyncio.run(listen())
    assert b"retry: 3000\n" in first
    assert set(beats) == {b": still here\n\n"}
    assert 3 <= len(beats) <= 5
    assert last == b"retry: 3000\n\n"


def test_what_was_sent_is_read_as_it_was_meant() -> None:
    assert list(
        heard(["id: 7", "retry: 1", "", "event: a", 'data: {"b": 1}', "", ": c", "", "id: 8", "event: cut"])
    ) == [
        Heard("a", None, {"b": 1}),
    ]
