"""All that is said of one run: what it is of, where its trials went, and the numbers of each view."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks.datasets import DATA_SETS
from benchmarks.results_page.accounting import accounts
from benchmarks.results_page.blocks import Block, Heading, Table, Text
from benchmarks.results_page.breakdowns import breakdowns
from benchmarks.results_page.localised import localised
from benchmarks.results_page.markdown import markdown
from benchmarks.results_page.numbers import ratios, separation
from benchmarks.results_page.samples import Sample, samples
from benchmarks.results_page.shortcut_baseline import shortcut_table
from benchmarks.results_page.views import View, views
from benchmarks.scorefile import RunRecord, ScoreFile, read

Pictures = Callable[[View, Sequence[Sample], str], Iterable[Block]]
"""Plots of a view, its systems and the subset in words. The terminal has none, and no need of matplotlib."""
AS_IT_IS = "as it is"
"""Condition of files that were not changed before."""


def score(folder: Path) -> str:
    """All tables of one run, as Markdown.

    Raises:
        ConfigError: the folder is no finished run.
    """
    return markdown(run_blocks(read(folder)))


def subset(record: RunRecord) -> str:
    """What the numbers of a run are of, for titles: the subset, what was done to it, and what is missing of it."""
    parts = [record.title]
    if record.condition != AS_IT_IS:
        parts.append(f"after {record.condition}")
    if record.partial:
        parts.append(f"partial copy, {_lack(record)}")
    if record.development:
        parts.append("DEVELOPMENT SPLIT")
    return ", ".join(parts)


def run_blocks(run: ScoreFile, pictures: Pictures | None = None) -> list[Block]:
    """A run's heading, sentences and tables, and the pictures of each view."""
    record, of = run.record, subset(run.record)
    blocks: list[Block] = [Heading(level=1, text=f"{record.name}: {of}"), Text(text=origin(record))]
    blocks += warnings(record)
    blocks += [Text(text=note) for note in record.notes]
    blocks += accounts(run, of)
    for view in views(run.rows):
        found = samples(view, record.systems)
        if not found:
            continue
        blocks += [Heading(level=2, text=f"{view.noun.capitalize()}: {of}"), separation(view, found, of)]
        blocks += [table for table in (ratios(view, found, of),) if table is not None]
        blocks.append(shortcut_table(view, found, of))
        if pictures is not None:
            blocks += pictures(view, found, of)
        blocks += breakdowns(view, found, of)
        blocks += localised(view, run.stretches, of)
    blocks += published(record, of)
    return blocks


def origin(record: RunRecord) -> str:
    """Which run the numbers come from: command, source and machine."""
    filters = ", ".join(f"{fact} = {held}" for fact, held in sorted(record.filters.items())) or "none"
    return (
        f"Data set {record.data_set}, split {record.split}, filters: {filters}, condition: {record.condition}. "
        f"{record.num_trials:,} trials, {record.num_missing:,} of them without a file here. "
        f"Command: {record.command}. Source {record.commit}, {record.tool}, engine {record.engine}, on "
        f"{record.machine.device}; begun {record.started_at}, {record.seconds:,.0f} s. "
        f"Trials {record.split_sha256[:12]}, files {record.data_sha256[:12]}, settings {record.config_digest[:12]}."
    )


def warnings(record: RunRecord) -> list[Text]:
    """What a reader must know before any number."""
    found = []
    if record.development:
        found.append(
            "These trials served for training, calibration or a choice. Their numbers say how well that went and not "
            "how well the systems work; they do not belong on a results page."
        )
    if record.partial:
        found.append(
            f"This copy of the data set is not whole: {_lack(record)}. Its numbers do not compare with those of others "
            "on the whole split."
        )
    return [Text(text=text, warns=True) for text in found]


def _lack(record: RunRecord) -> str:
    """What a partial copy is short of: files of listed trials, or, where nothing lists them, trials."""
    if record.num_missing:
        return f"{record.num_missing:,} of {record.num_trials:,} trials without a file"
    published_trials = record.expected.get("total")
    return (
        f"{record.num_trials:,} of {'more' if published_trials is None else f'{published_trials:,}'} published trials"
    )


def published(record: RunRecord, of: str) -> list[Table]:
    """What others report on the data set, in a table of its own."""
    known = next((one for one in DATA_SETS if one.name == record.data_set), None)
    if known is None or not known.published:
        return []
    rows = [[one.system, one.metric, f"{one.value:g}", one.protocol, one.source] for one in known.published]
    return [
        Table(
            title=f"Published on {known.title}, beside {of}",
            header=("system", "metric", "value", "protocol", "source"),
            rows=rows,
            words=5,
            notes=[
                "As others report them, not measured here.",
                "They compare with the numbers above only where protocol, unit of a trial and subset are the same.",
            ],
        )
    ]
