"""What goes between a process that lists evidence and the one that ordered it: lines of JSON, never pickles.

Down goes one request. Up come batches, each with where the listing stands, and a last line that says how it ended. The
process that lists reads hostile evidence and may have been taken over: what it says is checked for its form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from detect.errors import InputError, LimitExceeded, UnreadableMedia, UnsupportedMedia
from detect.types import ItemState
from pipelines.evidence.options import ArchiveLimits, Options
from pipelines.evidence.troubles import Locked
from pipelines.items import Container, ContainerState, Entry, Locator, Step

Found = Entry | Container
Place = list[tuple[str, int]]
"""Open containers, outermost first, each with how many of its members are done."""

_STATES: dict[str, ItemState] = {str(state): state for state in ItemState}
_CONTAINER_STATES: dict[str, ContainerState] = {
    "listed": "listed", "incomplete": "incomplete", "damaged": "damaged", "encrypted": "encrypted", "limit": "limit",
    "unreadable": "unreadable",
}  # fmt: skip
_ERRORS: tuple[type[InputError], ...] = (UnreadableMedia, UnsupportedMedia, LimitExceeded, Locked)


class Nonsense(ValueError):
    """The other side does not keep to the form."""


def encode_options(options: Options) -> dict[str, Any]:
    """As JSON values."""
    return {
        "limits": asdict(options.limits),
        "passwords": list(options.passwords),
        "known_ok": [str(path) for path in options.known_ok],
        "known_alert": [str(path) for path in options.known_alert],
        "known_cache": None if options.known_cache is None else str(options.known_cache),
        "include_deleted": options.include_deleted,
        "exclude": [str(path) for path in options.exclude],
    }


def decode_options(values: Mapping[str, Any]) -> Options:
    """Read what `encode_options` wrote."""
    cache = values["known_cache"]
    return Options(
        limits=ArchiveLimits(**values["limits"]),
        passwords=tuple(values["passwords"]),
        known_ok=tuple(map(Path, values["known_ok"])),
        known_alert=tuple(map(Path, values["known_alert"])),
        known_cache=None if cache is None else Path(cache),
        include_deleted=values["include_deleted"],
        exclude=tuple(map(Path, values["exclude"])),
    )


def encode_found(found: Found) -> list[Any]:
    """One file or container as a list."""
    if isinstance(found, Container):
        return ["c", found.chain, found.kind, found.state, found.num_members, found.detail, dict(found.facts)]
    return [
        "e", found.chain, found.locator, found.num_bytes, found.modified, found.md5, found.sha1, found.sha256,
        found.state, found.reason, found.message, found.notes, found.alert, found.spool,
    ]  # fmt: skip


def encode_batch(found: Sequence[Found], place: Place) -> bytes:
    """One line."""
    return json.dumps({"found": [encode_found(each) for each in found], "place": place}).encode() + b"\n"


def decode_batch(line: Mapping[str, Any]) -> tuple[list[Found], Place]:
    """Read what `encode_batch` wrote.

    Raises:
        Nonsense: it is no batch.
    """
    if not isinstance(line.get("found"), list):
        raise Nonsense("no batch")
    return [decode_found(values) for values in line["found"]], _place(line.get("place"))


def decode_locator(values: Any) -> Locator:
    """Pairs of strings.

    Raises:
        Nonsense: they are not.
    """
    if not isinstance(values, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair) for pair in values
    ):
        raise Nonsense("no locator")
    return tuple(Step(kind, key) for kind, key in values)


def decode_found(values: Any) -> Found:
    """Read one file or container.

    Raises:
        Nonsense: it is neither.
    """
    if isinstance(values, list) and len(values) == 14 and values[0] == "e":
        return _entry(values)
    if isinstance(values, list) and len(values) == 7 and values[0] == "c":
        _, chain, kind, state, num_members, detail, facts = values
        _texts(chain, kind, state, detail)
        if state not in _CONTAINER_STATES or not _is_count(num_members) or not isinstance(facts, dict):
            raise Nonsense("no container")
        _texts(*facts.values())
        return Container(
            chain=chain, kind=kind, state=_CONTAINER_STATES[state], num_members=num_members, detail=detail, facts=facts
        )
    raise Nonsense("neither a file nor a container")


def _entry(values: list[Any]) -> Entry:
    _, chain, locator, num_bytes, modified, md5, sha1, sha256, state, reason, message, notes, alert, spool = values
    _texts(chain, message)
    _texts(*(value for value in (modified, md5, sha1, sha256, reason, alert, spool) if value is not None))
    if state is not None:
        _texts(state)
    if not (num_bytes is None or _is_count(num_bytes)) or not (state is None or state in _STATES):
        raise Nonsense("no file")
    if not isinstance(notes, list) or (spool is not None and not _is_plain_name(spool)):
        raise Nonsense("no file")
    _texts(*notes)
    return Entry(
        chain=chain, locator=decode_locator(locator), num_bytes=num_bytes, modified=modified, md5=md5, sha1=sha1,
        sha256=sha256, state=None if state is None else _STATES[state], reason=reason, message=message,
        notes=tuple(notes), alert=alert, spool=spool,
    )  # fmt: skip


def _place(values: Any) -> Place:
    if not isinstance(values, list):
        raise Nonsense("no place")
    place: Place = []
    for pair in values:
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str) or not _is_count(pair[1]):
            raise Nonsense("no place")
        place.append((pair[0], pair[1]))
    return place


def encode_error(error: InputError) -> dict[str, str]:
    """An error of the evidence, to be raised on the other side."""
    return {"state": str(error.state), "reason": error.reason, "message": error.message}


def decode_error(values: Any) -> InputError:
    """Read what `encode_error` wrote.

    Raises:
        Nonsense: it is none.
    """
    if not isinstance(values, dict) or set(values) != {"state", "reason", "message"}:
        raise Nonsense("no error")
    _texts(*values.values())
    kind = next((each for each in _ERRORS if each.state == values["state"]), UnreadableMedia)
    return kind(values["reason"], values["message"])


def _texts(*values: Any) -> None:
    if not all(isinstance(value, str) for value in values):
        raise Nonsense("a text is no text")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_plain_name(name: str) -> bool:
    return name.replace("-", "").isalnum() and name.isascii()
