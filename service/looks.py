"""Who looked at what a moment ago: a player asks for a recording in a hundred pieces, the audit log says it once."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

SECONDS = 600.0
"""So long one look lasts: whoever looks on, or again, after that is recorded again."""
_KEPT = 10_000
"""Looks that are remembered, some 200 bytes each; one that is forgotten is recorded once more, never less."""


class Looks:
    """Looks of this process. Two processes record a look twice."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since: OrderedDict[tuple[str | None, ...], float] = OrderedDict()

    def goes_on(self, *look: str | None) -> bool:
        """Whether this look was recorded already; call `recorded` when it is.

        Args:
            look: Who, with which key, at what, in which form.
        """
        with self._lock:
            since = self._since.get(look)
        return since is not None and time.monotonic() < since + SECONDS

    def recorded(self, *look: str | None) -> None:
        """The audit log has this look, for certain."""
        with self._lock:
            self._since[look] = time.monotonic()
            self._since.move_to_end(look)
            while len(self._since) > _KEPT:
                self._since.popitem(last=False)
