"""What is found goes into the ledger: read ahead in a thread, filed by the dispatcher, held back where that is slow."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence

from pipelines.copies import Copies
from pipelines.items import Container, Entry
from pipelines.ledger import Ledger
from pipelines.runlog import RunLog, chain_digest

Found = Sequence[Entry | Container]

_MAX_BATCHES = 4
"""Found and not yet in the ledger, in batches of the finder."""


class Intake:
    """Files what is found.

    Args:
        ledger: Of the job.
        found: Yields what is found, in batches; read in a thread of its own.
        copies: Of members of containers; those that nobody will examine are dropped.
        log: Where containers are written down.
    """

    def __init__(self, ledger: Ledger, found: Iterator[Found], copies: Copies, log: RunLog) -> None:
        self._ledger, self._copies, self._log = ledger, copies, log
        self._finding = _Finding(found)
        self.complete = False
        """Everything was found, and is in the ledger."""

    def take(self) -> bool:
        """File the next batch, where one has arrived.

        Raises:
            UnmaskError: what stopped the finder.
        """
        batch = self._finding.next()
        if batch is None:
            if self._finding.complete and not self.complete:
                self._ledger.complete_inventory()
                self.complete = True
            return False
        entries = [part for part in batch if isinstance(part, Entry)]
        containers = [part for part in batch if isinstance(part, Container)]
        for name in self._ledger.add(entries, containers).unneeded_copies:
            self._copies.drop(name)
        for container in containers:
            self._log.append(
                "container",
                chain_sha256=chain_digest(container.chain),
                state=container.state,
                num_members=container.num_members,
            )
        return True

    def close(self) -> None:
        """Let the finder's thread end at its next batch."""
        self._finding.close()


class _Finding:
    """What is found, read ahead in a thread; the queue's length holds the finder back."""

    def __init__(self, found: Iterator[Found]) -> None:
        self._queue: queue.Queue[Found | BaseException | None] = queue.Queue(maxsize=_MAX_BATCHES)
        self._closed = threading.Event()
        self.complete = False
        """Everything was found, and has been taken."""
        self._thread = threading.Thread(target=self._read, args=(found,), name="find", daemon=True)
        self._thread.start()

    def next(self) -> Found | None:
        """The next batch, where one has arrived.

        Raises:
            UnmaskError: what stopped the finder.
        """
        if self.complete:
            return None
        try:
            batch = self._queue.get_nowait()
        except queue.Empty:
            return None
        if isinstance(batch, BaseException):
            raise batch
        if batch is None:
            self.complete = True
        return batch

    def close(self) -> None:
        """Let the thread end at its next batch."""
        self._closed.set()

    def _read(self, found: Iterator[Found]) -> None:
        try:
            for batch in found:
                if not self._put(batch):
                    return
            self._put(None)
        except Exception as error:  # noqa: BLE001 - raised again in the thread that asks
            self._put(error)

    def _put(self, batch: Found | BaseException | None) -> bool:
        while not self._closed.is_set():
            try:
                self._queue.put(batch, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False
