"""The three tables: the same rows, every name back as it was, nothing that a spreadsheet calculates."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detect.types import ItemState
from pipelines.items import Result
from pipelines.names import unescape
from service.results.rows import COLUMNS
from service.results.tables import _cell, _csv, csv_text, write_tables
from tests.service.results import scans
from tests.service.results.memory import grown_bytes


def _read(out: Path) -> tuple[list[dict[str, Any]], list[dict[str, str]], list[dict[str, Any]]]:
    lines = [json.loads(line) for line in (out / "items.jsonl").read_bytes().split(b"\n")[:-1]]
    text = (out / "items.csv").read_bytes().decode("utf-8-sig")
    table = list(csv.DictReader(io.StringIO(text, newline="")))
    return lines, table, pq.read_table(out / "items.parquet").to_pylist()


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables") / "out"
    ledger = scans.every_state(folder)
    write_tables(ledger, folder, "time_limit")
    ledger.close()
    return folder


def test_three_times_the_same(out: Path) -> None:
    lines, table, columns = _read(out)
    assert [list(row) for row in table] == [list(COLUMNS)] * len(lines)
    assert [{name: line[name] for name in COLUMNS} for line in lines] == columns
    for line, row in zip(lines, table, strict=True):
        for name in COLUMNS:
            written = line[name]
            shown = "; ".join(written) if isinstance(written, list) else written
            shown = {None: "", True: "true", False: "false"}.get(shown, shown) if not _is_number(shown) else shown
            assert csv_text(row[name]) == str(shown), name


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def test_names_come_back_as_the_bytes_they_were(out: Path) -> None:
    lines, table, _ = _read(out)
    prefix = "/evidence/phone!/"
    for rows in (lines, [{"chain": csv_text(row["chain"])} for row in table]):
        names = {unescape(row["chain"].removeprefix(prefix)) for row in rows}
        assert set(scans.HOSTILE_NAMES) <= names


def test_states_add_up_and_open_items_say_why(out: Path) -> None:
    lines, _, _ = _read(out)
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert all(line["state"] in list(ItemState) for line in lines)
    (still_open,) = [line for line in lines if line["state"] == "cancelled"]
    assert still_open["reason"] == "time_limit"
    assert still_open["message"]
    assert still_open["num_bytes"] is None


def test_duplicates_say_how_the_first_ended(out: Path) -> None:
    lines, _, _ = _read(out)
    copies = [line for line in lines if line["state"] == "duplicate"]
    assert len(copies) == 7
    first = next(line for line in lines if line["seq"] == copies[0]["duplicate_of"])
    assert {(line["original_state"], line["original_flagged"]) for line in copies} == {("examined", True)}
    assert first["name"] == "fake.mov"
    assert all(line["original_state"] is None for line in lines if line["duplicate_of"] is None)


def test_flagged_is_without_a_value_where_nothing_was_weighed(out: Path) -> None:
    by_name = {line["name"]: line for line in _read(out)[0]}
    assert by_name["fake.mov"]["flagged"] is True
    assert by_name["calm.mov"]["flagged"] is False
    for name in ("raw.wav", "wall.mov", "slow.mov", "last.mov"):
        assert by_name[name]["flagged"] is None, name


def test_no_cell_of_the_spreadsheet_begins_a_formula(out: Path) -> None:
    text = (out / "items.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbfseq,")
    assert text.count(b"\r\n") == text.count(b"\n")
    for delimiter in (",", ";", "\t"):
        for row in csv.reader(io.StringIO(text.decode("utf-8-sig"), newline=""), delimiter=delimiter):
            for cell in row:
                assert not re.match("[=+@\t\r\n\uff1d\uff0b\uff0d\uff20]", cell), (delimiter, cell)
                assert not cell.startswith("-") or float(cell) < 0


@given(st.text(alphabet=st.sampled_from("=+-@'\t\r\n;|,\"a\uff1d"), max_size=12))
def test_every_text_comes_back_from_the_spreadsheet(text: str) -> None:
    ((cell,),) = csv.reader(io.StringIO(_csv([[_cell(text) or "x"]]).decode(), newline=""))
    assert csv_text(cell) == (text or "x")
    assert not re.search("(^|[;\t\r\n|])[=+@\\-]", cell)


def test_parquet_has_types_and_says_what_its_columns_mean(out: Path) -> None:
    schema = pq.read_schema(out / "items.parquet")
    assert schema.names == list(COLUMNS)
    assert schema.field("flagged").type == pa.bool_()
    assert schema.field("llr").type == pa.float64()
    assert schema.field("num_bytes").type == pa.int64()
    assert schema.field("notes").type == pa.list_(pa.string())
    assert all(field.metadata[b"description"] for field in schema)


def test_nothing_hidden_stays_in_what_others_wrote(tmp_path: Path) -> None:
    message = "\x1b[31mred\N{RIGHT-TO-LEFT OVERRIDE}\N{LINE SEPARATOR}\ud800"
    entries = [scans.entry("a", state=ItemState.UNREADABLE, reason="damaged", notes=("tail\x00",)), scans.entry("b")]
    results = [Result(state=ItemState.CRASHED, reason="signal", message=message)]
    ledger = scans.scan(tmp_path / "out", entries, results)
    write_tables(ledger, tmp_path / "out", "interrupted")
    ledger.close()
    lines, _, _ = _read(tmp_path / "out")
    assert all(text.isprintable() for line in lines for text in (line["message"], *line["notes"]))
    assert "U+202E" in lines[1]["message"]


def test_an_empty_scan_has_tables_without_rows(tmp_path: Path) -> None:
    ledger = scans.scan(tmp_path / "out", [])
    write_tables(ledger, tmp_path / "out", "interrupted")
    ledger.close()
    assert _read(tmp_path / "out") == ([], [], [])


def test_what_was_there_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    ledger = scans.every_state(tmp_path / "out")
    write_tables(ledger, tmp_path / "out", "interrupted")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").glob("items.*")}
    (tmp_path / "out" / ".items.parquet.part").mkdir()  # in the way: the third file cannot be begun
    with pytest.raises(OSError, match=r"items\.parquet"):
        write_tables(ledger, tmp_path / "out", "time_limit")
    ledger.close()
    (tmp_path / "out" / ".items.parquet.part").rmdir()
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").glob("items.*")} == before
    assert not list((tmp_path / "out").glob(".*.part"))


def test_a_hundred_thousand_rows_in_flat_memory(large: Path) -> None:
    assert grown_bytes(large, "write_tables(ledger, out, 'interrupted')") < 150e6
    parquet = pq.ParquetFile(large / "items.parquet")
    assert parquet.metadata.num_rows == 100_000
    assert parquet.num_row_groups > 5
    with (large / "items.jsonl").open("rb") as file:
        assert sum(1 for _ in file) == 100_000
