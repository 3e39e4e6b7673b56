"""One process at a time: a lock that goes when its process does, however that ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from detect.errors import ConfigError


@contextmanager
def only_one(path: Path, refusal: Callable[[str], str]) -> Iterator[None]:
    """Hold a lock file while the block runs.

    Args:
        path: Made where it is not there; it stays, and names the process that holds or held it.
        refusal: What to say where another process holds it, given that one's number.

    Raises:
        ConfigError: another process holds it, or the file cannot be written.
    """
    try:
        file = path.open("a+")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise ConfigError(refusal(file.read().strip())) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
