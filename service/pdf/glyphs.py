"""Foreign text as the built-in typefaces can set it: nothing undrawn, nothing wider than its column, nothing endless.

A PDF/A file must hold a glyph for every character. What no typeface has appears as its code point, as invisible
characters do in `service.texts`; so a name in any script can be printed and told apart from another.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

from service.texts import HIDDEN, MAX_CHARACTERS, say, visible

_GLYPHS = Path(__file__).with_name("glyphs.txt")

_CAPTION_CHARACTERS = 300
"""A picture's words stand in a narrow column that does not break over pages."""

_LONG_WORD = re.compile(r"\S{21,}")
"""Words that may be wider than the narrowest column."""
_BREAKS = re.compile(r"[/\\_.,:;=&?!|+-](?=\S)|\S{8}(?=\S{8})")
_BREAK = "\N{ZERO WIDTH SPACE}"
_ISOLATE = "\N{FIRST STRONG ISOLATE}{}\N{POP DIRECTIONAL ISOLATE}"

_PLAIN = frozenset({"kind", "file", "sha256", "style", "role"})
"""Keys of a document that hold none but our own words."""
_HEARD = "alt"
"""Key of texts that are heard, not laid out."""


@cache
def drawn() -> frozenset[int]:
    """Code points that a typeface of the package can draw."""
    found: set[int] = set()
    for line in _GLYPHS.read_text("ascii").splitlines():
        if not line.startswith("#"):
            for stretch in line.split():
                first, _, last = stretch.partition("-")
                found.update(range(int(first, 16), int(last or first, 16) + 1))
    return frozenset(found)


def settable(text: str, limit: int = MAX_CHARACTERS) -> str:
    """Text of which every character can be seen and drawn, cut at `limit` characters with its signs."""
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    signs = list(unicodedata.normalize("NFC", visible(text, limit)))
    if all(map(str.isascii, signs)):
        return "".join(signs)
    signs = [sign if ord(sign) in drawn() else HIDDEN.format(ord(sign)) for sign in signs]
    length = sum(map(len, signs))
    if length <= limit:
        return "".join(signs)
    notice = say("foreign.cut", count=len(text))
    while signs and length + len(notice) > limit:
        length -= len(signs.pop())
    return "".join(signs) + notice


def breakable(text: str) -> str:
    """Text whose long words have places to break, and whose direction does not reach beyond it."""
    broken = _LONG_WORD.sub(lambda word: _BREAKS.sub(lambda place: place[0] + _BREAK, word[0]), text)
    is_mixed = not text.isascii() and any(unicodedata.bidirectional(sign) in ("R", "AL") for sign in text)
    return _ISOLATE.format(broken) if is_mixed else broken


def settle(part: Any, key: str = "") -> Any:
    """The same part of a document, a tree of lists and dicts, with its texts made settable and breakable."""
    if isinstance(part, dict):
        return {name: value if name in _PLAIN else settle(value, name) for name, value in part.items()}
    if isinstance(part, list | tuple):
        return [settle(value, key) for value in part]
    if not isinstance(part, str):
        return part
    text = settable(part, _CAPTION_CHARACTERS if key == "caption" else MAX_CHARACTERS)
    return text if key == _HEARD else breakable(text)
