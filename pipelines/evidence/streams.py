"""Bytes as they come out of containers: readable once, from the start, counted, and refused beyond the limits."""

from __future__ import annotations

import os
from typing import Protocol

from detect.errors import LimitExceeded, UnreadableMedia
from pipelines.evidence.options import ArchiveLimits

CHUNK_BYTES = 1 << 18
"""Read size: at 256 kB the cost of a call vanishes beside hashing (1 GB/s); larger ones only take memory."""


class Stream(Protocol):
    """Bytes of one member."""

    notes: tuple[str, ...]
    """What a reader should know of them; complete at the end."""

    def read(self, num_bytes: int) -> bytes:
        """Return up to `num_bytes` of what comes next, none at the end; by then everything has been verified.

        Raises:
            InputError: damaged, cut, encrypted, or over a limit.
        """
        ...


class Pulse:
    """How far a listing has come: what watches it from outside sees it move, or not."""

    def __init__(self) -> None:
        self.beats = 0
        self.waiting = False
        """Whether it waits for the consumer, and so may stand still."""


class Budget:
    """What may still come out of one file of a folder.

    Args:
        limits: Bounds.
        source_bytes: Size of that file.
        pulse: Moves with every byte that is counted.
    """

    def __init__(self, limits: ArchiveLimits, source_bytes: int, pulse: Pulse | None = None) -> None:
        self.limits = limits
        self.pulse = pulse or Pulse()
        self.spent = 0
        """Bytes that came out, of all layers."""
        self._nested = limits.nested_free_bytes + limits.ratio * source_bytes

    def spend(self, num_bytes: int) -> None:
        """Count bytes that came out of any layer.

        Raises:
            LimitExceeded: more than may.
        """
        self.pulse.beats += 1
        self.spent += num_bytes
        if self.spent > self.limits.total_bytes:
            raise LimitExceeded("archive:total", f"more than {self.limits.total_bytes} bytes come out of this file")
        if self.spent > self._nested:
            raise LimitExceeded("archive:ratio", f"{self.spent} bytes came out of this file, far more than went in")

    @property
    def exhausted(self) -> bool:
        """Whether the file as a whole is over a limit, so that nothing more may be read of it."""
        return self.spent > min(self.limits.total_bytes, self._nested)

    def check_ratio(self, out: int, consumed: int) -> None:
        """Compare what came out of one stream with what went in.

        Raises:
            LimitExceeded: more than the ratio allows.
        """
        if out > self.limits.ratio_free_bytes and out > self.limits.ratio * max(consumed, 1):
            raise LimitExceeded("archive:ratio", f"{consumed} bytes expand to more than {out}")

    def check_member(self, out: int) -> None:
        """Compare the size of one member with the limit.

        Raises:
            LimitExceeded: it is larger.
        """
        if out > self.limits.member_bytes:
            raise LimitExceeded("archive:member", f"larger than {self.limits.member_bytes} bytes")


class Window:
    """A stretch of a file, as a stream.

    Args:
        descriptor: Of the file; read at positions, so that several windows can share it.
        start: First byte.
        num_bytes: Length; None: to the file's end, wherever that is.
    """

    def __init__(self, descriptor: int, start: int, num_bytes: int | None) -> None:
        self._descriptor = descriptor
        self._position = start
        self._left = num_bytes
        self.notes: tuple[str, ...] = ()

    def read(self, num_bytes: int) -> bytes:
        """See `Stream.read`."""
        if self._left is not None:
            num_bytes = min(num_bytes, self._left)
        if num_bytes <= 0:
            return b""
        data = pread(self._descriptor, num_bytes, self._position)
        if not data and self._left:
            raise UnreadableMedia("truncated", f"{self._left} bytes are missing where the file ends")
        self._position += len(data)
        if self._left is not None:
            self._left -= len(data)
        return data

    def skip(self, num_bytes: int) -> bool:
        """Go on behind bytes that are not wanted; False where the stretch ends before."""
        if self._left is not None:
            if num_bytes > self._left:
                return False
            self._left -= num_bytes
        self._position += num_bytes
        return True


def pread(descriptor: int, num_bytes: int, position: int) -> bytes:
    """Read at a position; fewer bytes only where the file ends.

    Raises:
        UnreadableMedia: the medium cannot be read.
    """
    try:
        data = os.pread(descriptor, num_bytes, position)
        while len(data) < num_bytes:
            more = os.pread(descriptor, num_bytes - len(data), position + len(data))
            if not more:
                break
            data += more
    except (OSError, OverflowError) as error:
        raise UnreadableMedia("io_error", f"reading failed at byte {position}: {error}") from error
    return data


def read_full(stream: Stream, num_bytes: int) -> bytes:
    """Read exactly so many bytes, fewer only at the end."""
    data = stream.read(num_bytes)
    if len(data) == num_bytes or not data:
        return data
    parts, missing = [data], num_bytes - len(data)
    while missing and (data := stream.read(missing)):
        parts.append(data)
        missing -= len(data)
    return b"".join(parts)
