"""Who examines leased items: one interface, and the executor that works in this process.

`pipelines.workers.RayExecutor` is the other: many items at a time, in processes that may be killed.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Literal, Protocol

from detect.errors import DeviceError, DeviceOutOfMemory
from detect.types import ItemState
from pipelines.examine import Examined, Examiner
from pipelines.items import Lease
from pipelines.sandbox import Sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """An examination that has no result."""

    lease: Lease
    blame: Literal["item", "machine"]
    """Whose fault it seems: an attempt is charged to the item only where nothing else explains it."""
    state: ItemState
    """What the item ends in when it was the last attempt."""
    reason: str
    message: str
    fatal: DeviceError | None = None
    """What stops the scan where it comes again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One who examines."""

    host: str
    protections: dict[str, str]
    """How decoding is isolated there."""


class Executor(Protocol):
    """Examines leased items, some at a time."""

    def free(self) -> int:
        """Items that could be taken now without waiting."""
        ...

    def submit(self, lease: Lease) -> None:
        """Begin; only where `free` is not 0."""
        ...

    def wait(self, seconds: float) -> list[Examined | Failed]:
        """What has ended, waiting for it no longer than `seconds`.

        Raises:
            WeightsError, DeviceError: no worker can be had.
        """
        ...

    def kill(self, lease: Lease) -> bool:
        """End an examination by force; True where that was possible. It does not come up in `wait` then."""
        ...

    def workers(self) -> list[Worker]:
        """Those that are there now."""
        ...

    def close(self) -> None:
        """End everything; what is being examined is lost."""
        ...


class LocalExecutor:
    """Examines in this process, one item at a time; for one machine without Ray, and as the specification.

    An examination cannot be killed from outside: a decoder that hangs is ended by the sandbox's own deadline.

    Args:
        open_examiner: Makes the examiner; called in the executor's thread, for loading takes seconds.
        sandbox: In which the examiner decodes; closed with the executor.
    """

    def __init__(self, open_examiner: Callable[[], Examiner], sandbox: Sandbox) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="examine")
        self._examiner = self._thread.submit(open_examiner)
        self._sandbox = sandbox
        self._work: tuple[Lease, Future[Examined]] | None = None

    def free(self) -> int:
        """See `Executor.free`."""
        return int(self._work is None)

    def submit(self, lease: Lease) -> None:
        """See `Executor.submit`."""
        self._work = lease, self._thread.submit(lambda: self._examiner.result().examine(lease))

    def wait(self, seconds: float) -> list[Examined | Failed]:
        """See `Executor.wait`."""
        if self._work is None:
            time.sleep(seconds)  # or whoever asks would ask at once again, all the time
            return []
        lease, work = self._work
        wait([work], seconds, return_when=FIRST_COMPLETED)
        if not work.done():
            return []
        self._work = None
        if self._examiner.exception() is not None:
            self._examiner.result()  # raises: nothing can be examined at all
        error = work.exception()
        return [work.result() if error is None else failure(lease, error)]

    def kill(self, lease: Lease) -> bool:
        """See `Executor.kill`."""
        del lease
        return False

    def workers(self) -> list[Worker]:
        """See `Executor.workers`."""
        return [Worker(host=socket.gethostname(), protections=self._sandbox.facts())]

    def close(self) -> None:
        """End the decoding of the item that is being examined, and with it the examination."""
        self._sandbox.close()
        self._thread.shutdown(wait=True, cancel_futures=True)


def failure(lease: Lease, error: BaseException) -> Failed:
    """What an exception out of an examination says of the item."""
    message = f"{type(error).__name__}: {error}"
    if isinstance(error, DeviceOutOfMemory):
        return Failed(lease=lease, blame="item", state=ItemState.LIMIT, reason="gpu_memory", message=message)
    if isinstance(error, DeviceError):
        return Failed(
            lease=lease, blame="machine", state=ItemState.CRASHED, reason="device", message=message, fatal=error
        )
    return Failed(lease=lease, blame="item", state=ItemState.CRASHED, reason="exception", message=message)
