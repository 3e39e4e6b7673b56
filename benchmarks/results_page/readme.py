"""The README's tables of runs: written between two marks, and checked against the score files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks.results_page.blocks import Block, Table, Text
from benchmarks.results_page.markdown import markdown
from benchmarks.results_page.numbers import in_domain_notes
from benchmarks.results_page.run_section import subset
from benchmarks.results_page.summary import HEADER, MEANING, WORDS, fit_for_show, lines, shown
from detect.errors import ConfigError

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
"""Between them stands what `readme_section` gives, and nothing that anybody wrote by hand."""
_RUNS = "<!-- runs: {} -->"
"""Names the runs of the section, so that a check knows which to compute again."""


def readme_section(folders: Sequence[Path]) -> str:
    """A short table of each run and each kind of trial, as Markdown.

    Raises:
        ConfigError: a run is of a development split, has the name of another, or is not finished.
    """
    runs = fit_for_show(folders)
    blocks: list[Block] = []
    for run in runs:
        for view, found in shown(run):
            blocks.append(
                Table(
                    title=f"{subset(run.record)}, {view.noun}",
                    header=HEADER,
                    rows=lines(view, found),
                    words=WORDS,
                    notes=[
                        f"Run {run.record.name}, by `{run.record.command}`.",
                        *([view.remark] if view.remark else []),
                        *in_domain_notes([sample.system for sample in found]),
                    ],
                )
            )
    if blocks:
        blocks.append(Text(text=" ".join(MEANING)))
    names = " ".join(run.record.name for run in runs)
    return _RUNS.format(names) + "\n\n" + (markdown(blocks) if blocks else "No results are filed yet.\n")


def write_readme(folders: Sequence[Path], readme: Path) -> None:
    """Put the section of these runs between the marks.

    Raises:
        ConfigError: the marks are not there once each and in order, or a run is not fit for the README.
    """
    text = readme.read_text(encoding="utf-8")
    before, _, after = _parts(text, readme)
    readme.write_text(f"{before}{BEGIN}\n{readme_section(folders)}{END}{after}", encoding="utf-8")


def problems(readme: Path, runs_root: Path) -> list[str]:
    """What in the README's tables is not what its score files give; empty where all of it is.

    Args:
        readme: With the marks.
        runs_root: The folder of all runs; each has the name of its run.
    """
    try:
        _, section, _ = _parts(readme.read_text(encoding="utf-8"), readme)
    except ConfigError as error:
        return [str(error)]
    named = re.search(re.escape(_RUNS).replace(r"\{\}", "(.*)"), section)
    if named is None:
        return [f"{readme} does not name the runs of its results; write it again"]
    try:
        expected = readme_section([runs_root / name for name in named[1].split()])
    except ConfigError as error:
        return [f"{readme} has results whose run is not fit for it: {error}"]
    has, wants = section.strip("\n").split("\n"), expected.strip("\n").split("\n")
    if len(has) != len(wants):
        return [f"{readme} has {len(has)} lines of results; its score files give {len(wants)}"]
    return [
        f"{readme} says {one!r}; its score files give {other!r}"
        for one, other in zip(has, wants, strict=True)
        if one != other
    ]


def _parts(text: str, readme: Path) -> tuple[str, str, str]:
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ConfigError(f"{readme} needs the lines {BEGIN} and {END} once each, in this order")
    before, _, rest = text.partition(BEGIN)
    section, _, after = rest.partition(END)
    return before, section, after
