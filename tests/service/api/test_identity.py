"""Tokens of an identity provider over HTTP, against an issuer on the loopback network that signs, lies and fails."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from service.api.identity import Tokens
from service.audit.entry import Entry
from service.audit.log import entries
from service.settings import IdentityProvider, load_settings
from service.store.keys import list_people
from tests.service.api.bench import Bench, bench, serving
from weights.errors import UnmaskError

AUDIENCE = "unmask"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PRIVATE: dict[str, Any] = {
    "RS256": RSA,
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
WRITERS: dict[str, Any] = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}


def public(algorithm: str, name: str, key: Any = None) -> dict[str, Any]:
    """A public key as an issuer lists it."""
    key = PRIVATE[algorithm] if key is None else key
    return {**json.loads(WRITERS[algorithm].to_jwk(key.public_key())), "kid": name, "use": "sig", "alg": algorithm}


@dataclass
class Issuer:
    """An issuer; what it says can be changed."""

    base: str = ""
    keys: list[dict[str, Any]] = field(default_factory=lambda: [public(name, name) for name in PRIVATE])
    facts: dict[str, Any] = field(default_factory=dict)
    """Of the discovery document, in place of what is true."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    padding: int = 0
    asked: list[str] = field(default_factory=list)

    def token(self, algorithm: str = "RS256", *, key: Any = None, kid: str | None = "", **claims: Any) -> str:
        """A token; a claim that is None is left out."""
        now = int(time.time())
        said = {
            "iss": self.base,
            "sub": "ada",
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + 300,
            "name": "Ada Lovelace",
            "unmask_scopes": ["submit", "read"],
        } | claims
        headers = {} if kid is None else {"kid": kid or algorithm}
        return jwt.encode(
            {name: value for name, value in said.items() if value is not None},
            PRIVATE[algorithm] if key is None else key,
            algorithm,
            headers=headers,
        )


@contextmanager
def issuing() -> Iterator[Issuer]:
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked.append(self.path)
            document: dict[str, Any] = {"keys": issuer.keys}
            if self.path.endswith("/openid-configuration"):
                document = {"issuer": issuer.base, "jwks_uri": f"{issuer.base}/keys"} | issuer.facts
            body = json.dumps(document).encode() + b" " * issuer.padding
            self.send_response(issuer.status)
            for name, value in issuer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.base = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture
def known(tmp_path: Path, issuer: Issuer) -> Iterator[Bench]:
    """A running service that accepts the issuer's tokens."""
    with bench(tmp_path, identity_provider={"issuer": issuer.base, "audience": AUDIENCE}) as made, serving(made):
        made.announce()
        yield made


def me(at: Bench, token: str) -> httpx.Response:
    with at.client(token) as client:
        return client.get("/v1/me")


@pytest.mark.parametrize("algorithm", list(PRIVATE))
def test_a_token_is_accepted_beside_keys_and_its_person_is_added_once(
    known: Bench, issuer: Issuer, algorithm: str
) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: me(known, issuer.token(algorithm)), range(8)))
    people = {answer.json()["person"] for answer in answers}
    assert [answer.status_code for answer in answers] == [200] * 8
    assert len(people) == 1
    assert answers[0].json()["name"] == "Ada Lovelace"
    assert sorted(answers[0].json()["scopes"]) == ["read", "submit"]
    assert me(known, known.key).status_code == 200
    assert len(issuer.asked) == 2
    with known.service.store.read() as db:
        written = [entry for entry in entries(db) if isinstance(entry, Entry) and entry.action == "person_created"]
    assert [entry.object for entry in written] == list(people)


def test_what_a_token_may_stands_in_its_claim(known: Bench, issuer: Issuer) -> None:
    with known.client(issuer.token(unmask_scopes="read openid")) as client:
        assert client.get("/v1/jobs").status_code == 200
        assert client.get("/v1/keys").status_code == 403
        assert client.post("/v1/jobs", json={"evidence": "evidence_" + "0" * 32}).status_code == 403
    for none in ([], "", "openid", None, 7, {"read": True}):
        assert me(known, issuer.token(sub="nobody", unmask_scopes=none)).status_code == 403
    with known.service.store.read() as db:
        assert "nobody" not in {row.name for row in list_people(db)}


def _unsigned(token: str) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    return f"{head}.{token.split('.')[1]}."


def _by_public_key(issuer: Issuer) -> str:
    """Signed with the public key as if it were a secret: what an HMAC check by mistake would believe."""
    pem = RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )  # fmt: skip
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"RS256","typ":"JWT"}').rstrip(b"=")
    signed = head + b"." + issuer.token().split(".")[1].encode()
    mark = base64.urlsafe_b64encode(hmac.new(pem, signed, hashlib.sha256).digest()).rstrip(b"=")
    return (signed + b"." + mark).decode()


