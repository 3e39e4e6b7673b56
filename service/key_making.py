"""Keys made and revoked on the machine of the service, by whoever may read its database."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

from detect.errors import ConfigError
from service.audit.actions import Action
from service.audit.log import record
from service.settings import ServiceSettings, load_settings
from service.store import keys
from service.store.database import Store

_LINE = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
"""As the interface takes names."""


def make_key(values: Mapping[str, Any], name: str, scopes: Sequence[str], label: str, days: int | None) -> str:
    """A key's secret.

    Raises:
        ConfigError: a scope is none, a name is none, or several people are called so.
    """
    for text in (name, label):
        if not _LINE.fullmatch(text):
            raise ConfigError("a name and a label have 1 to 200 characters in one line")
    try:
        wanted = {keys.Scope(scope.strip()) for scope in scopes}
    except ValueError as error:
        raise ConfigError(f"{error}; there are: {', '.join(keys.Scope)}") from error
    with _database(values) as (settings, store, db):
        now = store.now(db)
        named = [row.id for row in keys.list_people(db) if row.name == name]
        if len(named) > 1:
            raise ConfigError(f"{len(named)} people are called {name}; make the key through the API, by id")
        if not named:
            named = [keys.add_person(db, name, now=now)]
            _record(db, now, "person_created", named[0])
        key, secret = keys.add_key(
            db,
            named[0],
            label,
            wanted,
            now=now,
            requests_per_minute=settings.requests_per_minute,
            quota_bytes=settings.quota_bytes,
            expires_at=None if days is None else now + days * keys.DAY_SECONDS,
        )
        _record(db, now, "key_created", key.id)
    return secret


def end_key(values: Mapping[str, Any], key: str) -> None:
    """Revoke a key.

    Raises:
        NotFound: there is none.
    """
    with _database(values) as (_, store, db):
        now = store.now(db)
        keys.revoke_key(db, key, now=now)
        _record(db, now, "key_revoked", key)


def _record(db: Connection, now: float, action: Action, target: str) -> None:
    record(db, now=now, action=action, object=target, details={"by": "command line"})


@contextmanager
def _database(values: Mapping[str, Any]) -> Iterator[tuple[ServiceSettings, Store, Connection]]:
    settings = load_settings(**values)
    store = Store.open(settings.database_place)
    try:
        with store.write() as db:
            yield settings, store, db
    finally:
        store.close()
