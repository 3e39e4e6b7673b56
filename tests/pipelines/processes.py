"""What the kernel says of other processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def children_of(process: int) -> dict[int, str]:
    """Process id to state letter."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(parent) == process:
                found[int(folder.name)] = state
    return found


def until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def alive(process: int) -> bool:
    try:
        return (Path("/proc") / str(process) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(processes: list[int], seconds: float) -> bool:
    """Wait until none of them is alive."""
    return until(lambda: not any(map(alive, processes)), seconds)


def resident_bytes(process: int) -> int:
    """Memory that a process holds at present; 0 when it is gone."""
    try:
        status = (Path("/proc") / str(process) / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS")), 0)
