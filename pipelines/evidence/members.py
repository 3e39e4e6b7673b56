"""What a reader of containers offers, whatever the format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple, Protocol, Self

from detect.errors import InputError
from pipelines.evidence.streams import Stream

MemberKind = Literal["file", "folder", "symlink", "hardlink", "special"]


class Member(NamedTuple):
    """One entry of a container's directory; its claims are not facts."""

    name: bytes
    """As stored: any bytes, a path that leads anywhere. It is only ever shown."""
    key: str
    """Finds it again: a position or an index."""
    open: Callable[[], Stream]
    """Its bytes. Of a container that is read in one pass only until the next member is asked for."""
    kind: MemberKind = "file"
    num_bytes: int | None = None
    modified: str | None = None
    notes: tuple[str, ...] = ()


class Reader(Protocol):
    """A container that is open for reading."""

    kind: str

    @property
    def trouble(self) -> InputError | None:
        """After the listing: what of the container could not be listed."""
        ...

    @property
    def facts(self) -> Mapping[str, str]:
        """What the container says of itself; complete after the listing."""
        ...

    def members(self) -> Iterator[Member]:
        """All members in the container's own order.

        Raises:
            InputError: the listing ends here; what was listed before stands.
        """
        ...

    def find(self, key: str) -> Stream:
        """The bytes of one member.

        Raises:
            InputError: there is none of this key, or it cannot be read.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def from_unix(seconds: float) -> str | None:
    """ISO 8601 in UTC of a Unix time; None where no calendar has it."""
    try:
        return (_EPOCH + timedelta(seconds=int(seconds))).isoformat()
    except (OverflowError, ValueError):
        return None


def from_dos(date: int, time: int) -> str | None:
    """ISO 8601 without offset of an MS-DOS date and time (PKWARE APPNOTE 4.4.6); None where it is no date."""
    year, month, day = 1980 + (date >> 9), date >> 5 & 15, date & 31
    hour, minute, second = time >> 11, time >> 5 & 63, (time & 31) * 2
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 60):
        return None
    return f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}"
