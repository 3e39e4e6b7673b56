"""The NSRL's RDS of version 3: an SQLite database, queried where it lies if its strongest digests have an index.

The minimal sets have a table FILE whose primary key begins with `sha256` (the `schema.sql` in NIST's updates). The full
ones have the digests in METADATA, and FILE as a view. Columns and indexes are looked up, not taken for granted.
"""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from pipelines.known_formats import UnusableSet, strongest
from pipelines.known_index import DIGEST_BYTES, Digest

MAGIC = b"SQLite format 3\x00"
"""https://www.sqlite.org/fileformat.html, section 1.3."""
_RELATIONS = ("metadata", "file")


class RdsError(UnusableSet):
    """The database is not one of these, or is damaged."""


class Rds:
    """An RDS of version 3, opened for reading.

    Args:
        path: The database.

    Raises:
        RdsError: it is not one, or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        # Immutable: nothing is written beside the set, which may lie on a read-only disc; but what an interrupted
        # update left in its log would not be seen.
        pending = _is_filled(self.log(path)) or _is_filled(path.with_name(f"{path.name}-journal"))
        address = f"{path.absolute().as_uri()}?mode=ro{'' if pending else '&immutable=1'}"
        try:
            self._database = sqlite3.connect(address, uri=True, check_same_thread=False)
            weakref.finalize(self, self._database.close)
            self._relation, self._columns = self._digest_columns()
            self.algorithm = self._columns[0]
            """The strongest there is."""
            self.is_indexed = self._is_indexed()
            """Whether a digest is found without a scan."""
        except sqlite3.Error as error:
            raise RdsError(f"the database cannot be read: {error}") from error

    @staticmethod
    def log(path: Path) -> Path:
        """Where a database's latest changes may be."""
        return path.with_name(f"{path.name}-wal")

    def close(self) -> None:
        """Release the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __contains__(self, digest: Digest) -> bool:
        """Whether a digest by the strongest algorithm is in the set.

        Raises:
            RdsError: the database is damaged.
        """
        algorithm, value = digest
        digits = value.hex()
        try:
            found = self._database.execute(self._lookup(), (digits.upper(), digits)).fetchone()
        except sqlite3.Error as error:
            raise RdsError(f"the database cannot be read: {error}") from error
        return algorithm == self.algorithm and found is not None

    def digests(self) -> Iterator[Digest]:
        """Every row's strongest digest.

        Raises:
            RdsError: the database is damaged.
            Malformed: a row without a digest; its number counts as the line.
        """
        try:
            rows = self._database.execute(f"SELECT {', '.join(self._columns)} FROM {self._relation}")  # noqa: S608
            for number, row in enumerate(rows, start=1):
                yield strongest(dict(zip(self._columns, row, strict=True)), number)
        except sqlite3.Error as error:
            raise RdsError(f"the database cannot be read: {error}") from error

    def _digest_columns(self) -> tuple[str, list[str]]:
        """The relation with the digests, tables before views, and its columns of digests, the strongest first."""
        for kind in ("table", "view"):
            for relation in _RELATIONS:
                query = "SELECT 1 FROM sqlite_master WHERE type = ? AND lower(name) = ?"
                if self._database.execute(query, (kind, relation)).fetchone() is None:
                    continue
                columns = {str(row[1]).lower() for row in self._database.execute(f"PRAGMA table_info({relation})")}
                found = [name for name in reversed(DIGEST_BYTES) if name in columns]
                if found:
                    return relation, found
        raise RdsError("an SQLite database without the digests of an NSRL RDS of version 3 (tables FILE and METADATA)")

    def _is_indexed(self) -> bool:
        plan = self._database.execute(f"EXPLAIN QUERY PLAN {self._lookup()}", ("", "")).fetchall()
        if not all(str(step[3]).startswith("SEARCH") for step in plan):
            return False
        # Rows that lack it have only a weaker digest, and its index would lose them.
        lacking = f"SELECT 1 FROM {self._relation} WHERE {self.algorithm} = '' OR {self.algorithm} IS NULL LIMIT 1"  # noqa: S608
        return self._database.execute(lacking).fetchone() is None

    def _lookup(self) -> str:
        return f"SELECT 1 FROM {self._relation} WHERE {self.algorithm} IN (?, ?) LIMIT 1"  # noqa: S608 - constants


def _is_filled(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0
