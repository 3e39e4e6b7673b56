"""What the endpoints share: one `Service` a process."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends
from sqlalchemy import Connection
from starlette.requests import HTTPConnection

from service.api.identity import Tokens
from service.audit.actions import Action
from service.audit.entry import Detail
from service.audit.log import record
from service.looks import Looks
from service.rates import Rates
from service.results.signing import SigningKey
from service.settings import ServiceSettings
from service.store.database import Store
from service.store.jobs import check_room
from service.store.keys import Caller
from service.vault.incoming import Incoming
from service.vault.vault import Vault


@dataclass(slots=True, kw_only=True)
class Service:
    """Everything an endpoint needs that is not in its request."""

    settings: ServiceSettings
    store: Store
    vault: Vault
    incoming: Incoming
    signing_key: SigningKey
    rates: Rates
    tokens: Tokens | None = None
    """Of the identity provider; None where none is configured."""
    looks: Looks = field(default_factory=Looks)
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set when the process has been told to end: what runs is finished, nothing new begins."""

    def check_queue(self, db: Connection, person_id: str) -> None:
        """Turn work away that the queue has no room for.

        Raises:
            TooMany: it is full, or the person has enough in it.
        """
        check_room(
            db,
            person_id,
            max_open=self.settings.max_open_jobs,
            max_open_per_person=self.settings.max_open_jobs_per_person,
        )

    def record(
        self,
        db: Connection,
        caller: Caller | None,
        action: Action,
        target: str,
        *,
        case_id: str | None = None,
        details: Mapping[str, Detail] | None = None,
    ) -> None:
        """Write into the audit log that somebody did something, in the transaction that does it, as its last step."""
        record(
            db,
            now=self.store.now(db),
            action=action,
            object=target,
            person_id=caller.person_id if caller is not None else None,
            key_id=caller.key_id if caller is not None else None,
            case_id=case_id,
            details=details,
        )


def _service(connection: HTTPConnection) -> Service:
    service = connection.app.state.service
    assert isinstance(service, Service)  # noqa: S101 - put there by `service.api.app`, nothing a request can change
    return service


TheService = Annotated[Service, Depends(_service)]
