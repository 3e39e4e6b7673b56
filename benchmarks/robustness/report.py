"""`robustness.md` and its plots, from the files of runs and of adversarial measurements; the same bytes again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.results_page.blocks import Block, Heading, Plot, Text
from benchmarks.results_page.markdown import markdown
from benchmarks.robustness import adversarial_curves, attempts, curves
from benchmarks.robustness.conditions import conditions
from benchmarks.robustness.launderings import LAUNDERINGS
from benchmarks.tables import DASH, table
from detect.errors import ConfigError

REPORT = "robustness.md"
_INTRODUCTION = (
    "What happens to files on their way, and what somebody does to them who wants to mislead, measured on the same "
    "trials before and after. AUC is of logits; larger scores speak for spoof."
)


def write_report(runs: Iterable[Path], adversarial: Iterable[Path], out: Path) -> list[Path]:
    """Write the report and its plots.

    Args:
        runs: Folders of runs: of each set of trials one as it is, and the laundered ones.
        adversarial: Folders of adversarial measurements.
        out: Folder; what else lies in it stays.

    Returns:
        The files written, the report first.

    Raises:
        ConfigError: there is nothing to report, or runs do not belong together.
    """
    found = conditions(runs)
    measured = [attempts.read(folder) for folder in adversarial]
    if not found and not measured:
        raise ConfigError("no run and no adversarial measurement is given: there is nothing to report")
    blocks: list[Block] = [Heading(level=1, text="Robustness"), Text(text=_INTRODUCTION)]
    for one in found:
        blocks += curves.section(one)
    for record, rows in measured:
        blocks += adversarial_curves.section(record, rows)
    out.mkdir(parents=True, exist_ok=True)
    written = [out / REPORT]
    parts = []
    for block in blocks:
        if not isinstance(block, Plot):
            parts.append(markdown([block]))
            continue
        path = out / f"{block.title}.svg"
        if path in written:
            raise ConfigError(f"two plots would be named {path.name}: give measurements of the same modality apart")
        path.write_text(block.svg, encoding="utf-8")
        written.append(path)
        parts.append(f"![{_in_brackets(block.alternative)}]({path.name})\n")
    written[0].write_text("\n".join(parts), encoding="utf-8")
    return written


def _in_brackets(text: str) -> str:
    return text.replace("[", "(").replace("]", ")")


def listing() -> str:
    """Every laundering as a Markdown table: what it applies to, where its parameters come from, whether it is here."""
    rows: Sequence[Sequence[str]] = [
        [
            one.name,
            one.family,
            DASH if one.strength is None else f"{one.strength:g} {one.unit}",
            ", ".join(sorted(one.kinds)) or DASH,
            one.source,
            one.missing or "available",
        ]
        for one in LAUNDERINGS
    ]
    return "\n".join(table(("laundering", "family", "strength", "applies to", "parameters", "on this machine"), rows))
