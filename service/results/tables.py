r"""`items.jsonl`, `items.csv` and `items.parquet`: every file that was found, one row a file, three times the same.

JSON lines hold everything, for programs. Parquet holds the columns with their types, for analysis of millions of rows.
CSV is for spreadsheets: it begins with a byte order mark, without which Excel reads UTF-8 as a local code page, and no
cell that the evidence has a say in can become a formula (OWASP, *CSV Injection*): where such a cell begins with `=`,
`+`, `-`, `@` or their full-width forms, tab, line end or `'`, or has one of them behind a `;`, tab, line end or `|`, at
which a spreadsheet in another country might cut it, a `'` is put before. Whoever reads it back with `csv_text` has the
text that was written; numbers are written bare.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.ledger import Ledger
from service.results.rows import COLUMNS, Row, rows
from service.results.sentences import say

_BATCH = 2_048
"""Rows that are held as Python values at a time: some 20 MB."""
_ROW_GROUP = 16_384
"""Rows that are held as Arrow columns at a time: some 20 MB too. Readers of Parquet skip by row group, and prefer them
not much smaller."""

_STARTS = "=+@\\-\t\r\n'\uff1d\uff0b\uff0d\uff20"
"""What makes a spreadsheet calculate (OWASP, *CSV Injection*), and the sign that takes it back."""
_CUTS = ";|\t\r\n"
"""Separators of other spreadsheets and countries."""
_DANGER = re.compile(f"(^|[{_CUTS}])(?=[{_STARTS}])")
_TAKEN_BACK = re.compile(f"(^|[{_CUTS}])'(?=[{_STARTS}])")

_ARROW = {
    "integer": pa.int64(),
    "number": pa.float64(),
    "text": pa.string(),
    "truth": pa.bool_(),
    "list": pa.list_(pa.string()),
}


def write_tables(ledger: Ledger, out: Path, open_reason: str) -> None:
    """Write the three tables; each appears whole or stays as it was.

    Args:
        ledger: The scan's.
        out: The result folder.
        open_reason: Why items are still open: `interrupted`, `time_limit`.

    Raises:
        OSError: the folder cannot be written.
    """
    with ExitStack() as stack:
        lines = stack.enter_context(_replacing(out / "items.jsonl"))
        spreadsheet = stack.enter_context(_replacing(out / "items.csv"))
        columns = stack.enter_context(_replacing(out / "items.parquet"))
        spreadsheet.write("\ufeff".encode())
        spreadsheet.write(_csv([list(COLUMNS)]))
        parquet = stack.enter_context(pq.ParquetWriter(columns, _schema(), compression="zstd"))
        everything = rows(ledger, open_reason)
        group: list[pa.RecordBatch] = []
        while batch := list(islice(everything, _BATCH)):
            lines.write(_json_lines(batch))
            spreadsheet.write(_csv([_cell(row[name]) for name in COLUMNS] for row in batch))
            group.append(pa.RecordBatch.from_pylist(batch, schema=_schema()))
            if len(group) * _BATCH >= _ROW_GROUP:
                parquet.write_table(pa.Table.from_batches(group))
                group.clear()
        if group:
            parquet.write_table(pa.Table.from_batches(group))


def csv_text(cell: str) -> str:
    """The text that a cell of `items.csv` was written from."""
    return _TAKEN_BACK.sub(r"\1", cell)


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of another when all of it is on the disk."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def _json_lines(batch: Iterable[Row]) -> bytes:
    lines = [
        json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False) for row in batch
    ]
    return ("\n".join(lines) + "\n").encode()


def _csv(table: Iterable[Sequence[str]]) -> bytes:
    """Lines as RFC 4180 has them."""
    text = io.StringIO()
    csv.writer(text).writerows(table)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = "; ".join(value) if isinstance(value, list) else str(value)
    return _DANGER.sub(r"\1'", text)


def _schema() -> pa.Schema:
    """Types, and what each column means."""
    return pa.schema(
        [
            pa.field(name, _ARROW[kind], metadata={"description": say(f"summary.column.{name}")})
            for name, kind in COLUMNS.items()
        ]
    )
