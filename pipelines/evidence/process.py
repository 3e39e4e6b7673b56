"""The walk in a process of its own: what hostile evidence brings down is that process, and costs one container.

A death is laid to the innermost container that was open. It becomes a row that says so, and a new process goes on
behind it. `Lister` yields batches as they come; a consumer that stops reading stops the walk.
"""

from __future__ import annotations

import json
import os
import secrets
import select
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from detect.errors import ConfigError, DecoderCrashed, DecoderTimeout, DeviceError
from detect.types import ItemState
from pipelines.evidence import wire
from pipelines.evidence.options import Options
from pipelines.evidence.scratch import Scratch, number_of
from pipelines.evidence.walk import name_roots
from pipelines.evidence.wire import Found, Nonsense, Place
from pipelines.items import Container, Entry, Locator, Step
from pipelines.names import escape

SILENT_SECONDS = 600.0
"""Without progress: a read from a failing disk returns after minutes (30 s for each retry in Linux's SCSI layer)."""
_DEATHS_OUTSIDE = 3
"""In a row, outside of any archive and without progress: then something in the folder itself brings it down."""
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
_INHERITED = ("LD_LIBRARY_PATH", "PATH", "TMPDIR")
_LINE_BYTES = 64 << 20
"""A batch has 1,000 rows; their names are bounded by what archives can hold (65,535 bytes each)."""
_BOOT = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from pipelines.evidence.child import main; main()"


class Lister:
    """Lists evidence in a child process; iterate over it once. Use it as a context manager, or close it.

    Args:
        roots: Folders and files.
        options: Limits, passwords, known-file sets.
        scratch: The scratch folder. The copies in it are the consumer's; nothing else may lie there.
        scratch_bytes: Of all copies.
        listed: Chains of containers that are not opened again.

    Raises:
        ConfigError: a root is not there.
    """

    def __init__(
        self,
        roots: Sequence[Path],
        options: Options,
        scratch: Path,
        scratch_bytes: int,
        *,
        listed: frozenset[str] = frozenset(),
    ) -> None:
        self._roots = [path for path, _ in name_roots(roots)]
        self._chains = {chain: path for path, chain in name_roots(roots)}
        self._options = options
        self._scratch = Scratch(scratch, scratch_bytes)
        self._listed = set(listed)
        self._child: _Child | None = None
        self._closed = threading.Event()
        self._place: Place = []
        self._last = 0
        """Number of the last member's copy that was passed on."""

    def __iter__(self) -> Iterator[list[Found]]:
        """Batches in the order of finding.

        Raises:
            ConfigError: a root is not there.
            DeviceError: the scratch folder's disk is full or fails, or no process could be started.
        """
        deaths = 0
        while not self._closed.is_set():
            token = secrets.token_hex(4)
            self._last = 0
            self._child = child = self._start(token)
            if self._closed.is_set():  # meanwhile
                child.close()
                return
            moved = False
            try:
                for batch in self._batches(child):
                    moved = moved or bool(batch)
                    if batch:
                        yield batch
            except _Died as death:
                child.close()
                self._scratch.clear(token, self._last)
                if self._closed.is_set():
                    return
                deaths = 0 if moved else deaths + 1
                blamed = self._blame(death, deaths)
                if blamed:
                    yield blamed
            else:
                child.close()
                return

    def close(self) -> None:
        """End the process, and the iteration: from any thread."""
        self._closed.set()
        if self._child is not None:
            self._child.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _start(self, token: str) -> _Child:
        after = dict(self._place)
        return _Child(
            {
                "job": "walk",
                # As JSON has no bytes: the way Python passes names of files.
                "roots": [os.fsdecode(path) for path in self._roots],
                "options": wire.encode_options(self._options),
                "scratch": str(self._scratch.folder),
                "scratch_bytes": self._scratch.max_bytes,
                "token": token,
                "listed": sorted(self._listed),
                "after": after,
            }
        )

    def _batches(self, child: _Child) -> Iterator[list[Found]]:
        try:
            for line in child.lines():
                if "end" in line:
                    _raise_end(line["end"])
                    return
                if "found" not in line:
                    continue
                batch, self._place = wire.decode_batch(line)
                for each in batch:
                    if isinstance(each, Container):
                        self._listed.add(each.chain)
                    elif each.spool is not None:
                        self._last = max(self._last, number_of(each.spool))
                yield batch
        except Nonsense as error:
            raise _Died("protocol", f"the process that lists evidence answered nonsense: {error}") from error
        raise child.death()

    def _blame(self, death: _Died, deaths: int) -> list[Found]:
        """Rows for the container that the process died in; none where it was in none and may be tried again."""
        if not self._place:
            if deaths < _DEATHS_OUTSIDE:
                return []
            raise DeviceError(f"listing does not get off the ground: {death}")
        chain, count = self._place[-1]
        is_root_folder = len(self._place) == 1 and stat.S_ISDIR(_mode(self._chains.get(chain)))
        if is_root_folder and deaths < _DEATHS_OUTSIDE:
            return []
        self._listed.add(chain)
        kind = "folder" if is_root_folder else "unknown"
        state = ItemState.TIMEOUT if death.reason == "deadline" else ItemState.CRASHED
        message = f"{death}; {count} members of it were done"
        locator = (Step("file", escape(self._chains[chain])),) if chain in self._chains else ()
        return [
            Entry(chain=chain, locator=locator, state=state, reason=death.reason, message=message),
            Container(chain=chain, kind=kind, state="unreadable", num_members=count, detail=message),
        ]


