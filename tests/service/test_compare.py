"""Two scans held against each other: nothing changed, everything changed, and each kind of change alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from detect.errors import ConfigError
from detect.types import ItemState
from pipelines.items import Entry, JobFacts, Result
from pipelines.ledger.sqlite import SqliteLedger
from service.compare import LLR_TOLERANCE, MAX_LISTED, Comparison, compare, render_comparison
from service.results.tables import write_tables
from tests.service.results import scans


def _folder(out: Path, entries: list[Entry], results: list[Result] | None = None, job: JobFacts | None = None) -> Path:
    ledger = scans.scan(out, entries, results or [], job=job)
    write_tables(ledger, out, "interrupted")
    ledger.close()
    return out


def _compared(tmp_path: Path, old: dict[str, Any], new: dict[str, Any]) -> Comparison:
    return compare(_folder(tmp_path / "old", **old), _folder(tmp_path / "new", **new))


def _counts(comparison: Comparison) -> dict[str, int]:
    return {kind: count for kind, count in comparison.counts.items() if count}


def test_the_same_scan_twice_is_the_same(tmp_path: Path) -> None:
    for name in ("old", "new"):
        ledger = scans.every_state(tmp_path / name)
        write_tables(ledger, tmp_path / name, "time_limit")
        ledger.close()
    comparison = compare(tmp_path / "old", tmp_path / "new")
    assert comparison.same
    assert comparison.num_same == comparison.num_old == comparison.num_new > 30
    assert "Nothing differs." in render_comparison(comparison, "text")


def test_order_and_job_do_not_matter(tmp_path: Path) -> None:
    entries = [scans.entry(f"{number}.mov") for number in range(5)]
    later = scans.facts(id="another", created_at="2026-01-01T00:00:00+00:00")
    comparison = _compared(tmp_path, {"entries": entries}, {"entries": entries[::-1], "job": later})
    assert comparison.same


def test_new_gone_moved_and_other_bytes(tmp_path: Path) -> None:
    old = [
        scans.entry("stays"),
        scans.entry("goes"),
        scans.entry("here", content="m"),
        scans.entry("edit", content="1"),
    ]
    new = [
        scans.entry("stays"),
        scans.entry("comes"),
        scans.entry("there", content="m"),
        scans.entry("edit", content="2"),
    ]
    comparison = _compared(tmp_path, {"entries": old}, {"entries": new})
    assert _counts(comparison) == {"new": 1, "gone": 1, "moved": 1, "bytes": 1}
    (moved,) = [change for change in comparison.changes if "moved" in change.kinds]
    assert moved.old is not None
    assert moved.new is not None
    text = render_comparison(comparison, "text")
    assert "/evidence/phone!/here -> /evidence/phone!/there" in text
    assert "/evidence/phone!/comes (cancelled:interrupted)" in text
    assert f"{scans.digest('1')} before, {scans.digest('2')} now" in text
    assert (moved.old.chain, moved.new.chain) == ("/evidence/phone!/here", "/evidence/phone!/there")
    assert comparison.num_same == 1


def test_a_file_that_took_the_name_of_another(tmp_path: Path) -> None:
    # b was renamed to a, a is gone: at a lie other bytes, and nothing is paired twice.
    old = [scans.entry("a", content="A"), scans.entry("b", content="B")]
    new = [scans.entry("a", content="B")]
    comparison = _compared(tmp_path, {"entries": old}, {"entries": new})
    assert _counts(comparison) == {"bytes": 1, "gone": 1}


def test_copies_are_paired_one_to_one(tmp_path: Path) -> None:
    old = [scans.entry(f"old/{number}", content="same") for number in range(3)]
    new = [scans.entry(f"new/{number}", content="same") for number in range(5)]
    comparison = _compared(tmp_path, {"entries": old}, {"entries": new})
    assert comparison.counts["moved"] == 3
    assert comparison.counts["new"] == 2
    assert comparison.counts["gone"] == 0


def test_items_without_a_digest_are_never_the_same_bytes(tmp_path: Path) -> None:
    old = [scans.entry("a", sha256=None, state=ItemState.ENCRYPTED, reason="password")]
    new = [scans.entry("b", sha256=None, state=ItemState.ENCRYPTED, reason="password")]
    comparison = _compared(tmp_path, {"entries": old}, {"entries": new})
    assert _counts(comparison) == {"new": 1, "gone": 1}


@pytest.mark.parametrize(
    ("after", "kinds"),
    [
        (scans.result(face=2.0 + LLR_TOLERANCE), {}),
        (scans.result(face=2.0 + 2 * LLR_TOLERANCE), {"llr": 1}),
        (scans.result(face=2.5), {"flag": 1, "llr": 1}),
        (scans.result(face=2.0, voice=0.1, fused=2.0), {"llr": 1}),
        (scans.result(face=2.0, state=ItemState.PARTIAL, reason="defects"), {"state": 1}),
        (Result(state=ItemState.TIMEOUT, reason="deadline", message="."), {"state": 1, "flag": 1, "llr": 1}),
        (replace(scans.result(face=2.0), seconds=99.0, host="elsewhere"), {}),
    ],
)
def test_results_that_differ(tmp_path: Path, after: Result, kinds: dict[str, int]) -> None:
    entries = [scans.entry("a")]
    comparison = _compared(
        tmp_path, {"entries": entries, "results": [scans.result(face=2.0)]}, {"entries": entries, "results": [after]}
    )
    assert _counts(comparison) == kinds
    assert comparison.same is not bool(kinds)
    text = render_comparison(comparison, "text")
    assert ("llr +2.00" in text) is ("llr" in kinds)
    assert ("no before, " in text) is ("flag" in kinds)
    assert ("examined before, " in text) is ("state" in kinds)


def test_what_the_scans_were_begun_with(tmp_path: Path) -> None:
    first = scans.facts()
    config = json.loads(json.dumps(first.config))
    config["scoring"]["flag_llr"] = 3.0
    models = {**first.models, "other.model": "c" * 64}
    second = replace(first, config=config, config_digest="0" * 64, models=models, tool="unmask 0.3.0")
    comparison = _compared(tmp_path, {"entries": [], "job": first}, {"entries": [], "job": second})
    names = {difference.name: difference for difference in comparison.header}
    assert set(names) == {"tool", "config_digest", "config.scoring.flag_llr", "models.other.model"}
    assert (names["config.scoring.flag_llr"].old, names["config.scoring.flag_llr"].new) == ("2.30259", "3")
    assert names["models.other.model"].old is None
    assert not comparison.same
    assert "config.scoring.flag_llr" in render_comparison(comparison, "text")


def test_as_json_for_programs(tmp_path: Path) -> None:
    comparison = _compared(tmp_path, {"entries": [scans.entry(b"\xff=1")]}, {"entries": []})
    document = json.loads(render_comparison(comparison, "json"))
    assert document["same"] is False
    assert document["counts"]["gone"] == 1
    assert document["changes"][0]["old"]["chain"] == "/evidence/phone!/\\xff=1"
    assert document["changes"][0]["new"] is None


def test_names_cannot_steer_a_terminal(tmp_path: Path) -> None:
    comparison = _compared(tmp_path, {"entries": [scans.entry(name) for name in scans.HOSTILE_NAMES]}, {"entries": []})
    text = render_comparison(comparison, "text")
    assert all(line.isprintable() for line in text.split("\n"))
    assert f"{len(scans.HOSTILE_NAMES)} items are gone" in text


def test_long_lists_are_cut_and_counted(large: Path, tmp_path: Path) -> None:
    if not (large / "items.jsonl").exists():
        ledger = SqliteLedger(large / "work" / "ledger.sqlite")
        write_tables(ledger, large, "interrupted")
        ledger.close()
    comparison = compare(large, _folder(tmp_path / "new", []))
    assert comparison.counts["gone"] == comparison.num_old == 100_000
    assert len(comparison.changes) == MAX_LISTED
    text = render_comparison(comparison, "text")
    assert "and 99,950 more" in text


@pytest.mark.parametrize("broken", ["", "{", "[]\n", '{"seq": 1}\n', "\xff"])
def test_what_is_no_result_folder_is_said(tmp_path: Path, broken: str) -> None:
    good = _folder(tmp_path / "good", [scans.entry("a")])
    bad = _folder(tmp_path / "bad", [scans.entry("a")])
    (bad / "job.json").write_bytes(broken.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"job\.json"):
        compare(good, bad)
    (bad / "job.json").write_bytes((good / "job.json").read_bytes())
    if broken:
        (bad / "items.jsonl").write_bytes(broken.encode("latin-1"))
    else:
        (bad / "items.jsonl").unlink()
    with pytest.raises(ConfigError, match=r"items\.jsonl"):
        compare(good, bad)
