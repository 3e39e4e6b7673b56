"""Finding out whether an audit log is what was written: entry by entry, against its own chain and against checkpoints.

The chain alone finds every entry that was edited, taken out, put in or moved, unless everything behind it was made
anew as well, or is gone. That a log is shorter than it was, was put back from an old copy, or was made anew by somebody
who can write to the database is found against a checkpoint that was kept where that somebody cannot write
(`service.audit.checkpoint`); what happened behind the last checkpoint cannot be.

The entry that is named is the first that does not fit. What became of it is the likeliest explanation, not a proof.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Literal

from service.audit.checkpoint import Checkpoint
from service.audit.entry import Damaged, Entry, Line, Withheld, begins, link
from service.results.verifier import visible

Kind = Literal[
    "edited",
    "deleted",
    "inserted",
    "reordered",
    "empty",
    "truncated",
    "restored",
    "rewritten",
    "foreign_checkpoint",
    "checkpoint_signature",
]

_AHEAD = 1000
"""Entries behind the first bad one that are looked at to tell what became of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that is not as it was written."""

    kind: Kind
    index: int | None
    """Number of the first entry concerned, from 1; None where it is a checkpoint that is wrong."""
    why: str

    def text(self) -> str:
        """For a person."""
        return f"problem ({self.kind}): {'' if self.index is None else f'entry {self.index} '}{self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of verifying a log."""

    problems: tuple[Problem, ...]
    """The first that the log shows, if any, and then what is wrong with checkpoints."""
    remarks: tuple[str, ...]
    """What a reader has to know even where there is no problem."""
    log: str
    """Id of the log; empty where its beginning is not there."""
    num_entries: int
    """Entries from the first on that are as they were written."""
    num_withheld: int
    """Those of them that can be followed but not read."""
    digest: str
    """Of the last of them."""
    num_checkpoints: int
    """Checkpoints that the log was found to go through."""

    @property
    def good(self) -> bool:
        """Whether nothing was found."""
        return not self.problems

    def text(self) -> str:
        """For a person."""
        withheld = f", {self.num_withheld} of them withheld" if self.num_withheld else ""
        lines = [f"log: {self.log}"] if self.log else []
        lines += [f"entries as they were written: {self.num_entries}{withheld}"]
        lines += [f"digest of the last of them: {self.digest}"] if self.digest else []
        lines += [f"checkpoints that it goes through: {self.num_checkpoints}"]
        lines += [problem.text() for problem in self.problems]
        lines += [f"note: {remark}" for remark in self.remarks]
        lines += ["NOT GOOD: the log is not what was written" if self.problems else "GOOD: all is as it was written"]
        return "\n".join(map(visible, lines))


def verify(entries: Iterable[Line], checkpoints: Sequence[Checkpoint] = (), *, key: bytes | None = None) -> Verdict:
    """Follow a log from its first entry to its last, or to the first that does not fit.

    Args:
        entries: The whole log in its order, once through; no more than `_AHEAD` are held at a time.
        checkpoints: What was kept elsewhere, in any order.
        key: The signer's public key, 32 bytes; None takes each checkpoint's own, which shows that it is as somebody
            signed it, not who.
    """
    sound = [checkpoint for checkpoint in checkpoints if checkpoint.signed_by(key)]
    walk = _Walk(sorted(sound, key=lambda checkpoint: checkpoint.seq))
    found = walk.follow(iter(entries))
    problems = [] if found is None else [found]
    whose = "its own" if key is None else "the given"
    problems += [
        Problem(
            kind="checkpoint_signature",
            index=None,
            why=f"the checkpoint at entry {checkpoint.seq} is not signed by {whose} key: it proves nothing",
        )
        for checkpoint in checkpoints
        if checkpoint not in sound
    ]
    problems += [
        Problem(
            kind="foreign_checkpoint",
            index=None,
            why=f"the checkpoint at entry {checkpoint.seq} belongs to {checkpoint.log}, another log than this",
        )
        for checkpoint in walk.foreign
    ]
    return Verdict(
        problems=tuple(problems),
        remarks=tuple(_remarks(sound, key, walk)),
        log=walk.log,
        num_entries=walk.seq - 1,
        num_withheld=walk.num_withheld,
        digest=walk.digest,
        num_checkpoints=walk.num_passed,
    )


def _remarks(sound: Sequence[Checkpoint], key: bytes | None, walk: _Walk) -> Iterator[str]:
    if not sound:
        yield "without a checkpoint it cannot be told whether entries are missing at the end, or all were made anew"
    elif walk.num_passed:
        behind = walk.seq - 1 - walk.last_passed
        yield f"the last checkpoint is at entry {walk.last_passed}; for the {behind} behind it there is only the chain"
    if sound and key is None:
        marks = ", ".join(sorted({checkpoint.fingerprint for checkpoint in sound}))
        yield (
            "the key was taken from the checkpoint itself: compare its fingerprint with one that reached you by "
            f"another way: {marks}"
        )
    if walk.num_withheld:
        yield "whether an entry that is withheld belongs to the case, only whoever has the whole log can tell"


