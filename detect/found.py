"""What examining one recording brought, before it is put into numbers and words."""

from __future__ import annotations

from dataclasses import dataclass, field

from detect.decoded import Media
from detect.errors import InputError
from detect.listen import Heard
from detect.watch import Watched


@dataclass(slots=True, kw_only=True)
class Found:
    """What examining one recording brought, before it is put into numbers and words."""

    name: str
    sha256: str
    num_bytes: int
    media: Media | None = None
    error: InputError | None = None
    """Why there is nothing to report on."""
    watched: list[Watched] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    lost: dict[int, InputError] = field(default_factory=dict)
    """Streams whose decoder failed on the way, by index."""
