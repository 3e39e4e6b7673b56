"""SHA-256 of files, each read once for as long as it stays the same file."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from weights.errors import WeightsError, WeightsMismatch

_Identity = tuple[int, int, int, int, int]

_known: dict[tuple[str, _Identity], str] = {}
"""Digests by path and identity; a process sees a few dozen checkpoints."""


def check_digest(path: Path, sha256: str, num_bytes: int | None = None) -> None:
    """Compare a file with what the manifest says of it.

    Args:
        path: The file.
        sha256: What its digest has to be, hexadecimal.
        num_bytes: What its size has to be, where it is known: a file of another size is not read at all.

    Raises:
        WeightsMismatch: it is another file, or none that can be read through.
        WeightsError: it cannot be read.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a named pipe would wait for ever
            raise WeightsMismatch(f"{path} is not a plain file")
        with path.open("rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            if num_bytes is not None and status.st_size != num_bytes:
                raise WeightsMismatch(
                    f"{path} has {status.st_size:,} bytes; the manifest says {num_bytes:,}. It is not used"
                )
            before = _identity(status)
            found = _known.get((str(path), before))
            if found is None:
                found = hashlib.file_digest(file, "sha256").hexdigest()
                if _identity(os.fstat(file.fileno())) == before:
                    _known[str(path), before] = found
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from error
    if found != sha256:
        raise WeightsMismatch(f"{path} has SHA-256 {found}; the manifest says {sha256}. It is not used")


def _identity(status: os.stat_result) -> _Identity:
    """Changes whenever the file is replaced or written to; the change time cannot be set back as the other can."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
