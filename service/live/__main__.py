"""`python -m service.live`: the dispatcher beside a service, with the settings of the environment.

Its standard input is a pipe from the service and ends with it, however that one ended; then this process ends, too.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from service.live.process import run_process
from service.settings import load_settings

_LEAVE_SECONDS = 4.0
"""Enough to give back what is being examined; whoever looks for processes left behind looks after five."""


def _end_with_the_service() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_LEAVE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


threading.Thread(target=_end_with_the_service, name="service watch", daemon=True).start()
sys.exit(run_process(load_settings()))
