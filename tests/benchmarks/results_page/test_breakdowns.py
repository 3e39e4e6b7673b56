"""Numbers by attack and by fact: which bona fide trials a part is held against, and which parts are too small."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks.results_page.run_section import score
from benchmarks.scorefile import Row
from tests.benchmarks.results_page.recipes import OURS, cells, gaussian, run


def _is_spoof(row: Row) -> bool:
    return row.labels["voice"] == "spoof"


def _of(text: str, title: str) -> dict[str, dict[str, str]]:
    """Rows of `OURS` by their first cell."""
    rows = [row for row in cells(text, title) if row["system"] == OURS]
    return {next(iter(row.values())): row for row in rows}


def _by_attack(rows: list[Row]) -> list[Row]:
    """`easy` moves its spoofs far up, `hard` leaves them among the bona fide; three are `rare`."""
    found = []
    for place, row in enumerate(rows):
        attack = ("rare" if place < 6 else "easy" if place % 4 == 1 else "hard") if _is_spoof(row) else "-"
        moved = {"easy": 6.0, "hard": -2.0}.get(attack, 0.0)
        found.append(replace(row, attack=attack, logits={OURS: row.logits[OURS] + moved}))
    return found


def test_each_attack_is_held_against_all_bona_fide(tmp_path: Path) -> None:
    parts = _of(score(run(tmp_path, _by_attack(gaussian(400)))), "By attack")
    assert parts.keys() == {"easy", "hard"}
    assert parts["easy"]["bona fide + spoof"] == "200 + 98"
    assert parts["hard"]["bona fide + spoof"] == "200 + 99"
    assert {part["bona fide of"] for part in parts.values()} == {"all"}
    assert float(parts["easy"]["AUC"].split()[0]) > 0.99
    assert 0.4 < float(parts["hard"]["AUC"].split()[0]) < 0.6


def test_a_fact_with_both_classes_is_held_against_its_own(tmp_path: Path) -> None:
    rows = [replace(row, facts={"codec": "opus" if place % 3 else "mp3"}) for place, row in enumerate(gaussian(300))]
    parts = _of(score(run(tmp_path, rows)), "By codec")
    assert {name: part["bona fide + spoof"] for name, part in parts.items()} == {
        "mp3": "50 + 50",
        "opus": "100 + 100",
    }
    assert {part["bona fide of"] for part in parts.values()} == {"same"}


def test_a_fact_of_spoofs_alone_is_held_against_all_bona_fide(tmp_path: Path) -> None:
    rows = [
        replace(row, facts={"vocoder": "hifi-gan" if place % 4 == 1 else "wavenet"} if _is_spoof(row) else {})
        for place, row in enumerate(gaussian(200))
    ]
    parts = _of(score(run(tmp_path, rows)), "By vocoder")
    assert {(part["bona fide of"], part["bona fide + spoof"]) for part in parts.values()} == {("all", "100 + 50")}


def test_facts_that_divide_nothing_or_name_everybody_have_no_table(tmp_path: Path) -> None:
    rows = [
        replace(row, facts={"speaker": f"p{place % 41}", "rate": "16000", "few": "a" if place < 5 else "b"})
        for place, row in enumerate(gaussian(400))
    ]
    text = score(run(tmp_path, rows))
    assert "By speaker" not in text
    assert "By rate" not in text
    assert _of(text, "By few").keys() == {"b"}
