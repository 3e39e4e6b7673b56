"""A fresh process up to its first report, against one that has everything loaded."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.throughput.child import STEPS
from benchmarks.throughput.contestants import OURS
from benchmarks.throughput.document import Cold, Row

ROOT = Path(__file__).resolve().parents[2]

_ABOUT = (
    "A fresh process each time, on the CPU. Files that were read before may still be in the system's memory: nothing "
    "is dropped from there."
)


def command(name: str, recording: Path, *, runs: int) -> list[str]:
    """Starts a fresh process that opens a program and runs it; to be run in `ROOT`, at once."""
    module = "benchmarks.throughput.child"
    return [sys.executable, "-m", module, name, "cpu", str(recording.resolve()), str(runs), str(time.monotonic())]


def measure(recording: Path, rounds: int) -> Cold:
    """Seconds of each step of fresh processes, one after the other."""
    seconds: dict[str, list[float]] = {step: [] for step in STEPS}
    for _ in range(rounds):
        done = subprocess.run(command(OURS, recording, runs=2), check=True, stdout=subprocess.PIPE, cwd=ROOT)
        for step, spent in json.loads(done.stdout).items():
            seconds[step].append(spent)
    return Cold(about=_ABOUT, rows=tuple(Row(name=step, values=tuple(values)) for step, values in seconds.items()))
