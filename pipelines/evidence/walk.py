"""The walk: every file under the evidence that was given, in one order, whatever it is.

Folders are read in the order of their names' bytes; archives in their own. Of a file that is no recording no more is
read than its first 4 kB. Nothing is followed, nothing is written but copies under names of our own.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from detect.errors import ConfigError, InputError, UnreadableMedia
from pipelines.evidence.containers import Containers, Level, Where
from pipelines.evidence.image_segments import find_segments, segment_number
from pipelines.evidence.intake import Found, Intake, failed
from pipelines.evidence.members import from_unix
from pipelines.evidence.options import Options
from pipelines.evidence.scratch import Scratch
from pipelines.evidence.signatures import HEAD_BYTES, SEGMENT, Nature, nature
from pipelines.evidence.streams import Pulse
from pipelines.items import Container, ContainerState, Entry, Step
from pipelines.names import escape

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_QUIET = getattr(os, "O_NOATIME", 0)
_FILE, _FOLDER, _LINK, _SPECIAL = b"\0f", b"\0d", b"\0l", b"\0s"
"""What a name is, behind a NUL, which no name has: sorting by name costs one string a file and nothing else."""
_SYMLINK = Nature("none", "symlink", "symlink", "a symbolic link; what it names is not followed")
_DEVICE = Nature("none", "special", "special", "a device, pipe or socket: it has no content")
_REASONS = {
    errno.EACCES: "permission", errno.EPERM: "permission", errno.ENOENT: "vanished", errno.ESTALE: "vanished",
    errno.ENAMETOOLONG: "path_too_long",
}  # fmt: skip


def walk(
    roots: Sequence[Path],
    options: Options,
    scratch: Scratch,
    *,
    listed: frozenset[str] = frozenset(),
    after: Mapping[str, int] | None = None,
    pulse: Pulse | None = None,
    on_level: Callable[[list[Level]], None] | None = None,
) -> Iterator[Entry | Container]:
    """Find every file.

    Args:
        roots: Folders and files.
        options: Limits, passwords, known-file sets.
        scratch: Where copies out of containers go; a consumer that leaves them there brings this to a halt.
        listed: Chains of containers that are not opened again.
        after: Where a listing goes on: chain of a container to its members that are done.
        pulse: Moves as work is done.
        on_level: Called with the containers that are open, outermost first, when one is entered or left.

    Yields:
        Files, and each container behind its last file.

    Raises:
        ConfigError: a root is not there.
        DeviceError: the scratch folder's disk is full or fails.
    """
    pulse = pulse or Pulse()
    intake = Intake(options, scratch, pulse)
    containers = Containers(options, intake, pulse, listed, after or {}, on_level or (lambda _: None))
    excluded = {os.path.realpath(os.fsencode(path)) for path in (*options.exclude, scratch.folder)}
    folders = _Walk(intake, containers, excluded, pulse, after or {})
    for path, chain in name_roots(roots):
        yield from folders.root(path, chain)


def name_roots(roots: Sequence[Path]) -> list[tuple[bytes, str]]:
    """Real paths of the evidence, and the chain that each begins: its name, numbered where two have the same.

    Raises:
        ConfigError: one is not there.
    """
    named: list[tuple[bytes, str]] = []
    times: dict[str, int] = {}
    for root in roots:
        path = os.path.realpath(os.fsencode(root))
        if not os.path.lexists(path):
            raise ConfigError(f"{root} is not there")
        # With a slash behind it: what would end in the separator of chains is escaped.
        name = escape(path.rpartition(b"/")[2] + b"/")[:-1]
        count = times[name] = times.get(name, 0) + 1
        named.append((path, name if count == 1 else f"{name}\\#{count}"))
    return named


def is_container(path: Path) -> bool:
    """Whether a file holds others: an archive or a disk image, by its content."""
    try:
        with path.open("rb") as file:
            descriptor = file.fileno()
            size = os.fstat(descriptor).st_size
            head = os.pread(descriptor, HEAD_BYTES, 0)
            said = nature(head, os.fsencode(path.name), size, lambda at, count: os.pread(descriptor, count, at))
    except OSError:
        return False
    return said.fate == "container"


class _Folder(NamedTuple):
    path: bytes
    chain: str
    names: Iterator[bytes]
    segments: set[bytes]
    """Files that belong to a disk image that has been opened by its first file."""


class _Walk:
    """The part that reads folders."""

    def __init__(
        self, intake: Intake, containers: Containers, excluded: set[bytes], pulse: Pulse, after: Mapping[str, int]
    ) -> None:
        self._intake = intake
        self._containers = containers
        self._excluded = excluded
        self._pulse = pulse
        self._after = after
        self._flags = _OPEN | _QUIET

    def root(self, path: bytes, chain: str) -> Iterator[Entry | Container]:
        """List one of the roots."""
        if self._containers.is_listed(chain):
            return
        try:
            mode = os.lstat(path).st_mode
        except OSError as error:
            yield failed(_found(path, chain), _translate(error))
            return
        if not stat.S_ISDIR(mode):
            kind = _FILE if stat.S_ISREG(mode) else _SPECIAL
            yield from self._file(path, chain, path.rpartition(b"/")[2], kind, set())
            return
        level = self._containers.enter(chain)
        skip = self._after.get(chain, 0)
        # A stack, not recursion: folders nest deeper than Python calls may.
        stack: list[_Folder] = []
        first = self._open(path, chain)
        if isinstance(first, Entry):
            yield first
        else:
            stack.append(first)
        while stack:
            folder = stack[-1]
            tagged = next(folder.names, None)
            if tagged is None:
                stack.pop()
                continue
            name, kind = tagged[:-2], tagged[-2:]
            inner = folder.path.rstrip(b"/") + b"/" + name
            if kind == _FOLDER:
                if inner in self._excluded:
                    continue
                # The slash counts: `x!` before a slash would read as a container.
                opened = self._open(inner, f"{folder.chain}/{escape(name + b'/')[:-1]}")
                if isinstance(opened, _Folder):
                    stack.append(opened)
                    continue
                if level.ordinal[0] >= skip:
                    yield opened
            elif level.ordinal[0] >= skip:
                yield from self._file(inner, f"{folder.chain}/{escape(name)}", name, kind, folder.segments)
            level.ordinal[0] += 1
        state: ContainerState = "listed" if isinstance(first, _Folder) else "unreadable"
        yield Container(chain=chain, kind="folder", state=state, num_members=level.ordinal[0])
        self._containers.leave()

    def _open(self, path: bytes, chain: str) -> _Folder | Entry:
        """List a folder's names in order; a row of its own where that cannot be done."""
        try:
            with os.scandir(path) as entries:
                names = [entry.name + _kind(entry) for entry in entries]
        except OSError as error:
            return failed(_found(path, chain), _translate(error, "this folder"))
        names.sort()
        self._flags = _OPEN | _QUIET  # another owner's folder may have changed that
        self._pulse.beats += 1
        return _Folder(path, chain, iter(names), set())

    def _file(
        self, path: bytes, chain: str, name: bytes, kind: bytes, segments: set[bytes]
    ) -> Iterator[Entry | Container]:
        self._pulse.beats += 1
        if kind in (_LINK, _SPECIAL):
            yield self._intake.entry(_found(path, chain), _SYMLINK if kind == _LINK else _DEVICE)
            return
        if self._containers.is_listed(chain):
            self._remember(path, name, segments)
            return
        descriptor = -1
        try:
            descriptor = self._descriptor(path)
            status = os.fstat(descriptor)
            head = os.read(descriptor, HEAD_BYTES) if stat.S_ISREG(status.st_mode) else b""
        except OSError as error:
            if descriptor >= 0:
                os.close(descriptor)
            yield failed(_found(path, chain), _translate(error))
            return
        try:
            size = status.st_size
            locator = (Step("file", escape(path)),)
            found = Found(chain, locator, size, from_unix(status.st_mtime))
            if not stat.S_ISREG(status.st_mode):  # exchanged for something else since the folder was read
                yield self._intake.entry(found, _DEVICE)
                return
            if path in segments:
                yield self._intake.entry(found, SEGMENT)
                return
            said = nature(head, name, size, lambda at, count: os.pread(descriptor, count, at))
            if said.fate == "none" and not self._intake.hash_all:
                yield self._intake.entry(found, said)
            else:
                yield from self._look(found, said, descriptor, path, name, segments)
        except OSError as error:
            yield failed(_found(path, chain), _translate(error))
        finally:
            os.close(descriptor)

    def _look(
        self, found: Found, said: Nature, descriptor: int, path: bytes, name: bytes, segments: set[bytes]
    ) -> Iterator[Entry | Container]:
        """What costs more than its first bytes."""
        budget = self._containers.budget(found.num_bytes or 0)
        try:
            taken = self._intake.plain(descriptor) if said.fate == "recording" or self._intake.hash_all else None
        except InputError as error:
            yield failed(found, error)
            return
        if said.fate == "container":
            if said.kind == "image":
                self._remember(path, name, segments)
            if taken is not None and self._intake.alert(taken) is not None:
                row = Nature("none", said.kind, "container", "a container that is flagged; what is in it is listed")
                yield self._intake.entry(found, row, taken)
            yield from self._containers.list(found, said.kind, Where(Path(os.fsdecode(path)), name, 1, budget))
            return
        if said.fate == "none":
            yield self._intake.entry(found, said, taken)
            return
        attached = self._containers.attached(found, descriptor, found.num_bytes or 0, name, budget, 1)
        yield self._intake.entry(found._replace(notes=attached.notes), said, taken)
        yield from attached.listing

    def _remember(self, path: bytes, name: bytes, segments: set[bytes]) -> None:
        """Note the further files of a disk image: they are no files of their own."""
        place = segment_number(os.fsdecode(name))
        if place is not None:
            try:
                files = find_segments(Path(os.fsdecode(path)), place[0])
            except InputError:
                return
            segments.update(os.fsencode(file) for file in files.values())
            segments.discard(path)

    def _descriptor(self, path: bytes) -> int:
        """Open to read, without leaving a trace in the file's access time where that is allowed."""
        try:
            return os.open(path, self._flags)
        except PermissionError as error:
            if error.errno != errno.EPERM or not self._flags & _QUIET:
                raise
            self._flags = _OPEN
            return os.open(path, _OPEN)


def _found(path: bytes, chain: str) -> Found:
    return Found(chain, (Step("file", escape(path)),), None, None)


def _kind(entry: os.DirEntry[bytes]) -> bytes:
    try:
        if entry.is_symlink():
            return _LINK
        if entry.is_dir(follow_symlinks=False):
            return _FOLDER
        if entry.is_file(follow_symlinks=False):
            return _FILE
    except OSError:  # the file system does not say, and neither does the file: opening it will
        return _FILE
    return _SPECIAL


def _translate(error: OSError, what: str = "it") -> UnreadableMedia:
    reason = _REASONS.get(error.errno or 0, "io_error")
    return UnreadableMedia(reason, f"{what} cannot be read: {error.strerror or error}")
