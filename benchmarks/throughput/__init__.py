"""Time and memory, of this program and of what a user would write instead, side by side in one run.

    document.py     all that was measured, as one JSON document
    machine.py      where
    samples.py      several things in turn, and what their numbers come to
    contestants.py  the programs that are compared, by name: `ours`, `plain_faces`, `plain_voice`
    contest.py      them, side by side
    stages.py       decoding alone, each stage, the whole
    batches.py      crops and windows a second by batch
    workers.py      recordings a minute by worker
    cold.py         a fresh process up to its first report
    memory.py       highest memory of a fresh process and its children
    pages.py        the document as Markdown
    plots.py        the document as pictures

Nothing is imported here: fresh processes of `child.py` measure how long their imports take.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def measure(recording: Path | None, repeats: int, out: Path, *, only: Sequence[str] = ()) -> None:
    """Print and write `throughput.md`, `throughput.json` and `throughput-*.svg`.

    Args:
        recording: What to measure on; None makes a clip.
        repeats: Runs of each thing; the median counts. Of what takes long, at most `run.FEWER`.
        out: Where the results go.
        only: Parts, of `run.PARTS`; empty: all.

    Raises:
        ConfigError: there is no such part, or the recording has no video that can be examined.
    """
    from benchmarks.throughput.run import measure as measure_parts  # noqa: PLC0415 - see above

    measure_parts(recording, repeats, out, only=only)


def measure_memory(out: Path) -> None:
    """Print and write `memory.md`: a 2-hour recording against a 2-minute one.

    Args:
        out: Where the results go.
    """
    from benchmarks.throughput.memory import measure_length  # noqa: PLC0415 - see above

    measure_length(out)
