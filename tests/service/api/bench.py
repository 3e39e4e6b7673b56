"""A service in a folder of its own: with a client that speaks to it, and a dispatcher where a test wants one."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import structlog
import uvicorn

from service.api.app import make_app
from service.live.dispatching import run_dispatcher
from service.opening import first_key, open_service
from service.settings import ServiceSettings
from service.state import Service
from service.store import keys, setups
from service.store.database import Store
from service.store.keys import Scope


def _silent(_logger: object, _method: str, _event: object) -> Any:
    raise structlog.DropEvent


structlog.configure(processors=[_silent])  # a service in the tests' own process says nothing between their dots

SETUP = setups.Setup(tool="unmask test", config_digest="0" * 64, config={}, models={"none": "0" * 64})


def settings_in(folder: Path, **values: Any) -> ServiceSettings:
    """Settings of a service that keeps everything in a folder, examines in this process, and keeps no reserve."""
    given = {"data": folder / "data", "engine": "local", "reserve_bytes": 0, "signing_key": folder / "key.pem"}
    return ServiceSettings(**(given | values))


@dataclass
class Bench:
    """A service, and the secret of its first key, which may do everything."""

    service: Service
    key: str
    base: str = "http://127.0.0.1"

    @property
    def settings(self) -> ServiceSettings:
        return self.service.settings

    def client(self, key: str | None = None, **values: Any) -> httpx.Client:
        """Somebody who speaks to a running server; `key` is another than the first."""
        headers = {"Authorization": f"Bearer {key or self.key}"}
        return httpx.Client(base_url=self.base, headers=headers, timeout=60, **values)

    def key_for(self, name: str, *scopes: Scope, **values: Any) -> str:
        """A new person's key, with all scopes but admin where none is named; returns the secret."""
        with self.service.store.write() as db:
            now = self.service.store.now(db)
            person = keys.add_person(db, name, now=now)
            return keys.add_key(
                db,
                person,
                "test",
                scopes or (Scope.SUBMIT, Scope.READ, Scope.REVIEW),
                now=now,
                **({"requests_per_minute": 100_000, "quota_bytes": 2**40} | values),
            )[1]

    def announce(self, setup: setups.Setup = SETUP) -> None:
        """Say that a dispatcher has been here, without one: jobs can be made, and stay in the queue."""
        dispatcher = setups.Dispatcher(
            owner=f"nobody {setup.id}", host="nowhere", engine="local", device="cpu", num_workers=1, protections={}
        )
        with self.service.store.write() as db:
            setups.announce(db, setup, dispatcher, now=self.service.store.now(db))


@contextmanager
def bench(folder: Path, **values: Any) -> Iterator[Bench]:
    """A service that nobody can reach yet: see `serving`."""
    values = {"requests_per_minute": 100_000} | values
    settings = settings_in(folder, **values)
    Store.open(settings.database_place, migrate=True).close()
    service = open_service(settings)
    key = first_key(service)
    assert key is not None
    try:
        yield Bench(service=service, key=key)
    finally:
        service.store.close()


@contextmanager
def serving(made: Bench) -> Iterator[Bench]:
    """Uvicorn in a thread, on a port of its own."""
    with socket.socket(proto=socket.IPPROTO_TCP) as listening:  # so named asyncio sends at once, as for a real server
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(make_app(made.service), log_config=None, lifespan="off", timeout_graceful_shutdown=5)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="uvicorn")
        thread.start()
        until = time.monotonic() + 20
        while not server.started and time.monotonic() < until:
            time.sleep(0.01)
        made.base = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            yield made
        finally:
            server.should_exit = True
            thread.join(20)


@contextmanager
def examining(made: Bench) -> Iterator[Bench]:
    """A dispatcher in a thread, with the default checkpoints."""
    stop = threading.Event()
    errors: list[BaseException] = []

    def work() -> None:
        try:
            run_dispatcher(made.settings, stop=stop, prepare=lambda: None)
        except BaseException as error:  # noqa: BLE001 - shown by the test that waits in vain
            errors.append(error)

    thread = threading.Thread(target=work, name="dispatcher")
    thread.start()
    until = time.monotonic() + 60
    while time.monotonic() < until and not errors:
        with made.service.store.read() as db:
            if setups.working(db, now=made.service.store.now(db)):
                break
        time.sleep(0.05)
    try:
        assert not errors, errors
        yield made
    finally:
        stop.set()
        thread.join(30)
