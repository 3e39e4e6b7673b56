"""Streams of events, and the one task that looks into the database for all of them.

A stream keeps a number, up to which it has sent, and nothing else: what it sends next is taken from the latest events,
which all share, or from the database where it is further behind. So a client that does not read costs no memory, and
one that comes back with the number of what it saw last misses nothing and sees nothing twice.

What a person may see is asked together with the events, in the same transaction: nobody sees an event of a case that he
was no longer a member of when it was looked up.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from detect.errors import ConfigError
from pipelines.telling import how_far
from service.problems import Problem, TooMany
from service.state import Service
from service.store.events import events_between
from service.store.keys import Caller
from service.store.row import AnyRow
from service.store.tail import Tail
from service.store.watchers import Standing, running_jobs, standing

_log = structlog.get_logger("unmask.api")
_TICK_SECONDS = 0.4
"""Between two looks: sooner than a person notices, and no load on a database."""
_CHECK_SECONDS = 2.0
"""Between two looks at members and keys where nothing happens; with every event they are looked at anyway."""
_AGAIN_SECONDS = 5.0
"""Before the next look where the database failed."""
_RECENT = 1000
"""Events kept for those who read along: some minutes of a busy service, about a megabyte."""
_BATCH = 100
"""Events sent at a time, some 30 kB."""
_CATCHING_UP = 4
"""Streams that read the database at a time; requests have the other threads and connections."""


@dataclass(slots=True, eq=False, kw_only=True)
class Stream:
    """One client who watches a job, a case, or all of a person's cases."""

    caller: Caller
    session: str | None
    """Digest of the browser's session."""
    job: str | None = None
    case: str | None = None
    """The job's, too."""
    cases: frozenset[str]
    """Those that the person is a member of."""
    sent: int
    """Number of the last event that was sent or passed over."""
    known: bool = False
    """Whether what it may see was asked together with the latest events; until then it reads the database itself."""
    over: bool = False
    """Whether nothing more is for it: the service ends, or the person may not look any more."""
    progress: dict[str, Mapping[str, float]] = field(default_factory=dict)
    """Of jobs that are running, as it was sent last."""

    def wants(self, job: str, case: str) -> bool:
        """Whether something of this job is for it."""
        if case not in self.cases:
            return False
        return job == self.job if self.job is not None else self.case in {None, case}


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a job is."""

    job: str
    case: str
    done: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What one look into the database brought."""

    rows: Sequence[AnyRow]
    last: int | None
    asked: Sequence[Stream]
    standing: Standing | None
    """Of the streams that were asked about."""
    progress: list[Progress]


