"""Highest memory of a fresh process with its children: proportional set sizes, so that shared pages count once."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.clips import long_clip
from benchmarks.throughput.cold import ROOT, command
from benchmarks.throughput.contestants import OURS
from benchmarks.throughput.document import Memory, Row
from detect.version import VERSION
from weights import load_manifest

LENGTH_COMMAND = "python -m benchmarks memory"
_STEP_SECONDS = 0.05
"""Between two looks: short beside what an examination takes, long beside the look itself (some milliseconds)."""


def measure(tasks: Sequence[tuple[str, Path]], about: str, rounds: int) -> Memory:
    """Peaks of programs.

    Args:
        tasks: Name of a program and what it is to examine; ours first.
        about: Which recordings these are.
        rounds: Fresh processes of each.
    """
    peaks: dict[str, list[float]] = {name: [] for name, _ in tasks}
    for _ in range(rounds):
        for name, recording in tasks:
            peaks[name].append(float(peak_bytes(name, recording)))
    return Memory(about=about, rows=tuple(Row(name=name, values=tuple(values)) for name, values in peaks.items()))


def measure_length(out: Path) -> None:
    """Print and write `memory.md`: a 2-hour recording against a 2-minute one.

    Args:
        out: Where the results go.
    """
    with tempfile.TemporaryDirectory() as folder:
        peaks = {}
        for name, seconds in (("2 minutes", 120), ("2 hours", 7200)):
            clip = long_clip(Path(folder) / f"{seconds}.mp4", seconds)
            start = time.perf_counter()
            peaks[name] = peak_bytes(OURS, clip)
            print(f"{name}: {peaks[name] / 1e6:.0f} MB in {time.perf_counter() - start:.0f} s", file=sys.stderr)
    defaults = load_manifest().defaults
    models = ", ".join((*defaults.face, *defaults.voice))
    about = (
        f"Made by `{LENGTH_COMMAND}` with unmask {VERSION} on {os.cpu_count()} CPU cores: the demonstration recording "
        f"again and again, checkpoints {models}."
    )
    sizes = ", ".join(f"of {name}: {peak / 1e6:.0f} MB" for name, peak in peaks.items())
    ratio = f"Peak memory of a recording {sizes}; ratio {peaks['2 hours'] / peaks['2 minutes']:.2f}."
    text = "\n\n".join(("# Memory and length", about, ratio)) + "\n"
    out.mkdir(parents=True, exist_ok=True)
    (out / "memory.md").write_text(text, encoding="utf-8")
    print(text)


def peak_bytes(name: str, recording: Path) -> int:
    """Highest proportional set size of one run of a program in a fresh process with its children.

    Raises:
        RuntimeError: it failed.
    """
    with subprocess.Popen(command(name, recording, runs=1), stdout=subprocess.DEVNULL, cwd=ROOT) as process:
        peak, stop = 0, threading.Event()

        def watch() -> None:
            nonlocal peak
            while not stop.wait(_STEP_SECONDS):
                peak = max(peak, sum(map(_proportional_bytes, _family(process.pid))))

        watcher = threading.Thread(target=watch)
        watcher.start()
        code = process.wait()
        stop.set()
        watcher.join()
    if code != 0:
        raise RuntimeError(f"{name} failed on {recording}: exit code {code}")
    return peak


def _family(pid: int) -> list[int]:
    """The process and all below it."""
    pids = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            pids += [one for child in task.read_text().split() for one in _family(int(child))]
        except OSError:
            continue  # the thread ended between listing and reading
    return pids


def _proportional_bytes(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0  # the process ended between listing and reading
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), 0)
