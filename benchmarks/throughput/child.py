"""A fresh process that opens one program and runs it: how long each step takes, and what its memory comes to.

`python -m benchmarks.throughput.child NAME DEVICE RECORDING RUNS STARTED`, the last on the clock of `time.monotonic`,
which on Linux all processes share. Prints seconds by step as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import pairwise
from pathlib import Path

from benchmarks.throughput.contestants import entry

STEPS = ("start Python", "import", "load the models", "first examination", "second examination")


def _steps(name: str, device: str, recording: Path, runs: int, started: float) -> dict[str, float]:
    at = [started, time.monotonic()]
    opened = entry(name)
    at.append(time.monotonic())
    contestant = opened(device)
    at.append(time.monotonic())
    try:
        for _ in range(runs):
            contestant.run(recording)
            at.append(time.monotonic())
    finally:
        contestant.close()
    return dict(zip(STEPS, (end - begin for begin, end in pairwise(at)), strict=False))


if __name__ == "__main__":
    _name, _device, _recording, _runs, _started = sys.argv[1:]
    print(json.dumps(_steps(_name, _device, Path(_recording), int(_runs), float(_started))))
