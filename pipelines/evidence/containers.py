"""Listing one container: a row for each member, those within nested containers too, and one for the container itself.

Nothing that a container does ends the walk: what is wrong with it becomes its state, and a row of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from detect.errors import InputError, LimitExceeded, UnreadableMedia
from detect.types import ItemState
from pipelines.evidence.intake import Found, Intake, Taken, failed
from pipelines.evidence.members import Member, Reader
from pipelines.evidence.opening import open_reader
from pipelines.evidence.options import Options
from pipelines.evidence.repeats import Repeats
from pipelines.evidence.signatures import HEAD_BYTES, Nature, nature
from pipelines.evidence.streams import Budget, Pulse, Stream, read_full
from pipelines.evidence.troubles import container_state, item_state
from pipelines.evidence.zip_directory import find_directory
from pipelines.items import Container, Entry, Step
from pipelines.names import escape, member

_NO_FILES: Mapping[str, str] = {
    "symlink": "a symbolic link; what it names is not followed",
    "hardlink": "a second name of another member of this archive",
    "special": "a device, pipe or socket: it has no content",
}


class Level(NamedTuple):
    """A container that is being listed."""

    chain: str
    ordinal: list[int]
    """One number: members that are done."""


class Where(NamedTuple):
    """How a container is read, and what it may cost."""

    path: Path
    name: bytes
    depth: int
    budget: Budget


class Containers:
    """Lists containers, however nested.

    Args:
        options: Limits, passwords.
        intake: Reads members.
        pulse: Moves.
        listed: Chains of containers that are not opened again.
        after: Chain to members of it that are done, where a listing goes on.
        on_level: Called with every container that is entered or left.
    """

    def __init__(
        self,
        options: Options,
        intake: Intake,
        pulse: Pulse,
        listed: frozenset[str],
        after: Mapping[str, int],
        on_level: Callable[[list[Level]], None],
    ) -> None:
        self._options = options
        self._intake = intake
        self._pulse = pulse
        self._listed = listed
        self._after = after
        self._on_level = on_level
        self.levels: list[Level] = []

    def budget(self, num_bytes: int) -> Budget:
        """What may come out of a file of a folder."""
        return Budget(self._options.limits, num_bytes, self._pulse)

    def is_listed(self, chain: str) -> bool:
        """Whether this container is not to be opened."""
        return chain in self._listed

    def enter(self, chain: str) -> Level:
        """A container begins."""
        level = Level(chain, [0])
        self.levels.append(level)
        self._on_level(self.levels)
        return level

    def leave(self) -> None:
        """The innermost container ends."""
        self.levels.pop()
        self._on_level(self.levels)

    def list(self, found: Found, kind: str, where: Where, *, row: bool = True) -> Iterator[Entry | Container]:
        """List one container: its members, itself where something of it could not be listed, and its row.

        Args:
            found: What is known of it as a file.
            kind: See `signatures.nature`.
            where: Its bytes.
            row: Whether it may have a row of its own; not where it hangs on a file that has one.
        """
        level = self.enter(found.chain)
        skip = self._after.get(found.chain, 0)
        count = 0
        trouble: InputError | None = None
        facts: Mapping[str, str] = {}
        try:
            if where.depth > self._options.limits.depth:
                raise LimitExceeded("archive:depth", f"nested deeper than {self._options.limits.depth} containers")
            with open_reader(kind, where.path, where.name, self._options, where.budget) as reader:
                kind = reader.kind
                for each, chain in self._named(reader, found.chain):
                    if count >= self._options.limits.members:
                        raise LimitExceeded("archive:members", f"more than {count} members")
                    count += each.kind != "folder"
                    if level.ordinal[0] >= skip:
                        yield from self._member(each, chain, found, reader, where)
                        if where.budget.exhausted:
                            where.budget.spend(0)
                    level.ordinal[0] += 1
                trouble = reader.trouble
                facts = dict(reader.facts)
        except InputError as error:
            trouble = error
        except MemoryError:
            trouble = LimitExceeded("archive:memory", "listing it needs more memory than is allowed")
        if trouble is not None and row:
            yield _of_itself(found, trouble, count)
        yield Container(
            chain=found.chain,
            kind=kind,
            state="listed" if trouble is None else container_state(trouble, count),
            num_members=count,
            detail="" if trouble is None else trouble.message,
            facts=facts,
        )
        self.leave()

    def attached(self, found: Found, descriptor: int, size: int, name: bytes, budget: Budget, depth: int) -> Attached:
        """Look for a ZIP archive at the end of a recording or program, which may be both.

        Returns:
            Its listing and a note; empty where there is none.
        """
        try:
            directory = find_directory(descriptor, size)
        except UnreadableMedia:
            directory = None
        if (
            directory is None
            or not directory.num_members
            or directory.volumes > 1
            or depth > self._options.limits.depth
        ):
            return Attached((), iter(()))
        where = Where(Path(f"/proc/self/fd/{descriptor}"), name, depth, budget)
        return Attached(("also a ZIP archive, which is listed",), self.list(found, "zip", where, row=False))

    def _named(self, reader: Reader, container: str) -> Iterator[tuple[Member, str]]:
        """Members with their chains, told apart where they share a name."""
        repeats = Repeats()
        for each in reader.members():
            self._pulse.beats += 1
            yield each, member(container, escape(each.name), repeats.count(each.name))

    def _member(
        self, each: Member, chain: str, container: Found, reader: Reader, where: Where
    ) -> Iterator[Entry | Container]:
        if each.kind == "folder" or self.is_listed(chain):
            return
        locator = (*container.locator, Step(reader.kind, each.key))
        found = Found(chain, locator, each.num_bytes, each.modified, each.notes)
        if each.kind != "file":
            kind = each.kind
            yield self._intake.entry(found, Nature("none", kind, kind, _NO_FILES[kind]))
            return
        try:
            stream = each.open()
            head = read_full(stream, HEAD_BYTES)
        except InputError as error:
            yield failed(found, error)
            return
        said = nature(head, each.name, each.num_bytes or len(head), lambda at, count: head[at : at + count])
        if said.fate == "none":
            yield self._unwanted(found, said, head, stream, where.budget)
        elif said.fate == "recording":
            yield from self._recording(found, said, head, stream, each.name, where)
        else:
            yield from self._nested(found, said, head, stream, each.name, where)

    def _unwanted(self, found: Found, said: Nature, head: bytes, stream: Stream, budget: Budget) -> Entry:
        if not self._intake.hash_all:
            return self._intake.entry(found, said)
        try:
            return self._intake.entry(found, said, self._intake.member(head, stream, budget, None))
        except InputError as error:
            return failed(found, error)

    def _recording(
        self, found: Found, said: Nature, head: bytes, stream: Stream, name: bytes, where: Where
    ) -> Iterator[Entry | Container]:
        descriptor = -1
        try:
            with self._intake.scratch.copy(nested=False) as copy:
                taken = self._intake.member(head, stream, where.budget, copy)
                descriptor = os.open(copy.path, os.O_RDONLY | os.O_CLOEXEC)
                attached = self.attached(found, descriptor, taken.num_bytes, name, where.budget, where.depth + 1)
                entry = self._intake.entry(
                    found._replace(notes=(*found.notes, *attached.notes)), said, taken, spool=copy.final_name
                )
                if entry.state is None:
                    copy.keep()
                else:
                    entry = self._intake.entry(found, said, taken)
            yield entry
            # By its descriptor: the consumer may be done with the copy by now, and have deleted it.
            yield from attached.listing
        except InputError as error:
            yield failed(found, error)
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def _nested(
        self, found: Found, said: Nature, head: bytes, stream: Stream, name: bytes, where: Where
    ) -> Iterator[Entry | Container]:
        """A container in a container, or a program that may be one: copied, listed, and its copy deleted."""
        if where.depth >= self._options.limits.depth:
            if said.fate == "program":
                yield self._unwanted(found, said, head, stream, where.budget)
            else:
                yield from self.list(found, said.kind, Where(where.path, name, where.depth + 1, where.budget))
            return
        with self._intake.scratch.copy(nested=True) as copy:
            taken: Taken | None = None
            try:
                taken = self._intake.member(head, stream, where.budget, copy)
            except InputError as error:
                trouble = error
            if taken is None:
                copy.close()
                yield failed(found, trouble)
                return
            found = found._replace(num_bytes=taken.num_bytes, notes=(*found.notes, *taken.notes))
            inner = Where(copy.path, name, where.depth + 1, where.budget)
            if said.fate == "program":
                descriptor = os.open(copy.path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    attached = self.attached(found, descriptor, taken.num_bytes, name, where.budget, where.depth + 1)
                    row = found._replace(notes=(*found.notes, *attached.notes))
                    yield self._intake.entry(row, said, taken if self._intake.hash_all else None)
                    yield from attached.listing
                finally:
                    os.close(descriptor)
                return
            copy.close()
            alert = self._intake.alert(taken) if self._intake.hash_all else None
            if alert is not None:
                yield self._intake.entry(found, Nature("none", said.kind, "container", _FLAGGED), taken)
            yield from self.list(found, said.kind, inner)


_FLAGGED = "a container that a known-file set flags; what is in it is listed under it"


class Attached(NamedTuple):
    """An archive that hangs on another file."""

    notes: tuple[str, ...]
    listing: Iterator[Entry | Container]


def _of_itself(found: Found, trouble: InputError, count: int) -> Entry:
    """The row of a container of which something could not be listed."""
    reason = trouble.reason
    if ":" not in reason and reason in ("truncated", "damaged", "crc", "io_error", "authentication"):
        reason = f"archive:{reason}"
    state: ItemState = item_state(trouble, count)
    message = f"{trouble.message}; {count} files in it were listed"
    return Entry(
        chain=found.chain, locator=found.locator, num_bytes=found.num_bytes, modified=found.modified,
        notes=found.notes, state=state, reason=reason, message=message,
    )  # fmt: skip
