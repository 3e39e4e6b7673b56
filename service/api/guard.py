"""What every request passes before an endpoint sees it, as plain ASGI: whose page asks, how many ask, what is answered.

1. A host that is not ours: another page's address was bent to this machine (DNS rebinding).
2. Too many at a time, or the service is ending: 503 with Retry-After, and nothing is begun.
3. Headers that let no browser guess, frame, or run anything.
4. What goes wrong unforeseen: 500, with these headers as well.
5. A line in the log and a number in the metrics; neither holds a name, a query or a body.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import MutableMapping
from typing import Any

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api import metrics
from service.api.answers import answer, answer_problem
from service.problems import Problem, Unavailable
from service.state import Service

_log = structlog.get_logger("unmask.api")
_ALWAYS = frozenset({"/health/live", "/health/ready", "/metrics"})
"""Answered also when the service is full or ending: that is when they are needed."""
_RETRY_SECONDS = 5

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""Nothing from elsewhere, no script in a page (CSP level 3)."""

_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
)
"""OWASP HTTP Headers Cheat Sheet."""


class Guard:
    """See the module.

    Args:
        app: What comes behind.
        service: Whose settings hold.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._service = app, service
        self._hosts = service.settings.hosts
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.monotonic(), 0
        request_id = secrets.token_hex(8)

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _dress(message, request_id)
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, sending)
        else:
            self._running += 1
            metrics.running.set(self._running)
            try:
                await self._app(scope, receive, sending)
            except ClientDisconnect:
                pass  # nobody is left to answer
            except Exception as error:
                if status:  # a part of the answer is on its way: the server cuts the connection, and the client knows
                    raise
                _log.error("failed", id=request_id, method=scope["method"], kind=type(error).__name__, exc_info=error)
                await answer_problem(Problem("This is a fault of the service; its log has the details."))(
                    scope, receive, sending
                )
            finally:
                self._running -= 1
                metrics.running.set(self._running)
        route = getattr(scope.get("route"), "path", "unknown")
        seconds = time.monotonic() - began
        metrics.seconds.labels(scope["method"] if scope["method"] in _METHODS else "other", route, status).observe(
            seconds
        )
        _log.info(
            "request", id=request_id, method=scope["method"], route=route, status=status, seconds=round(seconds, 4)
        )

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        """What is answered in place of the endpoint."""
        host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if name.lower() not in self._hosts:
            return answer(421, "http-421", "Not this service", "The service does not go by this name here.")
        if scope["path"] in _ALWAYS:
            return None
        if self._service.stopping.is_set():
            return answer_problem(Unavailable("The service is ending.", retry_after_seconds=_RETRY_SECONDS))
        if self._running >= self._service.settings.max_connections:
            return answer_problem(Unavailable("Too many requests at a time.", retry_after_seconds=_RETRY_SECONDS))
        return None


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _dress(message: MutableMapping[str, Any], request_id: str) -> None:
    """Add headers that the endpoint has not set itself."""
    headers = list(message.get("headers", ()))
    there = {name.lower() for name, _ in headers}
    wanted = (
        *_HEADERS,
        (b"content-security-policy", POLICY.encode()),
        (b"cache-control", b"no-store"),
        (b"x-request-id", request_id.encode()),
    )
    headers += [(name, value) for name, value in wanted if name not in there]
    message["headers"] = headers
