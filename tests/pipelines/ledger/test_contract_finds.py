"""What `pipelines.ledger.Ledger` promises, kept by both: what was found is kept as it was, and listed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detect.types import ItemState
from pipelines.items import Container, Entry, Step
from pipelines.names import escape, member
from tests.pipelines.ledger.recipes import (
    Place,
    consistent,
    digest,
    entries,
    entry,
    leased,
    numbers,
    result,
)

_HOSTILE = [
    b"plain.mov",
    b"caf\xc3\xa9 \xf0\x9f\x8e\xa5.mov",
    b"latin-1 \xe9\xff.mov",
    b"\x1b[2J\r\n\t.mov",
    b"back\\slash \\x41.mov",
    b"rtl \xe2\x80\xae vom.exe",
    b"' OR 1=1; -- \" $$ %s %(a)s ?.mov",
    b"deep!/inside!/.mov",
    b"\xed\xa0\x80 surrogate.mov",
    b"x" * 5_000,
]


def test_all_that_is_known_of_an_entry_comes_back(place: Place) -> None:
    ledger = place.begin()
    full = Entry(
        chain="case.E01!/p2/a b.zip!/clip.mov",
        locator=(Step("file", "/evidence/case.E01"), Step("image", "p2/77-128-3"), Step("zip", "4")),
        num_bytes=0,
        modified="2026-02-03T04:05:06.789",
        md5="0" * 32,
        sha1="a" * 40,
        sha256="f" * 64,
        notes=("deleted", "lies on damaged sectors \u2028"),
        alert="set of \u00fcbles",
        spool="00/0001",
    )
    bare = Entry(chain="bare", locator=(Step("file", "/bare"),), state=ItemState.ENCRYPTED, reason="password")
    told = replace(bare, chain="told", message="one \0 sentence \udc80 with signs no database takes")
    ledger.add([full, bare, told])
    items = list(ledger.items())
    assert items[0].entry == full
    assert items[1].entry == bare
    assert items[2].entry.message == "one \\x00 sentence \\udc80 with signs no database takes"
    assert [item.result for item in items] == [None] * 3
    assert ledger.item(1) == items[0]
    (lease,) = leased(ledger)
    assert (lease.spool, lease.num_bytes, lease.sha256) == ("00/0001", 0, "f" * 64)
    assert consistent(ledger).alerts == 1


@pytest.mark.parametrize("size", [2**63 - 1, 2**63, 2**64 - 1, 10**30])
def test_claimed_sizes_are_kept_and_added_up(place: Place, size: int) -> None:
    ledger = place.begin()
    ledger.add([entry("a", num_bytes=size), entry("b", num_bytes=size)])
    lease, _ = leased(ledger)
    assert lease.num_bytes == size
    assert ledger.finish(lease, result())
    counts = consistent(ledger)
    assert (counts.bytes_found, counts.bytes_done) == (2 * size, size)


def test_hostile_names_come_back(place: Place) -> None:
    ledger = place.begin()
    chains = [escape(name) for name in _HOSTILE]
    chains += [member("a.zip", chain) for chain in chains] + [member("a.zip", chains[0], repeat=1)]
    ledger.add([entry(chain) for chain in chains])
    assert [item.entry.chain for item in ledger.items()] == chains
    assert [lease.chain for lease in leased(ledger)] == chains
    assert ledger.add([entry(chain, "other content") for chain in chains]).num_new == 0


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=20, unique=True))
def test_names_of_any_bytes_come_back(place: Place, names: list[bytes]) -> None:
    ledger = place.begin()
    chains = [escape(name) for name in names]
    ledger.add([entry(chain) for chain in chains])
    assert set(chains) <= {item.entry.chain for item in ledger.items()}
    place.close()


def test_a_chain_that_is_there_is_left_alone(place: Place) -> None:
    ledger = place.begin()
    first = entry("a", spool="1")
    assert ledger.add([first]) == (1, ())
    again = [entry("a", "changed", spool="2"), entry("b"), entry("b", "twice", spool="3")]
    assert ledger.add(again) == (1, ("2", "3"))
    assert [item.entry for item in ledger.items()] == [first, again[1]]
    assert ledger.add([replace(first, state=ItemState.UNSUPPORTED)]) == (0, ())  # its copy is needed
    (lease, *_) = leased(ledger)
    assert ledger.finish(lease, result())
    assert ledger.add([first]) == (0, ("1",))
    consistent(ledger)


def test_the_first_in_order_is_the_original(place: Place) -> None:
    ledger = place.begin()
    assert ledger.add([entry("a", "same", spool="1"), entry("b", "same", spool="2")]) == (2, ("2",))
    assert ledger.add([entry("c"), entry("d", "same", spool="3")]) == (2, ("3",))
    items = list(ledger.items())
    assert [item.entry.state for item in items] == [None, ItemState.DUPLICATE, None, ItemState.DUPLICATE]
    assert [item.duplicate_of for item in items] == [None, 1, None, 1]
    assert items[3].entry.spool == "3"
    assert numbers(leased(ledger)) == [1, 3]
    assert dict(consistent(ledger).final) == {ItemState.DUPLICATE: 2}


def test_what_is_not_examined_is_no_original(place: Place) -> None:
    ledger = place.begin()
    ledger.add(
        [
            entry("known", "same", state=ItemState.KNOWN),
            entry("text", "same", state=ItemState.UNSUPPORTED),
            entry("first", "same"),
            entry("second", "same"),
            entry("known too", "same", state=ItemState.KNOWN),
            entry("no digest", sha256=None, state=ItemState.UNREADABLE),
            entry("no digest either", sha256=None, state=ItemState.UNREADABLE),
        ]
    )
    assert [item.duplicate_of for item in ledger.items()] == [None, None, None, 3, None, None, None]
    assert numbers(leased(ledger)) == [3]
    consistent(ledger)


def test_an_original_stays_one_when_it_has_ended(place: Place) -> None:
    ledger = place.begin()
    ledger.add([entry("a", "same")])
    assert ledger.finish(leased(ledger)[0], result())
    ledger.add([entry("b", "same")])
    assert ledger.item(2).duplicate_of == 1
    assert leased(ledger) == []


def test_copies_are_those_that_are_still_needed(place: Place) -> None:
    ledger = place.begin()
    ledger.add(
        [
            entry("a", spool="1"),
            entry("b", spool="2"),
            entry("c", spool="3"),
            entry("d"),
            entry("e", spool="5", state=ItemState.UNSUPPORTED),
        ]
    )
    assert ledger.copies() == {"1", "2", "3"}
    first, *_ = leased(ledger, limit=2)
    assert ledger.copies() == {"1", "2", "3"}
    assert ledger.finish(first, result())
    assert ledger.copies() == {"2", "3"}


def test_containers_are_listed_in_order_and_once(place: Place) -> None:
    ledger = place.begin()
    made = [
        Container(
            chain=f"a{number}.zip",
            kind="zip",
            state="damaged" if number % 2 else "listed",
            num_members=number,
            detail="cut short \u2028" if number % 2 else "",
            facts={"md5": "0" * 32, "sign": "\0"},
        )
        for number in range(5)
    ]
    ledger.add([], made[:3])
    ledger.add([entry("a")], [replace(made[0], state="limit"), *made[2:]])
    assert list(ledger.containers()) == made
    assert ledger.listed() == {one.chain for one in made}
    assert consistent(place.open()).found == 1


def test_lists_are_longer_than_a_page(place: Place) -> None:
    ledger = place.begin()
    ledger.add(
        entries(2_500),
        [Container(chain=f"{n}", kind="zip", state="listed", num_members=0) for n in range(2_001)],
    )
    assert [item.seq for item in ledger.items()] == list(range(1, 2_501))
    assert [one.chain for one in ledger.containers()] == [f"{n}" for n in range(2_001)]
    assert len(leased(ledger, limit=2_000)) == 2_000
    assert numbers(leased(ledger, limit=2_000)) == list(range(2_001, 2_501))


def test_lists_of_some(place: Place) -> None:
    ledger = place.begin()
    ledger.add(
        [
            entry("a"),
            entry("b"),
            entry("c", state=ItemState.UNSUPPORTED),
            entry("d", "a"),
            entry("e", alert="set"),
            entry("f", state=ItemState.KNOWN, alert="other"),
        ]
    )
    first, second, _ = leased(ledger)
    assert ledger.finish(first, result(flagged=True))
    assert ledger.finish(second, result())

    def listed(*states: ItemState, flagged: bool = False) -> list[int]:
        return [item.seq for item in ledger.items(states=states or None, flagged=flagged)]

    assert listed() == [1, 2, 3, 4, 5, 6]
    assert listed(ItemState.EXAMINED) == [1, 2]
    assert listed(ItemState.UNSUPPORTED, ItemState.DUPLICATE) == [3, 4]
    assert listed(flagged=True) == [1, 5, 6]
    assert listed(ItemState.EXAMINED, ItemState.KNOWN, flagged=True) == [1, 6]
    assert list(ledger.items(states=[])) == []


def test_a_list_goes_on_while_items_change(place: Place) -> None:
    ledger = place.begin()
    ledger.add(entries(1_500))
    listing = ledger.items()
    assert next(listing).seq == 1
    for lease in leased(ledger, limit=2):
        assert ledger.finish(lease, result())
    ledger.add([entry("late")])
    assert [item.seq for item in listing] == list(range(2, 1_502))


@pytest.mark.parametrize("seq", [0, -1, 3, 2**63 - 1, 2**63, 2**80])
def test_items_that_are_not_there(place: Place, seq: int) -> None:
    ledger = place.begin()
    ledger.add(entries(2))
    with pytest.raises(KeyError):
        ledger.item(seq)


def test_a_digest_is_one_of_bytes(place: Place) -> None:
    ledger = place.begin()
    ledger.add([entry("a", sha256=digest("x").upper()), entry("b", sha256=digest("x"))])
    assert ledger.item(2).duplicate_of == 1
    assert ledger.item(1).entry.sha256 == digest("x")
