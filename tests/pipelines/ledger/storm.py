"""A process that works on a ledger as hard as it can, until it is killed: `python -m tests.pipelines.ledger.storm`."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from itertools import count

from detect.types import ItemState
from pipelines.ledger import Ledger
from pipelines.ledger.opening import open_ledger
from tests.pipelines.ledger.recipes import entry, facts, result


def storm(ledger: Ledger, name: str, chance: random.Random) -> Iterator[str]:
    """Do what dispatchers do, in any order; tell each item that ended, once that is confirmed."""
    held = []
    for number in count():
        kind = chance.choice(["add", "lease", "finish", "finish", "fail", "release", "looked", "renew"])
        if kind == "add" and number < 2_000:
            ledger.add(
                [
                    entry(f"{name} {number}.{part}", f"content {chance.randrange(3_000)}", spool=f"{number}.{part}")
                    for part in range(chance.randrange(4))
                ]
            )
        elif kind == "lease":
            held += ledger.lease(name, 3, 600.0)
        elif kind == "renew":
            ledger.renew(name, 600.0)
        elif held:
            lease = held.pop(chance.randrange(len(held)))
            ended = False
            if kind == "finish":
                ended = ledger.finish(lease, result(flagged=chance.random() < 0.3))
            elif kind == "fail":
                ended = ledger.fail(lease, ItemState.CRASHED, "signal", "died")
            elif kind == "looked":
                ledger.looked(lease, chance.random())
            elif kind == "release":
                ledger.release(lease)
            if ended:
                yield f"{lease.seq}"


def main(address: str, job: str, name: str, seed: str) -> None:
    ledger = open_ledger(address, job)
    ledger.begin(facts(job))
    for line in storm(ledger, name, random.Random(seed)):  # noqa: S311  # nothing secret
        # One write a line: what a killed process has said is whole.
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
