"""The small parent that forks decoding children: everything is imported once, then a job costs one fork.

A process of its own, started by `pipelines.sandbox`, holding nothing secret and running one thread. It talks over a
socket that keeps message borders:

    up    once: JSON facts, what protections a trial child has measured on this host
    down  per job: one byte with three descriptors: the evidence, the job's socket for request and answers, and the
          job's life line

The life line is how a child is ended: when the sandbox closes its end, or dies, the child is killed. When the child has
ended, its exit status goes up the life line. When the sandbox's socket closes, everything here ends. The zygote itself
does not ask the kernel to be killed with its parent: that signal follows the thread that started it, not the process.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import select
import signal
import socket
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NoReturn

from detect.errors import DecoderCrashed, InputError
from pipelines import confine
from pipelines.wire import OUT_OF_MEMORY, STATUS, AnswerWriter, Request, read_request

_ORPHAN_CHECK_MS = 1_000
"""How often to look whether the parent is still there, should another process hold our socket's other end open."""
_TRIAL_MEMORY = 2**28
_TRIAL_CPU_SECONDS = 10

Run = Callable[[Request, BinaryIO, AnswerWriter], None]
"""What the entry module offers as `run`: do one job, already confined."""


def main(descriptor: int, entry: str, parent: int) -> None:
    """Serve jobs until the sandbox is gone.

    Args:
        descriptor: The control socket.
        entry: Module whose `run` does a job; imported here, so that children find it loaded.
        parent: Process id of the sandbox's process.

    Raises:
        RuntimeError: an import has started threads; forking then is not safe.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    control = socket.socket(fileno=descriptor)
    run: Run = importlib.import_module(entry).run
    if len(list(Path("/proc/self/task").iterdir())) != 1:
        raise RuntimeError(f"importing {entry} has started threads")
    facts = {"network_namespace": confine.detach_from_network()}
    # What is loaded now stays: keep the collector from touching, and so copying, its pages in every child.
    gc.collect()
    gc.freeze()
    facts |= _trial()
    try:
        control.send(json.dumps(facts).encode())
    except ConnectionError:
        return  # closed before it was ready
    _Nursery(control, run, parent, facts).serve()


class _Nursery:
    """The children that live, and the loop that waits for news of them."""

    def __init__(self, control: socket.socket, run: Run, parent: int, facts: dict[str, str]) -> None:
        self._control = control
        self._run = run
        self._parent = parent
        self._facts = facts
        self._children: dict[int, socket.socket] = {}
        """Process id to life line."""
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        wake, woken = os.pipe()
        os.set_blocking(woken, False)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        # Not SIG_IGN: the kernel would then reap the children and their status would be lost.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._wake = wake
        self._poll.register(wake, select.POLLIN)

    def serve(self) -> None:
        """Fork, kill and reap until the sandbox is gone; then kill and reap the rest."""
        while os.getppid() == self._parent:
            ready = {descriptor for descriptor, _ in self._poll.poll(_ORPHAN_CHECK_MS)}
            if self._wake in ready:
                os.read(self._wake, 4096)
                self._reap()
            for process, line in list(self._children.items()):
                if line.fileno() in ready:
                    self._poll.unregister(line)
                    os.kill(process, signal.SIGKILL)  # cannot be somebody else: only `_reap` frees the number
            if self._control.fileno() in ready and not self._accept():
                break
        for process in self._children:
            os.kill(process, signal.SIGKILL)
        while self._children:
            self._reap(block=True)

    def _accept(self) -> bool:
        """Take one job. False when the sandbox has closed its socket."""
        try:
            message, descriptors, _, _ = socket.recv_fds(self._control, 1, 3)
        except ConnectionError:
            return False
        if len(descriptors) != 3:  # closed, or this process has run out of descriptors: the job's sockets close
            for descriptor in descriptors:
                os.close(descriptor)
            return bool(message)
        evidence, answers, life = descriptors
        line = socket.socket(fileno=life)
        own = os.getpid()
        try:
            process = os.fork()
        except OSError as error:
            with line:
                _tell(line, 0, error.errno or -1)
        else:
            if process == 0:
                _be_child(lambda: self._work(evidence, answers, own))
            self._children[process] = line
            self._poll.register(line, select.POLLIN)
        os.close(evidence)
        os.close(answers)
        return True

    def _reap(self, *, block: bool = False) -> None:
        while self._children:
            process, status = os.waitpid(-1, 0 if block else os.WNOHANG)
            if process == 0:
                return
            with self._children.pop(process) as line:
                with contextlib.suppress(KeyError):  # it was told to end before it did
                    self._poll.unregister(line)
                _tell(line, os.waitstatus_to_exitcode(status), 0)

    def _work(self, evidence: int, answers: int, zygote: int) -> None:
        """One job, in the child."""
        confine.die_with_parent(zygote)
        confine.close_all_but({0, 1, 2, evidence, answers})
        request = read_request(answers)
        writer = AnswerWriter(answers)
        file = io.BufferedReader(io.FileIO(evidence, "rb", closefd=False))
        os.dup2(1, 2)  # /dev/null: from here on nothing that the evidence causes reaches a terminal or a log
        protections = confine.confine(
            memory_bytes=request.config.limits.decoder_memory_bytes, cpu_seconds=request.cpu_seconds
        )
        if not protections.items() <= self._facts.items():
            writer.error(DecoderCrashed("confinement", "this child is less confined than the trial child was"))
            return
        try:
            self._run(request, file, writer)
        except InputError as error:
            writer.error(error)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)  # a message would need what there is none of
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever hostile evidence provokes becomes this item's state
            writer.error(DecoderCrashed("exception", f"{type(error).__name__}: {error}"))


def _tell(line: socket.socket, code: int, fork_errno: int) -> None:
    with contextlib.suppress(OSError):  # nobody waits for it
        line.send(STATUS.pack(code, fork_errno))


def _trial() -> dict[str, str]:
    """Confine a child, let it try what must fail, and return what it found."""
    readable, writable = os.pipe()
    own = os.getpid()
    process = os.fork()
    if process == 0:

        def measure() -> None:
            confine.die_with_parent(own)
            confine.close_all_but({0, 1, 2, writable})
            facts = confine.confine(memory_bytes=_TRIAL_MEMORY, cpu_seconds=_TRIAL_CPU_SECONDS)
            os.write(writable, json.dumps(facts | confine.check(own)).encode())

        _be_child(measure)
    os.close(writable)
    with os.fdopen(readable, "rb") as pipe:
        text = pipe.read()
    if os.waitpid(process, 0)[1] != 0:
        raise RuntimeError("the trial child did not survive its own confinement")
    facts: dict[str, str] = json.loads(text)
    return facts


def _be_child(work: Callable[[], None]) -> NoReturn:
    """Run `work` and leave, whatever happens, without the parent's clean-up."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        work()
        code = 0
    except BrokenPipeError:
        pass  # the sandbox has heard enough
    except Exception:  # noqa: BLE001 - the last stop before the process ends; its status tells the parent
        traceback.print_exc()
    finally:
        os._exit(code)
