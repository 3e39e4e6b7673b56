"""What an examination costs: seconds, and the memory that this process and its children take on top of their start."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_LOOK_SECONDS = 0.01
"""A process that takes 100 MB needs longer than this to touch its pages."""


class Meter:
    """A context that measures while it is open.

    Children are counted with all pages they see, those shared with their parent too; their start is subtracted for
    those that lived before. A peak between two looks is still seen through the high-water mark of a living child.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.megabytes = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._start = 0
        self._peak = 0

    def __enter__(self) -> Self:
        self._start = self._peak = _all_bytes(marks=False)
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.seconds = time.monotonic() - self._began
        self._done.set()
        self._thread.join()
        self.megabytes = (self._peak - self._start) / 1e6

    def _watch(self) -> None:
        while not self._done.wait(_LOOK_SECONDS):
            self._peak = max(self._peak, _all_bytes(marks=True))


def _all_bytes(*, marks: bool) -> int:
    """Resident bytes of this process and all below it; of new children their high-water marks instead, if wanted."""
    own = os.getpid()
    total = _resident(own)
    for process in descendants(own):
        total += _high_water(process) if marks else _resident(process)
    return total


def descendants(process: int) -> list[int]:
    """Process identifiers of all children, and theirs."""
    found = []
    for task in _listed(Path(f"/proc/{process}/task")):
        for child in _read(task / "children").split():
            found += [int(child), *descendants(int(child))]
    return found


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []  # the process has ended meanwhile


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""  # the process has ended meanwhile


def _resident(process: int) -> int:
    fields = _read(Path(f"/proc/{process}/statm")).split()
    return int(fields[1]) * _PAGE_BYTES if fields else 0


def _high_water(process: int) -> int:
    lines = _read(Path(f"/proc/{process}/status")).splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)
