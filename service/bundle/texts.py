"""Sentences of a bundle's README, from `texts.toml` beside this file."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from service.texts import filled

_FILE = Path(__file__).with_name("texts.toml")


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def say_bundled(key: str, /, **values: object) -> str:
    """One sentence, filled in, as `service.texts.say` does it.

    Raises:
        KeyError: the file has no such sentence, or it asks for a value that was not given.
    """
    return filled(str(_table()[key]), values)


def steps(key: str, /, **values: object) -> list[str]:
    """A list of sentences, each filled in.

    Raises:
        KeyError: as `say_bundled`.
    """
    return [filled(str(sentence), values) for sentence in _table()[key]]
