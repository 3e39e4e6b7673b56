"""The API under load, on the loopback network: how many requests a second, how long they take, and how much memory.

`unmask serve` runs as it does for people, with a dispatcher beside it on the same machine; this process asks, with as
many connections as analysts who all ask at once. Requests are bounded in count and time.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

import numpy as np
from PIL import Image

from benchmarks.tables import DASH, table
from detect.version import VERSION

CONCURRENCY = (1, 16, 64)
"""One analyst; a newsroom; more than the API has threads (40)."""
_MOST_REQUESTS = 20_000
"""Of one row, whatever its time."""
_STOCK = 300
"""Recordings that are there before anything is measured, so that lists are of a full page."""
_QUEUE = 400
"""Recordings that wait, at least, when a row with an examining dispatcher begins: 30 a second are examined."""
_READY_SECONDS = 120.0
_DRAIN_SECONDS = 180.0
_LARGE_BYTES = 256 << 20
"""Of the upload that memory is watched for: far more than the API's own size."""
_WITHOUT_LIMITS = {
    "UNMASK_SERVICE_REQUESTS_PER_MINUTE": str(10**9),
    "UNMASK_SERVICE_QUOTA_BYTES": str(2**50),
    "UNMASK_SERVICE_MAX_OPEN_JOBS": str(10**6),
    "UNMASK_SERVICE_MAX_OPEN_JOBS_PER_PERSON": str(10**6),
    "UNMASK_SERVICE_RESERVE_BYTES": "0",
}
"""What one person may do is no question here."""

Ask = Callable[[http.client.HTTPConnection, int], int]
"""Makes the request of a number; returns the answer's status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What came of one kind of request at one concurrency."""

    what: str
    examining: bool
    concurrency: int
    num_requests: int
    num_refused: int
    """Answered with anything but 2xx."""
    per_second: float
    median_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What it all took."""

    rss_before: int
    """Bytes of the API process when it was ready."""
    rss_after: int
    rss_large: int
    """The most while a large recording was handed in, above what it was then."""
    database: float
    """Bytes a job."""
    results: float
    """Bytes a recording that was examined."""


class Served:
    """A running service, and how to ask it."""

    def __init__(self, process: subprocess.Popen[str], port: int, key: str, data: Path) -> None:
        self.process, self.port, self.data = process, port, data
        self._headers = {"Authorization": f"Bearer {key}"}
        self.case = ""

    def connection(self) -> http.client.HTTPConnection:
        """A connection of its own, which is kept open."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None
    ) -> tuple[int, bytes]:
        """One request; status and body of the answer."""
        kind = {"Content-Type": "application/json"} if body is not None and body[:1] == b"{" else {}
        connection.request(method, path, body, self._headers | kind)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def hand_in(self, connection: http.client.HTTPConnection, number: int) -> int:
        """A small recording, another one for each number."""
        query = urlencode({"name": f"{number}.png", "priority": "batch"})
        path = f"/v1/cases/{self.case}/recordings?{query}"
        return self.ask(connection, "POST", path, picture(number))[0]

    def waiting(self) -> int:
        """Recordings that nobody has begun to examine."""
        _, page = self.ask(self.connection(), "GET", "/metrics")
        lines = page.decode().splitlines()
        return sum(int(float(line.split()[1])) for line in lines if line.startswith('unmask_analyses{state="pending"}'))

    def memory(self, line: str) -> int:
        """Bytes of the API process: `VmRSS` now, `VmHWM` at most."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(text.split()[1]) for text in status.splitlines() if text.startswith(line)) << 10


def picture(number: int) -> bytes:
    """A still of 64 x 48 without a face, as PNG."""
    out = BytesIO()
    Image.fromarray(np.random.default_rng(number).integers(0, 256, (48, 64, 3), dtype=np.uint8)).save(out, "PNG")
    return out.getvalue()


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """`unmask serve` in a folder, ready to examine."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = int(one.getsockname()[1])
    program = "import sys; from service.cli import main; sys.exit(main())"
    arguments = ["serve", "--data", str(folder / "data"), "--port", str(port), "--engine", "local"]
    variables = os.environ | _WITHOUT_LIMITS | {"UNMASK_SERVICE_SIGNING_KEY": str(folder / "key.pem")}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments], env=variables, stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout is not None  # noqa: S101 - asked for
    try:
        told = next((line for line in process.stdout if "first key" in line), None)
        if told is None:
            raise RuntimeError((folder / "log").read_text())
        served = Served(process, port, told.split()[-1], folder / "data")
        _wait(served)
        yield served
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _wait(served: Served) -> None:
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until:
        try:
            if served.ask(served.connection(), "GET", "/health/ready")[0] == 200:
                break
        except OSError:
            pass
        time.sleep(0.2)
    _, body = served.ask(served.connection(), "POST", "/v1/cases", json.dumps({"name": "load"}).encode())
    served.case = json.loads(body)["id"]


