"""One self-contained page of many runs: a summary, then each run's tables and plots. No scripts, no outside address."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from benchmarks.results_page.blocks import Block, Plot, Table
from benchmarks.results_page.numbers import in_domain_notes
from benchmarks.results_page.plots import plots
from benchmarks.results_page.run_section import run_blocks, subset
from benchmarks.results_page.summary import HEADER, MEANING, WORDS, fit_for_show, lines, shown
from benchmarks.results_page.views import NOUNS, SEQUENCES
from benchmarks.scorefile import ScoreFile
from detect.errors import ConfigError

_HERE = Path(__file__).parent


def page(folders: Sequence[Path], out: Path) -> None:
    """Write the page.

    Args:
        folders: Of the runs, in the order in which they are shown.
        out: The file.

    Raises:
        ConfigError: there are no runs; one is of a development split, has another's name, or is not finished.
    """
    runs = fit_for_show(folders)
    if not runs:
        raise ConfigError("a results page needs at least one run")
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["together"] = _together
    text = environment.get_template("page.html.j2").render(
        css=Markup((_HERE / "page.css").read_text(encoding="utf-8")),  # noqa: S704 - a file of our own
        summaries=_summaries(runs),
        runs=[_section(run) for run in runs],
        kind=_kind,
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")


def _section(run: ScoreFile) -> dict[str, object]:
    _, *rest = run_blocks(run, partial(plots, name=anchor(run)))
    return {
        "anchor": anchor(run),
        "name": run.record.name,
        "title": subset(run.record),
        "blocks": _with_galleries(rest),
    }


def _together(figure: str) -> str:
    """A narrow cell may break before an interval or a share, and nowhere else."""
    return figure.replace(", ", ",\u00a0").replace(" of ", "\u00a0of\u00a0").replace("= ", "=\u00a0")


def _kind(block: Block | Sequence[Block]) -> str:
    return type(block).__name__.lower()


def anchor(run: ScoreFile) -> str:
    """The id of its section."""
    return "run-" + re.sub(r"[^a-z0-9]+", "-", run.record.name.lower()).strip("-")


def _with_galleries(blocks: Iterable[Block]) -> list[Block | list[Block]]:
    """Plots that follow one another stand side by side."""
    found: list[Block | list[Block]] = []
    for are_plots, some in groupby(blocks, lambda block: isinstance(block, Plot)):
        if are_plots:
            found.append(list(some))
        else:
            found += list(some)
    return found


def _summaries(runs: Sequence[ScoreFile]) -> list[Table]:
    """A table of all runs for each kind of trial: numbers of two kinds never share a column."""
    tables = []
    for noun in (*NOUNS.values(), SEQUENCES):
        rows: list[list[str]] = []
        systems = []
        remarks: list[str] = []
        for run in runs:
            for view, found in shown(run):
                if view.noun == noun:
                    rows += [[subset(run.record), *line] for line in lines(view, found)]
                    systems += [sample.system for sample in found]
                    remarks += [view.remark] if view.remark else []
        if rows:
            notes = list(dict.fromkeys([*remarks, *MEANING, *in_domain_notes(systems)]))
            tables.append(
                Table(
                    title=f"All results of {noun}", header=("subset", *HEADER), rows=rows, words=WORDS + 1, notes=notes
                )
            )
    return tables
