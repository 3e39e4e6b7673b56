"""What decides a report's body, as the dispatchers announce it: settings and checkpoints, and who works with them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from service.store.row import AnyRow
from service.store.schema import analyses, dispatchers, jobs, setups

SILENT_SECONDS = 20.0
"""A dispatcher that has not been heard of for so long is taken for gone: four of its signs of life missed."""


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


def announce(db: Connection, setup: Setup, dispatcher: Dispatcher, *, now: float) -> None:
    """A dispatcher begins: its setup is the one for new jobs from now on.

    What is still open of setups that nobody works with any more is asked of this one.
    """
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
    db.execute(delete(dispatchers).where(dispatchers.c.seen_at < now - SILENT_SECONDS))
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
    _adopt(db, setup.id)


def _adopt(db: Connection, setup_id: str) -> None:
    """Ask open examinations of setups without a dispatcher of this setup instead."""
    served = select(dispatchers.c.setup_id)
    left = db.execute(
        select(analyses.c.seq, analyses.c.evidence_id).where(
            analyses.c.state.is_(None), analyses.c.owner.is_(None), analyses.c.setup_id.not_in(served)
        )
    ).all()
    for row in left:
        there = db.scalar(
            select(analyses.c.seq).where(
                analyses.c.evidence_id == row.evidence_id, analyses.c.setup_id == setup_id
            )
        )  # fmt: skip
        if there is None:
            db.execute(update(analyses).where(analyses.c.seq == row.seq).values(setup_id=setup_id))
        else:
            db.execute(update(jobs).where(jobs.c.analysis_seq == row.seq).values(analysis_seq=there))
            db.execute(delete(analyses).where(analyses.c.seq == row.seq))


def still_here(db: Connection, owner: str, protections: Mapping[str, str], *, now: float) -> None:
    """A dispatcher's sign of life."""
    db.execute(
        update(dispatchers)
        .where(dispatchers.c.owner == owner)
        .values(seen_at=now, protections=json.dumps(protections))
    )  # fmt: skip


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
