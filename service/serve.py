"""`unmask serve`: the API in this process, the dispatcher in another, and both ended together.

    this process       uvicorn: takes recordings, answers; threads that tell hooks and keep house
    its child          the dispatcher: leases, examines; started again where it dies

The API answers from the database, so that it goes on while the dispatcher starts, dies, or is upgraded.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import FrameType

import structlog
import uvicorn

from service.api.app import make_app
from service.live.hooks import HookCalls
from service.live.housekeeping import Housekeeper
from service.logs import set_up_logs
from service.opening import first_key, open_service
from service.patience import impatient
from service.settings import ServiceSettings
from service.state import Service

_log = structlog.get_logger("unmask.serve")
_DRAIN_SECONDS = 16
"""What runs when the service is told to end may take so long; a load balancer's own patience is 30 s."""
_CLOSE_SECONDS = 4
"""What still runs then may clean up for so long."""
_LOOK_SECONDS = 0.05
_LEAVE_SECONDS = 25
_RESTARTS = (1.0, 5.0, 15.0, 60.0)
"""Seconds before a dispatcher that died is started again: longer each time, for it will die of the same."""
_WELL_SECONDS = 300.0
"""One that lived so long died of something new."""
HEADER_BYTES = 65_536
_THREADS_SECONDS = 1.0
"""Threads that tell hooks and keep house can be cut off."""
_UNTAKEN_MILLISECONDS = 120_000
"""A connection whose other end takes nothing for so long is ended by the system (tcp(7), `TCP_USER_TIMEOUT`): a program
that has closed it would else keep its buffers for as long as the other end answers that it has no room."""


def serve(
    settings: ServiceSettings, *, passed: Mapping[str, str], tell: Callable[[str], None], dispatcher: bool = True
) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        settings: The service's.
        passed: What of them the command line said, as environment variables for the dispatcher.
        tell: Shown where to go, and the first key.
        dispatcher: Start one, too.

    Raises:
        ConfigError, VaultError: it cannot begin.
    """
    set_up_logs(settings.log_format)
    service = open_service(settings, create=True)
    secret = first_key(service)
    supervisor = _Supervisor(passed) if dispatcher else None
    if supervisor is not None:
        supervisor.start()
    background = (HookCalls(service), Housekeeper(service))
    for threads in background:
        threads.start()
    address = settings.public_url or f"http://{_shown(settings.host)}:{settings.port}"
    tell(f"unmask is at {address}")
    if secret is not None:
        tell(f"first key, shown once: {secret}")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _once_more)
    try:
        _Server(settings, service, supervisor.tell_to_end if supervisor is not None else lambda: None).run()
    finally:
        service.stopping.set()
        if supervisor is not None:
            supervisor.stop()
        for threads in background:
            threads.join(_THREADS_SECONDS)


def _once_more(_number: int, _frame: FrameType | None) -> None:
    """Uvicorn raises the signal that ended it once more behind its own handler: the dispatcher is to be ended yet."""


class _Server(uvicorn.Server):
    """Uvicorn, which tells the service, and whoever else wants to know, when it has been told to end."""

    def __init__(self, settings: ServiceSettings, service: Service, tell: Callable[[], None]) -> None:
        self._service = service
        self._tell = tell
        super().__init__(
            uvicorn.Config(
                make_app(service),
                host=settings.host,
                port=settings.port,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(settings.trusted_proxies),
                forwarded_allow_ips=list(settings.trusted_proxies),
                timeout_graceful_shutdown=_CLOSE_SECONDS,
                timeout_keep_alive=15,
                backlog=2048,
                http=impatient(settings.idle_seconds),
                h11_max_incomplete_event_size=HEADER_BYTES,
            )
        )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal to end."""
        self._service.stopping.set()
        self._tell()
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the doors; what comes in has the options of the socket that it came to."""
        await super().startup(sockets)
        for server in self.servers:
            for listening in server.sockets:
                listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNTAKEN_MILLISECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let what runs come to its end, and tell who comes meanwhile to come again; then close the doors."""
        until = time.monotonic() + _DRAIN_SECONDS
        while self.server_state.tasks and not self.force_exit and time.monotonic() < until:
            await asyncio.sleep(_LOOK_SECONDS)
        await super().shutdown(sockets)


class _Supervisor:
    """Keeps a dispatcher running."""

    def __init__(self, passed: Mapping[str, str]) -> None:
        self._passed = passed
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._leave_at = 0.0
        self._thread = threading.Thread(target=self._watch, name="dispatcher", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def tell_to_end(self) -> None:
        """Let the dispatcher end in good order, beside what else ends."""
        if self._stopping.is_set():
            return
        self._leave_at = time.monotonic() + _LEAVE_SECONDS
        self._stopping.set()
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """End the dispatcher in good order, and wait for it."""
        self.tell_to_end()
        process = self._process
        if process is not None and process.poll() is None:
            try:
                process.wait(max(0.0, self._leave_at - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
        self._thread.join(_LEAVE_SECONDS)

    def _watch(self) -> None:
        num_deaths = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "service.live"],
                env=os.environ | self._passed,
                stdin=subprocess.PIPE,  # nothing is sent: its end tells the dispatcher that this process is gone
                start_new_session=True,  # an interrupt typed at a terminal is for this process to pass on
            )
            if self._stopping.is_set():  # told to end just before there was somebody to tell
                self._process.send_signal(signal.SIGTERM)
            code = self._process.wait()
            assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
            self._process.stdin.close()
            if self._stopping.is_set():
                return
            num_deaths = 1 if time.monotonic() - began > _WELL_SECONDS else num_deaths + 1
            seconds = _RESTARTS[min(num_deaths, len(_RESTARTS)) - 1]
            _log.error("dispatcher ended", code=code, again_in_seconds=seconds)
            self._stopping.wait(seconds)


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
