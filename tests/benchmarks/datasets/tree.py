"""What a made tree is: a recipe that lays it out, and what an adapter must read from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.trials import Label, Subject


class Media:
    """Writes small files that differ from one another, in the form their name asks for.

    The files of this one hold a few bytes only: adapters must not open media. `tests.benchmarks.datasets.real` has one
    that makes recordings which can be examined.
    """

    def __init__(self) -> None:
        self._number = 0

    def write(self, path: Path) -> None:
        """Make the file and its folders."""
        self._number += 1
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.content(path.suffix.lower(), self._number))

    def content(self, suffix: str, number: int) -> bytes:
        """Bytes of file `number`, different for each number."""
        return f"{suffix} {number}".encode()


@dataclass(frozen=True, kw_only=True)
class Row:
    """One trial as an adapter must read it."""

    id: str
    path: str
    labels: Mapping[Subject, Label]
    split: str
    attack: str = "-"
    group: str | None = None
    """None: not looked at."""
    missing: bool = False
    """The recipe leaves its file out: the copy is partial."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Those that are looked at; the trial may have others."""


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A made copy of a data set."""

    name: str
    """Of the data set."""
    make: Callable[[Path, Media], None]
    """Lays it out in an empty folder, with the traps of the real one."""
    rows: Sequence[Row]
    """Everything that must be read, in any order."""
    break_label: Callable[[Path], None]
    """Writes an unknown label word into a made tree (or makes the layout claim one): reading must raise."""
    notes: Sequence[str] = ()
    """Words that must stand in the notes: one for each trap that is worth telling."""


def replace(path: Path, old: str, new: str) -> None:
    """Change a text file's first `old`; for `break_label`."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
