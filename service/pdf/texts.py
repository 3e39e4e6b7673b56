"""Sentences that only a printed report needs, from `texts.toml` beside this file."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from service.texts import filled

_FILE = Path(__file__).with_name("texts.toml")


@cache
def _table() -> dict[str, str]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def say_printed(key: str, /, **values: object) -> str:
    """One sentence, filled in, as `service.texts.say` does it.

    Raises:
        KeyError: the file has no such sentence, or it asks for a value that was not given.
    """
    return filled(_table()[key], values)
