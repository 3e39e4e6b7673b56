"""How fast a ledger is with as many items as a large seizure has, and what memory it takes."""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TypeVar

from detect.types import ItemState
from pipelines.items import Entry, JobFacts, Lease, Result, Step
from pipelines.ledger import Ledger
from pipelines.ledger.opening import open_ledger

BATCH = 1_000
"""Entries in one `add`, as the dispatcher's queue delivers them."""
_NUM_LEASES = 200
"""Calls of `lease` and ends of items that are timed; each is a transaction, so more only take longer."""
_LEASE_ITEMS = 16
"""Items a lease asks for: a machine of some size has as many free workers at once."""
_FOLDER_ITEMS = 500
"""Files in a folder of the made-up evidence."""

_T = TypeVar("_T")


def entries(count: int) -> Iterator[Entry]:
    """Made-up finds, all to be examined, no two alike: the most that a ledger can be asked to keep."""
    for number in range(count):
        name = f"/evidence/case 7/volume 3/Users/someone/Pictures/{number // _FOLDER_ITEMS:06d}/clip {number:09d}.mov"
        yield Entry(
            chain=name,
            locator=(Step("file", name),),
            num_bytes=20_000_000 + number,
            modified="2026-02-03T04:05:06+00:00",
            sha256=hashlib.sha256(number.to_bytes(8)).hexdigest(),
        )


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--place", help="a file, or the address of a PostgreSQL server; a temporary file without")
    asked = parser.parse_args(argv)
    if asked.place:
        _measure(asked.place, asked.items)
        return
    with tempfile.TemporaryDirectory(prefix="unmask-ledger-") as folder:
        _measure(str(Path(folder) / "ledger.sqlite"), asked.items)


def _measure(place: str, count: int) -> None:
    facts = JobFacts(
        id=f"benchmark-{os.getpid()}",
        tool="benchmark",
        config_digest="",
        config={},
        models={},
        roots=("/evidence",),
        options={"triage": False},
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    print(f"{count:,} items, {place}")
    print(f"{'what':<44}{'seconds':>10}{'a second':>12}{'RSS, MiB':>10}")
    ledger = open_ledger(place, facts.id)
    ledger.begin(facts)
    _timed(f"add, {BATCH:,} at a time", count, lambda: _add(ledger, count))
    _timed(f"add again, {BATCH:,} at a time, a tenth", count // 10, lambda: _add(ledger, count // 10))
    _timed("counts", 1, ledger.counts)
    leases = _timed(f"lease, {_LEASE_ITEMS} at a time", _NUM_LEASES * _LEASE_ITEMS, lambda: _lease(ledger))
    _timed("renew, all of these", 1, lambda: ledger.renew("benchmark", 60))
    half = len(leases) // 2
    _timed("finish", half, lambda: _finish(ledger, leases[:half]))
    _timed("release the others, as a cancelled scan does", half, lambda: _release(ledger, leases[half:]))
    _timed("list all items", count, lambda: sum(1 for _ in ledger.items()))
    _timed("list examined items", half, lambda: sum(1 for _ in ledger.items(states=[ItemState.EXAMINED])))
    ledger.lease("benchmark of before", half, 60)
    _timed("close", 1, ledger.close)
    again = _timed("open again", 1, lambda: open_ledger(place, facts.id))
    _timed("take back what was leased", half, lambda: again.recover("benchmark of after", alone=True))
    again.close()
    if not place.startswith("postgres"):
        print(f"file: {Path(place).stat().st_size / 2**20:.0f} MiB")


def _timed(what: str, count: int, work: Callable[[], _T]) -> _T:
    began = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - began
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what:<44}{seconds:>10.3f}{count / seconds:>12,.0f}{rss:>10.0f}", flush=True)
    return result


def _add(ledger: Ledger, count: int) -> None:
    found = entries(count)
    while batch := list(islice(found, BATCH)):
        ledger.add(batch)


def _lease(ledger: Ledger) -> list[Lease]:
    return [lease for _ in range(_NUM_LEASES) for lease in ledger.lease("benchmark", _LEASE_ITEMS, 60)]


def _finish(ledger: Ledger, leases: Sequence[Lease]) -> None:
    result = Result(state=ItemState.EXAMINED, reason=None, message="examined", llr=-1.5, summary={"media": "video"})
    for lease in leases:
        ledger.finish(lease, result)


def _release(ledger: Ledger, leases: Sequence[Lease]) -> None:
    for lease in leases:
        ledger.release(lease)


if __name__ == "__main__":
    main(sys.argv[1:])
