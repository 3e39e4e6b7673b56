"""Verifying a log: whatever was done to it is found, and the first entry concerned is named."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from service.audit import log
from service.audit.entry import Damaged, Entry
from service.audit.verify import verify
from service.store.database import Store
from tests.service.audit.logs import BEGIN, CASE, SECONDS, change, fill, judge, put, read, rows, seal

NUM = 12
Row = dict[str, Any]
Spoil = Callable[[list[Row]], list[Row]]


def renumbered(all_rows: list[Row]) -> list[Row]:
    return [{**row, "seq": number} for number, row in enumerate(all_rows, start=1)]


def resealed(all_rows: list[Row], start: int) -> list[Row]:
    """All rows from a number on, made anew so that the chain holds."""
    made = all_rows[: start - 1]
    for row in all_rows[start - 1 :]:
        made.append(seal(row, made[-1]["digest"]))
    return made


def edited(number: int, **values: Any) -> Spoil:
    return lambda all_rows: [{**row, **values} if row["seq"] == number else row for row in all_rows]


def without(*numbers: int) -> Spoil:
    return lambda all_rows: [row for row in all_rows if row["seq"] not in numbers]


def moved(one: int, other: int) -> Spoil:
    def spoil(all_rows: list[Row]) -> list[Row]:
        number = {one: other, other: one}
        return [{**row, "seq": number.get(row["seq"], row["seq"])} for row in all_rows]

    return spoil


def put_in(number: int, *, sealed: bool) -> Spoil:
    """An entry more at a place, the others moved on."""

    def spoil(all_rows: list[Row]) -> list[Row]:
        alien = {**all_rows[5], "object": "alien", "seq": number}
        alien = seal(alien, all_rows[number - 2]["digest"]) if sealed else alien
        return renumbered([*all_rows[: number - 1], alien, *all_rows[number - 1 :]])

    return spoil


def resealed_edit(all_rows: list[Row]) -> list[Row]:
    return [seal({**row, "object": "other"}, row["prev"]) if row["seq"] == 6 else row for row in all_rows]


@pytest.mark.parametrize(
    ("spoil", "kind", "index"),
    [
        (edited(5, object="job_6"), "edited", 5),
        (edited(5, person_id=None), "edited", 5),
        (edited(5, key_id=None), "edited", 5),
        (edited(5, case_id=""), "edited", 5),
        (edited(5, at=math.nextafter(BEGIN + 5 * SECONDS, 0)), "edited", 5),
        (edited(5, details='{"salt":"00000000000000000000000000000000"}'), "edited", 5),
        (edited(5, details="{}"), "edited", 5),
        (edited(5, details="[" * 5000), "edited", 5),
        (edited(5, prev="0" * 64), "edited", 5),
        (edited(5, digest="0" * 64), "edited", 5),
        (edited(5, digest=""), "edited", 5),
        (edited(1, object="log_00000000000000000000000000000000"), "edited", 1),
        (edited(NUM, action="login"), "edited", NUM),
        (resealed_edit, "edited", 6),
        (without(5), "deleted", 5),
        (without(5, 6, 7), "deleted", 5),
        (without(1), "deleted", 1),
        (without(1, 2), "deleted", 1),
        (lambda all_rows: renumbered(without(5)(all_rows)), "deleted", 5),
        (lambda all_rows: renumbered(without(5, 6, 7)(all_rows)), "deleted", 5),
        (lambda all_rows: renumbered(without(1)(all_rows)), "deleted", 1),
        (moved(5, 6), "reordered", 5),
        (moved(3, NUM), "reordered", 3),
        (moved(1, 2), "reordered", 1),
        (edited(5, seq=99), "reordered", 5),
        (put_in(5, sealed=False), "inserted", 5),
        (put_in(2, sealed=False), "inserted", 2),
        (put_in(5, sealed=True), "inserted", 5),
        (edited(5, seq=0), "reordered", 1),
        (edited(5, seq=-7), "reordered", 1),
        (lambda _: [], "empty", 1),
    ],
)
def test_what_was_done_to_the_log_is_found(store: Store, spoil: Spoil, kind: str, index: int) -> None:
    fill(store, NUM)
    assert judge(store).good
    put(store, spoil(rows(store)))
    (problem,) = judge(store).problems
    assert (problem.kind, problem.index) == (kind, index), problem


@pytest.mark.parametrize("column", ["person_id", "key_id", "action", "object", "case_id", "details", "prev", "digest"])
@pytest.mark.parametrize("value", ["CAST(x'ff' AS TEXT)", "x'00'", "''", "CAST(x'6100ff' AS TEXT)"])
def test_what_is_no_text_is_found(path: Path, column: str, value: str) -> None:
    with closing(Store.open(path)) as store:
        fill(store, 6)
        with store.write() as db:
            db.execute(text(f"UPDATE audit SET {column} = {value} WHERE seq = 4"))  # noqa: S608
        (problem,) = judge(store).problems
    assert (problem.kind, problem.index) == ("edited", 4)


def test_no_depth_of_nesting_ends_the_program(good: tuple[list[Row], list[Entry]], spare: Store) -> None:
    put(spare, good[0])
    for depth in (40, *range(700, 1000, 3), 100_000):  # about where Python gives up, which depends on who calls
        nested = "[" * depth + "]" * depth
        change(spare, 4, details=f'{{"deep":{nested},"salt":"00000000000000000000000000000000"}}')
        (problem,) = judge(spare).problems
        assert (problem.kind, problem.index) == ("edited", 4)


@pytest.mark.parametrize("value", ["'abc'", "x'34'", "4.5", "1e300"])
def test_a_number_that_is_none_is_found(path: Path, value: str) -> None:
    with closing(Store.open(path)) as store:
        fill(store, 6)
        with store.write() as db:
            db.execute(text(f"UPDATE audit SET seq = {value} WHERE seq = 4"))  # noqa: S608
        (problem,) = judge(store).problems
    assert problem.index == 4


@pytest.mark.parametrize("value", ["'abc'", "x'34'", "1e999", "-1e999", "1"])
def test_a_time_that_is_none_is_found(path: Path, value: str) -> None:
    with closing(Store.open(path)) as store:
        fill(store, 6)
        with store.write() as db:
            db.execute(text(f"UPDATE audit SET at = {value} WHERE seq = 4"))  # noqa: S608
        (problem,) = judge(store).problems
    assert (problem.kind, problem.index) == ("edited", 4)


def test_only_a_checkpoint_tells_that_all_was_made_anew(store: Store) -> None:
    """The chain of a log whose end was rewritten holds: that is why checkpoints are kept elsewhere."""
    fill(store, NUM)
    put(store, resealed(edited(5, object="other")(rows(store)), 5))
    verdict = judge(store)
    assert verdict.good
    assert "without a checkpoint" in verdict.text()


@pytest.fixture(scope="module")
def spare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A database for all examples of a test."""
    with closing(Store.open(tmp_path_factory.mktemp("spare") / "unmask.sqlite", migrate=True)) as store:
        yield store


