"""People, their API keys and their sessions: who is asking, and what he may."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from service.problems import NotFound
from service.store.ids import new_id
from service.store.row import AnyRow
from service.store.schema import api_keys, people, sessions, uploads


class Scope(StrEnum):
    """What a key may be used for, within the cases of its owner."""

    SUBMIT = "submit"
    """Hand in recordings, cancel and delete jobs."""
    READ = "read"
    """Read results and evidence."""
    REVIEW = "review"
    """Record conclusions."""
    ADMIN = "admin"
    """People, keys, cases and the audit log; no evidence of cases that the owner is not a member of."""


ALL_SCOPES = tuple(Scope)
_SECRET_BYTES = 32
_PREFIX = "unmask_"
"""Programs that look for leaked secrets know keys by a prefix of their own."""
_SECRET = re.compile(rf"{_PREFIX}[0-9a-f]{{64}}", re.ASCII)
DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is asking."""

    person_id: str
    name: str
    scopes: frozenset[Scope]
    key_id: str | None
    """None where an identity provider vouches."""
    requests_per_minute: int
    quota_bytes: int
    """Of evidence received in 24 hours."""
    csrf: str | None = None
    """What a changing request has to bring along; None where no cookie is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An API key, without its secret."""

    id: str
    person_id: str
    person: str
    label: str
    scopes: tuple[Scope, ...]
    requests_per_minute: int
    quota_bytes: int
    created_at: float
    expires_at: float | None
    revoked_at: float | None


def digest(secret: str) -> str:
    """What is kept of a secret. It is 256 random bits, so that a slow hash would protect nothing."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def add_person(db: Connection, name: str, *, now: float, subject: str | None = None) -> str:
    """A new person; returns the id."""
    person = new_id("person")
    db.execute(insert(people).values(id=person, name=name, subject=subject, created_at=now))
    return person


def person_named(db: Connection, person_id: str) -> str:
    """A person's name.

    Raises:
        NotFound: there is none of this id.
    """
    name = db.scalar(select(people.c.name).where(people.c.id == person_id))
    if name is None:
        raise NotFound("No such person.")
    return str(name)


def list_people(db: Connection) -> Sequence[AnyRow]:
    """All people: `id`, `name`, `created_at`."""
    return db.execute(select(people.c.id, people.c.name, people.c.created_at).order_by(people.c.created_at)).all()


def find_subject(db: Connection, subject: str) -> str | None:
    """The person whom an identity provider calls so."""
    found = db.scalar(select(people.c.id).where(people.c.subject == subject))
    return None if found is None else str(found)


def person_of_subject(db: Connection, subject: str, name: str, *, now: float) -> str:
    """The person whom an identity provider calls so, added when he comes for the first time."""
    return find_subject(db, subject) or add_person(db, name, now=now, subject=subject)


def add_key(
    db: Connection,
    person_id: str,
    label: str,
    scopes: Collection[Scope],
    *,
    now: float,
    requests_per_minute: int,
    quota_bytes: int,
    expires_at: float | None = None,
) -> tuple[Key, str]:
    """A new key, and its secret, which is shown once and not kept."""
    secret = _PREFIX + secrets.token_hex(_SECRET_BYTES)
    key = Key(
        id=new_id("key"),
        person_id=person_id,
        person=person_named(db, person_id),
        label=label,
        scopes=tuple(sorted(scopes)),
        requests_per_minute=requests_per_minute,
        quota_bytes=quota_bytes,
        created_at=now,
        expires_at=expires_at,
        revoked_at=None,
    )
    db.execute(
        insert(api_keys).values(
            id=key.id,
            person_id=person_id,
            label=label,
            digest=digest(secret),
            scopes=json.dumps(key.scopes),
            requests_per_minute=requests_per_minute,
            quota_bytes=quota_bytes,
            created_at=now,
            expires_at=expires_at,
        )
    )
    return key, secret


def list_keys(db: Connection, *, person_id: str | None = None) -> list[Key]:
    """All keys, or a person's."""
    query = select(api_keys, people.c.name).join(people).order_by(api_keys.c.created_at, api_keys.c.id)
    if person_id is not None:
        query = query.where(api_keys.c.person_id == person_id)
    return [
        Key(
            id=row.id,
            person_id=row.person_id,
            person=row.name,
            label=row.label,
            scopes=tuple(map(Scope, json.loads(row.scopes))),
            requests_per_minute=row.requests_per_minute,
            quota_bytes=row.quota_bytes,
            created_at=row.created_at,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
        )
        for row in db.execute(query)
    ]


