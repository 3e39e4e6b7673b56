"""The first Ctrl-C ends long work in good order, the second at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console


@contextmanager
def stopping(stop: threading.Event, notes: Console) -> Iterator[Callable[[], None]]:
    """SIGINT and SIGTERM end the scan in good order; a second one at once.

    Yields:
        What sets the handlers, to be called again by whoever has lost them to a library.
    """

    def handle(number: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        notes.print(f"{signal.Signals(number).name}: ending the scan; once more to end at once", highlight=False)

    def listen() -> None:
        for number in before:
            signal.signal(number, handle)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    listen()
    try:
        yield listen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
