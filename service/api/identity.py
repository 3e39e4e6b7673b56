"""Tokens of an identity provider (OpenID Connect), accepted beside API keys: who it says is asking, and what he may.

A token is believed when, in this order, (1) it has the form of a signed JWT, (2) its algorithm is one of three, (3) a
key of the configured issuer verifies it, (4) it is of that issuer, for this service, and valid now. What it may be used
for stands in one of its claims; the person is added when he comes for the first time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt
from jwt.exceptions import PyJWTError
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from service.api.issuer import ALGORITHMS, PAUSE_SECONDS, IssuerKeys
from service.problems import Forbidden, Unavailable
from service.settings import IdentityProvider
from service.store import keys
from service.store.keys import Caller, Scope

if TYPE_CHECKING:
    from service.state import Service

_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
"""JWS Compact Serialization (RFC 7515, 7.1); a token without a signature does not match."""
_MAX_CHARACTERS = 16_384
"""A token with a few hundred groups in it has 10 kB."""
_MAX_SUBJECT = 255
"""OpenID Connect Core, 2."""
_MAX_NAME = 200
"""As the interface has it for names."""
_LEEWAY_SECONDS = 30
"""Clocks that are set by NTP agree within a second; two hosts that are not differ by more than any leeway helps."""
_TYPES = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})
"""ID and access tokens (RFC 9068); tokens of the same issuer for other ends are none, a logout token for example."""
_CLAIMS = ("iss", "sub", "aud", "exp", "iat")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom the identity provider vouches for."""

    subject: str
    """The issuer's address and its name for him: another issuer may use the same name."""
    name: str
    scopes: frozenset[Scope]


class Tokens:
    """Reads the tokens of one issuer.

    Args:
        provider: The issuer, and what its tokens have to say.
        pause_seconds: Between two fetches of its keys.
    """

    def __init__(self, provider: IdentityProvider, *, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._provider = provider
        self._keys = IssuerKeys(provider.issuer, pause_seconds)

    def read(self, token: str) -> Identity | None:
        """Whom a token vouches for; None where it is no valid token of this issuer for this service.

        Raises:
            Unavailable: the issuer's keys are not known, and cannot be fetched now.
        """
        if not is_token(token):
            return None
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS or str(header.get("typ") or "").lower() not in _TYPES:
                return None
            key = self._keys.find(header.get("kid"))
            if key is None:
                return None
            claims = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                audience=self._provider.audience,
                issuer=self._provider.issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": list(_CLAIMS), "enforce_minimum_key_length": True},
            )
        except (PyJWTError, ValueError, OverflowError, RecursionError):
            return None  # ValueError, OverflowError: times and numbers that no clock has
        return self._identity(claims)

    def _identity(self, claims: Mapping[str, Any]) -> Identity | None:
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT or not subject.isprintable():
            return None
        return Identity(
            subject=f"{self._provider.issuer} {subject}",
            name=_line(claims.get(self._provider.name_claim)) or _line(subject),
            scopes=_scopes(claims.get(self._provider.scopes_claim)),
        )


def is_token(text: str) -> bool:
    """Whether a bearer's secret has the form of a signed JWT, which no API key has."""
    return len(text) <= _MAX_CHARACTERS and _TOKEN.fullmatch(text) is not None


def caller_of_token(service: Service, token: str) -> Caller | None:
    """Whoever sends a token; None where no issuer is configured, or the token is not valid.

    Raises:
        Forbidden: it is valid, and gives no scope.
        Unavailable: it cannot be checked now.
    """
    identity = service.tokens.read(token) if service.tokens is not None else None
    if identity is None:
        return None
    if not identity.scopes:
        raise Forbidden("The identity provider gives you no scope of this service.")
    return Caller(
        person_id=_person(service, identity),
        name=identity.name,
        scopes=identity.scopes,
        key_id=None,
        requests_per_minute=service.settings.requests_per_minute,
        quota_bytes=service.settings.quota_bytes,
    )


def _person(service: Service, identity: Identity) -> str:
    with service.store.read() as db:
        known = keys.find_subject(db, identity.subject)
    if known is not None:
        return known

    def add(db: Connection) -> str:
        there = keys.find_subject(db, identity.subject)
        if there is not None:
            return there
        person = keys.person_of_subject(db, identity.subject, identity.name, now=service.store.now(db))
        service.record(db, None, "person_created", person, details={"by": "identity provider"})
        return person

    with suppress(IntegrityError):  # another request of his was faster, in another process
        return service.store.repeat(add)
    with service.store.read() as db:
        known = keys.find_subject(db, identity.subject)
    if known is None:
        raise Unavailable("The person could not be added.", retry_after_seconds=1)
    return known


def _line(value: object) -> str:
    """A claim as one line of text; empty where it is none."""
    if not isinstance(value, str):
        return ""
    return "".join(character for character in value if character.isprintable()).strip()[:_MAX_NAME]


def _scopes(value: object) -> frozenset[Scope]:
    """The scopes in a list, or in a text with spaces between (RFC 8693, 4.2); words of other services are left out."""
    words = value.split() if isinstance(value, str) else value if isinstance(value, list) else ()
    return frozenset(scope for scope in Scope if scope in words)
