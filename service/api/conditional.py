"""Requests that ask for something only if it is another than they have, or for a part of it (RFC 9110, 13 and 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.ASCII)
"""One range. Several at once are no use to a player, and may be ignored (RFC 9110, 14.2)."""
_PLAIN = re.compile(r"[^A-Za-z0-9._ -]")


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes `start` to `end`, without the one at `end`."""

    start: int
    end: int


def quoted(tag: str) -> str:
    """A strong entity tag as it is sent."""
    return f'"{tag}"'


def has(if_none_match: str | None, tag: str) -> bool:
    """Whether a client has this already.

    Args:
        if_none_match: Its header; None where it sent none.
        tag: Of what there is, unquoted.
    """
    if if_none_match is None:
        return False
    given = {entry.strip().removeprefix("W/") for entry in if_none_match.split(",")}
    return "*" in given or quoted(tag) in given


def part_of(num_bytes: int, wanted: str | None, if_range: str | None, tag: str) -> Part | None:
    """The part that a request asks for.

    Args:
        num_bytes: Of the whole.
        wanted: `Range`; None where it was not sent.
        if_range: `If-Range`: the part only if the tag is still this one.
        tag: Unquoted.

    Returns:
        None for all of it: nothing else was asked, or nothing that is understood here.

    Raises:
        IndexError: there are no such bytes.
    """
    match = _RANGE.fullmatch(wanted) if wanted is not None else None
    if match is None or (if_range is not None and if_range.strip() != quoted(tag)):
        return None
    first, last = match.groups()
    if not first and not last:
        return None
    if not first:
        start, end = max(0, num_bytes - int(last)), num_bytes
    else:
        start, end = int(first), min(num_bytes, int(last) + 1) if last else num_bytes
        if last and int(last) < int(first):
            return None  # malformed, so ignored (RFC 9110, 14.1.1)
    if start >= end:
        raise IndexError(f"{num_bytes} bytes have none at {start}")
    return Part(start, end)


def disposition(kind: str, filename: str) -> str:
    """`Content-Disposition` (RFC 6266): the name in ASCII for old clients, and as it is.

    Args:
        kind: `attachment` or `inline`.
        filename: As `service.vault.names` shows it: no path, nothing hidden.
    """
    plain = _PLAIN.sub("_", filename)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
