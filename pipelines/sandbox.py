"""Decoding in throw-away children: what a broken or hostile recording breaks is only its own child.

`Sandbox` does what `detect.decode.LocalDecoder` does, with a child process for each call: open the recording read-only,
hand the descriptor to the zygote, which forks, ask, read answers, end the child. The caller sees an `InputError` for
whatever happens to a child: died of a signal, past its deadline, out of memory, or talking nonsense. Calls from several
threads run side by side, each in its own child.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal, NoReturn, Self

from detect.config import Config, Limits
from detect.decoded import AudioOutcome, Media, VideoOutcome
from detect.errors import DecoderCrashed, DecoderTimeout, DeviceError, LimitExceeded
from detect.types import Frame, Waveform
from pipelines.answers import AnswerReader, ProtocolViolation
from pipelines.wire import OUT_OF_MEMORY, STATUS, Answer, Request, encode_request

ATTEMPTS = 2
"""A death can be the machine's fault once; twice it is the recording's. Work items have the same rule."""
_START_SECONDS = 120.0
"""The zygote's imports take 0.6 s on an idle machine; a cold disk and a full machine multiply that."""
_END_SECONDS = 10.0
"""Killing and reaping a child takes milliseconds; beyond this the zygote itself is stuck."""
_DEATH_SECONDS = 2.0
"""From a child's last open descriptor to its being reaped: under 2 ms, unless it lives on without its socket."""
_CPU_GRACE_SECONDS = 60
_ENVIRONMENT = {
    # One thread, or forking is not safe: numpy's linear algebra starts a pool at import otherwise.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # An allocator arena reserves 64 MiB of address space; one a thread would eat the child's memory limit unused.
    "MALLOC_ARENA_MAX": "2",
}
_INHERITED = ("LD_LIBRARY_PATH", "PATH")
"""Nothing else of the environment reaches a decoder: it may hold keys."""
_BOOT = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[4]); from pipelines.zygote import main; "
    "main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))"
)
"""An isolated interpreter ignores environment and working directory, so the zygote is told where its modules are."""


