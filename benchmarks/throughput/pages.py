"""A measurement as a page: medians and ranges, and ratios of what stood side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from benchmarks.tables import DASH, table
from benchmarks.throughput.batches import OURS, TOGETHER
from benchmarks.throughput.document import Batch, Batches, Cold, Contest, Document, Memory, Stages, Workers
from benchmarks.throughput.machine import described
from benchmarks.throughput.samples import ratios, spread
from benchmarks.throughput.stages import WHOLE

_READING = (
    "Each number is the median of its runs, with the smallest and the largest in brackets. What is compared was run in "
    "turn in one process, round by round; a ratio is taken within each round, and the median of those is given."
)


def page(document: Document, pictures: Sequence[Path] = ()) -> str:
    """The whole page.

    Args:
        document: What was measured.
        pictures: Plots that lie beside the page, `throughput-PART.svg` each; shown with their part.
    """
    lines = [
        "# Time and memory",
        "",
        f"Made by `{document.command}` with {document.tool}; at most {document.repeats} runs of each thing.",
        "",
        f"{described(document.machine)} Load average before the run: {document.load_average:.2f}.",
        "",
        _READING,
        "",
    ]
    for name, part in _parts(document):
        lines += part
        lines += [f"![{picture.stem}]({picture.name})" for picture in pictures if picture.stem == f"throughput-{name}"]
        lines += [""] if lines[-1] else []
    return "\n".join(lines).rstrip("\n") + "\n"


def _parts(document: Document) -> Iterator[tuple[str, list[str]]]:
    has_gpu = document.machine.device != "cpu"
    if document.stages:
        yield "stages", _stages(document.stages, has_gpu=has_gpu)
    if document.contests:
        yield "baselines", _contests(document.contests)
    if document.batches is not None:
        yield "batches", _batches(document.batches, has_gpu=has_gpu)
    if document.workers is not None:
        yield "workers", _workers(document.workers)
    if document.cold is not None:
        yield "cold", _cold(document.cold)
    if document.memory is not None:
        yield "memory", _memory(document.memory)


def _gpu(*, has_gpu: bool) -> list[str]:
    return [] if has_gpu else ["No CUDA device on this machine: the CPU alone was measured.", ""]


def _stages(parts: Sequence[Stages], *, has_gpu: bool) -> list[str]:
    lines = ["## Stages", ""]
    for part in parts:
        base = part.rows[0].values
        rows = [
            [f"**{row.name}**" if row.name == WHOLE else row.name, spread(row.values), spread(ratios(row.values, base))]
            for row in part.rows
        ]
        lines += [f"On `{part.device}`: {part.about}", "", *table(["", "seconds", "x decoding alone"], rows)]
    lines += ["Stages of the two branches run at the same time and do not add up to the whole.", ""]
    return lines + _gpu(has_gpu=has_gpu)


def _contests(parts: Sequence[Contest]) -> list[str]:
    lines = ["## Against what a user would write instead", ""]
    for part in parts:
        ours = part.rows[0].seconds
        facts = list(dict.fromkeys(name for row in part.rows for name in row.facts if any(_values(part, name))))
        rows = [
            [
                row.name,
                spread(row.seconds),
                spread(ratios(row.seconds, ours)),
                *(str(row.facts[name]) if name in row.facts else DASH for name in facts),
            ]
            for row in part.rows
        ]
        lines += [f"### {part.title}, on `{part.device}`", "", part.about, ""]
        lines += table(["", "seconds", f"x {part.rows[0].name}", *facts], rows)
    return lines


def _values(part: Contest, fact: str) -> list[int]:
    return [row.facts.get(fact, 0) for row in part.rows]


def _batches(part: Batches, *, has_gpu: bool) -> list[str]:
    lines = ["## Batch sizes", "", part.about, ""]
    for (device, checkpoint, items), group in groupby(part.rows, lambda row: (row.device, row.checkpoint, row.items)):
        found = list(group)
        ours = {row.size: row for row in found if row.way == OURS}
        others = {row.size: row for row in found if row.way == TOGETHER}
        first = ours[min(ours)]
        rows = [[str(size), *_rates(row, first), *_rates(others.get(size), row)] for size, row in sorted(ours.items())]
        header = ["batch", f"{items} a second", f"x batches of {first.size}"]
        header += [f"{TOGETHER}: a second", "x unmask"] if others else ["", ""]
        used = len(header) if others else 3
        lines += [f"`{checkpoint}` on `{device}`:", "", *table(header[:used], [row[:used] for row in rows])]
    return lines + _gpu(has_gpu=has_gpu)


def _rates(row: Batch | None, to: Batch) -> list[str]:
    if row is None:
        return [DASH, DASH]
    return [spread(row.per_second, 1), spread(ratios(row.per_second, to.per_second))]


def _workers(part: Workers) -> list[str]:
    base = part.rows[0].per_minute
    rows = [
        [
            row.way,
            str(row.workers),
            str(row.num_recordings),
            spread(row.per_minute, 1),
            spread(ratios(row.per_minute, base)),
        ]
        for row in part.rows
    ]
    header = ["engine", "workers", "recordings", "recordings a minute", f"x {part.rows[0].way}"]
    return ["## Workers", "", part.about, "", *table(header, rows)]


def _cold(part: Cold) -> list[str]:
    warm = part.rows[-1].values
    whole = tuple(map(sum, zip(*(row.values for row in part.rows[:-1]), strict=True)))
    rows = [[row.name, spread(row.values), spread(ratios(row.values, warm))] for row in part.rows]
    rows.append(["**up to the first report**", spread(whole), spread(ratios(whole, warm))])
    header = ["", "seconds", f"x {part.rows[-1].name}"]
    return ["## Cold and warm", "", part.about, "", *table(header, rows)]


def _memory(part: Memory) -> list[str]:
    base = part.rows[0].values
    rows = [
        [row.name, spread([value / 1e6 for value in row.values], 0), spread(ratios(row.values, base))]
        for row in part.rows
    ]
    return ["## Memory", "", part.about, "", *table(["", "peak, MB", "x unmask"], rows)]
