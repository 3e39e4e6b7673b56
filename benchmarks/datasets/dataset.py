"""What an adapter says of its data set, and the words all adapters share."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from benchmarks.trials import Label, Trial
from detect.errors import ConfigError
from detect.types import Modality

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Trials of one split of the whole data set, as its authors publish them; None where they do not say."""

    bonafide: int | None = None
    spoof: int | None = None
    total: int | None = None
    """Only where the two classes are not published apart."""

    @property
    def all(self) -> int | None:
        """Of both classes."""
        if self.total is None and self.bonafide is not None and self.spoof is not None:
            return self.bonafide + self.spoof
        return self.total


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A number from a paper or a public leaderboard, to compare with."""

    system: str
    protocol: str
    """Trained on what, measured on which trials, and what one trial is."""
    metric: str
    """With its unit: `EER %`, `AUC`, `minDCF`."""
    value: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What an adapter found below a folder."""

    trials: Sequence[Trial]
    """All that the data set's protocol lists, in its order, whether their files are there or not; where it has no
    protocol, all that are there, by name."""
    notes: Sequence[str] = ()
    """What a reader should know of this copy: rows that stand twice, parts that are not there, files left aside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """One public data set, as downloaded."""

    name: str
    """On the command line: lower case, digits and hyphens."""
    title: str
    modalities: tuple[Modality, ...]
    """What can be measured on it."""
    read: Callable[[Path], Listing]
    """Takes the folder.

    Raises `ConfigError` where it is not this data set, where a label word is unknown, or where a protocol cannot be
    parsed: never a guess."""
    expected: Mapping[str, Counts]
    """By split, for the whole data set."""
    checksums: Mapping[str, str] = field(default_factory=dict)
    """Published digests: path below the folder to `md5:<hex>`, `sha1:<hex>` or `sha256:<hex>`."""
    corpora: frozenset[str]
    """What it is made of, in the names of `benchmarks.corpora`, its own name first of all."""
    test_split: str
    """The one that papers report; `run` takes it by default."""
    development_splits: frozenset[str] = frozenset()
    """For training and for choosing: numbers on them are marked and never reach the results page."""
    default_filters: Mapping[str, str] = field(default_factory=dict)
    """Fact to value: which trials of the test split papers usually report; `run` says that it applied them."""
    homepage: str
    how_to_get: str
    """What to ask for or download, in one to three sentences, and how the folder must look if it is put together."""
    terms: str
    """Licence or conditions, in one sentence."""
    size: str
    """Files and bytes, as published; say where a number is not certain."""
    layout: str
    """The tree that `read` accepts, a few lines."""
    traps: Sequence[str] = ()
    """What goes wrong with it elsewhere, a sentence each."""
    published: Sequence[Published] = ()


def word(value: str, words: Mapping[str, _Value], where: str) -> _Value:
    """What a word of a protocol stands for.

    Raises:
        ConfigError: it stands for nothing that is known; it is never taken for the nearest one.
    """
    try:
        return words[value]
    except KeyError:
        known = ", ".join(sorted(map(repr, words)))
        raise ConfigError(f"{where}: {value!r} is no word this data set uses; known are {known}") from None


LABEL_WORDS: Mapping[str, Label] = {"bonafide": "bonafide", "spoof": "spoof"}
"""Of the ASVspoof protocols. Other data sets have words of their own: `bona-fide`, `REAL`, `1`."""


def need(path: Path, what: str) -> Path:
    """The path, if it is there.

    Raises:
        ConfigError: it is not: this is not the folder of this data set.
    """
    if not path.exists():
        raise ConfigError(f"{path} is not there: {what}")
    return path


def lines_of(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Fields of a space-separated protocol, each with its place `file:line`; empty lines are skipped."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if fields := line.split():
                yield f"{path}:{number}", fields


def rows_of(path: Path, *, columns: Sequence[str], delimiter: str = ",") -> Iterator[tuple[str, dict[str, str]]]:
    """Rows of a CSV file with a header, each with its place `file:line`.

    Args:
        path: The file; UTF-8, with or without a byte-order mark.
        columns: What the header must have.
        delimiter: Between the values. With `|` nothing is quoted.

    Raises:
        ConfigError: a column is missing, or a row has fewer values than the header.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        if delimiter == "|":  # the one used by sets whose texts hold single quotation marks
            reader = csv.DictReader(file, delimiter=delimiter, quoting=csv.QUOTE_NONE)
        else:
            reader = csv.DictReader(file, delimiter=delimiter)
        if missing := [name for name in columns if name not in (reader.fieldnames or ())]:
            raise ConfigError(f"{path}: the columns {', '.join(missing)} are missing")
        for row in reader:
            place = f"{path}:{reader.line_num}"
            if any(row[name] is None for name in columns):
                raise ConfigError(f"{place}: the row is too short")
            yield place, row


def names_below(folder: Path, *suffixes: str) -> list[str]:
    """Files below a folder as POSIX paths relative to it, in order; AppleDouble stubs (`._x`) are left aside."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix.lower() in suffixes and not path.name.startswith("._") and path.is_file()
    )
