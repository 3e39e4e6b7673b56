"""The data sets in words: a list, one in full, and the sections of `benchmarks/README.md`."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.datasets import DATA_SETS, data_set
from benchmarks.datasets.dataset import Counts, DataSet
from benchmarks.tables import DASH, table

BEGIN, END = "<!-- data sets: begin -->", "<!-- data sets: end -->"
"""Between these `benchmarks/README.md` holds what `sections` gives."""


def listing() -> str:
    """One line a data set."""
    width = max(len(one.name) for one in DATA_SETS)
    lines = [f"{one.name:{width}}  {_modalities(one):16}  {one.title}" for one in DATA_SETS]
    return "\n".join([*lines, "", "python -m benchmarks datasets NAME says how to get one and what to expect of it."])


def describe(name: str) -> str:
    """Everything that is known of a data set, as Markdown.

    Raises:
        ConfigError: there is none of that name.
    """
    return "\n".join(_section(data_set(name)))


def sections() -> str:
    """All of them, as Markdown."""
    return "\n".join(line for one in DATA_SETS for line in _section(one))


def _section(one: DataSet) -> Iterator[str]:
    yield f"### {one.title} (`{one.name}`)"
    yield ""
    yield f"{_modalities(one).capitalize()}. {one.homepage}"
    yield ""
    yield f"* **Get it.** {one.how_to_get}"
    yield f"* **Terms.** {one.terms}"
    yield f"* **Size.** {one.size}"
    if one.development_splits:
        splits = ", ".join(sorted(one.development_splits))
        yield f"* **For training and choosing.** {splits}: refused without `--development`."
    corpora = ", ".join(sorted(one.corpora))
    yield f"* **Made of.** {corpora}: checkpoints that know these are refused without `--in-domain`."
    yield from (f"* **Trap.** {trap}" for trap in one.traps)
    yield ""
    yield from ["```text", *one.layout.splitlines(), "```", ""]
    yield from _counts(one)
    yield from [
        "```sh",
        f"python -m benchmarks validate {one.name} FOLDER",
        f"python -m benchmarks run {one.name} FOLDER",
    ]
    yield from ["```", ""]
    if one.published:
        yield from ["| published | metric | value | protocol | source |", "|---|---|--:|---|---|"]
        yield from (f"| {p.system} | {p.metric} | {p.value:g} | {p.protocol} | {p.source} |" for p in one.published)
        yield ""


def _counts(one: DataSet) -> Iterator[str]:
    known = {split: counts for split, counts in one.expected.items() if counts != Counts()}
    if not known:
        return
    mark = {one.test_split: " (measured)"}
    rows = [
        [split + mark.get(split, ""), *(map(_number, (counts.bonafide, counts.spoof, counts.all)))]
        for split, counts in known.items()
    ]
    yield from table(("split", "bona fide", "spoof", "all"), rows)


def _number(value: int | None) -> str:
    return DASH if value is None else f"{value:,}"


def _modalities(one: DataSet) -> str:
    return " and ".join(f"{modality.value}s" for modality in one.modalities)
