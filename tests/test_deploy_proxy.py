"""The reverse proxy of `deploy/Caddyfile`: a real one on the loopback network, in front of what it passes to."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from service.serve import HEADER_BYTES
from service.settings import ServiceSettings
from tests.conftest import ROOT
from tests.service.api.bench import bench, serving


@dataclass
class Upstream:
    """What is behind the proxy."""

    address: str = ""
    seen: list[dict[str, str]] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    """Set when the first bytes of a body are here."""
    go_on: threading.Event = field(default_factory=threading.Event)
    """What is answered waits for it after its first event."""


@contextmanager
def upstream() -> Iterator[Upstream]:
    made = Upstream()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.seen.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.write(b"id: 1\ndata: first\n\n")
            self.wfile.flush()
            made.go_on.wait(20)
            self.wfile.write(b"id: 2\ndata: last\n\n")

        def do_POST(self) -> None:
            self.rfile.read(1)
            made.arrived.set()
            self.rfile.read(int(self.headers["Content-Length"]) - 1)
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_request(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.address = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield made
    finally:
        made.go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass(frozen=True)
class Proxy:
    """Caddy, as it runs."""

    port: int
    plain_port: int
    trust: ssl.SSLContext

    def connection(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("localhost", self.port, timeout=20, context=self.trust)


@contextmanager
def proxying(folder: Path, address: str) -> Iterator[Proxy]:
    """Caddy in front of an address, with a certificate of its own authority, which is kept in a folder."""
    caddy = shutil.which("caddy")
    if caddy is None:
        pytest.skip("no Caddy on this machine")
    port, plain_port = free_port(), free_port()
    variables = {
        "UNMASK_UPSTREAM": address,
        "UNMASK_SITE": "localhost",
        "UNMASK_HTTP_PORT": str(plain_port),
        "UNMASK_HTTPS_PORT": str(port),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
    }
    command = [caddy, "run", "--config", str(ROOT / "deploy" / "Caddyfile"), "--adapter", "caddyfile"]
    with (folder / "caddy.log").open("wb") as log:
        process = subprocess.Popen(command, env=variables, stdout=log, stderr=log)
    authority = folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"
    try:
        until = time.monotonic() + 20
        trust = ssl.create_default_context()
        while time.monotonic() < until:
            assert process.poll() is None, (folder / "caddy.log").read_text()
            try:
                trust.load_verify_locations(authority)
                with socket.create_connection(("127.0.0.1", port), 1) as one:
                    trust.wrap_socket(one, server_hostname="localhost").close()
                break
            except OSError:
                time.sleep(0.05)
        yield Proxy(port, plain_port, trust)
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def behind() -> Iterator[Upstream]:
    with upstream() as made:
        yield made


@pytest.fixture(scope="module")
def proxy(behind: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with proxying(tmp_path_factory.mktemp("caddy"), behind.address) as made:
        yield made


def test_an_event_is_passed_on_when_it_happens(proxy: Proxy, behind: Upstream) -> None:
    behind.go_on.clear()
    connection = proxy.connection()
    connection.request("GET", "/v1/events", headers={"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "http"})
    answer = connection.getresponse()
    assert answer.readline() == b"id: 1\n"
    assert not behind.go_on.is_set()
    behind.go_on.set()
    assert answer.read().endswith(b"data: last\n\n")
    assert answer.headers["Strict-Transport-Security"]
    assert answer.headers["Server"] is None
    connection.close()
    assert behind.seen[-1]["x-forwarded-for"] == "127.0.0.1"
    assert behind.seen[-1]["x-forwarded-proto"] == "https"
    assert behind.seen[-1]["host"].startswith("localhost")


def test_a_recording_is_passed_on_as_it_comes(proxy: Proxy, behind: Upstream) -> None:
    behind.arrived.clear()
    connection = proxy.connection()
    connection.putrequest("POST", "/v1/cases/x/recordings")
    connection.putheader("Content-Length", str(1 << 20))
    connection.endheaders()
    connection.send(b"0" * 1000)
    assert behind.arrived.wait(10)
    connection.send(b"0" * ((1 << 20) - 1000))
    assert connection.getresponse().status == 202
    connection.close()


def test_sizes_are_those_of_the_service(proxy: Proxy, behind: Upstream) -> None:
    behind.go_on.set()
    for num_bytes, status in ((HEADER_BYTES - 4096, 200), (2 * HEADER_BYTES, 431)):
        connection = proxy.connection()
        connection.request("GET", "/", headers={"Cookie": "x" * num_bytes})
        assert connection.getresponse().status == status
        connection.close()
    (gibibytes,) = re.findall(r"max_size (\d+)GiB", (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8"))
    assert ServiceSettings().max_upload_bytes < int(gibibytes) * 2**30


@pytest.mark.parametrize("path", ["/metrics", "/health/ready", "//metrics", "/%6detrics"])
def test_what_monitoring_asks_for_stays_inside(proxy: Proxy, behind: Upstream, path: str) -> None:
    behind.go_on.set()
    before = len(behind.seen)
    connection = proxy.connection()
    connection.request("GET", path)
    assert connection.getresponse().status == 404
    connection.close()
    assert len(behind.seen) == before


def test_nothing_is_said_in_the_clear(proxy: Proxy) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.plain_port, timeout=10)
    connection.request("GET", "/v1/me", headers={"Host": "localhost"})
    answer = connection.getresponse()
    assert answer.status == 308
    assert answer.headers["Location"].startswith("https://localhost")
    connection.close()


def test_the_service_is_reached_through_it(tmp_path: Path) -> None:
    with (
        bench(tmp_path, public_url="https://localhost") as made,
        serving(made),
        proxying(tmp_path, made.base.removeprefix("http://")) as there,
    ):
        connection = there.connection()
        connection.request("GET", "/v1/me", headers={"Authorization": f"Bearer {made.key}"})
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        answer.read()
        connection.close()
