"""What the holder of a recording knows of it that is not in its report."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """Something that happened to the recording while it was in this service's keeping."""

    at: datetime
    """With a time zone."""
    what: str
    """`received`, `examined`, `read_report`: the words of the audit log."""
    who: str
    """As the service names people; empty where it was the service itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFacts:
    """The recording as it was received."""

    job: str
    """Identity of the examination."""
    case: str
    """As its people call it; foreign text."""
    name: str
    """File name as it was handed in; foreign text."""
    sha256: str
    num_bytes: int
    custody: tuple[Custody, ...] = ()
    """In order of time."""

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError("the SHA-256 of a recording is 64 hexadecimal digits")
        if any(event.at.tzinfo is None for event in self.custody):
            raise ValueError("a time of custody has no time zone")
