"""Uploads while the service is told to end, is killed, or has no disk space: what was answered is there afterwards."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.api.tus import expire_uploads
from tests.service.api.bench import Bench, bench, serving
from tests.service.api.running import Process, process_in
from tests.service.api.test_jobs import new_case
from tests.service.api.test_tus import TUS, begin, offset_of, said, send
from tests.service.vault.disks import resize, small_disk

MOVIE = hashlib.shake_128(b"movie").digest(3_000_000)
DIGEST = hashlib.sha256(MOVIE).hexdigest()
BLOCK = bytes(100_000)


def in_background(step: Callable[[], Any]) -> Callable[[], Any]:
    """Begin something; call what this returns for its result."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(step)
    pool.shutdown(wait=False)
    return lambda: future.result(30)


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def slowly(seconds: float, told: threading.Event) -> Iterator[bytes]:
    """A recording that has begun to arrive, and goes on for a while once `told` is set."""
    yield MOVIE[:1_500_000]
    told.wait(20)
    time.sleep(seconds)
    yield MOVIE[1_500_000:]


def test_a_service_that_ends_finishes_what_runs(tmp_path: Path) -> None:
    """Case 64: an upload, a resumable one, somebody who waits, and somebody who comes too late."""
    with process_in(tmp_path) as there, there.client() as client:
        case = new_case(client)
        url = f"/v1/cases/{case}/recordings"
        tus = begin(client, case, len(MOVIE))
        headers = TUS | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        told = threading.Event()
        uploading = in_background(lambda: client.post(url, content=slowly(1.5, told)))
        resuming = in_background(lambda: client.patch(tus, headers=headers, content=slowly(1.0, told)))
        waiting = in_background(lambda: client.post(url, params={"wait": 60}, content=b"another"))
        incoming = tmp_path / "data" / "incoming"
        wait_until(lambda: sum(path.stat().st_size for path in incoming.iterdir()) >= 2_000_000)
        time.sleep(0.5)
        there.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        told.set()
        assert waiting().json()["status"] == "queued"
        late = client.post(url, content=b"too late")
        assert (late.status_code, late.headers["Retry-After"]) == (503, "5")
        with there.client() as newcomer:
            assert newcomer.get("/v1/me").status_code == 503
            assert newcomer.get("/health/ready").status_code == 503
            assert newcomer.get("/health/live").status_code == 200
        assert uploading().json()["sha256"] == DIGEST
        assert resuming().headers["Unmask-Job"].startswith("job_")
        assert there.process.wait(30) == 0
        assert time.monotonic() - began < 15


def test_an_upload_that_lasts_is_ended_and_goes_on_at_the_next_start(tmp_path: Path) -> None:
    with process_in(tmp_path) as there, there.client() as client:
        url = begin(client, new_case(client), len(MOVIE))
        with there.raw(
            f"PATCH {url} HTTP/1.1\nTus-Resumable: 1.0.0\nUpload-Offset: 0\nContent-Length: {len(MOVIE)}\n"
            "Content-Type: application/offset+octet-stream"
        ) as raw:
            raw.sendall(MOVIE[:2_000_000])
            wait_until(lambda: any(path.stat().st_size for path in (tmp_path / "data" / "incoming").iterdir()))
            there.process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            sent = 2_000_000
            with suppress(OSError):
                while time.monotonic() - began < 25 and there.process.poll() is None:
                    time.sleep(0.2)
                    raw.sendall(MOVIE[sent : sent + 1000])
                    sent += 1000
            assert raw.recv(12) == b"HTTP/1.1 503"
        there.process.wait(30)
        assert time.monotonic() - began < 30
    with process_in(tmp_path, key=there.key) as again, again.client() as client:
        offset = offset_of(client, url)
        assert 2_000_000 < offset <= sent
        assert "Unmask-Job" in send(client, url, offset, MOVIE[offset:]).headers


