"""Blocks as Markdown, for the terminal and the README. Plots are left out: only the page has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.results_page.blocks import Block, Heading, Plot, Table, Text


def markdown(blocks: Iterable[Block], *, top: int = 1) -> str:
    """Markdown of blocks, ending in one line feed.

    Args:
        blocks: In their order.
        top: How many `#` a heading of level 1 gets.
    """
    lines: list[str] = []
    for block in blocks:
        match block:
            case Heading():
                lines += ["#" * (block.level + top - 1) + " " + _plain(block.text), ""]
            case Text():
                lines += [f"**{_plain(block.text)}**" if block.warns else _plain(block.text), ""]
            case Table():
                lines += _table(block)
            case Plot():
                pass
    return "\n".join(lines).rstrip("\n") + "\n"


def _table(table: Table) -> list[str]:
    rule = "|" + "---|" * table.words + "--:|" * (len(table.header) - table.words)
    lines = [f"**{_plain(table.title)}**", "", _row(table.header), rule, *map(_row, table.rows), ""]
    return [*lines, *([_plain(" ".join(table.notes)), ""] if table.notes else [])]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_plain(cell).replace("|", "\\|") for cell in cells) + " |"


def _plain(text: str) -> str:
    # Names of attacks and files come from data sets: nothing in them may become markup.
    return text.replace("<", "&lt;").replace("*", "\\*")
