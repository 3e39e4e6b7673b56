"""What a result consists of, whether it is printed as Markdown or as HTML: headings, sentences, tables and plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """Opens a section."""

    level: int
    """1 for a run, 2 for a part of it."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One paragraph in plain words, without markup."""

    text: str
    warns: bool = False
    """Whether nobody may read the numbers without having read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Numbers, with the subset they are of in their title."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1
    """Columns from the left that hold words; the others hold numbers and are set to the right."""
    notes: Sequence[str] = ()
    """Sentences below it: what its marks and columns mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A picture of numbers."""

    title: str
    svg: str
    """One `<svg>` element without outside addresses, in the page's own colours."""
    alternative: str
    """What it shows, for those who do not see it."""
    wide: bool = False
    """Whether it takes the page's width."""


Block = Heading | Text | Table | Plot
