"""A connection to PostgreSQL that outlives connections: what was cut off is done again where that is safe.

A reading statement is simply sent again. A transaction that was cut off before its COMMIT was sent has not happened,
and is done again. Where the answer to the COMMIT is missing, the server is asked what became of the transaction's
number (`pg_xact_status`): committed, and its answer stands; aborted, and it is done again. So nothing is done twice and
no lease is given that nobody knows of, as long as the server keeps what it has acknowledged: a standby that takes over
must have been replicated to synchronously.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, LiteralString, TypeVar

from detect.errors import ConfigError, DeviceError, UnmaskError

try:
    import psycopg
except ImportError:
    psycopg = None  # type: ignore[assignment]  # the ledger in a file does not need it

PATIENCE_SECONDS = 120.0
"""A standby takes over within a minute, a server that crashed reads its log for about as long."""
_FIRST_SECONDS = 10.0
"""For the first connection: a wrong address or password is told from a server that is starting only by its text."""
_OLDEST = 130_000
"""PostgreSQL 13 has `pg_xact_status` for numbers that never come again; older ones are out of support."""
_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 5.0
_IDLE_SECONDS = 30
"""A transaction takes milliseconds; the server ends one whose client has gone silent, and its locks with it."""
_CONNECTION = {
    "application_name": "unmask",
    "client_encoding": "UTF8",
    # A host that drops off the network is noticed in half a minute instead of two hours.
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
    # After a failover the address may still lead to the one that only reads.
    "target_session_attrs": "read-write",
}

Row = tuple[Any, ...]
_T = TypeVar("_T")


class _Cut(Exception):
    """The connection broke, or the server asks to begin anew; nothing was committed unless `unknown` says which."""

    def __init__(self, unknown: str | None = None) -> None:
        super().__init__(unknown)
        self.unknown = unknown


class Session:
    """Use it from one thread.

    Args:
        url: The server's address.
        patience: Seconds until a server that was lost is given up.

    Raises:
        ConfigError: the address is none, psycopg is not installed, or the server is too old or its text not UTF-8.
        DeviceError: the server cannot be reached, refuses us, or fails. Every method may raise these two.
    """

    def __init__(self, url: str, *, patience: float = PATIENCE_SECONDS) -> None:
        if psycopg is None:
            raise ConfigError("a ledger in PostgreSQL needs psycopg: pip install 'unmask[postgresql]'")
        self._options = _options(url)
        self._patience = patience
        self._closed = False
        self._number: str | None = None
        self._db = self._connect(min(_FIRST_SECONDS, patience))

    def execute(self, query: LiteralString, values: Sequence[Any] = ()) -> list[Row]:
        """Rows of a statement that belongs to a `transaction`."""
        cursor = self._db.execute(query, values)
        return cursor.fetchall() if cursor.description is not None else []

    def copy(self, query: LiteralString, rows: Iterable[Sequence[Any]]) -> None:
        """Insert many rows with `COPY ... FROM STDIN`, in a `transaction`."""
        with self._db.cursor() as cursor, cursor.copy(query) as copy:
            for row in rows:
                copy.write_row(row)

    def read(self, query: LiteralString, values: Sequence[Any] = ()) -> list[Row]:
        """Rows of one statement that changes nothing."""
        return self._again(lambda: self.execute(query, values))

    def transaction(self, work: Callable[[], _T]) -> _T:
        """Do `work`, which may be done several times and takes effect once, in one transaction.

        Returns:
            What `work` returned the time that counts.
        """
        answer: list[_T] = []

        def attempt() -> _T:
            answer.clear()
            self._number = None
            with self._db.transaction():
                # Taken first, so that it is known whatever breaks after.
                number = str(self.execute("SELECT pg_current_xact_id()::text")[0][0])
                answer.append(work())
                self._number = number
            return answer[0]

        def committed() -> _T:
            return answer[0]

        return self._again(attempt, committed)

    def close(self) -> None:
        """End the connection."""
        self._closed = True
        with _translated():
            self._db.close()

    def _again(self, attempt: Callable[[], _T], committed: Callable[[], _T] | None = None) -> _T:
        """Try until it is known to be done."""
        if self._closed:
            raise DeviceError("the ledger is closed")
        deadline, pause = time.monotonic() + self._patience, _PAUSE_SECONDS
        while True:
            try:
                with _translated(), self._cuts(sent=committed is not None):
                    return attempt()
            except _Cut as cut:
                if time.monotonic() > deadline:
                    raise DeviceError(f"PostgreSQL did not stay reachable for {self._patience:.0f} s") from cut
                if self._db.closed:
                    self._db = self._connect(self._patience)
                if cut.unknown is not None and committed is not None and self._has_committed(cut.unknown):
                    return committed()
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    @contextmanager
    def _cuts(self, *, sent: bool) -> Iterator[None]:
        """Tell what can be done again from what cannot."""
        try:
            yield
        except psycopg.OperationalError as error:
            if isinstance(error, psycopg.errors.SerializationFailure | psycopg.errors.DeadlockDetected):
                raise _Cut from error
            if not self._db.closed:
                raise
            raise _Cut(self._number if sent else None) from error

    def _has_committed(self, number: str) -> bool:
        """What became of a transaction; waits while the server has not noticed that its connection is gone."""
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline:
            with _translated():
                try:
                    status = self.execute("SELECT pg_xact_status(%s::text::xid8)", (number,))[0][0]
                except psycopg.OperationalError:
                    if not self._db.closed:
                        raise
                    self._db = self._connect(self._patience)
                    continue
            if status in {"committed", "aborted"}:
                return bool(status == "committed")
            time.sleep(_PAUSE_SECONDS)
        raise DeviceError("PostgreSQL does not tell whether what was last written is there: resume the scan")

    def _connect(self, seconds: float) -> psycopg.Connection[Row]:
        deadline, pause = time.monotonic() + seconds, _PAUSE_SECONDS
        while True:
            try:
                return self._connected()
            except DeviceError:
                if time.monotonic() + pause > deadline:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _connected(self) -> psycopg.Connection[Row]:
        with _translated():
            db = psycopg.connect(**self._options, autocommit=True)
            try:
                _prepare(db)
            except (psycopg.Error, UnmaskError):
                db.close()
                raise
        return db


def _prepare(db: psycopg.Connection[Row]) -> None:
    if db.info.server_version < _OLDEST:
        raise ConfigError("a ledger needs PostgreSQL 13 or newer")
    encoding = db.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise ConfigError(f"the database {db.info.dbname} holds text as {encoding}: a ledger needs one in UTF8")
    db.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    db.execute(f"SET idle_in_transaction_session_timeout = '{_IDLE_SECONDS}s'")
    # What a method has returned from is on disk, whatever the server does for others. Stricter settings stay.
    db.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )


def _options(url: str) -> dict[str, Any]:
    try:
        asked = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # libpq quotes what it could not read: that may be a password.
        raise ConfigError(
            "the ledger's address is not one of a PostgreSQL server: postgresql://USER@HOST:PORT/DATABASE"
        ) from None
    return _CONNECTION | asked


@contextmanager
def _translated() -> Iterator[None]:
    """Give psycopg's errors their names here.

    Raises:
        ConfigError: the server holds no ledger that can be used, or we have no right to it.
        DeviceError: it cannot be reached, or fails.
    """
    try:
        yield
    except psycopg.ProgrammingError as error:
        raise ConfigError(f"the ledger in PostgreSQL cannot be used: {_said(error)}") from error
    except psycopg.Error as error:
        raise DeviceError(f"the ledger in PostgreSQL failed: {_said(error)}") from error


def _said(error: psycopg.Error) -> str:
    return " ".join(str(error).split())
