"""Which trials a run takes."""

from __future__ import annotations

import pytest

from benchmarks.datasets import data_set
from benchmarks.runs.choice import Choice, choose, title
from benchmarks.trials import Trial, Unit, labels_of
from detect.errors import ConfigError

SET = data_set("asvspoof2021-la")


def trial(number: int, *, split: str = "eval", spoof: bool = True, **facts: str) -> Trial:
    return Trial(
        id=f"t{number}",
        path=f"t{number}.flac",
        unit=Unit.UTTERANCE,
        labels=labels_of(voice="spoof" if spoof else "bonafide"),
        attack="A07" if spoof and number % 2 else "A08" if spoof else "-",
        group=f"speaker {number // 4}",
        split=split,
        facts=facts,
    )


TRIALS = [
    *(trial(number, codec="opus" if number < 20 else "none") for number in range(40)),
    *(trial(number, spoof=False, codec="opus") for number in range(40, 60)),
    *(trial(number, split="progress", codec="opus") for number in range(60, 70)),
]


def test_a_split_is_taken_whole_and_all_takes_every_one() -> None:
    assert len(choose(SET, TRIALS, Choice(split="eval"))) == 60
    assert choose(SET, TRIALS, Choice(split="all")) == TRIALS


def test_a_filter_holds_for_both_classes() -> None:
    kept = choose(SET, TRIALS, Choice(split="eval", filters={"codec": "opus"}))
    assert [one.id for one in kept] == [f"t{number}" for number in (*range(20), *range(40, 60))]


def test_a_filter_on_the_attack_keeps_the_bona_fide() -> None:
    kept = choose(SET, TRIALS, Choice(split="eval", filters={"attack": "A07"}))
    assert {one.attack for one in kept} == {"A07", "-"}
    assert sum(one.attack == "-" for one in kept) == 20


def test_a_limit_draws_whole_groups_by_their_names_alone() -> None:
    kept = choose(SET, TRIALS, Choice(split="eval", limit=10))
    groups = {one.group for one in kept}
    assert len(kept) == 12
    assert [one for one in TRIALS if one.split == "eval" and one.group in groups] == kept
    again = choose(SET, list(reversed(TRIALS)), Choice(split="eval", limit=10))
    assert {one.id for one in again} == {one.id for one in kept}


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (Choice(split="test"), "eval, progress"),
        (Choice(split="eval", filters={"codec": "gsm"}), "none, opus"),
        (Choice(split="eval", filters={"weather": "rain"}), "none"),
    ],
)
def test_what_is_not_there_is_refused_and_what_is_there_named(choice: Choice, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        choose(SET, TRIALS, choice)


def test_the_title_says_what_was_taken() -> None:
    words = title(SET.title, Choice(split="eval", filters={"codec": "opus"}, limit=100))
    assert "eval" in words
    assert "codec opus" in words
    assert "100" in words