class _Walk:
    """A way along a log."""

    def __init__(self, checkpoints: list[Checkpoint]) -> None:
        self._pending = checkpoints
        self.foreign: list[Checkpoint] = []
        self.log = self.digest = self._before = ""
        self.seq = 1  # of the entry that comes next
        self.num_withheld = self.num_passed = self.last_passed = 0
        self._late: int | None = None

    def follow(self, lines: Iterator[Line]) -> Problem | None:
        for line in lines:
            if isinstance(line, Damaged) or not self._fits(line):
                return self._explain(line, list(islice(lines, _AHEAD)))
            if isinstance(line, Entry) and self.seq == 1:
                self._begin(line.object)
            if problem := self._hold(line):
                return problem
            self.num_withheld += isinstance(line, Withheld)
            self._before, self.digest = self.digest, line.digest
            self.seq += 1
        return self._end()

    def _begin(self, log: str) -> None:
        self.log = log
        self.foreign = [each for each in self._pending if each.log != log]
        self._pending = [each for each in self._pending if each.log == log]

    def _fits(self, line: Entry | Withheld) -> bool:
        if line.seq != self.seq:
            return False
        if isinstance(line, Withheld):
            return self.seq > 1 and line.digest == link(self.digest, line.body)
        return self._joins(line) and line.whole()

    def _joins(self, entry: Entry) -> bool:
        """Whether an entry says that it belongs here."""
        return begins(entry) if self.seq == 1 else entry.prev == self.digest

    def _hold(self, line: Entry | Withheld) -> Problem | None:
        """Hold an entry against the checkpoint that comes next, and those that are at the same place."""
        while self._pending:
            mark = self._pending[0]
            if isinstance(line, Entry) and line.at > mark.at and self._late is None:
                self._late = self.seq
            if mark.seq != self.seq:
                break
            if mark.digest != line.digest:
                return self._restored(mark) or Problem(
                    kind="rewritten",
                    index=self.seq,
                    why=f"is not the one of the checkpoint: behind entry {self.last_passed} the log was made anew, "
                    "from some entry on that cannot be told",
                )
            self._pending.pop(0)
            self._late, self.last_passed = None, self.seq
            self.num_passed += 1
        return None

    def _restored(self, mark: Checkpoint) -> Problem | None:
        """What an entry tells that stands before a checkpoint and is younger than it."""
        if self._late is None:
            return None
        why = (
            f"was written after {_time(mark.at)}, when the log had {mark.seq} entries already: an older copy of the "
            "database was put back, and the log went on from there"
        )
        return Problem(kind="restored", index=self._late, why=why)

    def _end(self) -> Problem | None:
        if self.seq == 1:
            return Problem(kind="empty", index=1, why="is missing: there is no log, not even its beginning")
        if not self._pending:
            return None
        mark = self._pending[-1]
        why = (
            f"is missing, with all behind it: on {_time(mark.at)} the log had {mark.seq} entries; they were cut off, "
            "or an older copy of the database was put back"
        )
        return self._restored(self._pending[0]) or Problem(kind="truncated", index=self.seq, why=why)

    def _explain(self, line: Line, ahead: list[Line]) -> Problem:
        """What became of the entry that should be here, as far as the next ones tell."""
        if isinstance(line, Entry):
            return self._explain_entry(line, [each for each in ahead if isinstance(each, Entry)])
        if isinstance(line, Withheld) and line.seq > self.seq:
            return self._missing(line.seq)
        why = line.why if isinstance(line, Damaged) else "is withheld, and its digest does not follow from its body"
        return Problem(kind="edited", index=self.seq, why=why)

    def _explain_entry(self, entry: Entry, ahead: list[Entry]) -> Problem:
        seq = self.seq
        place = self._place_of(entry)
        right_one_follows = any(self._joins(each) and each.numbered(seq).whole() for each in ahead)
        if right_one_follows and place is not None:
            return Problem(kind="reordered", index=seq, why=f"is the one that was written as entry {place}")
        if right_one_follows:
            return Problem(kind="inserted", index=seq, why="was never part of the log; the one of this number follows")
        return self._explain_chain(entry, place)

    def _explain_chain(self, entry: Entry, place: int | None) -> Problem:
        """What became of the entry that should be here, and is not among the next ones."""
        seq = self.seq
        rivals = entry.prev == self._before and entry.digest != self.digest
        if seq > 1 and rivals and entry.numbered(seq - 1).whole():
            why = f"was put in, or takes the place of the one behind it: both follow entry {seq - 2}"
            return Problem(kind="inserted", index=seq - 1, why=why)
        if place is not None or entry.seq > seq:
            return self._missing(place or entry.seq)
        if entry.seq < seq:
            return Problem(kind="inserted", index=seq, why=f"says it is entry {entry.seq}, which was there before")
        if self._joins(entry) or not entry.whole() or seq == 1:
            return Problem(kind="edited", index=seq, why="is not what its digest was made of")
        why = f"was changed and sealed again: entry {seq} carries the digest of another"
        return Problem(kind="edited", index=seq - 1, why=why)

    def _place_of(self, entry: Entry) -> int | None:
        """The later number under which an entry was written, if it was."""
        places = range(self.seq + 1, self.seq + _AHEAD + 2)
        return next((seq for seq in (entry.seq, *places) if seq > self.seq and entry.numbered(seq).whole()), None)

    def _missing(self, place: int) -> Problem:
        last = "" if place == self.seq + 1 else f", with all up to {place - 1}"
        return Problem(kind="deleted", index=self.seq, why=f"is missing{last}: entry {place} stands in its place")


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(sep=" ", timespec="seconds").replace("+00:00", " UTC")
