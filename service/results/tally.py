"""What a scan adds up to: one pass over its rows, with memory for what the summary page can show and no more."""

from __future__ import annotations

import heapq
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from detect.types import ItemState
from pipelines.items import Container
from pipelines.ledger import Ledger
from service.results.rows import Row, rows, strength

_Key = TypeVar("_Key")

MAX_FLAGGED = 500
"""Flagged recordings on the page, the highest LLRs; about thirty printed pages."""
MAX_ALERTS = 200
MAX_EXAMPLES = 3
"""Files named for each reason why something was not examined; `items.csv` names all."""
MAX_GROUPS = 100
"""Reasons that are told apart on the page. They are a closed list, unless somebody else wrote the ledger."""
MAX_CONTAINERS = 100
"""Containers that are listed with their trouble."""
MAX_COPIES = 5
"""Duplicates that are named of each flagged recording."""

_NOT_EXAMINED = frozenset(
    {
        ItemState.UNSUPPORTED,
        ItemState.UNREADABLE,
        ItemState.ENCRYPTED,
        ItemState.LIMIT,
        ItemState.TIMEOUT,
        ItemState.CRASHED,
        ItemState.CANCELLED,
    }
)
"""States of files that nobody looked into and whose bytes nobody looked into under another name."""


@dataclass(slots=True, kw_only=True)
class Group:
    """Files that ended alike."""

    state: ItemState
    reason: str | None
    count: int = 0
    num_bytes: int = 0
    examples: list[Row] = field(default_factory=list)

    def add(self, row: Row) -> None:
        """Count one more."""
        self.count += 1
        self.num_bytes += row["num_bytes"] or 0
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append(row)


@dataclass(slots=True, kw_only=True)
class Copies:
    """Duplicates of one flagged recording."""

    count: int = 0
    chains: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Containers:
    """What was opened to find the files."""

    by_kind: Counter[str] = field(default_factory=Counter)
    by_state: Counter[str] = field(default_factory=Counter)
    troubled: list[Container] = field(default_factory=list)
    """The first of those that were not listed whole."""
    described: list[Container] = field(default_factory=list)
    """The first of those that say something of themselves, as disk images do."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """Everything that the summary page counts."""

    found: int = 0
    num_bytes: int = 0
    num_unsized: int = 0
    """Files whose size is not known."""
    states: dict[ItemState, Group] = field(default_factory=dict)
    missed: dict[tuple[ItemState, str | None], Group] = field(default_factory=dict)
    """Not examined, by reason."""
    lossy: dict[tuple[ItemState, str | None], Group] = field(default_factory=dict)
    """Examined in part, by reason."""
    notes: Counter[str] = field(default_factory=Counter)
    num_alerts: int = 0
    alert_sets: Counter[str] = field(default_factory=Counter)
    alerts: list[Row] = field(default_factory=list)
    weighed: int = 0
    """Recordings with a calibrated result."""
    num_results: int = 0
    """Calibrated results that could have raised a flag: one for a recording with a face or a voice, with both one for
    each and one for the two together."""
    unweighed: int = 0
    """Recordings that were scored by models without a calibration only."""
    num_flagged: int = 0
    flagged_llrs: array[float] = field(default_factory=lambda: array("d"))
    flagged: list[Row] = field(default_factory=list)
    """The highest, highest first."""
    copies: dict[int, Copies] = field(default_factory=dict)
    """By `seq` of the flagged recording."""
    hosts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    """Examination time, summed over all recordings."""
    models_from: list[str] = field(default_factory=list)
    """A few reports, to read from them what they say of the models."""
    containers: Containers = field(default_factory=Containers)

    def count(self, *states: ItemState) -> int:
        """Files that ended in these states."""
        return sum(self.states[state].count for state in states if state in self.states)

    @property
    def nothing_flagged(self) -> int:
        """Recordings with a calibrated result below the threshold."""
        return self.weighed - self.num_flagged


def tally(ledger: Ledger, open_reason: str) -> Tally:
    """Add a scan up.

    Args:
        ledger: The scan's.
        open_reason: Why items are still open.
    """
    total = Tally()
    top: list[tuple[float, int, Row]] = []
    for row in rows(ledger, open_reason):
        _count(total, row)
        if row["flagged"]:
            entry = (strength(row), -row["seq"], row)
            if len(top) < MAX_FLAGGED:
                heapq.heappush(top, entry)
            else:
                heapq.heappushpop(top, entry)
    total.flagged = [row for _, _, row in sorted(top, reverse=True)]
    if total.flagged and ItemState.DUPLICATE in total.states:
        total.copies = _copies(ledger, {row["seq"] for row in total.flagged})
    total.containers = _containers(ledger.containers())
    return total


def _count(total: Tally, row: Row) -> None:
    state, key = ItemState(row["state"]), (ItemState(row["state"]), row["reason"])
    total.found += 1
    total.num_bytes += row["num_bytes"] or 0
    total.num_unsized += row["num_bytes"] is None
    _grouped(total.states, state, state, None).add(row)
    if state in _NOT_EXAMINED:
        _grouped(total.missed, key, *key).add(row)
    elif state is ItemState.PARTIAL:
        _grouped(total.lossy, key, *key).add(row)
    total.notes.update(row["notes"] if len(total.notes) < MAX_GROUPS else ())
    if row["alert"] is not None:
        total.num_alerts += 1
        total.alert_sets[row["alert"]] += 1
        if len(total.alerts) < MAX_ALERTS:
            total.alerts.append(row)
    if row["host"] is not None:
        total.hosts[row["host"]] += 1
    total.seconds += row["seconds"] or 0.0
    if row["report"] is not None and len(total.models_from) < MAX_EXAMPLES:
        total.models_from.append(row["report"])
    _weigh(total, row)


def _weigh(total: Tally, row: Row) -> None:
    findings = row["summary"].get("findings", [])
    if row["flagged"] is None:
        total.unweighed += any(finding["status"] == "uncalibrated" for finding in findings)
        return
    total.weighed += 1
    modalities = (row["face_llr"] is not None) + (row["voice_llr"] is not None)
    # With one modality the result for the recording is that of the modality: the same event, counted once.
    total.num_results += max(modalities, 1) + (modalities == 2 and row["llr"] is not None)
    if row["flagged"]:
        total.num_flagged += 1
        total.flagged_llrs.append(strength(row))


def _grouped(groups: dict[_Key, Group], key: _Key, state: ItemState, reason: str | None) -> Group:
    return groups.setdefault(key, Group(state=state, reason=reason))


def _copies(ledger: Ledger, originals: set[int]) -> dict[int, Copies]:
    found: dict[int, Copies] = {}
    for item in ledger.items(states=[ItemState.DUPLICATE]):
        if item.duplicate_of in originals:
            copies = found.setdefault(item.duplicate_of, Copies())
            copies.count += 1
            if len(copies.chains) < MAX_COPIES:
                copies.chains.append(item.entry.chain)
    return found


def _containers(containers: Iterable[Container]) -> Containers:
    seen = Containers()
    for container in containers:
        seen.by_kind[container.kind] += 1
        seen.by_state[container.state] += 1
        if container.state != "listed" and len(seen.troubled) < MAX_CONTAINERS:
            seen.troubled.append(container)
        if container.facts and len(seen.described) < MAX_CONTAINERS:
            seen.described.append(container)
    return seen


def ranked(groups: Mapping[tuple[ItemState, str | None], Group]) -> list[Group]:
    """Groups by state in the order of the list of states, then the largest first."""
    order = list(ItemState)
    return sorted(groups.values(), key=lambda group: (order.index(group.state), -group.count, group.reason or ""))
