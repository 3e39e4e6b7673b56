"""The dispatcher as a process of its own: its signals, and what it says when it cannot go on."""

from __future__ import annotations

import signal
import sys
import threading

import structlog

from service.exits import Exit
from service.live.dispatching import run_dispatcher
from service.logs import set_up_logs
from service.settings import ServiceSettings
from weights.errors import UnmaskError

_log = structlog.get_logger("unmask.dispatcher")


def run_process(settings: ServiceSettings) -> Exit:
    """Examine until SIGTERM or SIGINT; a second one ends at once."""
    set_up_logs(settings.log_format)
    stop = threading.Event()

    def handle(number: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        _log.info("stopping", signal=signal.Signals(number).name)
        stop.set()

    def listen() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, handle)

    listen()
    try:
        run_dispatcher(settings, stop=stop, prepare=listen)
    except UnmaskError as error:
        _log.error("cannot work", kind=type(error).__name__, error=str(error))
        sys.stderr.write(f"unmask: {error}\n")
        return Exit.USAGE
    return Exit.NOTHING_FLAGGED
