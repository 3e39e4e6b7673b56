"""Ids that leave the process: a word for what it is, and 128 random bits that nobody guesses."""

from __future__ import annotations

import secrets
from typing import Literal

Kind = Literal["person", "key", "case", "evidence", "upload", "job", "review", "notice", "delivery"]

_BYTES = 16
"""As a version 4 UUID has (RFC 9562, 5.4), without its six fixed bits."""


def new_id(kind: Kind) -> str:
    """An id that was never given before, safe in addresses and file names."""
    return f"{kind}_{secrets.token_hex(_BYTES)}"
