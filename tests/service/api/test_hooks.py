"""Hooks, told over HTTP by a service whose jobs end: signed, once at least, and led nowhere else by an answer."""

from __future__ import annotations

import hashlib
import hmac
import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from detect.errors import ConfigError
from service.live.hooks import HookCalls
from service.settings import Hook, load_settings
from service.store.deliveries import LIFE_SECONDS, PAUSES
from service.store.row import AnyRow
from service.store.schema import deliveries
from tests.service.api.bench import Bench, bench, serving
from tests.service.api.listening import Examiner, hand_in, new_case

SECRET = "between the two of us"  # noqa: S105 - of a test


@dataclass
class Call:
    """What a receiver got."""

    path: str
    headers: Message
    body: bytes


@dataclass
class Receiver:
    """An HTTP server that answers as the path says, and keeps what it was sent."""

    port: int = 0
    calls: list[Call] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    """Statuses of the next answers; then 200."""
    leads_to: str = ""
    """Where a redirect points."""
    num_sent: int = 0
    """Bytes of an endless answer that were taken."""

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver, done = Receiver(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.calls.append(Call(self.path, self.headers, body))
            if self.path == "/slow":
                done.wait(20)
            status = receiver.answers.pop(0) if receiver.answers else 200
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", receiver.leads_to)
            self.send_header("Connection", "close")
            self.end_headers()
            if self.path == "/endless":
                try:
                    while not done.is_set():
                        receiver.num_sent += self.wfile.write(b"x" * 65536)
                except OSError:
                    return

        do_GET = do_POST  # noqa: N815 - the name http.server looks for

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as inherited
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        receiver.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="receiver")
        thread.start()
        try:
            yield receiver
        finally:
            done.set()
            server.shutdown()
            thread.join()


@contextmanager
def telling(folder: Path, *told: Hook, **values: Any) -> Iterator[Bench]:
    """A service that tells hooks."""
    with bench(folder, hooks=told) as made, serving(made):
        made.announce()
        calls = HookCalls(made.service, **values)
        calls.start()
        try:
            yield made
        finally:
            made.service.stopping.set()
            calls.join(15)


def hook(url: str, name: str = "desk", **values: Any) -> Hook:
    return Hook(name=name, url=url, secret=SecretStr(SECRET), **values)


def job_ends(made: Bench, case: str | None = None, content: bytes = b"anything") -> str:
    with made.client() as client:
        job = hand_in(client, case or new_case(client), content)["id"]
    examiner = Examiner(made)
    examiner.end(examiner.begin(), flagged=True)
    return str(job)


def rows(made: Bench) -> list[AnyRow]:
    with made.service.store.read() as db:
        return list(db.execute(deliveries.select().order_by(deliveries.c.created_at)))


def wait_for(made: Bench, **values: Any) -> AnyRow:
    """The only delivery, when it is so."""
    until = time.monotonic() + 15
    while True:
        (row,) = rows(made)
        if all(getattr(row, name) == value for name, value in values.items()):
            return row
        assert time.monotonic() < until, (row, values)
        time.sleep(0.05)


def time_passes(made: Bench, seconds: float) -> None:
    """As if the deliveries had been made so much earlier."""
    with made.service.store.write() as db:
        db.execute(
            update(deliveries).values(
                created_at=deliveries.c.created_at - seconds, next_at=deliveries.c.next_at - seconds
            )
        )


def test_a_hook_is_told_with_a_signature_that_anybody_with_the_secret_can_check(tmp_path: Path) -> None:
    with receiving() as receiver, telling(tmp_path, hook(receiver.url("/told?by=unmask"))) as made:
        job = job_ends(made)
        row = wait_for(made, next_at=None)
        assert (row.attempts, row.last_error) == (1, None)
        assert row.delivered_at is not None
        (call,) = receiver.calls
        assert call.path == "/told?by=unmask"
        signed = f"{call.headers['Unmask-Id']}.{call.headers['Unmask-Timestamp']}.".encode() + call.body
        expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        assert call.headers["Unmask-Signature"] == f"v1={expected}"
        assert abs(int(call.headers["Unmask-Timestamp"]) - time.time()) < 60
        told = json.loads(call.body)
        assert (told["id"], told["event"], told["job"]) == (call.headers["Unmask-Id"], "job.finished", job)
        assert (told["state"], told["flagged"]) == ("examined", True)
        assert b"a.mp4" not in call.body


