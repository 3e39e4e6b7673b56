"""One entry of the audit log, and how its digest is computed; anybody can, with a SHA-256 and a JSON library.

An entry has eight fields and three values that bind it. All are text but for `seq`, `details` and what is null.

    seq        its number: the first is 1, and none is left out
    at         seconds of the Unix epoch by the database's clock, as the shortest decimal that gives the same double
    person_id  who did it; null: the service itself, or somebody who is not known
    key_id     with which key; null without one
    action     what was done, one of `service.audit.actions`
    object     what it was done to: an id
    case_id    the case it belongs to, or null
    details    an object: what else is to be known, and `salt`, 32 hexadecimal digits of chance

    body       SHA-256 of the eight fields as one JSON object in canonical form (RFC 8785: names in order, no white
               space, UTF-8, no more escaped than must be; there are no numbers but whole ones within 2^53)
    prev       the digest of the entry before; in entry 1 the SHA-256 of `unmask audit log ` and the log's id, which
               is the object of that entry
    digest     SHA-256 of the 128 characters of `prev` and `body`

All digests are lower-case hexadecimal. Because a digest is made from `prev` and `body` alone, an entry can be withheld
from somebody who may not read it, and the chain still be followed: its body stands in its place, and the salt keeps
anybody from finding out by trial what the body is of.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from service.audit.actions import CREATED
from service.results.verifier import canonical

Detail: TypeAlias = "bool | int | str | Sequence[Detail] | Mapping[str, Detail] | None"
"""A JSON value without fractions, which not all programs write alike: they go in as text."""

SALT = "salt"
MAX_DETAILS_BYTES = 8192
"""Of one entry's details in canonical form. What is of use is some hundred bytes; texts have tables of their own."""
MAX_TEXT = 300
"""Characters of an object or an id: those of `service.store.ids` have 41 at most, identity providers' up to 255
(OpenID Connect Core 1.0, section 2, `sub`)."""
_MAX_NUMBER = 2**53 - 1
"""Whole numbers that every JSON reader keeps exact (RFC 8259, section 6)."""
_MAX_DEPTH = 4
_MAX_READ_DEPTH = 32
"""What is read may be hostile: nested deeper it would end the program, not be found."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_SECRET_NAME = re.compile("secret|passw|token|cookie|authori[sz]ation|csrf|private")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_LOG_ID = re.compile(r"log_[0-9a-f]{32}\Z")
_SALT = re.compile(r"[0-9a-f]{32}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry that can be read."""

    seq: int
    at: float
    person_id: str | None
    key_id: str | None
    action: str
    object: str
    case_id: str | None
    details: Mapping[str, Any]
    prev: str
    digest: str

    @property
    def facts(self) -> dict[str, Any]:
        """The details without their salt."""
        return {name: value for name, value in self.details.items() if name != SALT}

    def fields(self) -> dict[str, Any]:
        """The eight fields that the body is made of."""
        return {
            "action": self.action,
            "at": repr(self.at),
            "case_id": self.case_id,
            "details": self.details,
            "key_id": self.key_id,
            "object": self.object,
            "person_id": self.person_id,
            "seq": self.seq,
        }

    def body(self) -> str:
        """Digest of the fields."""
        return sha256(canonical(self.fields()))

    def numbered(self, seq: int) -> Entry:
        """The same with another number, to find out whether it was one of the log's once."""
        return replace(self, seq=seq)

    def whole(self) -> bool:
        """Whether the digest is that of the fields and of `prev`."""
        return self.digest == link(self.prev, self.body())


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """An entry that its reader may not see. Nothing is known of it but that it stands there unchanged."""

    seq: int
    body: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """Something that stands where an entry should, and is none."""

    why: str


Line = Entry | Withheld | Damaged


