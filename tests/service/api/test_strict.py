"""JSON that is not what it seems is refused, at every endpoint that takes any."""

from __future__ import annotations

import json

import httpx
from hypothesis import given
from hypothesis import strategies as st

from service.api.strict import parse
from service.problems import Malformed
from tests.service.api.operations import operations

_REFUSED = {
    "deep list": b"[" * 100_000 + b"]" * 100_000,
    "deep object": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep and open": b"[" * 100_000,
    "NaN": b'{"name": NaN}',
    "Infinity": b'{"name": "x", "retention_days": Infinity}',
    "minus Infinity": b"-Infinity",
    "too large": b'{"retention_days": 1e400}',
    "too large within": b'{"name": "x", "more": [[1e999]]}',
    "digits": b'{"retention_days": ' + b"9" * 100_000 + b"}",
    "twice": b'{"name": "one", "name": "two"}',
    "twice the same": b'{"name": "one", "name": "one"}',
    "twice within": b'{"name": "x", "more": {"a": 1, "a": 2}}',
    "twice in disguise": b'{"name": "one", "\\u006eame": "two"}',
    "NUL": b'{"name": "a\\u0000b"}',
    "NUL in a key": b'{"na\\u0000me": "a"}',
    "half of a character": b'{"name": "\\ud800"}',
    "other half": b'{"name": "\\udfff\\ud800"}',
    "byte order mark": b'\xef\xbb\xbf{"name": "a"}',
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "Latin-1": b'{"name": "\xfc"}',
    "overlong": b'{"name": "\xc0\x80"}',
    "nothing": b"",
    "space": b"   ",
    "cut off": b'{"name": "a"',
    "something behind": b'{"name": "a"} {"name": "b"}',
    "comment": b'{"name": "a"} // b',
    "single quotes": b"{'name': 'a'}",
    "control character": b'{"name": "a\nb"}',
}


def test_what_is_ambiguous_is_refused(client: httpx.Client) -> None:
    for name, content in _REFUSED.items():
        answer = client.post("/v1/cases", content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422, (name, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    assert client.get("/v1/cases").json() == []


def test_every_endpoint_that_takes_json_reads_it_strictly(client: httpx.Client) -> None:
    found = [one for one in operations(client) if "application/json" in one.takes]
    assert len(found) >= 8
    for operation in found:
        for name in ("deep list", "deep object", "NaN", "too large", "twice", "NUL", "half of a character", "Latin-1"):
            answer = client.request(
                operation.method,
                operation.url(),
                content=_REFUSED[name],
                headers={"Content-Type": "application/json"},
            )
            assert answer.status_code == 422, (str(operation), name, answer.text)


def test_a_long_document_is_cut_off(client: httpx.Client) -> None:
    def blocks() -> object:
        for _ in range(64):
            yield b" " * 65_536

    answer = client.post("/v1/cases", content=blocks(), headers={"Content-Type": "application/json"})  # type: ignore[arg-type]
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_json_under_another_name_is_refused(client: httpx.Client) -> None:
    """A foreign page's form can send these without asking first (Fetch, CORS-safelisted request-header)."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = client.post("/v1/cases", content=b'{"name": "a"}', headers={"Content-Type": kind})
        assert answer.status_code == 422, kind
    assert client.get("/v1/cases").json() == []


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner),
    max_leaves=20,
)


@given(_VALUES, st.booleans())
def test_ordinary_documents_are_read_as_they_are(value: object, ascii_only: bool) -> None:
    assert parse(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        value = parse(data)
    except Malformed:
        return
    assert value == json.loads(data)
