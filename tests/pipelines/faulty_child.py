"""A child's entry that breaks in the way its evidence names, and decodes everything else as `pipelines.child` does.

Evidence is a text: `FAULT segfault`, or `SYNTHETIC 20 1080 1920` for that many pictures of that size without a codec.
Tests point a `Sandbox` here; nothing of this is known to the product.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import resource
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from detect.decoded import VideoOutcome
from detect.errors import UnreadableMedia
from pipelines import child, wire
from pipelines.wire import AnswerWriter, Request
from tests.pipelines.synthetic import synthetic_frame, synthetic_media

_libc = ctypes.CDLL(None, use_errno=True)


def run(request: Request, evidence: BinaryIO, answers: AnswerWriter) -> None:
    first = evidence.readline(200).split()
    evidence.seek(0)
    if first[:1] == [b"SYNTHETIC"]:
        _synthetic(request, answers, *map(int, first[1:]))
    elif first[:1] == [b"FAULT"]:
        _FAULTS[first[1].decode()](answers)
    else:
        child.run(request, evidence, answers)


def _synthetic(request: Request, answers: AnswerWriter, count: int, height: int, width: int) -> None:
    if request.job == "survey":
        answers.answer(synthetic_media(count))
        return
    for index in range(count):
        answers.answer(synthetic_frame(index, height, width))
    answers.answer(VideoOutcome(num_decoded=count, num_expected=count))


def _segfault(answers: AnswerWriter) -> None:
    ctypes.string_at(0)


def _segfault_after_two(answers: AnswerWriter) -> None:
    answers.answer(synthetic_frame(0, 16, 16))
    answers.answer(synthetic_frame(1, 16, 16))
    ctypes.string_at(0)


def _abort(answers: AnswerWriter) -> None:
    os.abort()


def _leave(answers: AnswerWriter) -> None:
    os._exit(7)


def _silence(answers: AnswerWriter) -> None:
    """End properly, without an outcome."""


def _raise(answers: AnswerWriter) -> None:
    raise ValueError("not an error of the tree")


def _hang(answers: AnswerWriter) -> None:
    sum(itertools.repeat(0))  # a loop in C that neither ends nor gives the interpreter lock away


def _sleep(answers: AnswerWriter) -> None:
    time.sleep(3600)


def _trickle(answers: AnswerWriter) -> None:
    """One byte of an endless document now and then."""
    os.write(answers._descriptor, wire._pack(wire.Kind.OUTCOME, length=2**20))
    while True:
        os.write(answers._descriptor, b" ")
        time.sleep(0.05)


def _memory(answers: AnswerWriter) -> None:
    np.ones(4 * 2**30, np.uint8)


def _memory_in_pieces(answers: AnswerWriter) -> None:
    """All there is, touched, in blocks small enough that even the error needs memory that is not there."""
    hoard = []
    while True:
        hoard.append(bytearray(2**16))


def _garbage(answers: AnswerWriter) -> None:
    os.write(answers._descriptor, os.urandom(4096))
    time.sleep(3600)


def _close_and_stay(answers: AnswerWriter) -> None:
    os.close(answers._descriptor)
    time.sleep(3600)


def _escape(answers: AnswerWriter) -> None:
    """Try what a taken-over decoder would try; say how each attempt ended."""

    def system_call(number: int, *arguments: int) -> str:
        result = _libc.syscall(number, *[ctypes.c_long(a) for a in arguments])
        return "ALLOWED" if result >= 0 else errno_name()

    def errno_name() -> str:
        return os.strerror(ctypes.get_errno())

    def attempt(action: Callable[[], object]) -> str:
        try:
            action()
        except (OSError, ValueError) as error:
            return str(error)
        return "ALLOWED"

    text = ctypes.create_string_buffer(b"/etc/passwd")
    page = ctypes.addressof(text)
    parent = os.getppid()
    assert parent > 1
    attempts = {
        "open for reading": attempt(lambda: Path("/etc/passwd").read_bytes()),
        "open for writing": attempt(lambda: Path("/tmp/escaped").write_bytes(b"x")),
        "own memory": attempt(lambda: Path("/proc/self/mem").open("rb+").close()),
        "list": attempt(lambda: list(Path("/").iterdir())),
        "remove": attempt(lambda: Path("/tmp/escaped").unlink()),
        "IPv4 socket": attempt(lambda: socket.socket(socket.AF_INET)),
        "Unix socket": attempt(lambda: socket.socket(socket.AF_UNIX)),
        "socket pair": attempt(socket.socketpair),
        "pipe": attempt(os.pipe),
        "fork": attempt(os.fork),
        "exec": attempt(lambda: os.execv("/bin/true", ["true"])),  # noqa: S606 - to see it refused
        "signal parent": attempt(lambda: os.kill(parent, 0)),
        "memory file": attempt(lambda: os.memfd_create("x")),
        "priority": attempt(lambda: os.nice(-5)),
        "limit": attempt(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (9, 9))),
        "outlive parent": "ALLOWED" if _libc.prctl(1, 0, 0, 0, 0) == 0 else errno_name(),
    }
    if os.uname().machine == "x86_64":  # numbers of asm/unistd_64.h
        attempts |= {
            "ptrace": system_call(101, 16, parent, 0, 0),
            "process_vm_readv": system_call(310, parent, page, 0, page, 0, 0),
            "mount": system_call(165, page, page, page, 0, 0),
            "unshare": system_call(272, 0x10000000),
            "bpf": system_call(321, 0, page, 8),
            "io_uring_setup": system_call(425, 1, page),
            "openat2": system_call(437, -100, page, page, 24),
            "pidfd_open": system_call(434, parent, 0),
            "executable memory": system_call(9, 0, 4096, 0x7, 0x22, -1, 0),
            "executable page": system_call(10, page & ~0xFFF, 4096, 0x5),
            "fork by clone": system_call(56, 17, 0, 0, 0, 0),
            "fork by clone3": system_call(435, page, 88),
            "vfork": system_call(58),
            "dup": system_call(32, 0),
            "x32 getpid": system_call(0x40000000 | 39),
        }
    answers.error(UnreadableMedia("attempts", json.dumps(attempts)))


_FAULTS: dict[str, Callable[[AnswerWriter], None]] = {
    "segfault": _segfault,
    "segfault_after_two": _segfault_after_two,
    "abort": _abort,
    "leave": _leave,
    "silence": _silence,
    "raise": _raise,
    "hang": _hang,
    "sleep": _sleep,
    "trickle": _trickle,
    "memory": _memory,
    "memory_in_pieces": _memory_in_pieces,
    "garbage": _garbage,
    "close_and_stay": _close_and_stay,
    "escape": _escape,
}
