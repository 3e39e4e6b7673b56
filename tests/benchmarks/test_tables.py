"""What the tables say of scores, and what they say where there is nothing to say."""

from __future__ import annotations

from benchmarks.bootstrap import Scored
from benchmarks.tables import COST, DASH, QUALITY, cost, quality, share, table, value
from benchmarks.voices import components
from training.separation import auc

_LLRS = [
    *(Scored(score=score, is_spoof=False, group=f"b{score}") for score in (-3.0, -2.0, -1.0, 2.5)),
    *(Scored(score=score, is_spoof=True, group=f"s{score}") for score in (0.0, 2.4, 3.0, 4.0)),
]


def test_a_table_has_as_many_cells_as_its_header() -> None:
    lines = table(("name", *QUALITY, *COST), [["x", *quality(_LLRS), *cost(_LLRS)]])
    assert [line.count("|") for line in lines[:3]] == [len(QUALITY) + len(COST) + 2] * 3


def test_flagged_shares_are_of_their_class() -> None:
    cells = dict(zip(QUALITY, quality(_LLRS), strict=True))
    assert cells["flagged bona fide"] == "25.0%"
    assert cells["flagged spoof"] == "75.0%"


def test_a_missing_class_is_a_dash() -> None:
    assert value(auc, [one for one in _LLRS if one.is_spoof]) == DASH
    assert quality([one for one in _LLRS if one.is_spoof])[0] == DASH
    assert share([]) == DASH


def test_a_share_names_what_it_is_of() -> None:
    assert share([True, True, False]).startswith("2 of 3 = 67%")


def test_parts_of_a_system_are_its_model_and_its_vocoder() -> None:
    assert components("Tacotron2+HiFi-GAN") == {"tacotron2", "hifi-gan"}
    assert components("NSF/HiFi-GAN-voc") == {"nsf", "hifi-gan"}
    assert components("VITS") == {"vits"}
