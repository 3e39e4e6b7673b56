"""How far a scan is: a live display for people, a JSON line now and then for programs, or nothing."""

from __future__ import annotations

import json
import math
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from detect.types import ItemState
from pipelines.dispatcher import Standing
from service.texts import visible

Form = Literal["bar", "json", "none"]

_RATE_SECONDS = 60.0
"""The rate is that of the last minute: long enough for items of different length, short enough to follow a change."""
_JSON_SECONDS = 2.0
_MAX_CURRENT = 8
"""Recordings named at the same time; of more only the number is shown."""
_NAME_LENGTH = 100


class Progress:
    """Turns standings into what is shown; keeps the rate."""

    def __init__(self) -> None:
        self._history: deque[tuple[float, int]] = deque()

    def facts(self, standing: Standing) -> dict[str, Any]:
        """Everything that is shown, as JSON values. `rate` is items a second, `remaining_seconds` None until known."""
        counts = standing.counts
        done = sum(counts.final.values())
        rate = self._rate(standing)
        left = counts.found - done
        remaining = left / rate if rate > 0 and counts.inventory_complete else None
        return {
            "found": counts.found,
            "inventory_complete": counts.inventory_complete,
            "done": done,
            "pending": counts.pending,
            "leased": counts.leased,
            "looked": counts.looked,
            "flagged": counts.flagged,
            "alerts": counts.alerts,
            "states": {state.value: number for state, number in counts.final.items() if number},
            "bytes_found": counts.bytes_found,
            "bytes_done": counts.bytes_done,
            "seconds": round(standing.seconds, 1),
            "rate": round(rate, 3),
            "remaining_seconds": None if remaining is None else round(remaining),
            "current": list(standing.current),
        }

    def _rate(self, standing: Standing) -> float:
        """Examinations ended a second; what ended where it was found does not count."""
        now = standing.seconds
        self._history.append((now, standing.num_ended))
        while len(self._history) > 2 and now - self._history[0][0] > _RATE_SECONDS:
            self._history.popleft()
        began, number = self._history[0]
        return (standing.num_ended - number) / (now - began) if now > began else 0.0


@contextmanager
def showing(form: Form, console: Console) -> Iterator[Callable[[Standing], None]]:
    """Show progress on standard error while the context lasts.

    Args:
        form: `bar` for a terminal, `json` for one line every two seconds, `none`.
        console: Of standard error.
    """
    progress = Progress()
    if form == "none":
        yield lambda _standing: None
    elif form == "json":
        yield _Lines(progress)
    else:
        with Live(Text("Looking at the evidence"), console=console, transient=True, refresh_per_second=4) as live:
            yield lambda standing: live.update(_display(progress.facts(standing)))


class _Lines:
    """One JSON document a line, now and then and at the end."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._last = -math.inf

    def __call__(self, standing: Standing) -> None:
        facts = self._progress.facts(standing)
        finished = facts["inventory_complete"] and facts["done"] == facts["found"]
        if time.monotonic() - self._last < _JSON_SECONDS and not finished:
            return
        self._last = time.monotonic()
        print(json.dumps(facts), file=sys.stderr, flush=True)  # noqa: T201 - rich would wrap it


def _display(facts: Mapping[str, Any]) -> Group:
    done, found = facts["done"], facts["found"]
    more = "" if facts["inventory_complete"] else " and counting"
    line = Table.grid(padding=(0, 2))
    line.add_row(
        Text(f"{done:,} of {found:,} files{more}"),
        ProgressBar(total=max(1, found), completed=done, width=30),
        Text(f"{facts['rate'] * 60:.1f} recordings/min"),
        Text(_remaining(facts["remaining_seconds"])),
    )
    states = "  ".join(f"{state} {number:,}" for state, number in _ordered(facts["states"]))
    parts: list[Any] = [line, Text(states, style="dim")]
    if facts["looked"]:
        parts.append(Text(f"first looks done: {facts['looked']:,}", style="dim"))
    if facts["flagged"] or facts["alerts"]:
        parts.append(Text(f"flagged {facts['flagged']:,}  known-file alerts {facts['alerts']:,}", style="bold"))
    current = facts["current"]
    parts += [Text(f"  {_shortened(chain)}", style="dim", no_wrap=True) for chain in current[:_MAX_CURRENT]]
    if len(current) > _MAX_CURRENT:
        parts.append(Text(f"  and {len(current) - _MAX_CURRENT} more", style="dim"))
    return Group(*parts)


def _ordered(states: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(state.value, states[state.value]) for state in ItemState if state.value in states]


def _remaining(seconds: int | None) -> str:
    if seconds is None:
        return "time left not known yet"
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    return f"about {hours} h {minutes} min left" if hours else f"about {minutes} min {seconds % 60} s left"


def _shortened(chain: str) -> str:
    """The end of a long name says more than its start."""
    return visible(chain if len(chain) <= _NAME_LENGTH else f"…{chain[-_NAME_LENGTH:]}")
