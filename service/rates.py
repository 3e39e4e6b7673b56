"""How often a person may ask: a bucket of tokens each, in this process."""

from __future__ import annotations

import math
import threading
import time

from service.problems import TooMany

_MAX_PEOPLE = 10_000
"""Buckets that are remembered; a full bucket says nothing and may be forgotten."""


class Rates:
    """Counts requests by person. A bucket holds one minute's requests, and fills steadily."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, who: str, per_minute: int) -> None:
        """Count a request.

        Args:
            who: Whose.
            per_minute: How many he has.

        Raises:
            TooMany: he has none left.
        """
        now = time.monotonic()
        with self._lock:
            left, then = self._buckets.get(who, (float(per_minute), now))
            left = min(float(per_minute), left + (now - then) * per_minute / 60)
            if left < 1:
                seconds = math.ceil((1 - left) * 60 / per_minute)
                raise TooMany("Too many requests within a minute.", retry_after_seconds=seconds)
            if len(self._buckets) >= _MAX_PEOPLE and who not in self._buckets:
                self._buckets.clear()
            self._buckets[who] = (left - 1, now)