def drive(
    connect: Callable[[], http.client.HTTPConnection], ask: Ask, concurrency: int, seconds: float
) -> tuple[list[float], int, float]:
    """Ask again and again with so many connections.

    Args:
        connect: Makes a connection.
        ask: Makes a request.
        concurrency: Connections.
        seconds: After so many no further request is begun.

    Returns:
        Seconds of each request, how many were refused, and the seconds of all together.
    """
    numbers, lock = itertools.count(), threading.Lock()
    taken, refused = list[float](), 0
    start = threading.Barrier(concurrency + 1)
    until = float("inf")

    def work() -> None:
        nonlocal refused
        connection = connect()
        connection.connect()
        start.wait()
        mine, no = list[float](), 0
        while time.perf_counter() < until and (number := next(numbers)) < _MOST_REQUESTS:
            began = time.perf_counter()
            no += not 200 <= ask(connection, number) < 300
            mine.append(time.perf_counter() - began)
        connection.close()
        with lock:
            taken.extend(mine)
            refused += no

    threads = [threading.Thread(target=work) for _ in range(concurrency)]
    for thread in threads:
        thread.start()
    began = time.perf_counter()
    until = began + seconds
    start.wait()
    for thread in threads:
        thread.join()
    return taken, refused, time.perf_counter() - began


def _rows(served: Served, seconds: float) -> Iterator[Row]:
    """Every row: readers first while nothing is examined, then everybody while the dispatcher has its hands full."""
    handed_in = itertools.count(_STOCK)
    connection = served.connection()
    for number in range(_STOCK):
        served.hand_in(connection, number)
    _drain(served)
    _, page = served.ask(connection, "GET", "/v1/jobs?limit=200")
    jobs = [job["id"] for job in json.loads(page)["jobs"]]

    def read_job(connection: http.client.HTTPConnection, number: int) -> int:
        return served.ask(connection, "GET", f"/v1/jobs/{jobs[number % len(jobs)]}")[0]

    def read_list(connection: http.client.HTTPConnection, _number: int) -> int:
        return served.ask(connection, "GET", "/v1/jobs?limit=50")[0]

    def hand_in(connection: http.client.HTTPConnection, _number: int) -> int:
        return served.hand_in(connection, next(handed_in))

    readers: dict[str, Ask] = {"a job": read_job, "a list of 50 jobs": read_list}
    for what, ask in readers.items():
        for concurrency in CONCURRENCY:
            yield _row(what, drive(served.connection, ask, concurrency, seconds), concurrency, examining=False)
    for what, ask in ({"handing in a picture of 9 kB": hand_in} | readers).items():
        for concurrency in CONCURRENCY:
            connection = served.connection()  # a fresh one: the server ends those on which nothing is asked
            for _ in range(max(0, _QUEUE - served.waiting())):
                served.hand_in(connection, next(handed_in))
            yield _row(what, drive(served.connection, ask, concurrency, seconds), concurrency, examining=True)
            if served.waiting() == 0:
                raise RuntimeError("the dispatcher had nothing left to examine: the row is of an idle one")


def _row(what: str, driven: tuple[list[float], int, float], concurrency: int, *, examining: bool) -> Row:
    taken, refused, seconds = driven
    median, p99 = np.percentile(np.asarray(taken) * 1000, [50, 99])
    return Row(
        what=what,
        examining=examining,
        concurrency=concurrency,
        num_requests=len(taken),
        num_refused=refused,
        per_second=len(taken) / seconds,
        median_ms=float(median),
        p99_ms=float(p99),
    )