def sha256(data: bytes) -> str:
    """Hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def link(prev: str, body: str) -> str:
    """Digest of an entry."""
    return sha256(f"{prev}{body}".encode("ascii", "backslashreplace"))


def genesis(log: str) -> str:
    """What the first entry of a log carries in place of a digest."""
    return sha256(f"unmask audit log {log}".encode("utf-8", "backslashreplace"))


def is_log_id(text: str) -> bool:
    """Whether a log can have this id."""
    return _LOG_ID.match(text) is not None


def begins(entry: Entry) -> bool:
    """Whether this can be the first entry of a log."""
    return entry.action == CREATED and is_log_id(entry.object) and entry.prev == genesis(entry.object)


def encode_details(details: Mapping[str, Detail], salt: str) -> str:
    """The details of an entry in canonical form.

    Raises:
        ValueError: a value is no JSON or a fraction, a name is not plain or says that the value is a secret, or it is
            too much.
    """
    if SALT in details:
        raise ValueError("`salt` is the log's own word")
    _check(details, _MAX_DEPTH)
    data = canonical({**details, SALT: salt})
    if len(data) > MAX_DETAILS_BYTES:
        raise ValueError(f"the details have {len(data)} bytes, more than {MAX_DETAILS_BYTES}")
    return data.decode()


def check_text(name: str, value: str | None) -> None:
    """Hold a text to what every database and terminal takes.

    Raises:
        ValueError: it is too long, empty, or holds what cannot be printed.
    """
    if value is not None and not (0 < len(value) <= MAX_TEXT and value.isprintable()):
        raise ValueError(f"{name} must be 1 to {MAX_TEXT} printable characters")


def decode_details(text: str) -> dict[str, Any] | None:
    """Details as `encode_details` wrote them; None for anything else."""
    try:
        details = json.loads(text)
        good = isinstance(details, dict) and _SALT.match(str(details.get(SALT))) and canonical(details) == text.encode()
    except (ValueError, RecursionError):
        return None
    return details if good else None


def line_of(fields: Mapping[str, Any], *, prev: Any, digest: Any) -> Entry | Damaged:
    """An entry from values that may be anything. Whether it fits in its place is another question.

    Args:
        fields: The eight fields, `at` as the database or an export has it, `details` parsed or None.
        prev: What should be the digest before.
        digest: What should be its own.
    """
    texts = [fields["action"], fields["object"], prev, digest]
    if not all(isinstance(text, str) for text in texts):
        return Damaged(why="one of its texts is none")
    if not all(fields[name] is None or isinstance(fields[name], str) for name in ("person_id", "key_id", "case_id")):
        return Damaged(why="one of its ids is no text")
    if type(fields["seq"]) is not int or not isinstance(fields["at"], float):
        return Damaged(why="its number or its time is none")
    if not isinstance(fields["details"], dict) or not _is_shallow(fields["details"], _MAX_READ_DEPTH):
        return Damaged(why="its details are not in canonical form")
    entry = Entry(**fields, prev=prev, digest=digest)
    try:
        canonical(entry.fields())
    except (ValueError, RecursionError):
        return Damaged(why="one of its texts is not Unicode")
    return entry


def is_digest(value: Any) -> bool:
    """Whether this is a SHA-256 as it is written here."""
    return isinstance(value, str) and _DIGEST.match(value) is not None


def _is_shallow(value: object, depth: int) -> bool:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return depth > 0 and all(_is_shallow(each, depth - 1) for each in inner)
    return True


def _check(value: object, depth: int) -> None:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, int):
        if abs(value) > _MAX_NUMBER:
            raise ValueError(f"the number {value} is larger than every JSON reader takes; write it as text")
    elif isinstance(value, str):
        if "PRIVATE KEY-----" in value:
            raise ValueError("a private key has no place in the audit log")
    elif depth == 0:
        raise ValueError(f"details are nested more than {_MAX_DEPTH} deep")
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            _check_name(name)
            _check(inner, depth - 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check(inner, depth - 1)
    else:
        raise ValueError(f"{type(value).__name__} is no value for details; write a fraction as text")


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not _NAME.match(name):
        raise ValueError(f"{name!r} is no plain name")
    if _SECRET_NAME.search(name):
        raise ValueError(f"{name!r} says that it is a secret, which has no place in the audit log")
