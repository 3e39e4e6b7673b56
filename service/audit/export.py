r"""The audit log as a file: one line an entry, JSON in canonical form, in the order of the log.

    {"digest":"…","entry":{…},"prev":"…"}      an entry that its reader may see; `entry` holds its eight fields
    {"body":"…","digest":"…","seq":7}          an entry that is withheld, because it belongs to another case or to none
    {"damaged":"…"}                            what stood there was no entry

`body`, `prev` and `digest` are as `service.audit.entry` defines them, and the bytes between `"entry":` and `,"prev":`
are those that the body is the digest of. So a shell can follow a log:

    sed -nE '7s/.*"entry":(\{.*\}),"prev":"[0-9a-f]{64}"\}$/\1/p' LOG | head -c -1 | sha256sum       # body of entry 7
    printf %s "$PREV$BODY" | sha256sum                                                               # its digest

The export of a case has all entries of the log, those of the case and the first to be read and the others withheld: so
it can be followed from the beginning of the log, and held against checkpoints.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, NoReturn

from sqlalchemy import Connection

from service.audit.entry import Damaged, Entry, Line, Withheld, is_digest, line_of
from service.audit.log import entries
from service.results.verifier import canonical

_MAX_LINE_BYTES = 1 << 16
"""Longest line that is read: details have 8 KiB, five texts of 300 characters 6 KB at most."""
_FIELDS = {"action", "at", "case_id", "details", "key_id", "object", "person_id", "seq"}


def export(db: Connection, case_id: str | None = None) -> Iterator[bytes]:
    """The lines of an export, as the database hands them out: a log of any length takes no memory.

    Args:
        db: Connection in a transaction that lasts until the last line.
        case_id: Withhold what belongs to other cases, or to none; None withholds nothing.
    """
    for entry in entries(db):
        shown = case_id is None or isinstance(entry, Damaged) or entry.seq == 1 or entry.case_id == case_id
        yield encode_line(entry if shown else _withheld(entry))


def encode_line(line: Line) -> bytes:
    """A line of an export."""
    if isinstance(line, Entry):
        fields: dict[str, Any] = {"digest": line.digest, "entry": line.fields(), "prev": line.prev}
    elif isinstance(line, Withheld):
        fields = {"body": line.body, "digest": line.digest, "seq": line.seq}
    else:
        fields = {"damaged": line.why}
    return canonical(fields) + b"\n"


def read_export(file: BinaryIO) -> Iterator[Line]:
    """Read an export, which may come from anywhere, line by line."""
    for data in iter(lambda: file.readline(_MAX_LINE_BYTES), b""):
        yield _decode(data)


def _withheld(entry: Any) -> Withheld:
    return Withheld(seq=entry.seq, body=entry.body(), digest=entry.digest)


def _decode(data: bytes) -> Line:
    fields = _parse(data)
    if fields is None:
        return Damaged(why="is no line of an export in canonical form, or has no end")
    if fields.keys() == {"damaged"}:
        return Damaged(why="was no entry when the log was exported")
    if fields.keys() == {"body", "digest", "seq"}:
        return _decode_withheld(fields)
    entry = fields.get("entry")
    if fields.keys() != {"digest", "entry", "prev"} or not isinstance(entry, dict) or entry.keys() != _FIELDS:
        return Damaged(why="has not the fields of an entry")
    return line_of({**entry, "at": _seconds(entry["at"])}, prev=fields["prev"], digest=fields["digest"])


def _parse(data: bytes) -> dict[str, Any] | None:
    """The object that a line holds; None where it is another, or could be read in two ways."""
    try:
        fields = json.loads(data, parse_float=_refuse, parse_constant=_refuse)
        exact = canonical(fields) + b"\n" == data
    except (ValueError, RecursionError):
        return None
    return fields if exact and isinstance(fields, dict) else None


def _decode_withheld(fields: dict[str, Any]) -> Withheld | Damaged:
    if type(fields["seq"]) is not int or not is_digest(fields["body"]) or not is_digest(fields["digest"]):
        return Damaged(why="is withheld, without the digests that should stand for it")
    return Withheld(**fields)


def _seconds(text: Any) -> float | None:
    """The number that a text is the shortest form of."""
    try:
        value = float(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return value if repr(value) == text else None


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} has no place in an export")