def revoke_key(db: Connection, key_id: str, *, now: float) -> None:
    """End a key and the sessions that were begun with it.

    Raises:
        NotFound: there is none, or it has been revoked before.
    """
    ended = db.execute(
        update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None)).values(revoked_at=now)
    )
    if not ended.rowcount:
        raise NotFound("No such key.")
    db.execute(delete(sessions).where(sessions.c.key_id == key_id))


def has_keys(db: Connection) -> bool:
    """Whether there is any key yet."""
    return db.execute(select(api_keys.c.id).limit(1)).first() is not None


def caller_of_key(db: Connection, secret: str, *, now: float) -> Caller | None:
    """Whose key this is; None where it is unknown, expired or revoked, with the same work done for each."""
    if not _SECRET.fullmatch(secret):
        secret = ""  # looked for all the same
    row = db.execute(_valid(now).where(api_keys.c.digest == digest(secret))).first()
    return None if row is None else _caller(row, json.loads(row.scopes))


def _valid(now: float) -> Any:
    return (
        select(
            api_keys.c.id.label("key_id"),
            api_keys.c.person_id,
            people.c.name,
            api_keys.c.scopes,
            api_keys.c.requests_per_minute,
            api_keys.c.quota_bytes,
        )
        .join(people, people.c.id == api_keys.c.person_id)
        .where(
            api_keys.c.revoked_at.is_(None),
            or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now),
        )
    )


def _caller(row: AnyRow, scopes: Sequence[str], *, csrf: str | None = None) -> Caller:
    return Caller(
        person_id=row.person_id,
        name=row.name,
        scopes=frozenset(map(Scope, scopes)),
        key_id=row.key_id,
        requests_per_minute=row.requests_per_minute,
        quota_bytes=row.quota_bytes,
        csrf=csrf,
    )


def begin_session(db: Connection, caller: Caller, *, now: float, seconds: float) -> tuple[str, str]:
    """A browser's session; returns the cookie's secret and the token that changing requests bring along."""
    secret, csrf = secrets.token_urlsafe(_SECRET_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
    db.execute(delete(sessions).where(sessions.c.expires_at <= now))
    db.execute(
        insert(sessions).values(
            digest=digest(secret),
            person_id=caller.person_id,
            key_id=caller.key_id,
            scopes=json.dumps(sorted(caller.scopes)),
            csrf=csrf,
            created_at=now,
            expires_at=now + seconds,
        )
    )
    return secret, csrf


def caller_of_session(
    db: Connection, secret: str, *, now: float, requests_per_minute: int, quota_bytes: int
) -> Caller | None:
    """Whose session this is; it ends with its key.

    Args:
        db: The database.
        secret: Of the cookie.
        now: The time.
        requests_per_minute: Where no key says otherwise.
        quota_bytes: Likewise.
    """
    row = db.execute(
        select(sessions, people.c.name).join(people).where(
            sessions.c.digest == digest(secret), sessions.c.expires_at > now
        )
    ).first()  # fmt: skip
    if row is None:
        return None
    if row.key_id is None:
        return Caller(
            person_id=row.person_id,
            name=row.name,
            scopes=frozenset(map(Scope, json.loads(row.scopes))),
            key_id=None,
            requests_per_minute=requests_per_minute,
            quota_bytes=quota_bytes,
            csrf=row.csrf,
        )
    key = db.execute(_valid(now).where(api_keys.c.id == row.key_id)).first()
    return None if key is None else _caller(key, json.loads(key.scopes), csrf=row.csrf)


def end_session(db: Connection, secret: str) -> None:
    """Log out."""
    db.execute(delete(sessions).where(sessions.c.digest == digest(secret)))


def received_bytes(db: Connection, person_id: str, *, now: float) -> int:
    """Evidence that a person has handed in within 24 hours, and what is promised by uploads that are open."""
    promised = func.coalesce(uploads.c.num_bytes, uploads.c.received_bytes)
    return int(
        db.scalar(
            select(func.coalesce(func.sum(promised), 0)).where(
                uploads.c.person_id == person_id,
                uploads.c.created_at > now - DAY_SECONDS,
                uploads.c.state.in_(("open", "finished")),
            )
        )
        or 0
    )
