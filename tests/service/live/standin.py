"""`python -m tests.service.live.standin DATA SETUP`: the real dispatcher and queue; only examining is quick.

For each line on its standard input a new dispatcher begins, as a process of its own, and says its number.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from pipelines.copies import Copies
from pipelines.dispatcher import Dispatcher, Policy
from pipelines.examine import Examined
from pipelines.items import Lease
from pipelines.runlog import RunLog
from service.store import endings
from service.store.database import Store
from service.store.queue import Queue
from tests.pipelines.scans import Obedient, good


def examine(lease: Lease) -> Examined:
    time.sleep(0.01)
    return good(lease)


def dispatch(data: Path, setup: str) -> None:
    store = Store.open(data / "service.sqlite")
    queue = Queue(
        store,
        setup,
        place=lambda sha256: data / sha256,
        on_begin=endings.began,
        on_end=endings.ended(lambda _case: []),
    )
    owner = f"standin {os.getpid()}"
    queue.recover(owner, alone=True)
    folder = data / "work"
    folder.mkdir(parents=True, exist_ok=True)
    with RunLog.open(folder / f"{os.getpid()}.jsonl", owner) as log:
        sys.stdout.write(f"{os.getpid()}\n")
        sys.stdout.flush()
        Dispatcher(
            work=queue,
            executor=Obedient(obey=examine, places=1),
            intake=None,
            out=data / "results",
            copies=Copies(folder / "copies", 1_000),
            policy=Policy(),
            log=log,
            tell=lambda _standing: None,
            owner=owner,
            stop=threading.Event(),
        ).run()


def main(data: Path, setup: str) -> None:
    for _ in sys.stdin:
        child = os.fork()  # nothing has been opened yet, and there is one thread
        if not child:
            dispatch(data, setup)
        os.waitpid(child, 0)


main(Path(sys.argv[1]), sys.argv[2])