class Sandbox:
    """A `Decoder` that does each call in a child process of its own.

    The zygote starts in the background at construction; the first call waits for it. One sandbox serves any number of
    recordings and threads; a worker process keeps one. Use it as a context manager, or close it.

    Args:
        entry: Module whose `run` does a job in the child.

    Raises:
        DeviceError: this is not Linux, or no process could be started.
    """

    def __init__(self, *, entry: str = "pipelines.child") -> None:
        if sys.platform != "linux":
            raise DeviceError("the decoding sandbox needs Linux; elsewhere decode trusted recordings in the process")
        self._entry = entry
        self._lock = threading.Lock()
        self._closed = False
        self._memory_bytes: int | None = None
        self._zygote = _Zygote(entry)

    def survey(self, path: Path, config: Config) -> Media:
        """See `Decoder.survey`.

        Raises:
            InputError: it is no recording, damaged beyond use, over a limit, or its decoder was killed or crashed.
            DeviceError: no child could be started, or the sandbox is closed.
            OSError: the file cannot be opened.
        """
        with contextlib.closing(self._answers(path, config, "survey")) as answers:
            for answer in answers:
                if isinstance(answer, Media):
                    return answer
        raise AssertionError("unreachable: a job without its outcome raises")

    def frames(
        self, path: Path, media: Media, stream: int, config: Config, *, num_threads: int
    ) -> Iterator[Frame | VideoOutcome]:
        """See `Decoder.frames`; raises as `survey` does. Closing the iterator ends the child."""
        with contextlib.closing(self._answers(path, config, "frames", media, stream, num_threads)) as answers:
            for answer in answers:
                if isinstance(answer, Frame | VideoOutcome):
                    yield answer

    def audio(self, path: Path, media: Media, stream: int, config: Config) -> Iterator[Waveform | AudioOutcome]:
        """See `Decoder.audio`; raises as `survey` does. Closing the iterator ends the child."""
        with contextlib.closing(self._answers(path, config, "audio", media, stream)) as answers:
            for answer in answers:
                if isinstance(answer, Waveform | AudioOutcome):
                    yield answer

    def facts(self) -> dict[str, str]:
        """See `Decoder.facts`: what a trial child measured on this host when the zygote started.

        Raises:
            DeviceError: the zygote could not be started, or the sandbox is closed.
        """
        facts = {"isolation": "child process", **self._ready().facts()}
        if self._memory_bytes is not None:
            facts["memory_limit_bytes"] = str(self._memory_bytes)
        return facts

    def close(self) -> None:
        """End the zygote and every child. Calls in progress in other threads raise `DeviceError`."""
        with self._lock:
            self._closed = True
            self._zygote.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _answers(
        self,
        path: Path,
        config: Config,
        job: Literal["survey", "frames", "audio"],
        media: Media | None = None,
        stream: int = 0,
        num_threads: int = 0,
    ) -> Generator[Answer, None, None]:
        """Run one job, a second time where the first child died before its first answer."""
        self._memory_bytes = config.limits.decoder_memory_bytes
        for attempt in range(1, ATTEMPTS + 1):
            num_answers = 0
            with path.open("rb", buffering=0) as evidence:
                seconds = _deadline(config.limits, os.fstat(evidence.fileno()).st_size)
                request = Request(
                    job=job,
                    config=config,
                    cpu_seconds=math.ceil(seconds) * (os.cpu_count() or 1) + _CPU_GRACE_SECONDS,
                    media=media,
                    stream=stream,
                    num_threads=num_threads,
                )
                child = _Job(*self._fork(evidence.fileno()), request, seconds)
            with child:
                try:
                    for answer in child.answers():
                        num_answers += 1
                        yield answer
                except _Died as death:
                    if self._closed:
                        raise DeviceError("the decoding sandbox was closed during a job") from None
                    if num_answers or attempt == ATTEMPTS:
                        message = f"{death}, at attempt {attempt} of {ATTEMPTS}, after {num_answers} answers"
                        raise DecoderCrashed(death.reason, message) from None
                else:
                    return

    def _ready(self) -> _Zygote:
        """Return a zygote that lives and has reported; a new one where the last has died."""
        with self._lock:
            if self._closed:
                raise DeviceError("the decoding sandbox is closed")
            if not self._zygote.lives():
                self._zygote.close()
                self._zygote = _Zygote(self._entry)
            self._zygote.facts()
            return self._zygote

    def _fork(self, evidence: int) -> tuple[socket.socket, socket.socket]:
        for _ in range(ATTEMPTS):
            zygote = self._ready()
            try:
                return zygote.fork(evidence)
            except (ConnectionError, TimeoutError):
                zygote.close()  # it died since it was asked; the next turn starts another
            except OSError as error:
                raise DeviceError(f"no child could be asked for: {error}") from error
        raise DeviceError("the process that forks decoders dies as soon as it is started")


