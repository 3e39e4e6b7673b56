"""What a person reads: sentences from `web/texts.toml`, and foreign text made visible.

A translation is another file of the same keys. Foreign text is whatever came with the evidence: names, tags, decoder
messages. It is shown, never obeyed: control, invisible and direction-changing characters appear as signs.
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parent / "web" / "texts.toml"

MAX_CHARACTERS = 2_000
"""Foreign text shown at most: about one printed page. The JSON report keeps the whole of it."""

HIDDEN = "\N{MATHEMATICAL LEFT ANGLE BRACKET}U+{:04X}\N{MATHEMATICAL RIGHT ANGLE BRACKET}"
"""What stands for a character that cannot be seen. Unicode has pictures of the controls, but few fonts have them."""

_MAX_MARKS = 4
"""Combining marks on one letter. Vietnamese and vocalised Hebrew and Arabic need up to three; more would paint over
the lines around them."""

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""General categories without a picture of their own (Unicode Standard, table 4-4)."""


def visible(text: str, limit: int = MAX_CHARACTERS) -> str:
    """Foreign text with nothing hidden in it; the same text comes back if it is given again.

    Args:
        text: Anything, also half a megabyte of NUL.
        limit: Longest answer in characters. What is cut off is counted in its last words.
    """
    notice = say("foreign.cut", count=len(text)) if len(text) > limit else ""
    # What is beyond the limit is not looked at: each character gives at least one.
    signs: list[str] = []
    length = marks = 0
    for character in text[:limit]:
        marks = marks + 1 if unicodedata.combining(character) else 0
        hidden = marks > _MAX_MARKS or unicodedata.category(character) in _INVISIBLE
        sign = HIDDEN.format(ord(character)) if hidden else character
        length += len(sign)
        signs.append(sign)
    if not notice and length <= limit:
        return "".join(signs)
    notice = notice or say("foreign.cut", count=len(text))
    while signs and length + len(notice) > limit:
        length -= len(signs.pop())
    return "".join(signs) + notice


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def _entry(key: str) -> Any:
    entry: Any = _table()
    for part in key.split("."):
        if not isinstance(entry, dict) or part not in entry:
            raise KeyError(f"{_FILE.name} has no {key}")
        entry = entry[part]
    return entry


def known(key: str) -> bool:
    """Whether the file has such a sentence."""
    try:
        _entry(key)
    except KeyError:
        return False
    return True


def say(key: str, /, **values: object) -> str:
    """One sentence, filled in. Text among the values is taken for foreign and made visible.

    Args:
        key: Path in the file, for example `reason.no_face`.
        values: What stands in its braces. `count` chooses between `one` and `other` where the file has both.

    Raises:
        KeyError: the file has no such sentence, or it asks for a value that was not given.
    """
    entry = _entry(key)
    if isinstance(entry, dict):
        entry = entry["one" if values.get("count") == 1 else "other"]
    return filled(str(entry), values)


def filled(sentence: str, values: Mapping[str, object]) -> str:
    """A sentence with values in its braces, foreign text among them made visible.

    Raises:
        KeyError: it asks for a value that was not given.
    """
    shown = {name: visible(value) if isinstance(value, str) else value for name, value in values.items()}
    return sentence.format(**shown)


def sentences(key: str) -> list[str]:
    """A list of sentences.

    Raises:
        KeyError: the file has no such list.
    """
    return [str(sentence) for sentence in _entry(key)]


def rows(key: str) -> list[list[str]]:
    """The cells of a table.

    Raises:
        KeyError: the file has no such table.
    """
    return [[str(cell) for cell in row] for row in _entry(key)]