class Streams:
    """All streams of this process. To be used on one event loop; it looks only while somebody watches."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._open: set[Stream] = set()
        self._counts: Counter[str] = Counter()
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Event()
        self._catching_up = CapacityLimiter(_CATCHING_UP)
        self._looking = CapacityLimiter(1)  # its own: requests may hold all threads of the others
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._tail = Tail()
        self._last: int | None = None
        self._floor = 0
        self._recent: list[AnyRow] = []
        self._progress: list[Progress] = []
        self._next_check = 0.0

    @property
    def num_open(self) -> int:
        """How many there are."""
        return len(self._open)

    def add(self, stream: Stream) -> None:
        """Begin a stream; to be ended with `remove`.

        Raises:
            TooMany: the person has as many as he may.
        """
        person = stream.caller.person_id
        if self._counts[person] >= self._service.settings.max_streams_per_person:
            raise TooMany("You watch in as many places as you may.", retry_after_seconds=5)
        self._counts[person] += 1
        self._open.add(stream)
        if self._task is None or self._task.done():
            self._begin_anew()
            self._task = asyncio.create_task(self._watch(), name="events")

    def remove(self, stream: Stream) -> None:
        """End a stream."""
        self._open.discard(stream)
        self._counts[stream.caller.person_id] -= 1
        self._counts += Counter()  # forgets whoever has none

    def turn(self) -> asyncio.Event:
        """Set when there may be something new; to be taken before looking, so that nothing falls between."""
        return self._turn

    async def next(self, stream: Stream) -> list[AnyRow]:
        """The events that a stream sends next; none where it has all, or is over.

        Raises:
            Problem: the database cannot be asked.
        """
        if stream.over or self._last is None:
            return []
        last, sent = self._last, stream.sent
        if sent >= last:
            return []
        if sent < self._floor or not stream.known:
            rows = await run_sync(self._older, stream, last, limiter=self._catching_up)
            passed = rows[-1].seq if len(rows) == _BATCH else last
        else:
            begin = bisect_right(self._recent, sent, key=lambda row: int(row.seq))
            ahead = self._recent[begin : begin + _BATCH]
            rows = [row for row in ahead if stream.wants(row.job_id, row.case_id)]
            passed = ahead[-1].seq if ahead else last
        stream.sent = passed
        if stream.job is not None and any(row.kind == "deleted" for row in rows):
            stream.over = True
        return list(rows)

    def progress_of(self, stream: Stream) -> list[Progress]:
        """How far its jobs are, where that changed since it was asked last."""
        wanted = [entry for entry in self._progress if stream.wants(entry.job, entry.case)]
        changed = [entry for entry in wanted if stream.progress.get(entry.job) != entry.done]
        stream.progress = {entry.job: entry.done for entry in wanted}
        return changed

    def _older(self, stream: Stream, until: int) -> Sequence[AnyRow]:
        with self._service.store.read() as db:
            return events_between(
                db,
                stream.sent,
                until,
                _BATCH,
                person_id=stream.caller.person_id,
                job_id=stream.job,
                case_id=stream.case,
            )

    async def _watch(self) -> None:
        try:
            while self._open and not self._service.stopping.is_set():
                check = time.monotonic() >= self._next_check
                seconds = _TICK_SECONDS
                try:
                    look = await run_sync(self._look, list(self._open), check, limiter=self._looking)
                except (Problem, ConfigError) as error:
                    _log.error("events cannot be read", kind=type(error).__name__, error=str(error))
                    seconds = _AGAIN_SECONDS
                else:
                    self._take(look)
                await asyncio.sleep(seconds)
        finally:
            for stream in self._open:
                stream.over = True
            self._wake()

    def _look(self, streams: list[Stream], check: bool) -> _Look:
        """In a thread; streams are only read."""
        with self._service.store.read() as db:
            rows = self._tail.advance(db)
            allowed = None
            if rows or check:
                allowed = standing(
                    db,
                    {stream.caller.person_id for stream in streams},
                    {stream.caller.key_id for stream in streams if stream.caller.key_id is not None},
                    {stream.session for stream in streams if stream.session is not None},
                    now=self._service.store.now(db),
                )
            running = running_jobs(db)
        watched = [row for row in running if any(stream.wants(row.id, row.case_id) for stream in streams)]
        done = {seq: how_far(self._service.settings.progress, seq) for seq in {row.analysis_seq for row in watched}}
        progress = [
            Progress(job=row.id, case=row.case_id, done=done[row.analysis_seq])
            for row in watched
            if done[row.analysis_seq]
        ]
        return _Look(rows=rows, last=self._tail.last, asked=streams, standing=allowed, progress=progress)

    def _take(self, look: _Look) -> None:
        if self._last is None and look.last is not None:
            self._floor = look.last
        if look.standing is not None:
            self._next_check = time.monotonic() + _CHECK_SECONDS
            for stream in look.asked:
                _apply(stream, look.standing)
        news = look.last != self._last or look.progress != self._progress or any(each.over for each in self._open)
        self._last, self._progress = look.last, look.progress
        self._recent += look.rows
        if len(self._recent) > 2 * _RECENT:
            del self._recent[:-_RECENT]
            self._floor = self._recent[0].seq - 1
        if news:
            self._wake()

    def _wake(self) -> None:
        self._turn.set()
        self._turn = asyncio.Event()


def _apply(stream: Stream, allowed: Standing) -> None:
    """Let a stream see what its person may see now, or end it."""
    stream.cases, stream.known = allowed.cases[stream.caller.person_id], True
    key, session = stream.caller.key_id, stream.session
    stream.over |= stream.case is not None and stream.case not in stream.cases
    stream.over |= key is not None and key not in allowed.keys
    stream.over |= session is not None and session not in allowed.sessions