def fetch_in_child(locator: Locator, options: Options, target: Path) -> None:
    """See `pipelines.evidence.fetch`, in a process of its own.

    Args:
        locator: See `Entry.locator`.
        options: The ones it was found with.
        target: File to write.

    Raises:
        InputError: the evidence is gone, cannot be read, or brought the process down.
        DeviceError: writing fails.
    """
    child = _Child(
        {
            "job": "fetch",
            "locator": [list(step) for step in locator],
            "options": wire.encode_options(options),
            "target": str(target),
        }
    )
    try:
        for line in child.lines():
            if "end" in line:
                _raise_end(line["end"])
                return
        death = child.death()
    except Nonsense as error:
        death = _Died("protocol", f"the process that reads evidence answered nonsense: {error}")
    except _Died as error:
        death = error
    finally:
        child.close()
    if death.reason == "deadline":
        raise DecoderTimeout("deadline", str(death))
    raise DecoderCrashed(death.reason, str(death))


class _Died(Exception):
    """The process ended without saying how.

    Args:
        reason: As `InputError.reason`.
        message: In words.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class _Child:
    """One process at work."""

    def __init__(self, request: dict[str, Any]) -> None:
        paths = json.dumps([os.path.abspath(path) for path in sys.path])  # noqa: PTH100 - `Path` would drop the empty one
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _BOOT, paths],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=inherited | _ENVIRONMENT,
                start_new_session=True,  # an interrupt typed at a terminal is for the parent to handle
            )
        except OSError as error:
            raise DeviceError(f"no process for listing evidence could be started: {error}") from error
        line = json.dumps(request | {"parent": os.getpid()}).encode() + b"\n"
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("unreachable: both were asked for")
        try:
            with self._process.stdin as stdin:
                stdin.write(line)
        except BrokenPipeError:
            pass  # it is gone already; reading from it says so
        self._output = self._process.stdout

    def lines(self) -> Iterator[dict[str, Any]]:
        """What it says, until it has nothing more to say.

        Raises:
            _Died: it shows no progress.
            Nonsense: it says what is not JSON.
        """
        try:
            descriptor = os.dup(self._output.fileno())  # its own: `close` may come from another thread at any time
        except ValueError:
            return  # it has come already
        try:
            yield from _lines(descriptor)
        finally:
            os.close(descriptor)

    def death(self) -> _Died:
        """How it ended, after it has closed its output."""
        try:
            code = self._process.wait(10)
        except subprocess.TimeoutExpired:
            return _Died("protocol", "the process that reads evidence closed its output and stayed")
        if code < 0:
            name = signal.strsignal(-code)
            return _Died(f"signal {-code}", f"the process that reads evidence died of signal {-code} ({name})")
        return _Died(f"exit {code}", f"the process that reads evidence left with status {code}")

    def close(self) -> None:
        """Kill it, if it lives, and wait until it is gone. Whoever reads from it finds the end."""
        self._process.kill()
        self._output.close()
        self._process.wait()


def _lines(descriptor: int) -> Iterator[dict[str, Any]]:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    rest: list[bytes] = []
    held = 0
    while True:
        if not poll.poll(SILENT_SECONDS * 1000):
            raise _Died("deadline", f"no progress within {SILENT_SECONDS:.0f} s")
        data = os.read(descriptor, 1 << 18)
        if not data:
            return
        *lines, tail = data.split(b"\n")
        for line in lines:
            text = b"".join([*rest, line])
            rest, held = [], 0
            try:
                values = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise Nonsense("that is not JSON") from error
            if not isinstance(values, dict):
                raise Nonsense("that is no message")
            yield values
        rest.append(tail)
        held += len(tail)
        if held > _LINE_BYTES:
            raise Nonsense("a line without an end")


def _mode(path: bytes | None) -> int:
    try:
        return os.lstat(path).st_mode if path is not None else 0
    except OSError:
        return 0


def _raise_end(how: Any) -> None:
    """Raise what ended the work, if anything did."""
    if not isinstance(how, dict):
        raise Nonsense("no end")
    if "input" in how:
        raise wire.decode_error(how["input"])
    if "config" in how:
        raise ConfigError(str(how["config"]))
    if "device" in how:
        raise DeviceError(str(how["device"]))
