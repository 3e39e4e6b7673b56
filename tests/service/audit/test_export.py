"""The log as a file: followed and held against checkpoints like the log itself, by other tools as well."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.audit.entry import Entry, Withheld
from service.audit.export import export, read_export
from service.audit.verify import Verdict, verify
from service.results.signing import load_or_create_key
from service.store.database import Store
from tests.service.audit.logs import CASE, OTHER_CASE, change, fill, mark, read

NUM = 14


def lines_of(store: Store, case_id: str | None = None) -> list[bytes]:
    with store.read() as db:
        return list(export(db, case_id))


def judge_lines(lines: list[bytes]) -> Verdict:
    return verify(read_export(io.BytesIO(b"".join(lines))))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    store = Store.open(tmp_path_factory.mktemp("exported") / "unmask.sqlite", migrate=True)
    fill(store, NUM)
    lines = lines_of(store)
    store.close()
    return lines


def test_an_export_is_the_log(store: Store) -> None:
    fill(store, NUM)
    lines = lines_of(store)
    assert list(read_export(io.BytesIO(b"".join(lines)))) == read(store)
    assert judge_lines(lines).good


def test_an_export_of_a_case_shows_that_case_alone(store: Store, tmp_path: Path) -> None:
    fill(store, NUM)
    checkpoint = mark(store, load_or_create_key(tmp_path / "key.pem"))
    lines = lines_of(store, CASE)
    text = b"".join(lines).decode()
    assert OTHER_CASE not in text
    entries = read(store)
    for entry, line in zip(entries, read_export(io.BytesIO(text.encode())), strict=True):
        if entry.seq == 1 or entry.case_id == CASE:
            assert line == entry
        else:
            assert line == Withheld(seq=entry.seq, body=entry.body(), digest=entry.digest)
            assert entry.object not in text.split('"')
    verdict = verify(read_export(io.BytesIO(text.encode())), [checkpoint])
    assert verdict.good
    assert (verdict.num_entries, verdict.num_checkpoints) == (NUM, 1)
    assert verdict.num_withheld == sum(entry.case_id != CASE for entry in entries[1:])
    assert "only whoever has the whole log can tell" in verdict.text()


def test_a_shell_follows_an_export(exported: list[bytes], tmp_path: Path) -> None:
    """The steps in the documentation of `service.audit.export`, for every entry."""
    (tmp_path / "LOG").write_bytes(b"".join(exported))
    steps = r"""
        set -e -o pipefail
        for number in $(seq $(wc -l < LOG)); do
            BODY=$(sed -nE "${number}"'s/.*"entry":(\{.*\}),"prev":"[0-9a-f]{64}"\}$/\1/p' LOG | head -c -1 | sha256sum)
            BODY=${BODY%% *}
            PREV=$(sed -nE "${number}"'s/.*"prev":"([0-9a-f]{64})"\}$/\1/p' LOG)
            printf %s "$PREV$BODY" | sha256sum
        done
    """
    result = subprocess.run(["bash", "-c", steps], cwd=tmp_path, capture_output=True, text=True, check=True)
    digests = [line.split()[0] for line in result.stdout.splitlines()]
    assert digests == [json.loads(line)["digest"] for line in exported]
    assert digests[:-1] == [json.loads(line)["prev"] for line in exported[1:]]


def test_a_log_that_is_damaged_is_exported_as_it_is(store: Store) -> None:
    fill(store, NUM)
    change(store, 6, details="x")
    change(store, 9, object="other")
    lines = lines_of(store)
    assert len(lines) == NUM
    (problem,) = judge_lines(lines).problems
    assert (problem.kind, problem.index) == ("edited", 6)


def test_a_withheld_entry_that_is_not_what_it_was_is_found(store: Store) -> None:
    fill(store, NUM)
    number = next(entry.seq for entry in read(store) if entry.case_id == OTHER_CASE)
    change(store, number, person_id="somebody")
    (problem,) = judge_lines(lines_of(store, CASE)).problems
    assert (problem.kind, problem.index) == ("edited", number)


Spoil = Callable[[list[bytes]], list[bytes]]


@pytest.mark.parametrize(
    ("spoil", "kind", "index"),
    [
        (lambda lines: [*lines[:4], *lines[5:]], "deleted", 5),
        (lambda lines: lines[1:], "deleted", 1),
        (lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]], "reordered", 5),
        (lambda lines: [*lines[:5], lines[4], *lines[5:]], "inserted", 6),
        (lambda lines: [*lines, lines[-1]], "inserted", NUM + 1),
        (lambda lines: [*lines, lines[3]], "inserted", NUM + 1),
        (lambda lines: [*lines, b"\n"], "edited", NUM + 1),
        (lambda lines: [*lines[:-1], lines[-1][:-1]], "edited", NUM),
        (lambda lines: [line.replace(b"\n", b"\r\n") for line in lines], "edited", 1),
        (lambda lines: [*lines[:4], lines[4].replace(b":", b": ", 1), *lines[5:]], "edited", 5),
        (lambda lines: [*lines[:4], lines[4].replace(b'"seq":5', b'"seq":5,"seq":5'), *lines[5:]], "edited", 5),
        (lambda lines: [*lines[:4], lines[4].replace(b'"seq":5', b'"seq":5.0'), *lines[5:]], "edited", 5),
        (lambda lines: [*lines[:4], lines[4].replace(b'"at":"', b'"at":"0'), *lines[5:]], "edited", 5),
        (lambda lines: [*lines[:4], b'{"damaged":"x"}\n', *lines[5:]], "edited", 5),
        (lambda lines: [*lines[:4], b"\xff\n", *lines[5:]], "edited", 5),
        (lambda lines: [*lines[:4], b"[" * 60_000 + b"\n", *lines[5:]], "edited", 5),
        (lambda lines: [*lines[:4], b"x" * 200_000 + b"\n", *lines[5:]], "edited", 5),
        (lambda lines: [*lines[:4], b"[]\n", *lines[5:]], "edited", 5),
        (lambda lines: [*lines[:4], b"{}\n", *lines[5:]], "edited", 5),
        (lambda _: [], "empty", 1),
    ],
)
def test_what_was_done_to_an_export_is_found(exported: list[bytes], spoil: Spoil, kind: str, index: int) -> None:
    (problem,) = judge_lines(spoil(exported)).problems
    assert (problem.kind, problem.index) == (kind, index), problem


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_byte_of_an_export_can_be_changed(exported: list[bytes], data: st.DataObject) -> None:
    number = data.draw(st.integers(0, NUM - 1))
    line = exported[number]
    place = data.draw(st.integers(0, len(line) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != line[place]))
    lines = [*exported[:number], line[:place] + bytes([byte]) + line[place + 1 :], *exported[number + 1 :]]
    verdict = judge_lines(lines)
    assert not verdict.good
    assert verdict.problems[0].index == number + 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ["action", "at", "case_id", "details", "key_id", "object", "person_id", "seq"]


@settings(max_examples=300, deadline=None)
@given(
    fields=st.fixed_dictionaries(
        {"digest": JSON, "prev": JSON, "entry": st.fixed_dictionaries(dict.fromkeys(FIELDS, JSON))}
    )
    | st.fixed_dictionaries({"digest": JSON, "body": JSON, "seq": JSON})
    | JSON
)
def test_anything_can_stand_in_an_export(exported: list[bytes], fields: object) -> None:
    """Whatever a line says, it is read, and found not to belong there."""
    line = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    verdict = judge_lines([*exported[:3], line, *exported[4:]])
    assert [problem.index for problem in verdict.problems] == [4]


def test_entries_of_an_export_tell_what_was_done(exported: list[bytes]) -> None:
    entry = next(read_export(io.BytesIO(exported[1])))
    assert isinstance(entry, Entry)
    assert entry.facts["num_bytes"] == 2
    assert "salt" not in entry.facts