def test_what_was_answered_outlives_a_kill(tmp_path: Path) -> None:
    """Case 66, as far as a process goes; that the disk had it, the tests of the vault show."""
    with process_in(tmp_path) as there, there.client() as client:
        case = new_case(client)
        url = begin(client, case, len(MOVIE))
        assert send(client, url, 0, MOVIE[:1_000_000]).status_code == 204
        cut = begin(client, case, len(MOVIE))
        whole = in_background(lambda: _ignored(lambda: send(client, cut, 0, MOVIE)))
        job = client.post(f"/v1/cases/{case}/recordings", content=b"a recording")
        there.process.kill()
        assert job.status_code == 202
        whole()
        there.process.wait(30)
    with process_in(tmp_path, key=there.key) as again, again.client() as client:
        assert client.get(f"/v1/jobs/{job.json()['id']}").json()["sha256"] == job.json()["sha256"]
        assert offset_of(client, url) == 1_000_000
        assert "Unmask-Job" in send(client, url, 1_000_000, MOVIE[1_000_000:]).headers
        offset = offset_of(client, cut)
        if offset < len(MOVIE):
            send(client, cut, offset, MOVIE[offset:])
        other = client.head(cut, headers=TUS).headers["Unmask-Job"]
        assert client.get(f"/v1/jobs/{other}").json()["sha256"] == DIGEST
        assert list((tmp_path / "data" / "incoming").iterdir()) == []
    database = sqlite3.connect(tmp_path / "data" / "service.sqlite")
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def _ignored(step: Callable[[], Any]) -> None:
    with suppress(httpx.TransportError):
        step()


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A service that waits a second for a client."""
    with process_in(tmp_path_factory.mktemp("hasty"), idle_seconds=1.0) as there:
        yield there


@pytest.fixture
def cramped(tmp_path: Path) -> Iterator[Bench]:
    """A service on a disk of 24 MB."""
    with (
        small_disk(tmp_path / "disk", "size=24m,nr_inodes=20000") as disk,
        bench(tmp_path, data=disk / "data") as made,
        serving(made),
    ):
        made.announce()
        yield made


def endless(num_blocks: int) -> Iterator[bytes]:
    for _ in range(num_blocks):
        yield BLOCK


def test_a_full_disk_keeps_nothing_half(cramped: Bench) -> None:
    """Case 67, from a client that does not say how much it sends, and one that does."""
    with cramped.client() as client:
        url = f"/v1/cases/{new_case(client)}/recordings"
        for content in (endless(400), BLOCK * 400):
            full = client.post(url, content=content)
            assert (full.status_code, full.headers["Retry-After"]) == (507, "60")
            assert list(cramped.service.incoming.uploads()) == []
            assert list(cramped.service.vault.digests()) == []
        assert client.post(url, content=MOVIE).json()["sha256"] == DIGEST
        assert len(client.get("/v1/jobs").json()["jobs"]) == 1


def test_a_full_disk_keeps_what_a_resumable_upload_has(cramped: Bench) -> None:
    with cramped.client() as client:
        case = new_case(client)
        url = begin(client, case, 15_000_000)
        ballast = cramped.settings.data / "ballast"
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, 14 << 20)
        piece = BLOCK * 150
        assert send(client, url, 0, piece).status_code == 507
        ballast.unlink()
        offset = offset_of(client, url)
        assert 0 < offset < len(piece)
        assert "Unmask-Job" in send(client, url, offset, piece[offset:]).headers
        assert client.post(
            "/v1/uploads",
            headers=TUS | {"Upload-Length": "15000000", "Upload-Metadata": said(case=case)},
        ).status_code == 507  # fmt: skip


def test_room_that_was_promised_is_not_promised_again(cramped: Bench) -> None:
    with cramped.client() as client:
        case = new_case(client)
        url = begin(client, case, 15_000_000)
        asked = TUS | {"Upload-Length": "12000000", "Upload-Metadata": said(case=case)}
        assert client.post("/v1/uploads", headers=asked).status_code == 507
        assert client.delete(url, headers=TUS).status_code == 204
        assert client.post("/v1/uploads", headers=asked).status_code == 201


def test_a_disk_without_a_byte_refuses_and_recovers(cramped: Bench) -> None:
    """The database has no room either."""
    with cramped.client() as client:
        case = new_case(client)
        url = f"/v1/cases/{case}/recordings"
        begun = begin(client, case, 1_000_000)
        ballast = cramped.settings.data / "ballast"
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(BLOCK[:4096])
        assert client.post("/v1/cases", json={"name": "x" * 200}).status_code in {201, 507}
        for _ in range(3):
            assert client.post(url, content=endless(3)).status_code == 507
            assert send(client, begun, 0, BLOCK).status_code == 507
        assert client.get("/v1/jobs").json()["jobs"] == []
        assert client.get("/v1/me").status_code == 200
        ballast.unlink()
        assert client.post(url, content=MOVIE).status_code == 202
        assert offset_of(client, begun) == 0
        assert "Unmask-Job" in send(client, begun, 0, BLOCK * 10).headers
        assert expire_uploads(cramped.service) == 0
        assert list(cramped.service.incoming.uploads()) == []
        resize(cramped.settings.data.parent, "48m")
        assert client.post(url, content=endless(250)).status_code == 202


REFUSED = b"POST /v1/cases/x/recordings HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n"


@pytest.mark.parametrize("first", [b"", b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", REFUSED])
def test_a_connection_without_a_request_is_closed(hasty: Process, first: bytes) -> None:
    """Case 52: a byte of the first lines now and then, also behind an answer; and a body that was refused, for ever."""
    port = int(hasty.base.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=0.1) as raw:
        raw.sendall(first)
        began = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() - began < 10:
                raw.sendall(b"G")
                with suppress(TimeoutError):
                    if not raw.recv(65_536):
                        break
        assert 0.5 < time.monotonic() - began < 5


def test_who_uses_a_connection_again_keeps_it(hasty: Process) -> None:
    with hasty.client() as client:
        for _ in range(8):
            assert client.get("/health/live").status_code == 200
            time.sleep(0.2)
        pool: Any = client._transport
        assert len(pool._pool.connections) == 1
