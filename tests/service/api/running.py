"""`unmask serve` as a process of its own, for tests that measure, end or kill it; and clients on bare sockets."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from service.opening import open_service
from service.settings import PREFIX
from tests.service.api.bench import SETUP, Bench, settings_in


@dataclass
class Process:
    """A running `unmask serve --no-dispatcher`."""

    process: subprocess.Popen[bytes]
    base: str
    key: str

    def client(self, **values: Any) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=self.base, headers=headers, **({"timeout": 60} | values))

    def raw(self, head: str, *, timeout: float = 30) -> socket.socket:
        """A client that has sent the first lines of a request: `POST /v1/... HTTP/1.1`, and headers."""
        return raw_client(self.base, self.key, head, timeout=timeout)

    def peak_bytes(self) -> int:
        """The most memory that it ever held (proc(5), VmHWM)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) << 10

    def end(self) -> int:
        """Kill what still runs, and wait."""
        with suppress(ProcessLookupError):
            self.process.kill()
        return self.process.wait(30)


def raw_client(base: str, key: str, head: str, *, timeout: float = 30) -> socket.socket:
    """See `Process.raw`; for a server of whatever kind."""
    host, _, port = base.removeprefix("http://").partition(":")
    raw = socket.create_connection((host, int(port)), timeout=timeout)
    first, _, rest = head.strip().partition("\n")
    lines = [first, f"Host: {host}", f"Authorization: Bearer {key}", *filter(None, rest.splitlines())]
    raw.sendall("\r\n".join([*lines, "", ""]).encode())
    return raw


@contextmanager
def process_in(folder: Path, *, key: str | None = None, **values: Any) -> Iterator[Process]:
    """Start it; jobs can be made, and stay in the queue.

    Args:
        folder: Holds its data; a service that was there before goes on.
        key: Of a service that was there before.
        values: Settings.
    """
    settings = settings_in(folder, **values)
    given = {"requests_per_minute": 100_000, "reserve_bytes": 0, "log_format": "text"} | values
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "service.cli", "serve", "--no-dispatcher", "--data", str(settings.data)],
        env=os.environ
        | {f"{PREFIX}PORT": str(port), f"{PREFIX}SIGNING_KEY": str(settings.signing_key)}
        | {f"{PREFIX}{name.upper()}": str(value) for name, value in given.items()},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    base = f"http://127.0.0.1:{port}"
    try:
        is_new = key is None
        key = key or _first_key(process)
        _wait_until_it_answers(process, base)
        if is_new:
            service = open_service(settings)
            Bench(service=service, key=key).announce(SETUP)
            service.store.close()
        yield Process(process=process, base=base, key=key)
    finally:
        process.kill()
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


def _first_key(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        found = re.search(rb"unmask_[0-9a-f]{64}", line)
        if found is not None:
            return found[0].decode()
    raise AssertionError("it ended before it said a key")


def _wait_until_it_answers(process: subprocess.Popen[bytes], base: str) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        with suppress(httpx.TransportError):
            httpx.get(f"{base}/health/live")
            return
        time.sleep(0.05)
    raise AssertionError("it does not answer")
