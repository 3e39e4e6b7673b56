"""The folder where copies out of containers lie until they are examined: bounded, and named by us.

Copies of members are there for the consumer, who deletes each when it is done; copies of nested containers are there
for the walk itself. When the folder is full, the walk waits for the consumer. No name in it comes from the evidence.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from detect.errors import DeviceError, LimitExceeded
from pipelines.evidence.streams import Pulse

MAX_COPIES = 10_000
"""A folder of this many files is still listed in 10 ms, which bounds what waiting for room costs."""
_POLL_SECONDS = 0.05
_STEP_BYTES = 16 << 20
"""Room is asked for in steps, since nobody knows how much a member will give."""
_MEMBER, _OWN = "m", "c"


class Scratch:
    """The scratch folder, as the walk uses it.

    Args:
        folder: Made if it is not there.
        max_bytes: Of all copies.
        token: Part of all names, where somebody else must know them.
        pulse: Told while the walk waits.
        on_wait: Called before the walk waits: whoever holds back entries must let go of them, or it waits for ever.
    """

    def __init__(
        self,
        folder: Path,
        max_bytes: int,
        *,
        token: str | None = None,
        pulse: Pulse | None = None,
        on_wait: Callable[[], None] | None = None,
    ) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self.token = token or secrets.token_hex(4)
        """Part of all names, so that two walks never meet."""
        self._pulse = pulse or Pulse()
        self._on_wait = on_wait or (lambda: None)
        self._number = 0
        self._held = 0
        """Bytes of nested containers and unfinished copies: only the walk can free them."""
        self._bytes, self._files = 0, 0
        """Upper bounds of what lies there; the consumer only ever takes away."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DeviceError(f"the scratch folder {folder} cannot be made: {error.strerror}") from error
        self._measure()

    def copy(self, *, nested: bool) -> Copy:
        """Begin a copy.

        Args:
            nested: A container, which the walk itself reads and deletes.
        """
        self._number += 1
        return Copy(self, f"{self.token}-{self._number:09d}", nested=nested)

    def path(self, name: str) -> Path:
        """Where a copy lies."""
        return self.folder / name

    def clear(self, token: str | None = None, beyond: int = 0) -> None:
        """Delete what a walk that is gone has left.

        Args:
            token: Of that walk; None: of all walks.
            beyond: The last of its members' copies that somebody knows of; later ones and its own go.
        """
        with os.scandir(self.folder) as entries:
            names = [entry.name for entry in entries]
        for name in names:
            kind, _, rest = name.partition("-")
            owner, _, number = rest.partition("-")
            if kind not in (_MEMBER, _OWN) or not number.isdecimal() or token not in (None, owner):
                continue
            if kind == _OWN or token is None or int(number) > beyond:
                (self.folder / name).unlink(missing_ok=True)

    def admit(self, num_bytes: int) -> None:
        """Wait until there is room for so many more bytes of the walk's own.

        Raises:
            LimitExceeded: there cannot be, however long one waits.
        """
        if self._held + num_bytes > self.max_bytes:
            raise LimitExceeded(
                "archive:spool", f"no room for a copy: the scratch folder may hold {self.max_bytes} bytes"
            )
        if self._bytes + num_bytes > self.max_bytes or self._files >= MAX_COPIES:
            self._wait(num_bytes)
        self._held += num_bytes
        self._bytes += num_bytes

    def _wait(self, num_bytes: int) -> None:
        self._measure()
        if self._full(num_bytes):
            self._on_wait()
            self._pulse.waiting = True
            while self._full(num_bytes):
                time.sleep(_POLL_SECONDS)
                self._measure()
            self._pulse.waiting = False

    def _full(self, num_bytes: int) -> bool:
        others = self._files - 1 if self._held else self._files
        return self._bytes + num_bytes > self.max_bytes or others >= MAX_COPIES

    def _measure(self) -> None:
        num_bytes = num_files = 0
        with os.scandir(self.folder) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # the consumer was quicker
                    num_bytes += entry.stat(follow_symlinks=False).st_size
                    num_files += 1
        self._bytes, self._files = max(num_bytes, self._held), num_files

    def _give_back(self, num_bytes: int, *, gone: bool) -> None:
        """The walk holds so much less; `gone`: it has been deleted, else it is the consumer's now."""
        self._held -= num_bytes
        if gone:
            self._bytes -= num_bytes


class Copy:
    """One copy that is being made; a context manager that deletes what was not kept."""

    def __init__(self, scratch: Scratch, name: str, *, nested: bool) -> None:
        self._scratch = scratch
        self._name = name
        self._nested = nested
        self._path = scratch.folder / f"{_OWN}-{name}"
        self._admitted = 0
        self._written = 0
        self._file: int | None = None
        self._kept = False

    @property
    def path(self) -> Path:
        """Where it lies until it is kept."""
        return self._path

    def __enter__(self) -> Self:
        scratch = self._scratch
        if scratch._files >= MAX_COPIES:
            scratch.admit(0)
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _translate(error) from error
        scratch._files += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
        if not self._kept:
            self._path.unlink(missing_ok=True)
            self._scratch._give_back(self._admitted, gone=True)
            self._scratch._files -= 1

    def write(self, data: bytes) -> None:
        """Add bytes.

        Raises:
            LimitExceeded: larger than the folder may ever hold.
            DeviceError: the disk is full or fails.
        """
        if self._file is None:
            raise ValueError("this copy is closed")
        need = self._written + len(data) - self._admitted
        if need > 0:
            room = self._scratch.max_bytes - self._scratch._held
            step = max(need, min(_STEP_BYTES, room // 4) if self._admitted else need)
            self._scratch.admit(step)
            self._admitted += step
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._file, view) :]
        except OSError as error:
            raise _translate(error) from error
        self._written += len(data)

    @property
    def final_name(self) -> str:
        """Its name in the folder once it is kept."""
        return f"{_MEMBER}-{self._name}"

    def close(self) -> None:
        """No more bytes."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
            self._scratch._give_back(self._admitted - self._written, gone=True)
            self._admitted = self._written

    def keep(self) -> str:
        """Leave it to the consumer; returns its name in the folder."""
        self.close()
        self._path.rename(self._scratch.folder / self.final_name)
        self._kept = True
        self._scratch._give_back(self._written, gone=False)
        return self.final_name


def number_of(name: str) -> int:
    """The number in the name of a copy; 0 where it is the name of none."""
    number = name.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


def _translate(error: OSError) -> DeviceError:
    what = "is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else f"fails ({error.strerror})"
    return DeviceError(f"the disk of the scratch folder {what}")
