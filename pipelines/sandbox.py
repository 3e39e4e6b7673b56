"""Decoding in throw-away children: what a broken or hostile recording breaks is only its own child.

`Sandbox` does what `detect.decode.LocalDecoder` does, with a child process for each call. One recording's life is:
open it read-only, hand the descriptor to the zygote, which forks (about 20 ms), ask, read answers, end the child. The
caller sees an `InputError` for whatever happens to a child: died of a signal, past its deadline, out of memory, or
talking nonsense. Calls from several threads run side by side, each in its own child.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from detect.config import Config
from detect.decoded import AudioOutcome, Media, VideoOutcome
from detect.errors import DecoderCrashed, DecoderTimeout, DeviceError
from detect.types import Frame, Waveform
from pipelines.wire import Answer, AnswerReader, ProtocolViolation, Request, encode_request
from pipelines.zygote import STATUS

ATTEMPTS = 2
"""A crash can be the machine's fault once; twice it is the recording's (DESIGN: poison items are set aside after two)."""
_START_SECONDS = 120.0
"""The zygote's imports take 0.6 s here; a cold disk or a loaded machine takes longer."""
_END_SECONDS = 10.0
"""To kill and reap a child: measured 5 ms; beyond this the zygote itself is stuck."""
_CPU_GRACE_SECONDS = 60
_BOOT = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[4]); from pipelines.zygote import main; "
    "main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))"
)
"""Isolated mode ignores the environment and the working directory, so the zygote is told where its modules are."""


class Sandbox:
    """A `Decoder` that decodes each stream in a child process of its own.

    The zygote starts in the background at construction; the first call waits for it. Close it, or use it as a context
    manager.

    Args:
        entry: Module whose `run` does a job in the child.

    Raises:
        DeviceError: this is not Linux, or no process could be started.
    """

    def __init__(self, *, entry: str = "pipelines.child") -> None:
        if sys.platform != "linux":
            raise DeviceError("the decoding sandbox needs Linux: decode trusted recordings in the process instead")
        self._entry = entry
        self._lock = threading.Lock()
        self._closed = False
        self._memory_limit: int | None = None
        self._zygote = _Zygote(entry)

    def survey(self, path: Path, config: Config) -> Media:
        """See `Decoder.survey`.

        Raises:
            InputError: it is no recording, damaged beyond use, over a limit, or its decoder was killed or crashed.
            DeviceError: no child could be started, or the sandbox is closed.
            OSError: the file cannot be opened.
        """
        for answer in self._answers(path, config, job="survey"):
            if isinstance(answer, Media):
                return answer
        raise AssertionError("a reader passes nothing else on")