@pytest.fixture(scope="module")
def good(spare: Store) -> tuple[list[Row], list[Entry]]:
    """Rows of a log, and its entries."""
    fill(spare, NUM)
    return rows(spare), read(spare)


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
VALUES = {
    "at": st.floats(allow_nan=False),
    "person_id": st.none() | TEXTS | st.just("person_1"),
    "key_id": st.none() | TEXTS | st.just("key_1"),
    "action": TEXTS | st.just("login"),
    "object": TEXTS,
    "case_id": st.none() | TEXTS | st.just(CASE),
    "details": TEXTS | st.just("{}") | st.just("null"),
    "prev": TEXTS | st.text("0123456789abcdef", min_size=64, max_size=64),
    "digest": TEXTS | st.text("0123456789abcdef", min_size=64, max_size=64),
}


@settings(max_examples=200, deadline=None)
@given(data=st.data(), number=st.integers(1, NUM), column=st.sampled_from(sorted(VALUES)))
def test_any_change_of_any_field_is_found(
    spare: Store, good: tuple[list[Row], list[Entry]], data: st.DataObject, number: int, column: str
) -> None:
    before = good[0][number - 1][column]
    choices = VALUES[column]
    if isinstance(before, str) and before:  # one letter of it, too
        letters = st.tuples(st.integers(0, len(before) - 1), st.sampled_from('0aA" é}'))
        choices = choices | letters.map(lambda where: before[: where[0]] + where[1] + before[where[0] + 1 :])
    value = data.draw(choices.filter(lambda value: value != before), label="value")
    put(spare, good[0])
    change(spare, number, **{column: value})
    (problem,) = judge(spare).problems
    assert (problem.kind, problem.index) == ("edited", number)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_other_order_or_number_of_entries_is_found(
    good: tuple[list[Row], list[Entry]], data: st.DataObject
) -> None:
    entries = good[1]
    chosen = data.draw(st.lists(st.sampled_from(range(NUM)), max_size=NUM + 3) | st.permutations(range(NUM)))
    log_as_drawn = [entries[number] for number in chosen]
    if data.draw(st.booleans(), label="renumbered"):
        log_as_drawn = [entry.numbered(seq) for seq, entry in enumerate(log_as_drawn, start=1)]
    verdict = verify(log_as_drawn)
    as_written = 0
    while as_written < len(chosen) and chosen[as_written] == as_written:
        as_written += 1
    if as_written == len(chosen) > 0:
        assert verdict.good  # the end is missing, which only a checkpoint shows
        assert verdict.num_entries == as_written
    else:
        assert not verdict.good
        assert verdict.problems[0].index == as_written + 1


