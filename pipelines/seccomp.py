"""The system calls that decoding needs, as a program for the kernel's filter.

An allow-list: FFmpeg, numpy and Python compute, start threads, read the evidence and write answers with these. The rest
fails with EPERM, so that a library which tries something harmless goes on; a call under another processor mode's
numbering kills the child. Numbers from 403 on, common to all processors and newer than this list, fail with ENOSYS,
upon which the C library takes its older path (`clone3` to `clone`, whose flags can be looked at here).
"""

from __future__ import annotations

import errno
import struct

_LOAD_WORD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_NOT_LESS = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_KILL_PROCESS = 0x80000000
_FIRST_UNIFIED = 403
"""`clock_gettime64`: from here on Linux numbers calls alike on all processors (linux/asm-generic/unistd.h)."""
# struct seccomp_data: number, architecture, instruction pointer, then six arguments of 64 bits.
_AT_NUMBER = 0
_AT_ARCHITECTURE = 4
_AT_ARGUMENTS = 16

INSTRUCTION_BYTES = 8

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""AUDIT_ARCH_* of linux/audit.h; both little-endian, so the low word of an argument comes first."""

_CALLS = {
    # name: (x86_64, aarch64), None where there is no such call; most frequent first, as the kernel reads from the top.
    "read": (0, 63),
    "write": (1, 64),
    "writev": (20, 66),
    "readv": (19, 65),
    "pread64": (17, 67),
    "lseek": (8, 62),
    "futex": (202, 98),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "brk": (12, 214),
    "close": (3, 57),
    "fstat": (5, 80),
    "poll": (7, None),
    "ppoll": (271, 73),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "sched_getparam": (143, 121),
    "sched_getscheduler": (145, 120),
    "getcpu": (309, 168),
    "nanosleep": (35, 101),
    "clock_nanosleep": (230, 115),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "gettimeofday": (96, 169),
    "time": (201, None),
    "getrandom": (318, 278),
    "getpid": (39, 172),
    "getppid": (110, 173),
    "gettid": (186, 178),
    "getrusage": (98, 165),
    "sysinfo": (99, 179),
    "uname": (63, 160),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "set_robust_list": (273, 99),
    "rseq": (334, 293),
    "set_tid_address": (218, 96),
    "exit": (60, 93),
    "exit_group": (231, 94),
}

_CONDITIONAL = {
    # name: ((x86_64, aarch64), argument, mask, value): allowed where argument & mask == value.
    "mmap": ((9, 222), 2, 0x4, 0),  # no PROT_EXEC: no new code
    "mprotect": ((10, 226), 2, 0x4, 0),
    "clone": ((56, 220), 0, 0x10000, 0x10000),  # CLONE_THREAD: threads, no processes
    "prctl": ((157, 167), 0, 0xFFFFFFFF, 15),  # PR_SET_NAME: thread names
    "prlimit64": ((302, 261), 2, 0xFFFFFFFF, 0),  # ask, not set; the C library does when it makes a thread
}
_OWN_PROCESS = {"tgkill": (234, 131)}
"""First argument must be the child itself: how `abort` ends a process."""


def program(machine: str, process: int) -> bytes | None:
    """Build the filter.

    Args:
        machine: As `platform.machine()` names the processor.
        process: Id of the process that will be confined.

    Returns:
        Instructions for `PR_SET_SECCOMP`; None for a processor whose call numbers are not known here.
    """
    if machine not in _ARCHITECTURES:
        return None
    column = list(_ARCHITECTURES).index(machine)
    code = [
        (_LOAD_WORD, 0, 0, _AT_ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD_WORD, 0, 0, _AT_NUMBER),
        (_JUMP_NOT_LESS, 0, 1, _FIRST_UNIFIED),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
    ]
    for numbers in _CALLS.values():
        number = numbers[column]
        if number is not None:
            code += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    conditional = [(numbers[column], *rule) for numbers, *rule in _CONDITIONAL.values()]
    conditional += [(numbers[column], 0, 0xFFFFFFFF, process) for numbers in _OWN_PROCESS.values()]
    for number, argument, mask, value in conditional:
        code += [
            (_JUMP_EQUAL, 0, 5, number),
            (_LOAD_WORD, 0, 0, _AT_ARGUMENTS + 8 * argument),
            (_AND, 0, 0, mask),
            (_JUMP_EQUAL, 0, 1, value),
            (_RETURN, 0, 0, _ALLOW),
            (_RETURN, 0, 0, _ERRNO | errno.EPERM),
        ]
    code.append((_RETURN, 0, 0, _ERRNO | errno.EPERM))
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in code)
