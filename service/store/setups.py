"""What decides a report's body, as the dispatchers announce it: settings and checkpoints, and who works with them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from service.store.endings import Hooks, ended_before
from service.store.row import AnyRow
from service.store.schema import analyses, dispatchers, jobs, setups

SILENT_SECONDS = 20.0
"""A dispatcher that has not been heard of for so long is taken for gone: four of its signs of life missed."""

_FORGET_SECONDS = 86_400.0
"""One that is silent for a day is removed; until then it may come back, as after a long pause of its machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Settings and checkpoints: two examinations of the same bytes with the same setup give the same body."""

    tool: str
    config_digest: str
    config: Mapping[str, Any]
    models: Mapping[str, str]
    """Checkpoint name to SHA-256."""

    @property
    def id(self) -> str:
        """Digest of what decides a report's body."""
        facts = [self.tool, self.config_digest, dict(self.models)]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatcher:
    """A dispatcher, as it announces itself."""

    owner: str
    host: str
    engine: str
    device: str
    num_workers: int
    protections: Mapping[str, str]
    """How decoding is isolated there."""


def announce(
    db: Connection, setup: Setup, dispatcher: Dispatcher, *, now: float, hooks: Hooks = lambda _case: ()
) -> None:
    """A dispatcher begins: its setup is the one for new jobs from now on, and for those that nobody serves any more."""
    if db.scalar(select(setups.c.id).where(setups.c.id == setup.id)) is None:
        db.execute(
            insert(setups).values(
                id=setup.id,
                tool=setup.tool,
                config_digest=setup.config_digest,
                config=json.dumps(setup.config, ensure_ascii=False),
                models=json.dumps(setup.models),
                announced_at=now,
            )
        )
    else:
        db.execute(update(setups).where(setups.c.id == setup.id).values(announced_at=now))
    db.execute(delete(dispatchers).where(dispatchers.c.seen_at < now - _FORGET_SECONDS))
    db.execute(
        insert(dispatchers).values(
            owner=dispatcher.owner,
            setup_id=setup.id,
            host=dispatcher.host,
            engine=dispatcher.engine,
            device=dispatcher.device,
            num_workers=dispatcher.num_workers,
            protections=json.dumps(dispatcher.protections),
            started_at=now,
            seen_at=now,
        )
    )
    _adopt(db, setup.id, hooks, now=now)


def _adopt(db: Connection, setup_id: str, hooks: Hooks, *, now: float) -> None:
    """Ask open examinations of setups that nobody works with any more of this setup instead."""
    served = select(dispatchers.c.setup_id).where(dispatchers.c.seen_at >= now - SILENT_SECONDS)
    left = db.execute(
        select(analyses.c.seq, analyses.c.evidence_id, analyses.c.priority)
        .where(
            analyses.c.state.is_(None),
            analyses.c.owner.is_(None),
            analyses.c.setup_id != setup_id,
            analyses.c.setup_id.not_in(served),
        )
        .with_for_update(skip_locked=True)
    ).all()
    for row in left:
        there = db.execute(
            select(analyses)
            .where(analyses.c.evidence_id == row.evidence_id, analyses.c.setup_id == setup_id)
            .with_for_update()
        ).first()
        if there is None:
            db.execute(update(analyses).where(analyses.c.seq == row.seq).values(setup_id=setup_id))
        else:
            _join(db, row, there, hooks, now=now)


def _join(db: Connection, row: AnyRow, there: AnyRow, hooks: Hooks, *, now: float) -> None:
    """Let the jobs of one examination have another one's result: the same was asked of the newer setup, too."""
    of_row = jobs.c.analysis_seq == row.seq
    waiting = db.scalars(select(jobs.c.id).where(of_row, jobs.c.cancelled_at.is_(None), jobs.c.deleted_at.is_(None)))
    told = list(waiting) if there.state is not None else []
    if there.state is None and row.priority < there.priority:
        db.execute(update(analyses).where(analyses.c.seq == there.seq).values(priority=row.priority))
    db.execute(update(jobs).where(of_row).values(analysis_seq=there.seq))
    db.execute(delete(analyses).where(analyses.c.seq == row.seq))
    for job in told:
        ended_before(db, job, hooks, now=now)


def still_here(
    db: Connection,
    owner: str,
    protections: Mapping[str, str],
    *,
    now: float,
    hooks: Hooks = lambda _case: (),
) -> None:
    """A dispatcher's sign of life.

    The one of the newest setup also takes over what was open, or was leased, with a setup whose dispatchers are gone:
    an upgrade may follow a crash so quickly that at its start they did not look gone yet.
    """
    db.execute(
        update(dispatchers)
        .where(dispatchers.c.owner == owner)
        .values(seen_at=now, protections=json.dumps(protections))
    )  # fmt: skip
    own = db.scalar(select(dispatchers.c.setup_id).where(dispatchers.c.owner == owner))
    newest = current(db)
    if newest is not None and newest.id == own:
        _adopt(db, newest.id, hooks, now=now)


def left(db: Connection, owner: str) -> None:
    """A dispatcher ended in good order."""
    db.execute(delete(dispatchers).where(dispatchers.c.owner == owner))


def current(db: Connection) -> AnyRow | None:
    """The setup that was announced last; None before the first dispatcher."""
    return db.execute(select(setups).order_by(setups.c.announced_at.desc()).limit(1)).first()


def working(db: Connection, *, now: float) -> Sequence[AnyRow]:
    """Dispatchers that have been heard of lately."""
    return db.execute(
        select(dispatchers).where(dispatchers.c.seen_at >= now - SILENT_SECONDS).order_by(dispatchers.c.started_at)
    ).all()
