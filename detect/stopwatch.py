"""Wall time by stage, across the branches that run at the same time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Adds up seconds by stage; stages of different branches overlap."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time spent inside under `name`."""
        start = time.monotonic()
        try:
            yield
        finally:
            spent = time.monotonic() - start
            with self._lock:
                self.seconds[name] = self.seconds.get(name, 0.0) + spent
