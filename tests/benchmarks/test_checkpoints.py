"""The filed tables are what the filed scores give: nobody has to run a network to recompute them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import crops, laundering, subgroups, voices
from benchmarks.__main__ import RESULTS
from benchmarks.scoring import Scorer, names, own
from detect.types import Modality
from weights import load_manifest


@pytest.fixture(scope="module")
def scorer(shared: Path) -> Scorer:
    return Scorer(shared, RESULTS / "scores")


def _laundering(scorer: Scorer) -> list[str]:
    return laundering.section(scorer, everything=False)


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "section"),
    [
        ("face-crops", crops.section),
        ("voice", voices.section),
        ("laundering", _laundering),
        ("subgroups", subgroups.section),
    ],
)
def test_a_filed_table_follows_from_the_filed_scores(
    part: str, section: Callable[[Scorer], list[str]], scorer: Scorer, capsys: pytest.CaptureFixture[str]
) -> None:
    filed = (RESULTS / "checkpoints" / f"{part}.md").read_text(encoding="utf-8")
    assert filed.rstrip().endswith("\n".join(section(scorer)).rstrip())
    assert "trials" not in capsys.readouterr().err, "nothing was scored again"


def test_our_checkpoints_come_first() -> None:
    for modality in Modality:
        assert names(modality)[: len(own(modality))] == own(modality)
        assert own(modality) == list(load_manifest().default_names(modality.value))
