r"""The run log: what a scan did, one event a line, each line bound to the one before it by its digest.

A line is a JSON object `{"at", "event", "prev", "seq", ...}`. `prev` is the SHA-256 of the bytes of the line before,
with its newline (`sed -n 7p run.jsonl | sha256sum` gives what line 8 says); the first line's is 64 zeros and the
job's id. So a line that is edited, dropped, added or moved is found at the first line that does not fit. Whoever
rewrites all lines, or cuts some off at the end, is found by the head alone: the digest of the last line and the number
of lines, which belong in the signed manifest.

An event is handed to the operating system before `append` returns, and survives the death of this process; those in
`_DURABLE` are on the disk by then. What `kill -9` or a power cut left of a line goes into a `recovered` event that is
written over it. Lines say what was done and carry digests, not names: the log can be shown where evidence cannot.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NoReturn, Self

from detect.errors import UnmaskError
from detect.types import ItemState
from pipelines.names import escape

Event = Literal["begin", "resume", "recovered", "container", "item", "interrupt", "worker_died", "end"]

_DURABLE = frozenset({"begin", "resume", "recovered", "interrupt", "end"})
"""Written through to the disk. The others are in the ledger as well, which is durable by itself."""
_TAIL_BYTES = 1 << 20
"""Verified when a log is opened: some thousand lines, in 20 ms. `verify_log` verifies all."""
_TORN_BYTES = 1 << 17
"""Longest torn end that is taken over: `append` leaves one line at most, a file system's lost pages some more. Escaped,
and escaped again in JSON, it is five times as long, and still within the tail at the next opening."""
_LINE_BYTES = 1 << 20
"""Longest line that is read: a log is evidence too, and may be hostile."""
_ZEROS = "0" * 64


class ChainBroken(UnmaskError):
    """The log is not what was written.

    Args:
        index: Number of the first line that does not fit, from 1.
        why: What is wrong with it.
    """

    def __init__(self, index: int, why: str) -> None:
        super().__init__(f"line {index} of the run log: {why}")
        self.index = index
        self.why = why

    def __reduce__(self) -> tuple[type[ChainBroken], tuple[int, str]]:
        return type(self), (self.index, self.why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where a log ends. Signed elsewhere, it fixes every line before."""

    num_lines: int
    sha256: str
    """Of the last line, hexadecimal; the first line's `prev` where there is no line."""


