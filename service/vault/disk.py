"""What both stores ask of the file system: durable names, private folders, locks, room, and its errors in our words."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.vault.errors import StorageFailed, StorageFull

FOLDER_MODE = 0o700
"""Evidence is for the service's own user alone."""
FILE_MODE = 0o600
SEALED_MODE = 0o400
"""Of bytes that nothing is added to."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""No room: on the device, in a quota, under a limit for one file (errno(3); write(2))."""
_RESERVE_INODES = 1024
"""Files that can still be made: a folder and a lock for each of 256 first digest bytes, and as many for databases and
logs beside them."""


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Give the system's errors in this project's words.

    Args:
        doing: What cannot be done if it fails.

    Raises:
        StorageFull: there is no room.
        StorageFailed: anything else the system refuses.
    """
    try:
        yield
    except OSError as error:
        told = f"{doing}: {error.strerror or error}"
        if error.errno in _FULL:
            raise StorageFull(told) from error
        raise StorageFailed(told, error.errno or 0) from error


def make_folder(folder: Path) -> None:
    """Make a folder that is ours alone, durable under its name; one that is there becomes so.

    Raises:
        OSError: it cannot be made, or belongs to somebody else.
    """
    if not folder.parent.exists():
        make_folder(folder.parent)
    folder.mkdir(FOLDER_MODE, exist_ok=True)
    if folder.stat().st_mode & 0o777 != FOLDER_MODE:
        folder.chmod(FOLDER_MODE)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make names that came or went survive a power cut.

    Raises:
        OSError: they may not.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock(path: Path, *, wait: bool, create: bool) -> int:
    """Lock a file for whoever holds the descriptor: other threads and other processes are kept out alike.

    Args:
        path: The lock file; open for writing, since NFS makes exclusive locks only there (flock(2)).
        wait: Wait for it; else fail at once.
        create: Make it where it is missing.

    Returns:
        A descriptor; closing it gives the lock back, and so does the end of the process.

    Raises:
        FileNotFoundError: it is not there, or went while this waited.
        BlockingIOError: somebody else has it, and `wait` is not set.
        OSError: it cannot be opened.
    """
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if create else 0)
    descriptor = os.open(path, flags, FILE_MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        _see_it_is_there(descriptor, path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _see_it_is_there(descriptor: int, path: Path) -> None:
    # Whoever had it before may have removed it; a lock on a file without a name keeps nobody out.
    if not os.path.samestat(os.fstat(descriptor), path.lstat()):
        raise FileNotFoundError(errno.ENOENT, "it was replaced", str(path))


def check_room(folder: Path, num_bytes: int, reserve_bytes: int) -> None:
    """Refuse what would not fit.

    Args:
        folder: On the disk in question.
        num_bytes: To be written.
        reserve_bytes: What stays free whatever comes: a database that cannot write loses more than an upload.

    Raises:
        StorageFull: too little is free, in bytes or in files.
        OSError: the disk does not say.
    """
    state = os.statvfs(folder)
    free = state.f_bavail * state.f_frsize
    if free - reserve_bytes < num_bytes:
        raise StorageFull(f"{num_bytes} bytes do not fit: {free} are free, and {reserve_bytes} of them are kept so")
    if state.f_files and state.f_favail < _RESERVE_INODES:  # 0 where files are not counted, as on btrfs
        raise StorageFull(f"the disk has room for {state.f_favail} files only")
