"""The public keys of an OpenID Connect issuer: found by discovery, kept, and fetched again, seldom.

Nothing but the issuer's own origin is ever spoken to, and nothing that a token says decides where or how often: a
client that invents key names costs the issuer one request in half a minute.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
import structlog
import urllib3
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from service.problems import Unavailable

_log = structlog.get_logger("unmask.identity")

ALGORITHMS = ("RS256", "ES256", "EdDSA")
"""Signatures with public keys (RFC 7518, RFC 8037): an HMAC's key would have to be here, and `none` proves nothing."""
_FRESH_SECONDS = 900.0
"""A key that the issuer withdraws is accepted for so long at most while the issuer can be reached."""
_STALE_SECONDS = 86_400.0
"""While it cannot, the keys that are known are good for a day: tokens themselves end within minutes or hours."""
PAUSE_SECONDS = 30.0
"""Between two fetches, whatever tokens ask for; one that is signed with a brand-new key is refused for so long."""
_WAIT_SECONDS = 1.0
"""How long a request waits while another fetches: no issuer that hangs may keep all threads."""
_FETCH_SECONDS = 10.0
_CONNECT_SECONDS = 3.0
_MAX_BYTES = 1 << 20
"""Of a document; the largest providers have a dozen keys of 2 kB."""
_BLOCK_BYTES = 1 << 16
_MAX_KEYS = 100
_RETRY_SECONDS = 5
_DEFAULT_PORTS = {"https": 443, "http": 80}


class _NotFetched(Exception):
    """The issuer gave nothing usable."""


class IssuerKeys:
    """Keys of one issuer.

    Args:
        issuer: Its address, as configured.
        pause_seconds: Between two fetches.
    """

    def __init__(self, issuer: str, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._issuer, self._pause_seconds = issuer, pause_seconds
        self._keys: Mapping[str | None, PyJWK] = {}
        self._fetched_at = self._tried_at = -float("inf")
        self._fetching = threading.Lock()

    def find(self, name: str | None) -> PyJWK | None:
        """The key of this name; without a name the only one that there is (OpenID Connect Core, 10.1).

        Raises:
            Unavailable: the issuer's keys are not known, and cannot be fetched now.
        """
        if self._age() > _FRESH_SECONDS or self._named(name) is None:
            self._refresh(name)
        if self._age() > _STALE_SECONDS:
            raise Unavailable("The identity provider cannot be reached.", retry_after_seconds=_RETRY_SECONDS)
        return self._named(name)

    def _age(self) -> float:
        return time.monotonic() - self._fetched_at

    def _named(self, name: str | None) -> PyJWK | None:
        keys = self._keys
        if name is None:
            return next(iter(keys.values())) if len(keys) == 1 else None
        return keys.get(name)

    def _refresh(self, name: str | None) -> None:
        """Fetch, unless somebody has just done so."""
        before = self._fetched_at
        if time.monotonic() - self._tried_at < self._pause_seconds and not self._fetching.locked():
            return
        known = self._named(name) is not None
        if not self._fetching.acquire(timeout=0 if known else _WAIT_SECONDS):
            if not known:
                raise Unavailable("The identity provider is being asked.", retry_after_seconds=1)
            return
        try:
            if self._fetched_at != before or time.monotonic() - self._tried_at < self._pause_seconds:
                return
            self._tried_at = time.monotonic()
            self._keys = _fetch(self._issuer)
            self._fetched_at = time.monotonic()
        except _NotFetched as error:
            _log.warning("identity provider not reached", issuer=self._issuer, error=str(error))
        finally:
            self._fetching.release()


def _fetch(issuer: str) -> dict[str | None, PyJWK]:
    until = time.monotonic() + _FETCH_SECONDS
    facts = _document(issuer.rstrip("/") + "/.well-known/openid-configuration", until)
    if facts.get("issuer") != issuer:
        raise _NotFetched("it calls itself by another name (OpenID Connect Discovery, 4.3)")
    place = facts.get("jwks_uri")
    if not isinstance(place, str) or _origin(place) != _origin(issuer):
        raise _NotFetched("its keys are at another host")
    listed = _document(place, until).get("keys")
    if not isinstance(listed, list):
        raise _NotFetched("it lists no keys")
    keys = dict[str | None, PyJWK]()
    for entry in listed[:_MAX_KEYS]:
        if isinstance(entry, dict) and entry.get("use", "sig") == "sig":
            try:
                key = PyJWK(entry)
            except PyJWTError:
                continue  # of a kind that is not known here: providers list such keys beside others
            if key.algorithm_name in ALGORITHMS:
                name = entry.get("kid")
                keys[name if isinstance(name, str) else None] = key
    return keys


def _document(url: str, until: float) -> dict[str, Any]:
    """A JSON object.

    Args:
        url: Where it is; redirects are not followed.
        until: Monotonic time at which it has to be here.
    """
    try:
        with requests.get(
            url,
            allow_redirects=False,
            stream=True,
            timeout=(_CONNECT_SECONDS, _FETCH_SECONDS / 2),
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        ) as answer:
            if answer.status_code != requests.codes.ok:
                raise _NotFetched(f"{url} answers {answer.status_code}")
            document = json.loads(_body(answer, url, until))
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError, RecursionError) as error:
        raise _NotFetched(f"{url}: {type(error).__name__}") from error
    if not isinstance(document, dict):
        raise _NotFetched(f"{url} is no JSON object")
    return document


def _body(answer: requests.Response, url: str, until: float) -> bytes:
    body = bytearray()
    while block := answer.raw.read1(_BLOCK_BYTES):
        body += block
        if len(body) > _MAX_BYTES or time.monotonic() > until:
            raise _NotFetched(f"{url} is too large or too slow")
    return bytes(body)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return "", None, None
