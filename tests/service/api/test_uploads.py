"""Recordings in one request: from clients that are slow, lie, vanish, repeat themselves, or send what none should."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select, update

from service.store.schema import analyses, audit, idempotency, uploads
from tests.service.api.bench import Bench, bench, serving
from tests.service.api.running import process_in, raw_client
from tests.service.api.test_jobs import new_case

MOVIE = hashlib.shake_128(b"movie").digest(200_000)
DIGEST = hashlib.sha256(MOVIE).hexdigest()
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\nmovie\r\n'
FORM = "multipart/form-data; boundary=b"


@pytest.fixture
def hasty(tmp_path: Path) -> Iterator[Bench]:
    """A service that waits half a second for a client."""
    with bench(tmp_path, idle_seconds=0.5) as made, serving(made):
        made.announce()
        yield made


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A service for all tests that leave nothing behind in which others would look."""
    with bench(tmp_path_factory.mktemp("house")) as made, serving(made):
        made.announce()
        yield made


@pytest.fixture
def guest(house: Bench) -> Iterator[httpx.Client]:
    """Somebody with the first key of `house`."""
    with house.client() as client:
        yield client


def nothing_is_left(at: Bench) -> bool:
    """No bytes, and no upload that holds a place."""
    with at.service.store.read() as db:
        num_open = db.scalar(select(func.count()).select_from(uploads).where(uploads.c.state == "open"))
    return num_open == 0 and not list(at.service.incoming.uploads())


def wait_until_nothing_is_left(at: Bench) -> None:
    until = time.monotonic() + 10
    while not nothing_is_left(at):
        assert time.monotonic() < until
        time.sleep(0.02)


def send(at: Bench, case: str, head: str, query: str = "") -> socket.socket:
    return raw_client(at.base, at.key, f"POST /v1/cases/{case}/recordings{query} HTTP/1.1\n{head}")


def test_a_client_that_vanishes_leaves_nothing(at: Bench, client: httpx.Client) -> None:
    """Case 52: it announced more than it sent."""
    with send(at, new_case(client), "Content-Length: 2000000") as raw:
        raw.sendall(b"x" * 1_500_000)
    time.sleep(0.1)
    wait_until_nothing_is_left(at)
    assert list(at.service.vault.digests()) == []
    assert client.get("/v1/jobs").json()["jobs"] == []


def test_what_comes_behind_the_announced_length_is_no_recording(at: Bench, client: httpx.Client) -> None:
    case = new_case(client)
    with send(at, case, "Content-Length: 10", f"?sha256={DIGEST}") as raw:
        raw.sendall(MOVIE)
        assert raw.recv(12) == b"HTTP/1.1 460"
    with send(at, case, "Content-Length: 10") as raw:
        raw.sendall(MOVIE)
        told = b"".join(_until_the_end(raw))
    assert told.startswith(b"HTTP/1.1 202")
    assert b"HTTP/1.1 400" in told
    assert b"HTTP/1.1 5" not in told
    assert [job["num_bytes"] for job in client.get("/v1/jobs").json()["jobs"]] == [10]


def _until_the_end(raw: socket.socket) -> Iterator[bytes]:
    """What the server says. It leaves bytes unread that are no request, so its closing may reset the connection."""
    with contextlib.suppress(ConnectionResetError):
        while block := raw.recv(65_536):
            yield block


def test_a_recording_of_unknown_length_is_taken(guest: httpx.Client) -> None:
    pieces = (MOVIE[at : at + 7000] for at in range(0, len(MOVIE), 7000))
    job = guest.post(f"/v1/cases/{new_case(guest)}/recordings", params={"sha256": DIGEST}, content=pieces).json()
    assert (job["sha256"], job["num_bytes"]) == (DIGEST, len(MOVIE))


def test_who_asks_first_is_told_whether_to_send(house: Bench, guest: httpx.Client) -> None:
    """`Expect: 100-continue` (RFC 9110, 10.1.1): a refusal comes before a byte of the body."""
    case = new_case(guest)
    with send(house, case, "Content-Length: 5\nExpect: 100-continue") as raw:
        assert raw.recv(25).startswith(b"HTTP/1.1 100")
        raw.sendall(b"movie")
        assert raw.recv(65_536).startswith(b"HTTP/1.1 202")
    with send(house, case, f"Content-Length: {21 << 30}\nExpect: 100-continue") as raw:
        assert raw.recv(65_536).startswith(b"HTTP/1.1 413")
    with send(house, "case_" + "0" * 32, "Content-Length: 5\nExpect: 100-continue") as raw:
        assert raw.recv(65_536).startswith(b"HTTP/1.1 404")
    nobody = "unmask_" + "0" * 64
    with raw_client(house.base, nobody, f"POST /v1/cases/{case}/recordings HTTP/1.1\nContent-Length: 5\n"
                    "Expect: 100-continue") as raw:  # fmt: skip
        assert raw.recv(65_536).startswith(b"HTTP/1.1 401")
    assert nothing_is_left(house)


