"""Taking a file in: its digests and its copy in one pass, and what the known-file sets say of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from detect.errors import InputError, UnreadableMedia
from detect.types import ItemState
from pipelines.evidence.options import Options
from pipelines.evidence.scratch import Copy, Scratch
from pipelines.evidence.signatures import Nature
from pipelines.evidence.streams import CHUNK_BYTES, Budget, Pulse, Stream
from pipelines.items import Entry, Locator

if TYPE_CHECKING:
    from pipelines.known import KnownSets


class Found(NamedTuple):
    """What is known of a file before it is looked into."""

    chain: str
    locator: Locator
    num_bytes: int | None
    modified: str | None
    notes: tuple[str, ...] = ()


class Taken(NamedTuple):
    """What was read of a file."""

    num_bytes: int
    digests: Mapping[str, str]
    notes: tuple[str, ...] = ()


class Intake:
    """Reads files once.

    Args:
        options: Known-file sets.
        scratch: Where copies go.
        pulse: Moves as bytes are read.
    """

    def __init__(self, options: Options, scratch: Scratch, pulse: Pulse) -> None:
        self.scratch = scratch
        self._pulse = pulse
        self._known = _known_sets(options, scratch, pulse)
        self._algorithms = sorted({"sha256"} | (self._known.algorithms if self._known else frozenset()))
        self.hash_all = bool(options.known_alert)
        """Whether also what is not examined is hashed: a set of files to be flagged can name any file."""

    def plain(self, descriptor: int) -> Taken:
        """Hash a file of a folder, from its start.

        Raises:
            UnreadableMedia: reading fails.
        """
        hashers = [hashlib.new(name) for name in self._algorithms]
        position = 0
        while True:
            try:
                data = os.pread(descriptor, CHUNK_BYTES, position)
            except OSError as error:
                raise UnreadableMedia("io_error", f"reading failed at byte {position}: {error.strerror}") from error
            if not data:
                break
            position += len(data)
            self._pulse.beats += 1
            for hasher in hashers:
                hasher.update(data)
        return Taken(position, {hasher.name: hasher.hexdigest() for hasher in hashers})

    def member(self, head: bytes, stream: Stream, budget: Budget, copy: Copy | None) -> Taken:
        """Read a member to its end, after its head was.

        Raises:
            InputError: damaged, encrypted, or over a limit.
        """
        hashers = [hashlib.new(name) for name in self._algorithms]
        count, data = 0, head
        while data:
            count += len(data)
            budget.check_member(count)
            self._pulse.beats += 1
            for hasher in hashers:
                hasher.update(data)
            if copy is not None:
                copy.write(data)
            data = stream.read(CHUNK_BYTES)
        return Taken(count, {hasher.name: hasher.hexdigest() for hasher in hashers}, stream.notes)

    def entry(self, found: Found, nature: Nature, taken: Taken | None = None, spool: str | None = None) -> Entry:
        """The row of a file that was read; one that a set declares harmless ends here."""
        chain, locator, num_bytes, modified, notes = found
        if taken is None:
            return Entry(
                chain=chain, locator=locator, num_bytes=num_bytes, modified=modified, notes=notes,
                state=ItemState.UNSUPPORTED, reason=nature.reason, message=nature.message,
            )  # fmt: skip
        match = self._known.match(taken.digests) if self._known else None
        state, reason, message = None, None, ""
        if nature.fate != "recording":
            state, reason, message = ItemState.UNSUPPORTED, nature.reason, nature.message
        if match is not None and match.kind == "ok":
            state, reason, message = ItemState.KNOWN, match.set_name, f"one of the set {match.set_name}"
        return Entry(
            chain=chain, locator=locator, num_bytes=taken.num_bytes, modified=modified,
            notes=(*notes, *taken.notes), state=state, reason=reason, message=message, spool=spool,
            alert=match.set_name if match is not None and match.kind == "alert" else None,
            md5=taken.digests.get("md5"), sha1=taken.digests.get("sha1"), sha256=taken.digests.get("sha256"),
        )  # fmt: skip

    def alert(self, taken: Taken) -> str | None:
        """Name of the set that flags a file."""
        match = self._known.match(taken.digests) if self._known else None
        return match.set_name if match is not None and match.kind == "alert" else None


def failed(found: Found, error: InputError, state: ItemState | None = None) -> Entry:
    """The row of a file that could not be read."""
    return Entry(
        chain=found.chain, locator=found.locator, num_bytes=found.num_bytes, modified=found.modified,
        notes=found.notes, state=state or error.state, reason=error.reason, message=error.message,
    )  # fmt: skip


def _known_sets(options: Options, scratch: Scratch, pulse: Pulse) -> KnownSets | None:
    if not options.known_ok and not options.known_alert:
        return None
    from pipelines.known import KnownSets  # noqa: PLC0415 - reading sets needs libraries that a plain scan does not

    def beat() -> None:  # sorting a large list takes minutes
        pulse.beats += 1

    cache = options.known_cache or scratch.folder / "known"
    return KnownSets(options.known_ok, options.known_alert, cache, on_progress=beat)
