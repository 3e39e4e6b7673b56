"""How the run went, read from the run log: when it was at work, what stopped it, on which hosts.

A sitting is one process at work on the scan. A sitting that says nothing of its end was killed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_ITEM = b'"event":"item"'
"""The log writes JSON without spaces; lines of items, nearly all of them, need not be parsed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """One process at work, from its begin or resume."""

    began_at: str
    """ISO 8601, UTC."""
    ended_at: str | None = None
    """None where it did not come to say so."""
    ending: str | None = None
    """`done`, or why it stopped: `interrupted`, `time_limit`; None as above."""
    engine: str | None = None
    """`local` or `ray`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """When, where and how a scan was done."""

    sittings: tuple[Sitting, ...]
    num_worker_deaths: int = 0
    num_torn: int = 0
    """Times that the end of the run log had to be repaired."""
    hosts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Host to the protections of its decoders."""


def read_run(log: Path, hosts: Mapping[str, Mapping[str, str]]) -> RunFacts:
    """What the run log says; its chain is verified elsewhere.

    Args:
        log: `run.jsonl`.
        hosts: As in `RunFacts`; the log does not say it.

    Raises:
        OSError: the log cannot be read.
        ValueError: it is no run log.
    """
    with log.open("rb") as file:
        return gather((json.loads(line) for line in file if _ITEM not in line), hosts)


def gather(events: Iterable[Mapping[str, Any]], hosts: Mapping[str, Mapping[str, str]]) -> RunFacts:
    """The facts of events in their order."""
    sittings: list[Sitting] = []
    deaths = torn = 0
    for event in events:
        kind, at = event["event"], event["at"]
        if kind in ("begin", "resume"):
            sittings.append(Sitting(began_at=at, engine=event.get("engine")))
        elif kind in ("interrupt", "end") and sittings and sittings[-1].ended_at is None:
            ending = event.get("why", "interrupted") if kind == "interrupt" else "done"
            last = sittings[-1]
            sittings[-1] = Sitting(began_at=last.began_at, ended_at=at, ending=ending, engine=last.engine)
        elif kind == "worker_died":
            deaths += 1
        elif kind == "recovered":
            torn += 1
    return RunFacts(sittings=tuple(sittings), num_worker_deaths=deaths, num_torn=torn, hosts=hosts)