@pytest.mark.parametrize("drip", [b"", b"x"])
def test_who_sends_hardly_anything_is_ended(hasty: Bench, drip: bytes) -> None:
    """Nothing at all, and ten bytes a second, of ten gigabytes."""
    with hasty.client() as client:
        case = new_case(client)
        began = time.monotonic()
        with send(hasty, case, "Content-Length: 10737418240") as raw:
            raw.sendall(b"x")
            raw.settimeout(0.1)
            told = b""
            while not told and time.monotonic() - began < 10:
                try:
                    told = raw.recv(65_536)
                except TimeoutError:
                    if drip:
                        raw.sendall(drip)
        assert told.startswith((b"HTTP/1.1 408", b"HTTP/1.1 507"))  # the latter where the disk has no ten gigabytes
        assert time.monotonic() - began < 5
        wait_until_nothing_is_left(hasty)


def test_a_document_that_does_not_arrive_is_not_waited_for(hasty: Bench) -> None:
    """Nor is a place kept for who has no key, before that is known."""
    head = "POST /v1/cases HTTP/1.1\nContent-Type: application/json\nContent-Length: 1000"
    for key in (hasty.key, "unmask_" + "0" * 64):
        with raw_client(hasty.base, key, head, timeout=5) as raw:
            raw.sendall(b"{")
            assert raw.recv(65_536).startswith((b"HTTP/1.1 408", b"HTTP/1.1 401"))


def test_an_honest_slow_client_is_heard_out(hasty: Bench) -> None:
    with hasty.client() as client:
        case = new_case(client)
        with send(hasty, case, "Content-Length: 20000") as raw:
            for _ in range(20):
                raw.sendall(b"x" * 1000)
                time.sleep(0.06)
            assert raw.recv(65_536).startswith(b"HTTP/1.1 202")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("CON", "_CON"),
        ("aux.mp4", "_aux.mp4"),
        ("../../x", "x"),
        ("C:\\cases\\7\\interview.mp4", "interview.mp4"),
        ("", "recording"),
        ("..", "recording"),
        ("a\0b\r\n.mp4", None),
        ("\u202egnp.exe", None),
        ("Ä" * 200 + ".mp4", "Ä" * 200 + ".mp4"),
    ],
)
def test_names_are_shown_and_are_no_paths(guest: httpx.Client, name: str, shown: str | None) -> None:
    """Case 53."""
    case = new_case(guest)
    asked = guest.post(f"/v1/cases/{case}/recordings", params={"name": name}, content=b"one")
    posted = guest.post(f"/v1/cases/{case}/recordings", files={"file": (name, b"two", "text/html")})
    for answer in (asked, posted) if name else (asked,):
        assert answer.status_code == 202
        kept = answer.json()["filename"]
        if shown is not None:
            assert kept == shown
        assert not set(kept) & set("/\\\0\r\n\u202e")


def test_a_name_of_5_kb_is_cut_or_refused(guest: httpx.Client) -> None:
    url = f"/v1/cases/{new_case(guest)}/recordings"
    name = "\u4e2d" * 1700 + ".mp4"
    assert guest.post(url, params={"name": name}, content=b"one").status_code == 422
    kept = guest.post(url, files={"file": (name, b"two")}).json()["filename"]
    assert len(kept) == 255
    assert kept.endswith("….mp4")


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("image/png", b"movie", 202),
        ("text/html", b"<script>", 202),
        ("application/json", b"{", 202),
        ("nonsense", b"movie", 202),
        ("multipart/form-data", b"movie", 422),
        ("multipart/form-data; boundary=", b"movie", 422),
        (f"multipart/form-data; boundary={'b' * 71}", b"movie", 422),
        ("multipart/form-data; boundary=é", b"movie", 422),
        (FORM, b"movie", 422),
        (FORM, b"", 422),
        ("application/octet-stream", b"", 422),
        (FORM, PART, 422),
        (FORM, PART + b"--b--\r\n", 202),
        (FORM, PART + PART + b"--b--\r\n", 422),
        (FORM, PART.replace(b"file", b"x").replace(b'; filename="a.mp4"', b"") * 10_000 + b"--b--\r\n", 422),
        (FORM, b"--b\r\nX-Long: " + b"x" * 1_000_000 + b"\r\n\r\nmovie\r\n--b--\r\n", 422),
        (FORM, b"--b\r\n" + b"X: y\r\n" * 100_000 + b"\r\nmovie\r\n--b--\r\n", 422),
        (FORM, PART.replace(b"; filename", b"; x").replace(b"file", b"f") + b"--b--\r\n", 422),
        (FORM, PART + b"--b--\r\n" + b"x" * 1_000_000, 422),
        (FORM, PART.replace(b"movie", b"") + b"--b--\r\n", 422),
        (FORM, b"--b\r\nContent-Disposition\r\n\r\nmovie\r\n--b--\r\n", 422),
    ],
)
def test_types_lie_and_forms_are_none(house: Bench, guest: httpx.Client, kind: str, body: bytes, status: int) -> None:
    url = f"/v1/cases/{new_case(guest)}/recordings"
    answer = guest.post(url, headers={"Content-Type": kind.encode("latin-1")}, content=body)
    assert answer.status_code == status, answer.text
    assert nothing_is_left(house)


