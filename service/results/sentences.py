"""What a person reads of a whole scan: sentences from `web/summary.toml`; those of reports from `web/texts.toml`.

A translation is another pair of files with the same keys.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from service import texts

_FILE = Path(__file__).parents[1] / "web" / "summary.toml"
_OWN = "summary."
"""Keys that begin so are looked up in this file, the others in that of the reports."""


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def _entry(key: str) -> Any:
    entry: Any = _table()
    for part in key.removeprefix(_OWN).split("."):
        if not isinstance(entry, dict) or part not in entry:
            raise KeyError(f"{_FILE.name} has no {key}")
        entry = entry[part]
    return entry


def known(key: str) -> bool:
    """Whether there is such a sentence."""
    if not key.startswith(_OWN):
        return texts.known(key)
    try:
        _entry(key)
    except KeyError:
        return False
    return True


def say(key: str, /, **values: object) -> str:
    """One sentence, filled in, as `service.texts.say` does it.

    Raises:
        KeyError: there is no such sentence, or it asks for a value that was not given.
    """
    if not key.startswith(_OWN):
        return texts.say(key, **values)
    entry = _entry(key)
    if isinstance(entry, dict):
        entry = entry["one" if values.get("count") == 1 else "other"]
    shown = {name: texts.visible(value) if isinstance(value, str) else value for name, value in values.items()}
    return str(entry).format(**shown)


def sentences(key: str) -> list[str]:
    """A list of sentences.

    Raises:
        KeyError: there is no such list.
    """
    return [str(sentence) for sentence in (_entry(key) if key.startswith(_OWN) else texts.sentences(key))]


def rows(key: str) -> list[list[str]]:
    """The cells of a table.

    Raises:
        KeyError: there is no such table.
    """
    if not key.startswith(_OWN):
        return texts.rows(key)
    return [[str(cell) for cell in row] for row in _entry(key)]
