"""Where a list goes on: a number that says nothing to whoever holds it."""

from __future__ import annotations

import base64
import binascii

from service.problems import Malformed


def cursor_of(number: int) -> str:
    """The place behind the row with this number."""
    return base64.urlsafe_b64encode(f"v1 {number}".encode()).decode().rstrip("=")


def number_of(cursor: str) -> int:
    """The number in a cursor.

    Raises:
        Malformed: it is none of ours.
    """
    try:
        version, _, number = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii").partition(" ")
        if version == "v1" and 0 < (value := int(number)) < 2**62:
            return value
    except (binascii.Error, ValueError):
        pass
    raise Malformed("The cursor is none that was given here.")
