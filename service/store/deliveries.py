"""What hooks are told, kept until they have taken it: written with the result, sent later, at least once."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from service.store.ids import new_id
from service.store.schema import deliveries

LIFE_SECONDS = 24 * 3600.0
"""What has not been taken for so long is given up."""
PAUSES = (10.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0)
"""Seconds before the next attempt, the last for all that follow: a restart is bridged at once, a night in a dozen."""
_CLAIM_SECONDS = 60.0
"""Where the process dies while it sends, another sends again after so long: a few times what one attempt takes."""
_MAX_ERROR = 300
"""Characters kept of what went wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Something to be told, claimed for one attempt."""

    id: str
    job_id: str
    payload: str
    """JSON, as it is sent."""
    attempt: int
    """From 1."""
    created_at: float


def add_delivery(db: Connection, hook: str, job_id: str, payload: Mapping[str, Any], *, now: float) -> None:
    """Have a hook told; `payload` is sent with the delivery's id."""
    delivery = new_id("delivery")
    db.execute(
        insert(deliveries).values(
            id=delivery,
            hook=hook,
            job_id=job_id,
            payload=json.dumps({"id": delivery} | dict(payload)),
            attempts=0,
            created_at=now,
            next_at=now,
        )
    )


def is_due(db: Connection, hook: str, *, now: float) -> bool:
    """Whether there is something to send: asked often, and locks nothing."""
    return db.execute(_due(hook, now)).first() is not None


def claim(db: Connection, hook: str, *, now: float) -> Delivery | None:
    """The next one for a hook, which nobody else gets meanwhile; the attempt is counted before it is made."""
    row = db.execute(_due(hook, now).with_for_update(skip_locked=True)).first()
    if row is None:
        return None
    attempt = row.attempts + 1
    db.execute(
        update(deliveries)
        .where(deliveries.c.id == row.id)
        .values(attempts=attempt, next_at=now + _CLAIM_SECONDS)
    )  # fmt: skip
    return Delivery(
        id=row.id, job_id=row.job_id, payload=row.payload, attempt=attempt, created_at=row.created_at
    )  # fmt: skip


def _due(hook: str, now: float) -> Any:
    return (
        select(deliveries)
        .where(deliveries.c.hook == hook, deliveries.c.next_at <= now)
        .order_by(deliveries.c.next_at)
        .limit(1)
    )


def taken(db: Connection, delivery: Delivery, *, now: float) -> None:
    """It has arrived."""
    db.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery.id)
        .values(delivered_at=now, next_at=None, last_error=None)
    )  # fmt: skip


def failed(db: Connection, delivery: Delivery, error: str, *, now: float) -> float | None:
    """It has not; returns when the next attempt is due, or None where it is given up."""
    pause = PAUSES[min(delivery.attempt, len(PAUSES)) - 1]
    next_at = now + pause if now + pause < delivery.created_at + LIFE_SECONDS else None
    db.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery.id, deliveries.c.delivered_at.is_(None))
        .values(next_at=next_at, last_error=error[:_MAX_ERROR])
    )
    return next_at


def give_up_unknown(db: Connection, hooks: Collection[str], *, now: float) -> int:
    """Give up what waits for a hook that is not in the settings any more; returns how much."""
    return db.execute(
        update(deliveries)
        .where(
            deliveries.c.next_at.is_not(None),
            deliveries.c.hook.not_in(hooks),
            deliveries.c.created_at < now - LIFE_SECONDS,
        )
        .values(next_at=None, last_error="the hook is not in the settings any more")
    ).rowcount
