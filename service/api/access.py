"""Who is asking: an API key, or the session of a browser that was begun with one. Each endpoint says what it needs."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Security
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import Request

from service.api.identity import caller_of_token, is_token
from service.problems import Forbidden, Unauthenticated
from service.state import Service, TheService
from service.store.keys import Caller, Scope, caller_of_key, caller_of_session

COOKIE = "unmask_session"
CSRF_HEADER = "X-CSRF-Token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, 9.2.1)."""
_STRANGERS_PER_MINUTE = 120
"""Requests without a valid key, from one address: enough for somebody who mistypes, too few to try keys."""

_BEARER = (
    "An API key, `unmask_` and 64 hexadecimal digits, or a token of the identity provider where one is configured."
)
_bearer = HTTPBearer(auto_error=False, description=_BEARER)
_cookie = APIKeyCookie(name=COOKIE, auto_error=False, description="The session of the web page.")


def _caller(
    request: Request,
    service: TheService,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    cookie: Annotated[str | None, Security(_cookie)],
) -> Caller:
    """Whoever asks.

    Raises:
        Unauthenticated: nobody that is known.
        Forbidden: a page of somebody else made this browser ask.
        TooMany: he asks too often.
    """
    caller = identify(service, credentials.credentials if credentials is not None else None, cookie)
    if caller is None:
        address = request.client.host if request.client is not None else ""
        service.rates.take(f"stranger {address}", _STRANGERS_PER_MINUTE)
        raise Unauthenticated("Send an API key as `Authorization: Bearer unmask_...`.")
    service.rates.take(caller.person_id, caller.requests_per_minute)
    if caller.csrf is not None and request.method not in _SAFE:
        token = request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(token.encode(), caller.csrf.encode()):
            raise Forbidden(f"A request of a browser's session needs the header {CSRF_HEADER}.")
    return caller


def identify(service: Service, key: str | None, cookie: str | None) -> Caller | None:
    """The owner of a key or of an identity provider's token, or of a session; None where none is valid."""
    if key is None and cookie is None:
        return None
    if key is not None and is_token(key):
        return caller_of_token(service, key)
    with service.store.read() as db:
        now = service.store.now(db)
        if key is not None:
            return caller_of_key(db, key, now=now)
        assert cookie is not None  # noqa: S101 - one of the two is there
        return caller_of_session(
            db,
            cookie,
            now=now,
            requests_per_minute=service.settings.requests_per_minute,
            quota_bytes=service.settings.quota_bytes,
        )


TheCaller = Annotated[Caller, Depends(_caller)]


def _needs(scope: Scope) -> Callable[[Caller], Caller]:
    def check(caller: TheCaller) -> Caller:
        if scope not in caller.scopes:
            raise Forbidden(f"This needs a key with the scope `{scope}`.")
        return caller

    return check


Submitter = Annotated[Caller, Depends(_needs(Scope.SUBMIT))]
Reader = Annotated[Caller, Depends(_needs(Scope.READ))]
Reviewer = Annotated[Caller, Depends(_needs(Scope.REVIEW))]
Administrator = Annotated[Caller, Depends(_needs(Scope.ADMIN))]