@pytest.mark.parametrize("header", ["X-Long: " + "x" * 200_000, "X: y\n" * 20_000, "Content-Length: x", "A b: c"])
def test_a_head_that_no_client_sends_is_refused(house: Bench, guest: httpx.Client, header: str) -> None:
    with send(house, new_case(guest), header) as raw:
        assert raw.recv(12)[:10] == b"HTTP/1.1 4"
    assert guest.get("/health/live").status_code == 200


def test_the_same_content_twice_is_two_jobs_and_one_examination(at: Bench, client: httpx.Client) -> None:
    """Case 54."""
    case = new_case(client)
    url = f"/v1/cases/{case}/recordings"
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda name: client.post(url, params={"name": name}, content=MOVIE).json(), ("a", "b")))
    assert made[0]["id"] != made[1]["id"]
    assert made[0]["evidence"] == made[1]["evidence"]
    with at.service.store.read() as db:
        assert db.scalar(select(func.count()).select_from(analyses)) == 1
        entries = db.execute(select(audit.c.details).where(audit.c.action == "upload", audit.c.case_id == case)).all()
    assert len(entries) == 2
    assert all(any(job["id"] in row.details for row in entries) for job in made)
    other = client.post(f"/v1/cases/{new_case(client)}/recordings", content=MOVIE).json()
    assert other["evidence"] != made[0]["evidence"]  # a case does not learn what another has
    assert list(at.service.vault.digests()) == [DIGEST]


def test_the_same_request_again_is_the_same_job(at: Bench, client: httpx.Client) -> None:
    """Case 57."""
    case = new_case(client)
    url = f"/v1/cases/{case}/recordings"
    key = {"Idempotency-Key": "a-key"}
    first = client.post(url, headers=key, content=MOVIE)
    again = client.post(url, headers=key, content=MOVIE)
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["id"] == again.json()["id"]
    assert client.post(url, headers=key, content=MOVIE[1:]).status_code == 409
    assert client.post(url, headers=key, params={"name": "x"}, content=MOVIE).status_code == 409
    for odd in ("", "a key", "x" * 256):
        assert client.post(url, headers={"Idempotency-Key": odd}, content=MOVIE).status_code == 422
    with at.client(at.key_for("Ada")) as ada:
        mine = ada.post(f"/v1/cases/{new_case(ada)}/recordings", headers=key, content=MOVIE)
        assert mine.status_code == 202
    with at.service.store.write() as db:
        db.execute(update(idempotency).values(created_at=idempotency.c.created_at - 90_000))
    assert client.post(url, headers=key, content=MOVIE).json()["id"] != first.json()["id"]
    assert nothing_is_left(at)


def test_the_same_request_at_the_same_time_is_the_same_job(at: Bench, client: httpx.Client) -> None:
    case = new_case(client)
    url = f"/v1/cases/{case}/recordings"

    def post(content: bytes) -> httpx.Response:
        return client.post(url, headers={"Idempotency-Key": "twice"}, content=content)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(post, [MOVIE] * 6))
    assert {answer.status_code for answer in answers} <= {200, 202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(client.get("/v1/jobs", params={"case": case}).json()["jobs"]) == 1
    with ThreadPoolExecutor(2) as pool:
        key = {"Idempotency-Key": "other"}
        codes = pool.map(lambda content: client.post(url, headers=key, content=content).status_code, [b"a", b"b"])
        assert sorted(codes) == [202, 409]
    assert nothing_is_left(at)


def test_memory_stays_flat(tmp_path: Path) -> None:
    """300 MB as a body, and 100 MB in a form; 1,000 MB of nothing announced."""
    block = bytes(1 << 20)
    with process_in(tmp_path) as there, there.client() as client:
        url = f"/v1/cases/{new_case(client)}/recordings"
        assert client.post(url, content=b"warm").status_code == 202
        before = there.peak_bytes()
        answer = client.post(url, content=(block for _ in range(300)))
        assert answer.json()["num_bytes"] == 300 << 20
        form = [PART.removesuffix(b"movie\r\n"), *[block] * 100, b"\r\n--b--\r\n"]
        answer = client.post(url, headers={"Content-Type": FORM}, content=iter(form))
        assert answer.json()["num_bytes"] == 100 << 20
        case = url.split("/")[3]
        idle = [there.raw(f"POST /v1/cases/{case}/recordings HTTP/1.1\nContent-Length: 1000000") for _ in range(50)]
        for raw in idle:
            raw.sendall(b"x")
        assert client.get("/health/live").status_code == 200
        for raw in idle:
            raw.close()
        assert there.peak_bytes() - before < 60 << 20
