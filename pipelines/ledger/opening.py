"""Which ledger: a file for one job, or a server for many."""

from __future__ import annotations

from pathlib import Path

from pipelines.ledger import Ledger
from pipelines.ledger.postgresql import PostgresLedger
from pipelines.ledger.sqlite import SqliteLedger

SCHEMES = ("postgresql://", "postgres://")
"""How addresses of servers begin (PostgreSQL documentation, 34.1.1.2, connection URIs)."""


def open_ledger(place: str | Path, job: str) -> Ledger:
    """Open a job's ledger, made if it is not there.

    Args:
        place: A file, or the address of a PostgreSQL server.
        job: The job's id; a file holds one job only, and `Ledger.begin` tells which.

    Raises:
        ConfigError: it is damaged, of another program or a newer version, cannot be written, or is an address and the
            client for it is not installed.
        DeviceError: it is locked for long, the disk fails, or the server cannot be reached.
    """
    if not isinstance(place, str) or not place.startswith(SCHEMES):
        return SqliteLedger(Path(place))
    return PostgresLedger(place, job)
