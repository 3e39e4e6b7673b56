"""What every request passes first: the host's name, how many there are, the headers of every answer."""

from __future__ import annotations

import asyncio
import http.client
import logging
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi.responses import StreamingResponse

from service.api import metrics
from service.api.app import make_app
from tests.pipelines.processes import until
from tests.service.api.bench import Bench, bench, serving
from tests.service.api.operations import operations

_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def dressed(answer: httpx.Response) -> bool:
    there = all(answer.headers.get(name) == value for name, value in _HEADERS.items())
    return (
        there and "default-src 'none'" in answer.headers["content-security-policy"] and "x-request-id" in answer.headers
    )


def test_a_name_that_is_not_ours_is_refused(client: httpx.Client) -> None:
    for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8422", "", "[::2]"):
        for path in ("/v1/me", "/health/live", "/v1/openapi.json", "/nothing"):
            answer = client.get(path, headers={"Host": host})
            assert answer.status_code == 421, (host, path)
            assert answer.headers["content-type"] == "application/problem+json"
            assert dressed(answer)


def test_own_names_are_answered(client: httpx.Client) -> None:
    for host in ("localhost", "LOCALHOST:80", "127.0.0.1:1", "[::1]:8422", "[::1]"):
        assert client.get("/v1/me", headers={"Host": host}).status_code == 200, host


def test_a_public_name_is_answered(tmp_path: Path) -> None:
    with bench(tmp_path, public_url="https://unmask.example.org") as made, serving(made), made.client() as client:
        assert client.get("/v1/me", headers={"Host": "unmask.example.org"}).status_code == 200
        assert client.get("/v1/me", headers={"Host": "other.example.org"}).status_code == 421


def test_every_answer_has_the_headers(at: Bench, client: httpx.Client) -> None:
    with httpx.Client(base_url=at.base) as stranger:
        for operation in operations(client):
            for who in (client, stranger):
                with who.stream(operation.method, operation.url()) as answer:
                    assert dressed(answer), (str(operation), answer.status_code)
        assert dressed(stranger.get("/nothing/here"))
        assert dressed(stranger.request("PUT", "/health/live"))
        assert dressed(stranger.get("/v1/openapi.json"))


def test_unknown_addresses_and_methods_are_problems(client: httpx.Client) -> None:
    for method, path, status in (("GET", "/nothing", 404), ("PUT", "/v1/me", 405), ("GET", "/v1/jobs/", 404)):
        answer = client.request(method, path)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[str]:
    """A service with endpoints that fail as none of its own should."""
    with bench(tmp_path) as made:
        app = make_app(made.service)

        @app.get("/fail")
        def fail() -> None:
            raise RuntimeError("a secret in a message")

        @app.get("/half")
        def half() -> StreamingResponse:
            async def blocks() -> AsyncIterator[bytes]:
                yield b"half"
                raise RuntimeError("behind the first half")

            return StreamingResponse(blocks())

        with socket.socket(proto=socket.IPPROTO_TCP) as listening:
            listening.bind(("127.0.0.1", 0))
            server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))

            async def run() -> None:
                await server.serve([listening])

            thread = threading.Thread(target=asyncio.run, args=(run(),))
            thread.start()
            while not server.started:
                thread.join(0.01)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
            server.should_exit = True
            thread.join(20)


def test_what_nobody_foresaw_is_a_problem_without_details(faulty: str) -> None:
    answer = httpx.get(f"{faulty}/fail")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert dressed(answer)
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


def test_a_half_answer_is_no_whole_one(faulty: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{faulty}/half")
    assert httpx.get(f"{faulty}/health/live").status_code == 200


def test_too_many_at_a_time_are_told_to_come_again(tmp_path: Path) -> None:
    with bench(tmp_path, max_connections=2) as made, serving(made), made.client() as client:
        made.announce()
        case = client.post("/v1/cases", json={"name": "a case"}).json()["id"]
        port = int(made.base.rpartition(":")[2])
        slow = []
        for _ in range(2):
            one = http.client.HTTPConnection("127.0.0.1", port)
            one.putrequest("POST", f"/v1/cases/{case}/recordings")
            one.putheader("Authorization", f"Bearer {made.key}")
            one.putheader("Content-Length", "4")
            one.endheaders()
            one.send(b"ab")
            slow.append(one)
        assert until(lambda: metrics.registry.get_sample_value("unmask_requests_running") == 2, 10)
        answer = client.get("/v1/me")
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert dressed(answer)
        assert client.get("/health/live").status_code == 200
        assert client.get("/metrics").status_code == 200
        for one in slow:
            one.send(b"cd")
            assert one.getresponse().status == 202
            one.close()
        assert client.get("/v1/me").status_code == 200


def test_a_service_that_ends_takes_nothing_new(at: Bench, client: httpx.Client) -> None:
    at.service.stopping.set()
    answer = client.get("/v1/me")
    assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (503, True)
    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").status_code == 503
