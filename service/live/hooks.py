"""Telling hooks: each of them by a thread of its own, so that one that is slow or down keeps nobody waiting.

A call is a POST of JSON with three headers. Whoever takes it must check all of them (docs/service.md shows how):

    Unmask-Id           of the delivery; the same one may come twice, for an answer can get lost
    Unmask-Timestamp    seconds of the Unix epoch; refuse what is older than some minutes
    Unmask-Signature    v1=<HMAC-SHA256 of "ID.TIMESTAMP.BODY" with the hook's secret, hexadecimal>

Only addresses in the settings are called. No answer sends the call elsewhere, and of an answer only the status counts.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from urllib.parse import urlsplit

import requests
import structlog
from requests import PreparedRequest
from requests.auth import AuthBase

from detect.errors import ConfigError
from detect.version import VERSION
from service.problems import Problem
from service.settings import Hook
from service.state import Service
from service.store import deliveries
from service.store.deliveries import Delivery

_log = structlog.get_logger("unmask.hooks")
_LOOK_SECONDS = 1.0
"""Between two looks for something to send."""
_AGAIN_SECONDS = 5.0
"""Before the next look where the database failed."""
_TIMEOUT_SECONDS = 10.0
"""To connect, and again for an answer to begin: a receiver takes note at once and works afterwards."""


class HookCalls:
    """The threads that tell the hooks of the settings, until the service is stopping."""

    def __init__(self, service: Service, *, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        self._service, self._timeout_seconds = service, timeout_seconds
        self._threads = [
            threading.Thread(target=self._tell, args=(hook,), name=f"hook {hook.name}", daemon=True)
            for hook in service.settings.hooks
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def join(self, seconds: float) -> None:
        """Wait until they have ended; what is cut off is sent again at the next start."""
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _tell(self, hook: Hook) -> None:
        stopping, seconds = self._service.stopping, 0.0
        while not stopping.wait(seconds):
            try:
                seconds = 0.0 if self._tell_one(hook) else _LOOK_SECONDS
            except (Problem, ConfigError) as error:
                _log.error("deliveries cannot be read", hook=hook.name, kind=type(error).__name__, error=str(error))
                seconds = _AGAIN_SECONDS

    def _tell_one(self, hook: Hook) -> bool:
        """Make the attempt that is due; False where none is."""
        store = self._service.store
        with store.read() as db:
            if not deliveries.is_due(db, hook.name, now=store.now(db)):
                return False
        delivery = store.repeat(lambda db: deliveries.claim(db, hook.name, now=store.now(db)))
        if delivery is None:  # another process was first
            return False
        why = call(hook, delivery, timeout_seconds=self._timeout_seconds)
        facts = {"hook": hook.name, "delivery": delivery.id, "job": delivery.job_id, "attempt": delivery.attempt}
        if why is None:
            store.repeat(lambda db: deliveries.taken(db, delivery, now=store.now(db)))
            _log.info("hook told", **facts)
            return True
        next_at = store.repeat(lambda db: deliveries.failed(db, delivery, why, now=store.now(db)))
        if next_at is None:
            _log.error("hook given up", why=why, **facts)
        else:
            _log.warning("hook not told", why=why, again_at=round(next_at), **facts)
        return True


def call(hook: Hook, delivery: Delivery, *, timeout_seconds: float) -> str | None:
    """Make one attempt.

    Returns:
        None where it was taken, which is what an answer 2xx says; else why not, without the address: it may hold a
        secret.
    """
    with requests.Session() as session:
        # A proxy and its authorities may stand in the environment; this machine is reached without one.
        session.trust_env = urlsplit(hook.url).scheme == "https"
        try:
            with session.post(
                hook.url,
                data=delivery.payload.encode(),
                headers={"Content-Type": "application/json", "User-Agent": f"unmask/{VERSION}"},
                auth=_Signature(hook, delivery, int(time.time())),
                timeout=timeout_seconds,
                allow_redirects=False,
                stream=True,  # the body is not read, however long
            ) as answer:
                status = answer.status_code
        except requests.RequestException as error:
            return type(error).__name__
    return None if 200 <= status < 300 else f"answered {status}"


class _Signature(AuthBase):
    """Signs a call; in place of what `requests` would take from a `.netrc` file."""

    def __init__(self, hook: Hook, delivery: Delivery, seconds: int) -> None:
        self._hook, self._delivery, self._seconds = hook, delivery, seconds

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        signed = f"{self._delivery.id}.{self._seconds}.{self._delivery.payload}".encode()
        key = self._hook.secret.get_secret_value().encode()
        request.headers["Unmask-Id"] = self._delivery.id
        request.headers["Unmask-Timestamp"] = str(self._seconds)
        request.headers["Unmask-Signature"] = f"v1={hmac.digest(key, signed, hashlib.sha256).hex()}"
        return request
