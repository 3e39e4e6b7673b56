"""The file of sentences: complete for every closed list, nothing missing, nothing left over; and foreign text."""

from __future__ import annotations

import re
import tomllib
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detect.report import Span
from detect.types import CaveatKind, DefectKind, ItemState, Modality, Reason
from service import figures
from service.texts import MAX_CHARACTERS, known, say, visible
from tests.conftest import ROOT

TABLE = tomllib.loads((ROOT / "service/web/texts.toml").read_text(encoding="utf-8"))
SOURCES = "".join(
    path.read_text(encoding="utf-8")
    for path in sorted([*(ROOT / "service").glob("*.py"), *(ROOT / "service/web").glob("report*.j2")])
)


@pytest.mark.parametrize(
    ("table", "members"),
    [("reason", Reason), ("defect", DefectKind), ("caveat", CaveatKind), ("state", ItemState)],
)
def test_every_member_of_a_closed_list_has_its_sentence_and_no_other_has(table: str, members: type) -> None:
    assert set(TABLE[table]) == {member.value for member in members}
    for sentence in TABLE[table].values():
        assert sentence.endswith(".")
        assert sentence[0].isupper()
    assert len(set(TABLE[table].values())) == len(TABLE[table])


def test_every_modality_status_and_ending_has_its_words() -> None:
    for modality in (*Modality, "recording"):
        assert known(f"subject.{modality}")
        assert known(f"proposition.{modality}.h1")
    for status in ("calibrated", "uncalibrated", "not_scored", "not_found"):
        assert known(f"status.{status}")
    for examination in ("complete", "partial", "failed"):
        assert known(f"examination.{examination}")


def _keys(table: dict[str, object], path: str = "") -> list[str]:
    keys = []
    for name, value in table.items():
        is_sentence = not isinstance(value, dict) or set(value) == {"one", "other"}
        keys += [f"{path}{name}"] if is_sentence else _keys(value, f"{path}{name}.")  # type: ignore[arg-type]  # TOML
    return keys


def test_no_sentence_is_left_over() -> None:
    # A key is used where it is spelled out, or where its table stands before something put together.
    built = set(re.findall(r"""['"]([\w.]+[._])(?:['"] ~|\{)""", SOURCES))
    for key in _keys(TABLE):
        spelled = re.search(rf"""['"]{re.escape(key)}['"]""", SOURCES)
        assert spelled or any(key.startswith(start) for start in built), key


def test_no_sentence_is_missing() -> None:
    keys = re.findall(r"""(?:say|sentences|rows|known)\(\s*['"]([\w.]+)['"]\s*[,)]""", SOURCES)
    assert len(keys) > 100
    assert [key for key in keys if not known(key)] == []


def test_a_missing_sentence_or_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="no nonsense"):
        say("nonsense.key")
    with pytest.raises(KeyError, match="count"):
        say("timeline.gaps", number=3)


def test_braces_in_a_value_are_no_format() -> None:
    assert "{0} {name}" in say("page.title", name="{0} {name}")


@settings(deadline=None)
@given(st.text(max_size=300), st.integers(min_value=120, max_value=400))
def test_nothing_in_foreign_text_stays_hidden(text: str, limit: int) -> None:
    shown = visible(text, limit)
    assert len(shown) <= limit
    assert all(unicodedata.category(character)[0] != "C" for character in shown)
    assert visible(shown, limit) == shown
    if len(text) <= 20:
        assert all(character in shown for character in text if character.isalnum())


@pytest.mark.parametrize("text", ["Zoë Müller", "日本語の録音.mp4", "تسجيل", "Tiếng Việt", "a b", "किताब"])
def test_writing_of_all_peoples_passes(text: str) -> None:
    assert visible(text) == text


def test_what_is_cut_says_how_much_there_was() -> None:
    shown = visible("x" * 5_000_000)
    assert len(shown) == MAX_CHARACTERS
    assert "5,000,000 characters in all" in shown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00.000"),
        (7.25, "0:07.250"),
        (59.9996, "1:00.000"),
        (3723, "1:02:03.000"),
        (-0.04, "\N{MINUS SIGN}0:00.040"),
    ],
)
def test_clock(seconds: float, text: str) -> None:
    assert figures.clock(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.5, "0.5 s"), (42, "42 s"), (125, "2 min 5 s"), (7200, "2 h")])
def test_length(seconds: float, text: str) -> None:
    assert figures.length(seconds) == text


@pytest.mark.parametrize(
    ("llr", "text"),
    [
        (0.0, "1"),
        (2.302585, "10"),
        (-2.302585, "10"),
        (1.2, "3.3"),
        (3.3, "27"),
        (7.1, "1,200"),
        (1e5, "1,000,000,000"),
    ],
)
def test_ratio(llr: float, text: str) -> None:
    assert figures.ratio(llr) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.304, "+2.30"),
        (-0.406, "\N{MINUS SIGN}0.41"),
        (-0.001, "0.00"),
        (0, "0.00"),
        (-1e300, "\N{MINUS SIGN}1.0e+300"),
    ],
)
def test_signed(value: float, text: str) -> None:
    assert figures.signed(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0 %"), (0.01, "under 0.1 %"), (0.3, "0.3 %"), (99.7, "over 99 %"), (100, "100 %")]
)
def test_percent_never_rounds_to_none_or_all(value: float, text: str) -> None:
    assert figures.percent(value) == text


def test_an_instant_has_one_time() -> None:
    assert figures.interval(Span(start_seconds=1, end_seconds=1)) == "0:01.000"
    assert figures.interval(Span(start_seconds=1, end_seconds=2)) == "0:01.000\N{EN DASH}0:02.000"
