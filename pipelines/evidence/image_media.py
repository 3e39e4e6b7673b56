"""The sectors of a disk image, whatever they are stored in; damaged ones are said, never made up.

Everything above reads through `Media.read_at`, which stops short of the first byte that is not known to be right.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from detect.errors import UnreadableMedia
from pipelines.evidence.image_segments import SegmentFiles

SECTOR_BYTES = 512
"""What damage is counted in; images of disks with sectors of 4,096 bytes are counted in these as well."""
_MAX_RANGES = 50
"""Ranges of sectors that a sentence names; more are counted."""


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """Bytes of an image, `end` not included."""

    start: int
    end: int


@dataclass(slots=True)
class Ranges:
    """A set of bytes of an image: disjoint ranges in order."""

    ranges: list[Range] = field(default_factory=list)

    def add(self, start: int, end: int) -> None:
        """Add a range; neighbours grow together."""
        low = bisect.bisect_left(self.ranges, start, key=lambda known: known.end)
        high = bisect.bisect_right(self.ranges, end, key=lambda known: known.start)
        if low < high:
            start, end = min(start, self.ranges[low].start), max(end, self.ranges[high - 1].end)
        self.ranges[low:high] = [Range(start, end)]

    def first(self, start: int, end: int) -> Range | None:
        """The first range that has bytes of this one."""
        place = bisect.bisect_right(self.ranges, start, key=lambda known: known.end)
        if place < len(self.ranges) and self.ranges[place].start < end:
            return self.ranges[place]
        return None

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __str__(self) -> str:
        """Sectors, as a person writes them: `64-127, 4096`."""
        return sectors_text(self.ranges)


def sectors_text(ranges: Iterable[Range]) -> str:
    """Sectors of 512 bytes that the ranges touch: `64-127, 4096`."""
    texts: list[str] = []
    num_more = 0
    for known in ranges:
        if len(texts) == _MAX_RANGES:
            num_more += 1
            continue
        first, last = known.start // SECTOR_BYTES, (known.end - 1) // SECTOR_BYTES
        texts.append(str(first) if first == last else f"{first}-{last}")
    return ", ".join(texts) + (f" and {num_more} more ranges" if num_more else "")


class Media(Protocol):
    """What a disk image holds."""

    num_bytes: int
    """Of the disk, as the image says."""
    damage: Ranges
    """What was found to be damaged or missing so far."""
    doubtful: Ranges
    """Bytes that the acquisition could not read; the image has something in their place."""
    facts: Mapping[str, str]
    """What the image says of itself."""
    incomplete: tuple[str, ...]
    """Sentences: what of the image is missing."""

    def read_at(self, offset: int, count: int) -> bytes:
        """Read, up to the first damaged byte.

        Raises:
            UnreadableMedia: the byte at `offset` is damaged or missing, reason `image:damaged`; or a file failed.
        """
        ...

    def verify(self, on_progress: Callable[[], None] | None = None) -> tuple[str, ...]:
        """Read all and compare it with whatever checksums and hashes the image has.

        Args:
            on_progress: Called after every few megabytes.

        Returns:
            Sentences: what does not fit.

        Raises:
            UnreadableMedia: a file failed.
        """
        ...

    def close(self) -> None:
        """Let go of the files."""
        ...


class RawMedia:
    """Sectors as they are, in one file or in several of which each but the last is as long as the first.

    A segment that is missing between others has its place kept, as damage.

    Args:
        paths: Segments by number.

    Raises:
        UnreadableMedia: a file cannot be opened.
    """

    def __init__(self, paths: Mapping[int, Path]) -> None:
        self._files = SegmentFiles(paths)
        self.damage = Ranges()
        self.doubtful = Ranges()
        numbers = sorted(paths)
        first = min(numbers[0], 1)  # counted from 000 or from 001
        step = self._files.size(numbers[0])
        self._starts: list[int] = []
        self._numbers: list[int | None] = []
        position = 0
        missing = []
        for number in range(first, numbers[-1] + 1):
            there = number in paths
            size = self._files.size(number) if there else step
            if not there:
                missing.append(number)
                self.damage.add(position, position + size)
            self._starts.append(position)
            self._numbers.append(number if there else None)
            position += size
        self.num_bytes = position
        self.facts: Mapping[str, str] = {"segments": str(len(paths))} if len(paths) > 1 else {}
        names = ", ".join(f".{number:03d}" for number in missing)
        self.incomplete: tuple[str, ...] = (f"segment files are missing: {names}",) if missing else ()

    def read_at(self, offset: int, count: int) -> bytes:
        """See `Media.read_at`."""
        end = min(offset + count, self.num_bytes)
        parts = []
        while offset < end:
            place = bisect.bisect_right(self._starts, offset) - 1
            number = self._numbers[place]
            stop = self._starts[place + 1] if place + 1 < len(self._starts) else self.num_bytes
            part = b""
            if number is not None:
                part = self._files.read(number, offset - self._starts[place], min(end, stop) - offset)
            if not part:
                break
            parts.append(part)
            offset += len(part)
        if not parts and offset < end:
            raise UnreadableMedia("image:damaged", f"sector {offset // SECTOR_BYTES} lies in a missing segment file")
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def verify(self, on_progress: Callable[[], None] | None = None) -> tuple[str, ...]:  # noqa: ARG002
        """Raw sectors have nothing to be compared with."""
        return ()

    def close(self) -> None:
        """See `Media.close`."""
        self._files.close()
