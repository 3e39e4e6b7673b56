"""The service put together from its settings: folders, database, evidence store, keys."""

from __future__ import annotations

from service.api.identity import Tokens
from service.rates import Rates
from service.results.signing import load_or_create_key
from service.settings import ServiceSettings
from service.state import Service
from service.store import keys
from service.store.database import Store
from service.vault.incoming import Incoming
from service.vault.vault import Vault

FIRST_PERSON = "administrator"


def open_service(settings: ServiceSettings, *, create: bool = False) -> Service:
    """Everything that the API needs.

    Args:
        settings: The service's.
        create: Make the database where there is none.

    Raises:
        ConfigError: the database or the signing key cannot be used.
        VaultError: the folder of the evidence cannot.
    """
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    vault = Vault(settings.data, reserve_bytes=settings.reserve_bytes)
    return Service(
        settings=settings,
        store=Store.open(settings.database_place, create=create),
        vault=vault,
        incoming=Incoming(settings.data, vault),
        signing_key=load_or_create_key(settings.signing_key),
        rates=Rates(),
        tokens=Tokens(settings.identity_provider) if settings.identity_provider is not None else None,
    )


def first_key(service: Service) -> str | None:
    """The secret of the first key, for an administrator; None where there are keys already."""
    with service.store.write() as db:
        if keys.has_keys(db):
            return None
        now = service.store.now(db)
        person = keys.add_person(db, FIRST_PERSON, now=now)
        key, secret = keys.add_key(
            db,
            person,
            "first key",
            keys.ALL_SCOPES,
            now=now,
            requests_per_minute=service.settings.requests_per_minute,
            quota_bytes=service.settings.quota_bytes,
        )
        service.record(db, None, "key_created", key.id, details={"scopes": list(key.scopes), "person": person})
    return secret
