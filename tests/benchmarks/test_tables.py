"""What the tables say of scores, and what they say where there is nothing to say."""

from __future__ import annotations

from benchmarks.bootstrap import Scored
from benchmarks.metrics import auc
from benchmarks.tables import COST, DASH, QUALITY, cost, quality, share, table, value
from benchmarks.voices import components
from detect.calibrate import AffineMap

_MAP = AffineMap(a=1.0, b=0.0, lower=-2.5, upper=3.5)

_LOGITS = [
    *(Scored(score=score, is_spoof=False, group=f"b{score}") for score in (-3.0, -2.0, -1.0, 2.5)),
    *(Scored(score=score, is_spoof=True, group=f"s{score}") for score in (0.0, 2.4, 3.0, 4.0)),
]


def test_a_table_has_as_many_cells_as_its_header() -> None:
    lines = table(("name", *QUALITY, *COST), [["x", *quality(_LOGITS, _MAP), *cost(_LOGITS, _MAP)]])
    assert [line.count("|") for line in lines[:3]] == [len(QUALITY) + len(COST) + 2] * 3


def test_flagged_shares_are_of_their_class() -> None:
    cells = dict(zip(QUALITY, quality(_LOGITS, _MAP), strict=True))
    assert cells["flagged bona fide"] == "25.0%"
    assert cells["flagged spoof"] == "75.0%"


def test_separation_is_of_logits_though_llrs_are_cut() -> None:
    silent = AffineMap(a=1e-6, b=0.0, lower=0.0, upper=0.0)
    cells = dict(zip(QUALITY, quality(_LOGITS, silent), strict=True))
    assert cells["AUC"] == dict(zip(QUALITY, quality(_LOGITS, _MAP), strict=True))["AUC"]
    assert cells["Cllr"] == "1.000"


def test_a_missing_class_is_a_dash() -> None:
    assert value(auc, [one for one in _LOGITS if one.is_spoof]) == DASH
    assert quality([one for one in _LOGITS if one.is_spoof], _MAP)[0] == DASH
    assert share([]) == DASH


def test_a_share_names_what_it_is_of() -> None:
    assert share([True, True, False]).startswith("2 of 3 = 67%")


def test_parts_of_a_system_are_its_model_and_its_vocoder() -> None:
    assert components("Tacotron2+HiFi-GAN") == {"tacotron2", "hifi-gan"}
    assert components("NSF/HiFi-GAN-voc") == {"nsf", "hifi-gan"}
    assert components("VITS") == {"vits"}