def _drain(served: Served) -> None:
    until = time.monotonic() + _DRAIN_SECONDS
    while served.waiting() and time.monotonic() < until:
        time.sleep(0.5)


def _large(served: Served) -> int:
    """Hand in a large recording; bytes of memory that it took at most."""
    before, most = served.memory("VmRSS"), 0
    done = threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.02):
            most = max(most, served.memory("VmRSS"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    connection = served.connection()
    block = os.urandom(1 << 20)
    connection.putrequest("POST", f"/v1/cases/{served.case}/recordings?name=large.bin")
    for name, value in {**served._headers, "Content-Length": str(_LARGE_BYTES)}.items():  # noqa: SLF001 - its own module
        connection.putheader(name, value)
    connection.endheaders()
    for _ in range(_LARGE_BYTES // len(block)):
        connection.send(block)
    status = connection.getresponse().status
    done.set()
    watcher.join()
    if status != 202:
        raise RuntimeError(f"the large recording was answered with {status}")
    return max(0, most - before)


def _room(served: Served, rss_before: int) -> Room:
    rss_after = served.memory("VmRSS")
    large = _large(served)
    _, page = served.ask(served.connection(), "GET", "/metrics")
    examined = sum(
        int(float(line.split()[1]))
        for line in page.decode().splitlines()
        if line.startswith("unmask_analyses{") and '"pending"' not in line and '"leased"' not in line
    )
    _, page = served.ask(served.connection(), "GET", f"/v1/cases/{served.case}")
    jobs = sum(json.loads(page)["states"].values())
    database = sum(path.stat().st_size for path in served.data.glob("service.sqlite*"))
    results = sum(path.stat().st_blocks * 512 for path in (served.data / "results").rglob("*"))
    return Room(
        rss_before=rss_before,
        rss_after=rss_after,
        rss_large=large,
        database=database / max(1, jobs),
        results=results / max(1, examined),
    )


def measure(seconds: float, out: Path) -> None:
    """Ask a service for so many seconds a row, and file what came of it as `load.md`."""
    with TemporaryDirectory(prefix="unmask-load-") as place, serving(Path(place)) as served:
        rss_before = served.memory("VmRSS")
        rows = []
        for row in _rows(served, seconds):
            print(row)
            rows.append(row)
        room = _room(served, rss_before)
    text = "\n".join(_page(rows, room, seconds))
    (out / "load.md").write_text(text, encoding="utf-8")
    print(text)


def _page(rows: list[Row], room: Room, seconds: float) -> list[str]:
    cells = [
        [
            row.what,
            "yes" if row.examining else "no",
            str(row.concurrency),
            f"{row.per_second:.0f}",
            f"{row.median_ms:.1f}",
            f"{row.p99_ms:.1f}",
            str(row.num_refused) if row.num_refused else DASH,
        ]
        for row in rows
    ]
    took = [
        ["memory of the API process, ready, MiB", f"{room.rss_before / 2**20:.0f}"],
        ["memory of the API process, after all of this, MiB", f"{room.rss_after / 2**20:.0f}"],
        [f"more while {_LARGE_BYTES >> 20} MiB are handed in, MiB", f"{room.rss_large / 2**20:.0f}"],
        ["database with its journal, kB a job", f"{room.database / 1000:.1f}"],
        ["results on the disk, kB a picture examined", f"{room.results / 1000:.1f}"],
    ]
    command = f"python -m benchmarks load --seconds {seconds:g}"
    return [
        "# The service under load",
        "",
        f"Made by `{command}` with unmask {VERSION} on {os.cpu_count()} CPU cores.",
        "",
        "`unmask serve`, a database in a file, the local engine; API, dispatcher, and whoever asks share the cores.",
        "*Examining*: the dispatcher has work all the time. Each row is one run; times are of whole requests, as the",
        "client sees them.",
        "",
        *table(
            ["", "examining", "connections", "requests a second", "median, ms", "99 %, ms", "refused"], cells
        ),
        *table(["", ""], took),
    ]  # fmt: skip
