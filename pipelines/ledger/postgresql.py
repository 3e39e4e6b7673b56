"""Many jobs' ledgers in one PostgreSQL database, for dispatchers on several hosts.

Each method that changes something is one transaction; `Session` does it again where its connection broke. Only `add`
keeps other writers of the job out, by the lock on the job's row: numbers and duplicates follow the order of finding.
Leases take what nobody else is taking at the time (SKIP LOCKED). All locks on `tally` are taken last and in the order
of names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from detect.errors import ConfigError, UnmaskError
from detect.types import ItemState
from pipelines.items import Container, Counts, Entry, Item, JobFacts, Lease, Result, Stage
from pipelines.ledger import MAX_ATTEMPTS, MAX_ORPHANED, Added
from pipelines.ledger import rows as words
from pipelines.ledger.postgresql_schema import prepare
from pipelines.ledger.postgresql_session import PATIENCE_SECONDS, Row, Session

_PAGE = 1_000
"""Rows read at a time: some megabytes, and milliseconds."""
_LARGEST = 2**63 - 1
"""PostgreSQL's BIGINT has 64 bits, one of them the sign."""
_READ = (
    "SELECT seq, chain, locator, num_bytes, modified, md5, sha1, sha256, state, reason, message, notes, alert, spool, "
    "duplicate_of, result, charged, orphaned, suspicion, finished_at FROM unmask.items WHERE job = %s "
)
_TALLY = "SELECT name, sum(value) FROM unmask.tally WHERE job = %s GROUP BY name "
_NOW = "to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"+00:00\"')"