@settings(max_examples=150, deadline=None)
@given(number=st.integers(1, NUM), field=st.sampled_from(["prev", "digest"]), place=st.integers(0, 63))
def test_any_bit_of_a_digest_counts(good: tuple[list[Row], list[Entry]], number: int, field: str, place: int) -> None:
    entries = list(good[1])
    value = getattr(entries[number - 1], field)
    flipped = value[:place] + f"{int(value[place], 16) ^ 1:x}" + value[place + 1 :]
    changes: dict[str, Any] = {field: flipped}
    entries[number - 1] = replace(entries[number - 1], **changes)
    (problem,) = verify(entries).problems
    assert (problem.kind, problem.index) == ("edited", number)


def test_a_verdict_says_what_holds(store: Store) -> None:
    fill(store, NUM)
    change(store, 8, object="\x1b[2Jother")
    verdict = judge(store)
    entries = read(store)
    assert (verdict.log, verdict.num_entries, verdict.digest) == (entries[0].object, 7, entries[6].digest)
    assert "problem (edited): entry 8 " in verdict.text()
    assert verdict.text().splitlines()[-1].startswith("NOT GOOD")
    assert "\x1b" not in verdict.text()


def test_what_is_no_entry_is_named(good: tuple[list[Row], list[Entry]]) -> None:
    (problem,) = verify([*good[1][:3], Damaged(why="is gone"), *good[1][4:]]).problems
    assert (problem.kind, problem.index, problem.why) == ("edited", 4, "is gone")


def test_a_log_is_read_no_further_than_needed(good: tuple[list[Row], list[Entry]]) -> None:
    """A million entries behind a bad one are not held in memory to explain it."""
    taken = 0

    def entries() -> Any:
        nonlocal taken
        yield good[1][0]
        while True:
            taken += 1
            yield good[1][0]

    assert not verify(entries()).good
    assert taken < 2000


def test_reading_takes_rows_as_they_come(store: Store) -> None:
    fill(store, 4)
    with store.read() as db:
        reader = log.entries(db)
        assert [next(reader).seq for _ in range(2)] == [1, 2]  # type: ignore[union-attr]
        reader.close()  # type: ignore[attr-defined]
