"""The load that `python -m benchmarks load` makes: so many at a time, no longer than asked, each answer counted."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from benchmarks.load import drive


class Counting(ThreadingHTTPServer):
    """Answers every third request with 503, after 10 ms."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock, self.now, self.most, self.total = threading.Lock(), 0, 0, 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Counting)
        with server.lock:
            server.now += 1
            server.total += 1
            server.most = max(server.most, server.now)
        time.sleep(0.01)
        with server.lock:
            server.now -= 1
        self.send_response(503 if self.path.endswith("0") else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_request(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def counting() -> Iterator[Counting]:
    server = Counting()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def ask(connection: http.client.HTTPConnection, number: int) -> int:
    connection.request("GET", f"/{number % 3}")
    answer = connection.getresponse()
    answer.read()
    return answer.status


@pytest.mark.parametrize("concurrency", [1, 8])
def test_so_many_ask_at_a_time_and_every_answer_counts(counting: Counting, concurrency: int) -> None:
    def connect() -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", counting.server_port, timeout=10)

    taken, refused, seconds = drive(connect, ask, concurrency, 0.5)
    assert counting.most == concurrency
    assert len(taken) == counting.total
    assert refused == (len(taken) + 2) // 3
    assert min(taken) >= 0.01
    assert 0.5 <= seconds < 2