class _Died(Exception):
    """The child ended without an outcome.

    Args:
        reason: As `InputError.reason`.
        message: How it ended, in words.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class _Zygote:
    """The sandbox's handle on the process in `pipelines.zygote`."""

    def __init__(self, entry: str) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(_START_SECONDS)
        self._facts: dict[str, str] | None = None
        paths = json.dumps([os.path.abspath(path) for path in sys.path])  # noqa: PTH100 - `Path` would drop the empty one
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-c", _BOOT, str(theirs.fileno()), entry, str(os.getpid()), paths],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    env=inherited | _ENVIRONMENT,
                    start_new_session=True,  # an interrupt typed at a terminal is for the sandbox to handle
                )
            except OSError as error:
                self._control.close()
                raise DeviceError(f"no process for decoding could be started: {error}") from error

    def lives(self) -> bool:
        return self._process.poll() is None

    def facts(self) -> dict[str, str]:
        """Wait for the first and only message that comes up: the zygote is ready, and this is how it confines."""
        if self._facts is None:
            try:
                message = self._control.recv(65_536)
            except OSError as error:
                raise DeviceError(f"the process that forks decoders did not start: {error}") from error
            if not message:
                raise DeviceError("the process that forks decoders failed at its start; its error is on standard error")
            self._facts = json.loads(message)
        return self._facts

    def fork(self, evidence: int) -> tuple[socket.socket, socket.socket]:
        """Ask for a child; return our ends of its socket and of its life line."""
        answers, child_answers = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        life, child_life = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with child_answers, child_life:
            try:
                socket.send_fds(self._control, [b"J"], [evidence, child_answers.fileno(), child_life.fileno()])
            except OSError:
                answers.close()
                life.close()
                raise
        return answers, life

    def close(self) -> None:
        """End it with all its children."""
        self._control.close()
        if self._facts is None:
            self._process.kill()  # still importing: it has no children, and would be noticed only afterwards
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class _Job:
    """One child at work, and the clock that runs while we wait for it."""

    def __init__(self, answers: socket.socket, life: socket.socket, request: Request, seconds: float) -> None:
        self._socket = answers
        self._life = life
        self._request = request
        self._seconds = seconds
        self._seconds_left = seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def answers(self) -> Iterator[Answer]:
        """Ask, then yield answers up to the outcome."""
        reader = AnswerReader(self._read_into, self._request)
        try:
            self._send(encode_request(self._request))
            while True:
                answer = reader.read()
                yield answer
                if not isinstance(answer, Frame | Waveform):
                    return
        except ProtocolViolation as violation:
            message = f"the decoder answered nonsense and was ended: {violation}"
            raise DecoderCrashed("protocol", message) from None
        except TimeoutError:
            message = f"the decoder was waited for {self._seconds:.0f} s, its deadline for a recording of this size"
            raise DecoderTimeout("deadline", message) from None
        except (EOFError, ConnectionError):
            self._raise_death()

    def _send(self, request: bytes) -> None:
        self._socket.settimeout(self._seconds_left)
        self._socket.sendall(request)

    def _read_into(self, view: memoryview) -> None:
        """Fill `view`. Only time spent in here counts: a slow consumer does not cost the child its life."""
        while view.nbytes:
            if self._seconds_left <= 0:
                raise TimeoutError
            self._socket.settimeout(self._seconds_left)
            began = time.monotonic()
            count = self._socket.recv_into(view)
            self._seconds_left -= time.monotonic() - began
            if count == 0:
                raise EOFError
            view = view[count:]

    def _raise_death(self) -> NoReturn:
        """Say how the child ended, whose socket has closed."""
        self._life.settimeout(_DEATH_SECONDS)
        try:
            message = self._life.recv(STATUS.size)
        except TimeoutError:
            raise DecoderCrashed("protocol", "the decoder closed its socket, stayed, and was ended") from None
        except ConnectionError:
            message = b""
        if len(message) != STATUS.size:
            raise _Died("killed", "the process that forks decoders was killed, and the decoder with it")
        code, fork_errno = STATUS.unpack(message)
        if fork_errno:
            raise DeviceError(f"no process for decoding could be forked: {os.strerror(fork_errno)}")
        if code == OUT_OF_MEMORY:
            raise LimitExceeded("memory", "decoding needs more memory than limits.decoder_memory_bytes allows")
        if -code == signal.SIGXCPU:
            raise DecoderTimeout("processor_time", "the decoder used more processor time than its deadline allows")
        if code < 0:
            raise _Died(f"signal {-code}", f"the decoder died of signal {-code} ({signal.strsignal(-code)})")
        raise DecoderCrashed(f"exit {code}", f"the decoder left with status {code} and without an outcome")

    def _end(self) -> None:
        """Have the child killed, if it lives, and wait until it is reaped."""
        self._socket.close()
        with self._life as life, contextlib.suppress(OSError):  # nobody there: then it has been reaped already
            life.shutdown(socket.SHUT_WR)
            life.settimeout(_END_SECONDS)
            life.recv(STATUS.size)


def _deadline(limits: Limits, num_bytes: int) -> float:
    return limits.deadline_floor_seconds + limits.deadline_seconds_per_megabyte * num_bytes / 1e6
