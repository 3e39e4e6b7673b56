"""Reads a rendered page back: elements, attributes, text, headings, as a browser's parser would meet them."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_APART = {"td", "th", "dt", "dd", "li", "p", "h1", "h2", "h3", "h4", "caption", "summary", "figcaption"}
"""A reader sees these apart from what follows."""
_VOID = {"meta", "img", "input", "br", "link", "hr"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    path: tuple[str, ...]
    """Tags of its ancestors."""
    text: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        return " ".join("".join(self.text).split())


class Page(HTMLParser):
    """One parsed page; raises where elements are not closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()
        self._with_id: dict[str, list[Element]] = {}
        for element in self.elements:
            self._with_id.setdefault(element.attributes.get("id", ""), []).append(element)
        if self._open:
            raise ValueError(f"not closed: {[element.tag for element in self._open]}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, tuple(e.tag for e in self._open))
        if len(element.attributes) != len(attrs):
            raise ValueError(f"an attribute twice: {attrs}")
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1].tag != tag:
            raise ValueError(f"</{tag}> closes {self._open[-1].tag if self._open else 'nothing'}")
        self._open.pop()
        if tag in _APART:
            self.handle_data(" ")

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text.append(data)

    def all(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]

    def by_id(self, name: str) -> Element:
        (found,) = self._with_id[name]
        return found

    @property
    def words(self) -> str:
        """Everything that can be read, styles left out."""
        (body,) = self.all("body")
        return body.words