class PostgresLedger:
    """See `pipelines.ledger.Ledger`.

    Args:
        url: The server's address.
        job: The job's id.
        patience: Seconds until a server that cannot be reached is given up.

    Raises:
        ConfigError: the address is none, its database holds no ledger that can be used, or psycopg is missing.
        DeviceError: the server cannot be reached, or fails. Every method may raise these two.
    """

    def __init__(self, url: str, job: str, *, patience: float = PATIENCE_SECONDS) -> None:
        self._id = words.storable(job)
        self._session = Session(url, patience=patience)
        self._job: int | None = None
        self._triage = False
        try:
            prepare(self._session)
        except UnmaskError:
            self._session.close()
            raise

    def begin(self, facts: JobFacts) -> JobFacts:
        """See `Ledger.begin`."""

        def work() -> list[Row]:
            self._session.execute(
                "INSERT INTO unmask.jobs (id, facts, triage) VALUES (%s, %s, %s) ON CONFLICT (id) DO NOTHING",
                (self._id, words.facts_text(facts), bool(facts.options.get("triage"))),
            )
            return self._session.execute("SELECT facts FROM unmask.jobs WHERE id = %s", (self._id,))

        return words.facts_of(self._session.transaction(work)[0][0])

    def add(self, entries: Sequence[Entry], containers: Sequence[Container] = ()) -> Added:
        """See `Ledger.add`."""
        job = self._begun()
        keys = [words.chain_key(entry.chain) for entry in entries]
        digests = {bytes.fromhex(entry.sha256) for entry in entries if entry.state is None and entry.sha256 is not None}

        def work() -> Added:
            ask = self._session.execute
            ask("SELECT 1 FROM unmask.jobs WHERE number = %s FOR UPDATE", (job,))
            there = ask(
                "SELECT chain_key FROM unmask.items WHERE job = %s AND chain_key = ANY(%s::bytea[])", (job, keys)
            )
            originals = ask(
                "SELECT sha256, seq FROM unmask.items WHERE job = %s AND original AND sha256 = ANY(%s::bytea[])",
                (job, list(digests)),
            )
            last = ask("SELECT coalesce(max(seq), 0) FROM unmask.items WHERE job = %s", (job,))
            batch = words.batch(
                entries,
                keys,
                last_seq=last[0][0],
                there={bytes(key) for (key,) in there},
                originals={bytes(digest): seq for digest, seq in originals},
            )
            self._insert(job, batch.rows, containers)
            needed = ask(
                "SELECT spool FROM unmask.items WHERE job = %s AND state IS NULL AND spool IS NOT NULL "
                "AND spool = ANY(%s::text[])",
                (job, batch.spare),
            )
            self._count(job, batch.tally)
            unneeded = dict.fromkeys(name for name in batch.spare if (name,) not in needed)
            return Added(len(batch.rows), tuple(unneeded))

        return self._session.transaction(work)

    def _insert(self, job: int, rows: Sequence[words.EntryRow], containers: Sequence[Container]) -> None:
        stage: Stage = "look" if self._triage else "full"
        now = self._session.execute(f"SELECT {_NOW}")[0][0]
        self._session.copy(
            "COPY unmask.items (job, seq, chain_key, chain, locator, num_bytes, modified, md5, sha1, sha256, state, "
            "reason, message, notes, alert, spool, original, duplicate_of, stage, finished_at) FROM STDIN",
            ((job, *row, stage, now if row.state is not None else None) for row in rows),
        )
        for one in containers:
            self._session.execute(
                "INSERT INTO unmask.containers (job, chain_key, chain, kind, state, num_members, detail, facts) "
                "VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (job, chain_key) DO NOTHING",
                (job, words.chain_key(one.chain), *words.container_values(one)),
            )

    def listed(self) -> frozenset[str]:
        """See `Ledger.listed`."""
        rows = self._session.read("SELECT chain FROM unmask.containers WHERE job = %s", (self._number(),))
        return frozenset(chain for (chain,) in rows)

    def copies(self) -> frozenset[str]:
        """See `Ledger.copies`."""
        rows = self._session.read(
            "SELECT spool FROM unmask.items WHERE job = %s AND state IS NULL AND spool IS NOT NULL", (self._number(),)
        )
        return frozenset(name for (name,) in rows)

    def complete_inventory(self) -> None:
        """See `Ledger.complete_inventory`."""
        job = self._number()
        self._session.transaction(
            lambda: self._session.execute("UPDATE unmask.jobs SET inventory_complete = true WHERE number = %s", (job,))
        )

    def lease(self, owner: str, limit: int, seconds: float) -> list[Lease]:
        """See `Ledger.lease`."""
        job = self._begun()

        def work() -> list[Row]:
            stage = self._stage(job)
            if stage is None:
                return []
            found = self._session.execute(
                "WITH free AS MATERIALIZED ("
                "SELECT seq FROM unmask.items WHERE job = %s AND state IS NULL AND owner IS NULL AND stage = %s "
                "ORDER BY suspicion DESC NULLS LAST, seq LIMIT %s FOR UPDATE SKIP LOCKED) "
                "UPDATE unmask.items AS items SET owner = %s, due = clock_timestamp() + make_interval(secs => %s), "
                "leases = leases + 1, charged = charged + 1 FROM free WHERE items.job = %s AND items.seq = free.seq "
                "RETURNING items.seq, leases, stage, chain, locator, num_bytes, sha256, spool, suspicion",
                (job, stage, max(limit, 0), owner, float(seconds), job),
            )
            self._count(job, Counter(pending=-len(found), leased=len(found)))
            return found

        found = self._session.transaction(work)
        # An UPDATE returns rows in the order in which it met them.
        found.sort(key=lambda row: (row[-1] is None, -(row[-1] or 0.0), row[0]))
        return [words.lease_of(row[:-1]) for row in found]

    def _stage(self, job: int) -> Stage | None:
        """Whose turn it is; None where looks are awaited."""
        if not self._triage:
            return "full"
        # One statement sees one moment: where the inventory is complete, all that was added is counted.
        rows = self._session.execute(
            _TALLY + "UNION ALL SELECT 'complete', inventory_complete::int FROM unmask.jobs WHERE number = %s",
            (job, job),
        )
        tally = Counter({name: int(value) for name, value in rows})
        if tally["pending"] + tally["leased"] > tally["looked"]:
            return "look"
        return "full" if tally["complete"] else None

    def renew(self, owner: str, seconds: float) -> None:
        """See `Ledger.renew`."""
        job = self._number()
        self._session.transaction(
            lambda: self._session.execute(
                "UPDATE unmask.items SET due = clock_timestamp() + make_interval(secs => %s) "
                "WHERE job = %s AND owner = %s",
                (float(seconds), job, owner),
            )
        )

    def looked(self, lease: Lease, suspicion: float) -> bool:
        """See `Ledger.looked`.

        Raises:
            ValueError: the suspicion is not finite.
        """
        job, suspicion = self._number(), words.finite(suspicion)

        def work() -> bool:
            row = self._leased(job, lease)
            if row is None or lease.stage != "look":
                return False
            self._session.execute(
                "UPDATE unmask.items SET suspicion = %s, stage = 'full', charged = 0, owner = NULL, due = NULL "
                "WHERE job = %s AND seq = %s",
                (suspicion, job, row.seq),
            )
            self._count(job, words.looking())
            return True

        return self._session.transaction(work)

    def finish(self, lease: Lease, result: Result) -> bool:
        """See `Ledger.finish`.

        Raises:
            ValueError: a number in the result is not finite.
        """
        job = self._number()

        def work() -> bool:
            row = self._leased(job, lease)
            if row is not None:
                self._count(job, self._end(job, row, result))
            return row is not None

        return self._session.transaction(work)

    def fail(self, lease: Lease, state: ItemState, reason: str, message: str) -> bool:
        """See `Ledger.fail`."""
        job = self._number()

        def work() -> bool:
            row = self._leased(job, lease)
            if row is None:
                return False
            if row.charged >= MAX_ATTEMPTS:
                self._count(job, self._end(job, row, Result(state=state, reason=reason, message=message)))
                return True
            self._reopen(job, row.seq, charged=row.charged)
            return False

        return self._session.transaction(work)

    def release(self, lease: Lease) -> None:
        """See `Ledger.release`."""
        job = self._number()

        def work() -> None:
            row = self._leased(job, lease)
            if row is not None:
                self._reopen(job, row.seq, charged=row.charged - 1)

        self._session.transaction(work)

    def recover(self, owner: str, *, alone: bool = False) -> int:
        """See `Ledger.recover`."""
        job = self._number()

        def work() -> int:
            found = self._session.execute(
                "UPDATE unmask.items SET charged = charged - 1, orphaned = orphaned + 1, owner = NULL, due = NULL "
                "WHERE job = %s AND owner IS NOT NULL AND owner <> %s AND (%s OR due < clock_timestamp()) "
                "RETURNING seq, num_bytes, charged, orphaned, suspicion",
                (job, owner, alone),
            )
            tally: words.Tally = Counter()
            for row in map(words.OpenRow._make, found):
                ends = row.orphaned >= MAX_ORPHANED
                tally.update(self._end(job, row, words.orphan()) if ends else words.reopening())
            self._count(job, tally)
            return len(found)

        return self._session.transaction(work)

    def counts(self) -> Counts:
        """See `Ledger.counts`."""
        job = self._number()
        rows = self._session.read(
            _TALLY + "UNION ALL SELECT 'complete', inventory_complete::int FROM unmask.jobs WHERE number = %s",
            (job, job),
        )
        return words.counts_of(rows, inventory_complete=("complete", 1) in rows)

    def items(self, *, states: Sequence[ItemState] | None = None, flagged: bool = False) -> Iterator[Item]:
        """See `Ledger.items`. What changes while it runs may be seen or not."""
        job, last = self._number(), 0
        while True:
            page = self._session.read(
                _READ + "AND seq > %s AND (%s::text[] IS NULL OR state = ANY(%s::text[])) "
                "AND (NOT %s OR flagged OR alert IS NOT NULL) ORDER BY seq LIMIT %s",
                (job, last, *[None if states is None else [str(state) for state in states]] * 2, flagged, _PAGE),
            )
            yield from (words.item_of(words.ItemRow._make(row)) for row in page)
            if len(page) < _PAGE:
                return
            last = page[-1][0]

    def item(self, seq: int) -> Item:
        """See `Ledger.item`.

        Raises:
            KeyError: there is none of this number.
        """
        values = (self._number(), seq)
        rows = self._session.read(_READ + "AND seq = %s", values) if 0 < seq <= _LARGEST else []
        if not rows:
            raise KeyError(seq)
        return words.item_of(words.ItemRow._make(rows[0]))

    def containers(self) -> Iterator[Container]:
        """See `Ledger.containers`."""
        job, last = self._number(), 0
        while True:
            page = self._session.read(
                "SELECT number, chain, kind, state, num_members, detail, facts FROM unmask.containers "
                "WHERE job = %s AND number > %s ORDER BY number LIMIT %s",
                (job, last, _PAGE),
            )
            yield from (words.container_of(row[1:]) for row in page)
            if len(page) < _PAGE:
                return
            last = page[-1][0]

    def close(self) -> None:
        """See `Ledger.close`."""
        self._session.close()

    def _number(self) -> int:
        """What the tables call this job; 0, which is no job's, where it has not begun."""
        if self._job is None:
            rows = self._session.read("SELECT number, triage FROM unmask.jobs WHERE id = %s", (self._id,))
            if not rows:
                return 0
            self._job, self._triage = rows[0]
        return self._job

    def _begun(self) -> int:
        job = self._number()
        if not job:
            raise ConfigError(f"no job has begun in the ledger under the id {self._id}")
        return job

    def _leased(self, job: int, lease: Lease) -> words.OpenRow | None:
        """The item, where the lease is still the one that counts: a later one has a higher number."""
        rows = self._session.execute(
            "SELECT seq, num_bytes, charged, orphaned, suspicion FROM unmask.items WHERE job = %s AND seq = %s "
            "AND leases = %s AND stage = %s AND owner IS NOT NULL AND state IS NULL FOR UPDATE",
            (job, lease.seq, lease.attempt, lease.stage),
        )
        return words.OpenRow._make(rows[0]) if rows else None

    def _end(self, job: int, row: words.OpenRow, result: Result) -> words.Tally:
        self._session.execute(
            f"UPDATE unmask.items SET state = %s, result = %s, flagged = %s, finished_at = {_NOW}, owner = NULL, "
            "due = NULL WHERE job = %s AND seq = %s",
            (str(result.state), words.result_text(result), result.flagged, job, row.seq),
        )
        return words.ending(row, result)

    def _reopen(self, job: int, seq: int, *, charged: int) -> None:
        self._session.execute(
            "UPDATE unmask.items SET charged = %s, owner = NULL, due = NULL WHERE job = %s AND seq = %s",
            (charged, job, seq),
        )
        self._count(job, words.reopening())

    def _count(self, job: int, changes: words.Tally) -> None:
        """Change the numbers of `counts`, in this connection's own rows of them."""
        names = sorted(str(name) for name, change in changes.items() if change)
        if names:
            self._session.execute(
                "INSERT INTO unmask.tally (job, name, shard, value) "
                "SELECT %s, name, pg_backend_pid() %% 16, change FROM unnest(%s::text[], %s::numeric[]) "
                "AS changes (name, change) ON CONFLICT (job, name, shard) "
                "DO UPDATE SET value = tally.value + excluded.value",
                (job, names, [changes[name] for name in names]),
            )
