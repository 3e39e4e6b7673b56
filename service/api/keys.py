"""API keys, and the session that a browser begins with one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import StringConstraints

from service.api.access import COOKIE, Administrator, TheCaller, identify
from service.api.answers import refusals
from service.api.schemas.cases import FreshKey, Key, Me, NewKey
from service.api.schemas.common import In, KeyId, maybe_moment, moment
from service.api.strict import StrictRoute
from service.problems import Unauthenticated
from service.state import TheService
from service.store import keys as store

router = APIRouter(prefix="/v1", route_class=StrictRoute)

_LOGINS_PER_MINUTE = 30
"""From one address: an office may log in at the same hour, and nobody tries keys of 256 bits one by one."""


@router.get("/keys", tags=["people"], responses=refusals())
def list_keys(service: TheService, caller: Administrator) -> list[Key]:
    """List all keys, without their secrets."""
    del caller
    with service.store.read() as db:
        return [_key(key) for key in store.list_keys(db)]


@router.post("/keys", tags=["people"], status_code=201, responses=refusals(404))
def make_key(service: TheService, caller: Administrator, asked: NewKey) -> FreshKey:
    """Make a key; its secret is in this answer and nowhere else."""
    settings = service.settings
    with service.store.write() as db:
        now = service.store.now(db)
        key, secret = store.add_key(
            db,
            asked.person,
            asked.label,
            set(asked.scopes),
            now=now,
            requests_per_minute=asked.requests_per_minute or settings.requests_per_minute,
            quota_bytes=settings.quota_bytes if asked.quota_bytes is None else asked.quota_bytes,
            expires_at=None if asked.days is None else now + asked.days * store.DAY_SECONDS,
        )
        service.record(db, caller, "key_created", key.id, details={"scopes": list(key.scopes), "person": key.person_id})
    return FreshKey(**_key(key).model_dump(), secret=secret)


@router.delete("/keys/{key}", tags=["people"], status_code=204, responses=refusals(404))
def revoke_key(service: TheService, caller: Administrator, key: KeyId) -> None:
    """Revoke a key, and end the sessions that were begun with it."""
    with service.store.write() as db:
        store.revoke_key(db, key, now=service.store.now(db))
        service.record(db, caller, "key_revoked", key)


class Login(In):
    """What a browser sends to begin a session."""

    key: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """An API key."""


@router.post("/session", tags=["people"], responses=refusals())
def log_in(service: TheService, request: Request, response: Response, asked: Login) -> Me:
    """Begin a browser's session with an API key: a cookie, and a token that changing requests bring along."""
    address = request.client.host if request.client is not None else ""
    service.rates.take(f"login {address}", _LOGINS_PER_MINUTE)
    caller = identify(service, asked.key, None)
    with service.store.write() as db:
        if caller is not None:
            seconds = service.settings.session_hours * 3600
            secret, csrf = store.begin_session(db, caller, now=service.store.now(db), seconds=seconds)
            service.record(db, caller, "login", caller.person_id)
        else:
            service.record(db, None, "login_refused", "session")
    if caller is None:
        raise Unauthenticated("No valid key.")
    response.set_cookie(
        COOKIE,
        secret,
        max_age=int(seconds),
        httponly=True,
        samesite="strict",
        secure=(service.settings.public_url or "").startswith("https://"),
        path="/",
    )
    return Me(
        person=caller.person_id, name=caller.name, scopes=sorted(caller.scopes), via="session", csrf_token=csrf
    )  # fmt: skip


@router.delete("/session", tags=["people"], status_code=204, responses=refusals())
def log_out(service: TheService, caller: TheCaller, request: Request, response: Response) -> None:
    """End the browser's session."""
    with service.store.write() as db:
        store.end_session(db, request.cookies.get(COOKIE, ""))
        service.record(db, caller, "logout", caller.person_id)
    response.delete_cookie(COOKIE, path="/")


def _key(key: store.Key) -> Key:
    return Key(
        id=key.id,
        person=key.person_id,
        name=key.person,
        label=key.label,
        scopes=list(key.scopes),
        requests_per_minute=key.requests_per_minute,
        quota_bytes=key.quota_bytes,
        created_at=moment(key.created_at),
        expires_at=maybe_moment(key.expires_at),
        revoked_at=maybe_moment(key.revoked_at),
    )
