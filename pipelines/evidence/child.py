"""The process that reads evidence: confined as far as reading folders and C libraries allow, and expendable.

Unlike a decoding child it must open files: so no filter of system calls, but no network, no new privileges, no
capabilities beyond reading what others own, bounded memory, and, where the kernel has Landlock, writing in the scratch
folder only.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any

from detect.errors import ConfigError, DeviceError, InputError
from pipelines import confine
from pipelines.evidence import wire
from pipelines.evidence.containers import Level
from pipelines.evidence.fetching import fetch
from pipelines.evidence.scratch import Scratch
from pipelines.evidence.streams import Pulse
from pipelines.evidence.walk import walk

BATCH_ENTRIES = 1_000
BATCH_SECONDS = 0.2
_BEAT_SECONDS = 5.0
_MEMORY_BYTES = 6 << 30
"""Address space: decompressors take up to 1 GiB, and the index of a 7z archive of a million members some more."""
_CLONE_NEWNET = 0x40000000
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522
_READING = 1 << 1 | 1 << 2 | 1 << 3
"""CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER (linux/capability.h): other users' files, and no access times."""


def main() -> None:
    """Read one request from standard input, answer on standard output."""
    request: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    confine.die_with_parent(request["parent"])
    _confine()
    gc.freeze()
    writer = _Writer(request["scratch"] if request["job"] == "walk" else None)
    try:
        if request["job"] == "walk":
            _walk(request, writer)
        else:
            _fetch(request)
    except InputError as error:
        writer.end({"input": wire.encode_error(error)})
    except (ConfigError, DeviceError) as error:
        writer.end({"config" if isinstance(error, ConfigError) else "device": str(error)})
    else:
        writer.end({"done": True})
    # Without the interpreter's own farewell: a library's clean-up may still crash.
    os._exit(0)


def _walk(request: dict[str, Any], writer: _Writer) -> None:
    scratch = Scratch(
        Path(request["scratch"]), request["scratch_bytes"], token=request["token"], pulse=writer.pulse,
        on_wait=writer.flush,
    )  # fmt: skip
    options = wire.decode_options(request["options"])
    roots = [Path(root) for root in request["roots"]]
    listed = frozenset(request["listed"])
    found = walk(
        roots, options, scratch, listed=listed, after=request["after"], pulse=writer.pulse, on_level=writer.level
    )
    for each in found:
        writer.add(each)


def _fetch(request: dict[str, Any]) -> None:
    locator = wire.decode_locator(request["locator"])
    try:
        with open(request["target"], "wb") as target:  # noqa: PTH123 - a path that was made by the parent
            fetch(locator, wire.decode_options(request["options"]), target)
    except OSError as error:
        raise DeviceError(f"a copy could not be written: {error.strerror}") from error


class _Writer:
    """Sends batches: when they are full, when time has passed, and before anything that may not return."""

    def __init__(self, scratch: str | None) -> None:
        self.pulse = Pulse()
        self._lock = threading.Lock()
        self._found: list[wire.Found] = []
        self._levels: list[Level] = []
        self._sent = time.monotonic()
        if scratch is not None:
            threading.Thread(target=self._beat, daemon=True).start()

    def add(self, found: wire.Found) -> None:
        """Take one file or container."""
        with self._lock:
            self._found.append(found)
            if len(self._found) >= BATCH_ENTRIES or time.monotonic() - self._sent > BATCH_SECONDS:
                self._send()

    def flush(self) -> None:
        """Send what there is."""
        with self._lock:
            self._send()

    def level(self, levels: list[Level]) -> None:
        """A container is entered or left: from here on the other side must know where a death would have been."""
        with self._lock:
            self._levels = levels
            self._send()

    def end(self, how: dict[str, Any]) -> None:
        """Say how it ended."""
        with self._lock:
            self._send()
            self._write(json.dumps({"end": how}).encode() + b"\n")

    def _send(self) -> None:
        place = [(level.chain, level.ordinal[0]) for level in self._levels]
        self._write(wire.encode_batch(self._found, place))
        self._found = []
        self._sent = time.monotonic()

    def _write(self, line: bytes) -> None:
        view = memoryview(line)
        while view:
            view = view[os.write(1, view) :]

    def _beat(self) -> None:
        """Send what waits too long, and a sign of life as long as there is progress."""
        last, told = -1, 0.0
        while True:
            time.sleep(BATCH_SECONDS)
            with self._lock:
                now = time.monotonic()
                moved = self.pulse.beats != last or self.pulse.waiting
                if self._found and now - self._sent > BATCH_SECONDS:
                    self._send()
                elif moved and now - told > _BEAT_SECONDS:
                    self._write(b'{"alive": true}\n')
                    last, told = self.pulse.beats, now


def _confine() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0:
        # Not a user namespace: there root could not read the files of other users any more.
        libc.unshare(_CLONE_NEWNET)
        header = ctypes.create_string_buffer(struct.pack("<Ii", _CAPABILITY_VERSION_3, 0))
        rights = ctypes.create_string_buffer(struct.pack("<6I", _READING, _READING, 0, 0, 0, 0))
        libc.capset(header, rights)
    else:
        confine.detach_from_network()
    libc.prctl(*map(ctypes.c_long, (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)))
    for name, wanted in ((resource.RLIMIT_AS, _MEMORY_BYTES), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(name)[1]
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(name, (value, value))