def test_no_token_is_believed_that_proves_nothing(known: Bench, issuer: Issuer) -> None:
    now = int(time.time())
    good = issuer.token()
    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    other_end = jwt.encode(jwt.decode(good, options={"verify_signature": False}), RSA, "RS256",
        headers={"kid": "RS256", "typ": "logout+jwt"})  # fmt: skip
    tokens = {
        "unsigned": _unsigned(good),
        "unsigned, with a signature": _unsigned(good) + good.split(".")[2],
        "HMAC with the public key": _by_public_key(issuer),
        "another's signature": issuer.token(key=foreign),
        "key of another algorithm": issuer.token("RS256", kid="ES256"),
        "larger hash": jwt.encode({"sub": "x"}, RSA, "RS512", headers={"kid": "RS256"}),
        "changed": ".".join([good.split(".")[0], issuer.token(sub="eve").split(".")[1], good.split(".")[2]]),
        "expired": issuer.token(exp=now - 60),
        "not yet": issuer.token(nbf=now + 120),
        "issued tomorrow": issuer.token(iat=now + 86_400, exp=now + 90_000),
        "another audience": issuer.token(aud="mail"),
        "no audience": issuer.token(aud=None),
        "another issuer": issuer.token(iss="https://example.org"),
        "no end": issuer.token(exp=None),
        "no beginning": issuer.token(iat=None),
        "nobody": issuer.token(sub=None),
        "an end that no clock has": issuer.token(exp=float("inf")),
        "for logging out": other_end,
        "long": good + "A" * 20_000,
        "no JSON": "bm90.anNvbg.c2ln",
    }
    answers = {name: me(known, token).status_code for name, token in tokens.items()}
    assert answers == dict.fromkeys(tokens, 401)
    assert me(known, good).status_code == 200


def test_clocks_may_differ_a_little(known: Bench, issuer: Issuer) -> None:
    now = int(time.time())
    assert me(known, issuer.token(exp=now - 10)).status_code == 200
    assert me(known, issuer.token(iat=now + 10, nbf=now + 10)).status_code == 200


def test_tokens_with_invented_keys_cost_the_issuer_one_request(known: Bench, issuer: Issuer) -> None:
    assert me(known, issuer.token()).status_code == 200
    assert known.service.tokens is not None
    known.service.rates.take("stranger 127.0.0.1", 1_000_000)  # refused for what they are, not for how many they are
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: me(known, issuer.token(kid=f"invented {number}")), range(100)))
    assert {answer.status_code for answer in answers} <= {401, 429}
    assert len(issuer.asked) <= 2
    assert me(known, issuer.token()).status_code == 200


def test_a_new_key_is_found_and_a_withdrawn_one_is_not_believed(known: Bench, issuer: Issuer) -> None:
    assert issuer.base
    known.service.tokens = Tokens(
        IdentityProvider(issuer=issuer.base, audience=AUDIENCE), pause_seconds=0.2
    )  # fmt: skip
    assert me(known, issuer.token()).status_code == 200
    new = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    issuer.keys = [public("RS256", "new", new), {"kty": "RSA", "kid": "broken"}, {"kty": "oct", "k": "c2VjcmV0"}]
    time.sleep(0.3)
    assert me(known, issuer.token(key=new, kid="new")).status_code == 200
    assert me(known, issuer.token()).status_code == 401
    assert me(known, issuer.token(key=new, kid=None)).status_code == 200


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 302, "headers": {"Location": "http://127.0.0.1:1/elsewhere"}},
        {"facts": {"issuer": "https://example.org"}},
        {"facts": {"jwks_uri": "https://example.org/keys"}},
        {"facts": {"jwks_uri": "file:///etc/passwd"}},
        {"facts": {"jwks_uri": "http://["}},
        {"facts": {"jwks_uri": None}},
        {"padding": 2_000_000},
        {"keys": {"not": "a list"}},
    ],
    ids=str,
)
def test_an_issuer_that_fails_is_told_of_and_keys_work_all_the_same(
    known: Bench, issuer: Issuer, fault: dict[str, Any]
) -> None:
    for name, value in fault.items():
        setattr(issuer, name, value)
    answer = me(known, issuer.token())
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert me(known, known.key).status_code == 200


def test_keys_that_are_known_outlive_an_issuer_that_is_gone(known: Bench, issuer: Issuer) -> None:
    assert me(known, issuer.token()).status_code == 200
    issuer.status = 500
    assert me(known, issuer.token()).status_code == 200


def test_a_service_without_an_issuer_knows_no_tokens(at: Bench, issuer: Issuer) -> None:
    assert me(at, issuer.token()).status_code == 401
    assert issuer.asked == []


def test_an_issuer_is_spoken_to_in_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNMASK_SERVICE_IDENTITY_PROVIDER", '{"issuer": "http://example.org", "audience": "unmask"}')
    with pytest.raises(UnmaskError, match="https://"):
        load_settings()