def test_what_was_refused_comes_again_under_the_same_id(tmp_path: Path) -> None:
    with receiving() as receiver, telling(tmp_path, hook(receiver.url())) as made:
        receiver.answers = [500, 404]
        job_ends(made)
        row = wait_for(made, last_error="answered 500")
        assert row.next_at - row.created_at == pytest.approx(PAUSES[0], abs=5)
        time_passes(made, PAUSES[0])
        row = wait_for(made, last_error="answered 404")
        assert row.next_at - row.created_at == pytest.approx(PAUSES[0] + PAUSES[1], abs=5)
        time_passes(made, PAUSES[1])
        wait_for(made, attempts=3, next_at=None, last_error=None)
        assert len({call.headers["Unmask-Id"] for call in receiver.calls}) == 1
        assert len({call.body for call in receiver.calls}) == 1
        time.sleep(1.5)
        assert len(receiver.calls) == 3


def test_after_a_day_it_is_given_up(tmp_path: Path) -> None:
    with receiving() as receiver, telling(tmp_path, hook(receiver.url())) as made:
        receiver.answers = [503, 503]
        job_ends(made)
        wait_for(made, last_error="answered 503", attempts=1)
        time_passes(made, LIFE_SECONDS)
        row = wait_for(made, attempts=2, next_at=None)
        assert (row.delivered_at, row.last_error) == (None, "answered 503")


@pytest.mark.parametrize(
    ("status", "leads_to"),
    [(308, "http://127.0.0.1:{port}/inner"), (302, "file:///etc/passwd"), (307, "http://169.254.169.254/")],
)
def test_no_answer_leads_elsewhere(tmp_path: Path, status: int, leads_to: str) -> None:
    """Case 59. That nothing else was called the fixture for sockets sees, too."""
    with receiving() as receiver, telling(tmp_path, hook(receiver.url("/first"))) as made:
        receiver.answers, receiver.leads_to = [status], leads_to.format(port=receiver.port)
        job_ends(made)
        wait_for(made, last_error=f"answered {status}")
        assert [call.path for call in receiver.calls] == ["/first"]


def test_an_endless_answer_is_not_read(tmp_path: Path) -> None:
    with receiving() as receiver, telling(tmp_path, hook(receiver.url("/endless"))) as made:
        job_ends(made)
        wait_for(made, attempts=1, next_at=None)
        assert receiver.num_sent < 20_000_000  # what the buffers of two sockets hold
        sent = receiver.num_sent
        time.sleep(0.3)
        assert receiver.num_sent == sent


def test_a_slow_hook_keeps_nobody_waiting(tmp_path: Path) -> None:
    with receiving() as slow, receiving() as quick:
        told = (hook(slow.url("/slow"), "slow"), hook(quick.url(), "quick"))
        with telling(tmp_path, *told, timeout_seconds=2.0) as made:
            job_ends(made)
            until = time.monotonic() + 1.5
            while not quick.calls and time.monotonic() < until:
                time.sleep(0.02)
            assert quick.calls
            until = time.monotonic() + 8
            while not any(row.last_error == "ReadTimeout" for row in rows(made)) and time.monotonic() < until:
                time.sleep(0.05)
            assert {row.hook: row.last_error for row in rows(made)} == {"slow": "ReadTimeout", "quick": None}


def test_what_is_no_http_is_no_success(tmp_path: Path) -> None:
    class Rude(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1000)
            self.request.sendall(b"\x00\xff" * 500)

    with socketserver.TCPServer(("127.0.0.1", 0), Rude) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            with telling(tmp_path, hook(f"http://127.0.0.1:{server.server_address[1]}/")) as made:
                job_ends(made)
                wait_for(made, attempts=1, last_error="ConnectionError", delivered_at=None)
        finally:
            server.shutdown()
            thread.join()


def test_a_hook_hears_of_its_cases_alone_and_of_results_that_were_there_before(tmp_path: Path) -> None:
    with receiving() as receiver, bench(tmp_path) as made, serving(made), made.client() as client:
        made.announce()
        case, other = new_case(client), new_case(client)
        limited = made.settings.model_copy(update={"hooks": (hook(receiver.url(), cases=(case,)),)})
        made.service.settings = limited
        calls = HookCalls(made.service)
        calls.start()
        job_ends(made, other)
        job_ends(made, case)
        again = client.post(f"/v1/cases/{case}/recordings", content=b"anything")  # examined before
        assert again.json()["status"] == "done"
        until = time.monotonic() + 10
        while len(receiver.calls) < 2 and time.monotonic() < until:
            time.sleep(0.05)
        made.service.stopping.set()
        calls.join(5)
        assert {json.loads(call.body)["case"] for call in receiver.calls} == {case}
        assert again.json()["id"] in {json.loads(call.body)["job"] for call in receiver.calls}


@pytest.mark.parametrize("url", ["http://example.org/", "file:///etc/passwd", "ftp://127.0.0.1/", "//x", "http:///"])
def test_no_other_address_can_be_set(url: str) -> None:
    with pytest.raises(ConfigError, match="hook"):
        load_settings(hooks=[{"name": "desk", "url": url, "secret": SECRET}])
