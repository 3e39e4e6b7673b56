"""What a decoding child may still do: compute, read its evidence, answer. Linux, through ctypes.

Each protection reports `yes` or `no: <why>`; one that the host refuses is thereby named in every report, and the
others still stand. `detach_from_network` is called once, in the zygote, since making a network namespace costs
milliseconds and children inherit it. `confine` is called in each child before it touches the evidence.
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import os
import platform
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path

from pipelines import seccomp

# Linux UAPI: linux/prctl.h, linux/sched.h, linux/capability.h, linux/landlock.h.
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_CAPABILITY_VERSION_3 = 0x20080522
_LANDLOCK_CREATE_RULESET = 444
_LANDLOCK_RESTRICT_SELF = 446
_LANDLOCK_CREATE_RULESET_VERSION = 1
_LANDLOCK_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""ABI to the number of file rights it knows (execute, write, read, ... ioctl); later ABIs added none by version 7."""
_LANDLOCK_NETWORK_SINCE = 4
_LANDLOCK_SCOPES_SINCE = 6

_libc = ctypes.CDLL(None, use_errno=True)


def detach_from_network() -> str:
    """Move this process into an empty network namespace, with its own user namespace where that is allowed.

    Returns:
        `yes`, or `no: ` and why the host refuses.
    """
    if sys.platform != "linux":
        return "no: not Linux"
    if _call("unshare", _CLONE_NEWUSER | _CLONE_NEWNET) == 0:
        return "yes"
    refusal = _refusal()
    # A container that forbids user namespaces may still let root have a network namespace.
    return "yes" if _call("unshare", _CLONE_NEWNET) == 0 else refusal


def die_with_parent(parent: int) -> None:
    """Be killed when the parent ends; end at once if it already has.

    Args:
        parent: Process id of the parent, taken before the fork.
    """
    _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def close_all_but(keep: set[int]) -> None:
    """Close every descriptor but these."""
    edges = [-1, *sorted(keep), resource.getrlimit(resource.RLIMIT_NOFILE)[0]]
    for low, high in itertools.pairwise(edges):
        if low + 1 < high:  # an empty range starting at 0 would be taken for everything
            os.closerange(low + 1, high)


def confine(*, memory_bytes: int, cpu_seconds: int) -> dict[str, str]:
    """Give up, for good, everything that decoding does not need. No descriptor can be opened afterwards.

    Args:
        memory_bytes: Address space on top of what is mapped now.
        cpu_seconds: Processor time of all threads.

    Returns:
        Protection to `yes` or `no: <why>`.
    """
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    # The order matters: each step needs what a later one takes away.
    return {
        "first_out_of_memory": _volunteer(),
        "no_new_privileges": _answer(_call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)),
        "not_dumpable": _answer(_call("prctl", _PR_SET_DUMPABLE, 0, 0, 0, 0)),
        "no_capabilities": _drop_capabilities(),
        "landlock": _landlock(),
        "resource_limits": _limit(mapped + memory_bytes, cpu_seconds),
        "seccomp": _filter_system_calls(),
    }


def check(parent: int) -> dict[str, str]:
    """Try, in a confined process, what must fail; each answer is `refused` or `ALLOWED`.

    Args:
        parent: Process id of the parent, as somebody to signal (with signal 0, which does nothing).
    """

    def refused(attempt: Callable[[], object]) -> str:
        try:
            attempt()
        except OSError:
            return "refused"
        return "ALLOWED"

    def fork() -> None:
        if os.fork() == 0:
            os._exit(0)
        os.wait()

    return {
        "opening_files": refused(lambda: Path("/dev/null").read_bytes()),
        "opening_sockets": refused(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()),
        "starting_processes": refused(fork),
        "signalling_others": refused(lambda: os.kill(parent, 0)),
    }


def _call(name: str, *arguments: int) -> int:
    """Call a C function whose arguments are all integers of machine-word size."""
    return int(getattr(_libc, name)(*[ctypes.c_long(argument) for argument in arguments]))


def _refusal() -> str:
    return f"no: {errno.errorcode.get(ctypes.get_errno(), ctypes.get_errno())}"


def _answer(result: int) -> str:
    return "yes" if result == 0 else _refusal()


def _drop_capabilities() -> str:
    header = ctypes.create_string_buffer(struct.pack("<Ii", _CAPABILITY_VERSION_3, 0))
    nothing = ctypes.create_string_buffer(24)  # effective, permitted, inheritable, twice 32 bits each
    return _answer(_call("capset", ctypes.addressof(header), ctypes.addressof(nothing)))


def _volunteer() -> str:
    """When the whole host runs out of memory, a decoder is what the kernel should kill, not the service."""
    # Entering a user namespace has made this process undumpable, and its own file in /proc root's.
    _call("prctl", _PR_SET_DUMPABLE, 1, 0, 0, 0)
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError as error:
        return f"no: {errno.errorcode.get(error.errno or 0, error.errno)}"
    return "yes"


def _limit(address_space_bytes: int, cpu_seconds: int) -> str:
    """Set resource limits.

    The number of processes is not limited here: the kernel counts it per user, not per child. The filter refuses new
    processes, and threads are bounded by the address space that their stacks take.
    """
    wanted = {
        resource.RLIMIT_AS: (address_space_bytes, address_space_bytes),
        # SIGXCPU ends the child at the soft limit; SIGKILL follows if it has been caught.
        resource.RLIMIT_CPU: (cpu_seconds, cpu_seconds + 5),
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_CORE: (0, 0),
        # Descriptors that are open stay usable; no new one can be had.
        resource.RLIMIT_NOFILE: (0, 0),
    }
    for name, (soft, hard) in wanted.items():
        ceiling = resource.getrlimit(name)[1]
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)  # noqa: PLW2901 - a host's own limit can be lower still
        try:
            resource.setrlimit(name, (soft, hard))
        except (OSError, ValueError) as error:
            return f"no: {error}"
    return "yes"


def _landlock() -> str:
    """Deny files by path, TCP, and signals and abstract sockets out of the child, as far as this kernel knows each."""
    abi = _call("syscall", _LANDLOCK_CREATE_RULESET, 0, 0, _LANDLOCK_CREATE_RULESET_VERSION)
    if abi < 1:
        return _refusal()
    files = (1 << _LANDLOCK_FILE_RIGHTS[min(abi, max(_LANDLOCK_FILE_RIGHTS))]) - 1
    network = 0b11 if abi >= _LANDLOCK_NETWORK_SINCE else 0  # bind, connect
    scopes = 0b11 if abi >= _LANDLOCK_SCOPES_SINCE else 0  # abstract sockets, signals
    # A kernel takes a longer structure than it knows as long as what it does not know is zero.
    rules = ctypes.create_string_buffer(struct.pack("<QQQ", files, network, scopes), 24)
    ruleset = _call("syscall", _LANDLOCK_CREATE_RULESET, ctypes.addressof(rules), 24, 0)
    if ruleset < 0:
        return _refusal()
    answer = _answer(_call("syscall", _LANDLOCK_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)
    return f"yes: ABI {abi}" if answer == "yes" else answer


def _filter_system_calls() -> str:
    program = seccomp.program(platform.machine(), os.getpid())
    if program is None:
        return f"no: no filter for {platform.machine()}"
    code = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: the number of instructions, padding, and where they are.
    filter_ = ctypes.create_string_buffer(
        struct.pack("@HP", len(program) // seccomp.INSTRUCTION_BYTES, ctypes.addressof(code))
    )
    return _answer(_call("prctl", _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(filter_), 0, 0))