class RunLog:
    """A job's log, open for appending. One process at a time: the ledger sees to that.

    Use `open`, and it as a context manager, or close it.
    """

    def __init__(self, path: Path, descriptor: int, size: int, head: Head) -> None:
        self._path = path
        self._descriptor = descriptor
        self._size = size
        self._head = head

    @classmethod
    def open(cls, path: Path, job: str) -> Self:
        """Open the log of a job, or begin one.

        The last `_TAIL_BYTES` are verified, and a torn end is turned into a `recovered` event.

        Raises:
            ChainBroken: the end of the log is not what was written.
            OSError: the file cannot be written.
        """
        with contextlib.ExitStack() as stack:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
            stack.callback(os.close, descriptor)
            _sync_folder(path.parent)
            head, size, torn = _read_end(path, job)
            log = cls(path, descriptor, size, head)
            if torn:
                log._recover(torn)
            stack.pop_all()
        return log

    @property
    def head(self) -> Head:
        """Where the log ends now."""
        return self._head

    def append(self, event: Event, /, **facts: Any) -> int:
        """Write an event.

        Args:
            event: What happened.
            facts: JSON values; none named `at`, `event`, `prev` or `seq`.

        Returns:
            The line's number.

        Raises:
            ChainBroken: somebody else has written to the file.
            OSError: the disk is full or broken; the log is as it was before, or its end is torn.
        """
        line = self._line(event, facts)
        self._write(line, self._size)
        if event in _DURABLE:
            os.fsync(self._descriptor)
        return self._head.num_lines

    def item(self, seq: int, chain: str, state: ItemState, reason: str | None, report: Path | None) -> int:
        """Write that an item has ended: its number in the ledger, digests of its name and of its report.

        Raises:
            OSError: the report cannot be read, or as `append`.
        """
        facts = {"item": seq, "chain_sha256": chain_digest(chain), "state": str(state), "reason": reason}
        if report is not None:
            with report.open("rb") as file:
                facts["report_sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
        return self.append("item", **facts)

    def close(self) -> None:
        """Write everything through to the disk and let go."""
        if self._descriptor >= 0:
            os.fsync(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _line(self, event: Event, facts: dict[str, Any]) -> bytes:
        chained = {"seq": self._head.num_lines + 1, "at": _now(), "event": event, "prev": self._head.sha256}
        if taken := chained.keys() & facts.keys():
            raise ValueError(f"{sorted(taken)} are the log's own words")
        return json.dumps(chained | facts, sort_keys=True, separators=(",", ":"), allow_nan=False).encode() + b"\n"

    def _write(self, line: bytes, size: int) -> None:
        """Write a line where the last good one ends, in a file that must have `size` bytes."""
        if os.fstat(self._descriptor).st_size != size:
            raise ChainBroken(self._head.num_lines + 1, f"another process writes to {self._path} as well")
        written = 0
        os.lseek(self._descriptor, self._size, os.SEEK_SET)
        try:
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
        except OSError:
            if size == self._size:
                os.ftruncate(self._descriptor, size)  # a full disk leaves half a line; the log goes on without it
            raise
        self._size += len(line)
        self._head = Head(num_lines=self._head.num_lines + 1, sha256=hashlib.sha256(line).hexdigest())

    def _recover(self, torn: bytes) -> None:
        """Write the torn end as an event, over it: at no time is neither of them there."""
        line = self._line("recovered", {"num_bytes": len(torn), "torn": escape(torn)})
        self._write(line, self._size + len(torn))  # its text alone is as long as `torn`: nothing sticks out behind
        os.fsync(self._descriptor)


def chain_digest(chain: str) -> str:
    """What stands for an item's name: the SHA-256 of its chain, hexadecimal."""
    return hashlib.sha256(chain.encode()).hexdigest()


def verify_log(path: Path, job: str, head: Head | None = None) -> Head:
    """Verify every line of a log.

    Args:
        path: The log.
        job: The job's id.
        head: Where it has to end, from a manifest whose signature holds. Without it lines that were cut off at the
            end, and an edit of the last line, cannot be found.

    Returns:
        Where it ends.

    Raises:
        ChainBroken: names the first line that does not fit.
        OSError: the file cannot be read.
    """
    found = Head(num_lines=0, sha256=_ZEROS + job)
    with path.open("rb") as file:
        for line in iter(lambda: file.readline(_LINE_BYTES), b""):
            found = _follow(found, line)
            if head is not None and found.num_lines == head.num_lines and found.sha256 != head.sha256:
                raise ChainBroken(found.num_lines, "is not the last line that was signed")
            if head is not None and found.num_lines > head.num_lines:
                raise ChainBroken(found.num_lines, f"stands behind the {head.num_lines} lines that were signed")
    if head is not None and found.num_lines < head.num_lines:
        why = f"is missing, with all behind it: {head.num_lines} lines were signed"
        raise ChainBroken(found.num_lines + 1, why)
    return found


def _follow(head: Head, line: bytes) -> Head:
    """The head behind a line that has to come next."""
    index = head.num_lines + 1
    if not line.endswith(b"\n"):
        raise ChainBroken(index, "has no end")
    record = _parse(line)
    if record is None:
        raise ChainBroken(index, "is no event")
    if record["prev"] != head.sha256:
        raise ChainBroken(index, "does not carry the digest of what is before it")
    if record["seq"] != index:
        raise ChainBroken(index, f"says it is line {record['seq']}")
    return Head(num_lines=index, sha256=hashlib.sha256(line).hexdigest())


def _parse(line: bytes) -> dict[str, Any] | None:
    """An event with its own words in their types; None for everything else."""
    try:
        record = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or type(record.get("seq")) is not int:
        return None
    return record if all(isinstance(record.get(key), str) for key in ("at", "event", "prev")) else None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _read_end(path: Path, job: str) -> tuple[Head, int, bytes]:
    """Verify the last lines; the head, where the last good line ends, and the torn bytes behind it."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        start = file.seek(max(0, size - _TAIL_BYTES))
        if start:
            start += len(file.readline())  # it began before
        lines = file.read().splitlines(keepends=True)
    num_good = len(lines)
    while num_good and (not lines[num_good - 1].endswith(b"\n") or _parse(lines[num_good - 1]) is None):
        num_good -= 1
    torn = b"".join(lines[num_good:])
    if len(torn) > _TORN_BYTES or (start and not num_good):
        return verify_log(path, job), size, b""  # names the first bad line, unless one line is longer than the tail
    head = Head(num_lines=0, sha256=_ZEROS + job)
    if start and (first := _parse(lines[0])):  # where it stands is believed; the lines behind are held against it
        head = Head(num_lines=first["seq"] - 1, sha256=first["prev"])
    for line in lines[:num_good]:
        head = _follow(head, line)
    return head, size - len(torn), torn


def _sync_folder(folder: Path) -> None:
    """Make a new file's name durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
