"""One job's ledger in one SQLite file.

Each method that changes something is one transaction, begun IMMEDIATE and on disk when it returns (write-ahead log,
synchronous FULL). Numbers that `counts` shows are kept in a table by the transaction that changes them. Lists are read
in pages, so that no reader holds up the log's checkpoints.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from detect.errors import ConfigError
from detect.types import ItemState
from pipelines.items import Container, Counts, Entry, Item, JobFacts, Lease, Result, Stage
from pipelines.ledger import MAX_ATTEMPTS, MAX_ORPHANED, Added
from pipelines.ledger import rows as words
from pipelines.ledger.sqlite_schema import connect, translated

_PAGE = 1_000
"""Rows read at a time: some megabytes, and milliseconds."""
_LARGEST = 2**63 - 1
"""SQLite's integers have 64 bits, one of them the sign."""
_IN = 900
"""Values asked for in one statement; builds of SQLite before 3.32 take 999."""


class SqliteLedger:
    """See `pipelines.ledger.Ledger`.

    Args:
        path: The file; made if it is not there.

    Raises:
        ConfigError: it is damaged, of another program or a newer version, or cannot be written.
        DeviceError: it is locked for long, or the disk fails. Every method may raise these two.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = connect(path)
        self._triage: bool | None = None

    def begin(self, facts: JobFacts) -> JobFacts:
        """See `Ledger.begin`."""
        with self._transaction():
            row = self._db.execute("SELECT facts FROM job").fetchone()
            if row is not None:
                return words.facts_of(row[0])
            self._db.execute(
                "INSERT INTO job (only, facts, triage) VALUES (1, ?, ?)",
                (words.facts_text(facts), bool(facts.options.get("triage"))),
            )
        return facts

    def add(self, entries: Sequence[Entry], containers: Sequence[Container] = ()) -> Added:
        """See `Ledger.add`."""
        keys = [words.chain_key(entry.chain) for entry in entries]
        digests = {bytes.fromhex(entry.sha256) for entry in entries if entry.state is None and entry.sha256 is not None}
        with self._transaction():
            there = {key for (key,) in self._among("SELECT chain_key FROM items WHERE chain_key IN ", keys)}
            originals = dict(
                self._among("SELECT sha256, seq FROM items WHERE original = 1 AND sha256 IN ", list(digests))
            )
            last_seq = self._db.execute("SELECT coalesce(max(seq), 0) FROM items").fetchone()[0]
            batch = words.batch(entries, keys, last_seq=last_seq, there=there, originals=originals)
            self._insert(batch.rows)
            self._db.executemany(
                "INSERT INTO containers (chain_key, chain, kind, state, num_members, detail, facts) "
                "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (chain_key) DO NOTHING",
                [(words.chain_key(one.chain), *words.container_values(one)) for one in containers],
            )
            self._count(batch.tally)
            needed = {
                name
                for (name,) in self._among(
                    "SELECT spool FROM items WHERE state IS NULL AND spool IS NOT NULL AND spool IN ", batch.spare
                )
            }
        unneeded = tuple(dict.fromkeys(name for name in batch.spare if name not in needed))
        return Added(len(batch.rows), unneeded)

    def _insert(self, rows: Sequence[words.EntryRow]) -> None:
        stage: Stage = "look" if self._has_triage() else "full"
        _, now = self._clock()
        self._db.executemany(
            "INSERT INTO items (seq, chain_key, chain, locator, num_bytes, modified, md5, sha1, sha256, state, reason, "
            "message, notes, alert, spool, original, duplicate_of, stage, finished_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (*row[:4], _number(row.num_bytes), *row[5:], stage, now if row.state is not None else None)
                for row in rows
            ],
        )

    def listed(self) -> frozenset[str]:
        """See `Ledger.listed`."""
        with translated(self._path):
            return frozenset(chain for (chain,) in self._db.execute("SELECT chain FROM containers"))

    def copies(self) -> frozenset[str]:
        """See `Ledger.copies`."""
        with translated(self._path):
            rows = self._db.execute("SELECT spool FROM items WHERE state IS NULL AND spool IS NOT NULL")
            return frozenset(name for (name,) in rows)

    def complete_inventory(self) -> None:
        """See `Ledger.complete_inventory`."""
        with self._transaction():
            self._db.execute("UPDATE job SET inventory_complete = 1")

    def lease(self, owner: str, limit: int, seconds: float) -> list[Lease]:
        """See `Ledger.lease`."""
        with self._transaction():
            stage = self._stage()
            if stage is None:
                return []
            now, _ = self._clock()
            found = self._db.execute(
                "SELECT seq, leases + 1, stage, chain, locator, num_bytes, sha256, spool FROM items "
                "WHERE state IS NULL AND owner IS NULL AND stage = ? ORDER BY suspicion DESC, seq LIMIT ?",
                (stage, max(limit, 0)),
            ).fetchall()
            self._db.executemany(
                "UPDATE items SET owner = ?, due = ?, leases = leases + 1, charged = charged + 1 WHERE seq = ?",
                [(owner, now + seconds, row[0]) for row in found],
            )
            self._count(Counter(pending=-len(found), leased=len(found)))
        return [words.lease_of(row) for row in found]

    def _stage(self) -> Stage | None:
        """Whose turn it is; None where looks are awaited."""
        if not self._has_triage():
            return "full"
        tally = self._tally()
        if tally["pending"] + tally["leased"] > tally["looked"]:
            return "look"
        return "full" if self._inventory_complete() else None

    def renew(self, owner: str, seconds: float) -> None:
        """See `Ledger.renew`."""
        with self._transaction():
            now, _ = self._clock()
            self._db.execute("UPDATE items SET due = ? WHERE owner = ?", (now + seconds, owner))

    def looked(self, lease: Lease, suspicion: float) -> bool:
        """See `Ledger.looked`.

        Raises:
            ValueError: the suspicion is not finite.
        """
        suspicion = words.finite(suspicion)
        with self._transaction():
            row = self._leased(lease)
            if row is None or lease.stage != "look":
                return False
            self._db.execute(
                "UPDATE items SET suspicion = ?, stage = 'full', charged = 0, owner = NULL, due = NULL WHERE seq = ?",
                (suspicion, row.seq),
            )
            self._count(words.looking())
        return True

    def finish(self, lease: Lease, result: Result) -> bool:
        """See `Ledger.finish`.

        Raises:
            ValueError: a number in the result is not finite.
        """
        with self._transaction():
            row = self._leased(lease)
            if row is not None:
                self._end(row, result)
        return row is not None

    def fail(self, lease: Lease, state: ItemState, reason: str, message: str) -> bool:
        """See `Ledger.fail`."""
        with self._transaction():
            row = self._leased(lease)
            if row is None:
                return False
            if row.charged >= MAX_ATTEMPTS:
                self._end(row, Result(state=state, reason=reason, message=message))
                return True
            self._reopen(row, charged=row.charged, orphaned=row.orphaned)
        return False

    def release(self, lease: Lease) -> None:
        """See `Ledger.release`."""
        with self._transaction():
            row = self._leased(lease)
            if row is not None:
                self._reopen(row, charged=row.charged - 1, orphaned=row.orphaned)

    def recover(self, owner: str, *, alone: bool = False) -> int:
        """See `Ledger.recover`."""
        with self._transaction():
            now, _ = self._clock()
            found = self._db.execute(
                "SELECT seq, num_bytes, charged, orphaned, suspicion FROM items "
                "WHERE owner IS NOT NULL AND owner <> ? AND (? OR due < ?)",
                (owner, alone, now),
            ).fetchall()
            for row in map(words.OpenRow._make, found):
                orphaned = row.orphaned + 1
                self._reopen(row, charged=row.charged - 1, orphaned=orphaned, end=orphaned >= MAX_ORPHANED)
        return len(found)

    def counts(self) -> Counts:
        """See `Ledger.counts`."""
        with translated(self._path):
            rows = self._db.execute(
                "SELECT name, value FROM tally UNION ALL SELECT 'complete', inventory_complete FROM job"
            ).fetchall()
        return words.counts_of(rows, inventory_complete=("complete", 1) in rows)

    def items(self, *, states: Sequence[ItemState] | None = None, flagged: bool = False) -> Iterator[Item]:
        """See `Ledger.items`. What changes while it runs may be seen or not."""
        query = f"SELECT {words.READ} FROM items WHERE seq > ? "  # noqa: S608  # names of columns, all ours
        if states is not None:
            query += f"AND state IN ({', '.join('?' * len(states))}) "
        if flagged:
            query += "AND (flagged = 1 OR alert IS NOT NULL) "
        last = 0
        while True:
            with translated(self._path):
                page = self._db.execute(query + "ORDER BY seq LIMIT ?", (last, *(states or ()), _PAGE)).fetchall()
            yield from (words.item_of(words.ItemRow._make(row)) for row in page)
            if len(page) < _PAGE:
                return
            last = page[-1][0]

    def item(self, seq: int) -> Item:
        """See `Ledger.item`.

        Raises:
            KeyError: there is none of this number.
        """
        query = f"SELECT {words.READ} FROM items WHERE seq = ?"  # noqa: S608  # names of columns, all ours
        with translated(self._path):
            row = self._db.execute(query, (seq,)).fetchone() if 0 < seq <= _LARGEST else None
        if row is None:
            raise KeyError(seq)
        return words.item_of(words.ItemRow._make(row))

    def containers(self) -> Iterator[Container]:
        """See `Ledger.containers`."""
        last = 0
        while True:
            with translated(self._path):
                page = self._db.execute(
                    "SELECT number, chain, kind, state, num_members, detail, facts FROM containers "
                    "WHERE number > ? ORDER BY number LIMIT ?",
                    (last, _PAGE),
                ).fetchall()
            yield from (words.container_of(row[1:]) for row in page)
            if len(page) < _PAGE:
                return
            last = page[-1][0]

    def close(self) -> None:
        """See `Ledger.close`."""
        with translated(self._path):
            self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, on disk at the end; other writers wait."""
        with translated(self._path), self._db:
            self._db.execute("BEGIN IMMEDIATE")
            yield

    def _clock(self) -> tuple[float, str]:
        """Now, as seconds of the Unix epoch and as ISO 8601."""
        row = self._db.execute(
            "SELECT (julianday('now') - 2440587.5) * 86400.0, strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')"
        ).fetchone()
        return row[0], row[1]

    def _has_triage(self) -> bool:
        if self._triage is None:
            row = self._db.execute("SELECT triage FROM job").fetchone()
            if row is None:
                raise ConfigError(f"no job has begun in the ledger {self._path}")
            self._triage = bool(row[0])
        return self._triage

    def _inventory_complete(self) -> bool:
        return bool(self._db.execute("SELECT inventory_complete FROM job").fetchone()[0])

    def _among(self, query: str, values: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        """Rows of a query that ends in `IN`."""
        for start in range(0, len(values), _IN):
            part = values[start : start + _IN]
            yield from self._db.execute(f"{query}({', '.join('?' * len(part))})", part)

    def _leased(self, lease: Lease) -> words.OpenRow | None:
        """The item, where the lease is still the one that counts: a later one has a higher number."""
        row = self._db.execute(
            "SELECT seq, num_bytes, charged, orphaned, suspicion FROM items "
            "WHERE seq = ? AND leases = ? AND stage = ? AND owner IS NOT NULL AND state IS NULL",
            (lease.seq, lease.attempt, lease.stage),
        ).fetchone()
        return None if row is None else words.OpenRow._make(row)

    def _end(self, row: words.OpenRow, result: Result) -> None:
        _, now = self._clock()
        self._db.execute(
            "UPDATE items SET state = ?, result = ?, flagged = ?, finished_at = ?, owner = NULL, due = NULL "
            "WHERE seq = ?",
            (result.state, words.result_text(result), result.flagged, now, row.seq),
        )
        self._count(words.ending(row, result))

    def _reopen(self, row: words.OpenRow, *, charged: int, orphaned: int, end: bool = False) -> None:
        """Give back what was leased; with `end` end it as an orphan."""
        self._db.execute(
            "UPDATE items SET charged = ?, orphaned = ?, owner = NULL, due = NULL WHERE seq = ?",
            (charged, orphaned, row.seq),
        )
        if end:
            self._end(row, words.orphan())
        else:
            self._count(words.reopening())

    def _tally(self) -> words.Tally:
        rows = self._db.execute("SELECT name, value FROM tally").fetchall()
        return Counter({name: int(value) for name, value in rows})

    def _count(self, changes: words.Tally) -> None:
        """Change the numbers of `counts`; in Python, because sums of claimed sizes exceed 64 bits."""
        before = self._tally()
        self._db.executemany(
            "INSERT INTO tally (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            [(name, _number(before[name] + change)) for name, change in changes.items() if change],
        )


def _number(value: int | None) -> int | str | None:
    return value if value is None or value <= _LARGEST else str(value)
