"""The bytes of one member again: after its copy is gone, or on another host."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from detect.errors import DeviceError, InputError, UnreadableMedia
from pipelines.evidence.opening import open_reader
from pipelines.evidence.options import Options
from pipelines.evidence.streams import CHUNK_BYTES, Budget, Stream
from pipelines.items import Locator
from pipelines.names import unescape


def fetch(locator: Locator, options: Options, target: BinaryIO) -> None:
    """Copy a file's bytes, from wherever it lies.

    Nested containers on the way are copied to unnamed files in the folder of temporary files.

    Args:
        locator: See `Entry.locator`.
        options: The ones it was found with: limits and passwords.
        target: Where the bytes go.

    Raises:
        InputError: the evidence is not there any more, or cannot be read.
        DeviceError: writing fails.
    """
    (kind, key), *steps = locator
    if kind != "file":
        raise UnreadableMedia("locator", f"a way to a file does not begin with {kind!r}")
    try:
        path = Path(os.fsdecode(unescape(key)))
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        raise UnreadableMedia("vanished", f"the evidence cannot be opened: {error}") from error
    budget = Budget(options.limits, size)
    with ExitStack() as stack:
        for index, (kind, key) in enumerate(steps):
            reader = stack.enter_context(
                open_reader(kind, path, path.name.encode(errors="surrogateescape"), options, budget)
            )
            stream = reader.find(key)
            if index == len(steps) - 1:
                _copy(stream, target, budget)
                return
            with _writing():
                file = stack.enter_context(tempfile.TemporaryFile())
            _copy(stream, file, budget)
            with _writing():
                file.flush()
            path = Path(f"/proc/self/fd/{file.fileno()}")
        try:
            source = stack.enter_context(path.open("rb"))
        except OSError as error:
            raise UnreadableMedia("vanished", f"the evidence cannot be opened: {error.strerror}") from error
        shutil.copyfileobj(source, target, CHUNK_BYTES)


def _copy(stream: Stream, target: BinaryIO, budget: Budget) -> None:
    count = 0
    while data := stream.read(CHUNK_BYTES):
        count += len(data)
        budget.check_member(count)
        with _writing():
            target.write(data)


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except OSError as error:
        raise DeviceError(f"a copy could not be written: {error.strerror}") from error
