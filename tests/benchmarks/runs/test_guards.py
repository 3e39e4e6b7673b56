"""Checkpoints that know the corpora, and splits on which something was chosen, are refused unless asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.corpora import SOURCES, corpora_named, made_of, shared
from benchmarks.datasets import DATA_SETS, data_set
from benchmarks.runs.guards import in_domain, is_development, refuse_contaminated, refuse_development
from benchmarks.trials import Trial, Unit, labels_of
from detect.errors import ConfigError
from weights import load_manifest

TRIAL = Trial(id="a", path="a.wav", unit=Unit.UTTERANCE, labels=labels_of(voice="spoof"), group="a", split="test")


@pytest.mark.parametrize(
    ("name", "checkpoint", "seen"),
    [
        ("asvspoof2019-la", "aasist.asvspoof2019", "asvspoof2019-la"),
        ("asvspoof2021-df", "aasist.asvspoof2019", "asvspoof2019-la"),
        ("asvspoof2019-la", "lfb-resnet.unmask1", "vctk"),
        ("wavefake", "lfb-resnet.unmask1", "ljspeech"),
        ("asvspoof5", "lfb-resnet.unmask1", "librivox"),
        ("deeperforensics", "meso4.f2f", "faceforensics"),
        ("dfdc-preview", "mobilenet-hf.unmask1", "dfdc"),
    ],
)
def test_a_checkpoint_that_knows_the_corpus_or_its_source_is_marked(name: str, checkpoint: str, seen: str) -> None:
    assert seen in in_domain(data_set(name), [TRIAL], [checkpoint])[checkpoint]


@pytest.mark.parametrize(
    ("name", "checkpoint"),
    [("in-the-wild", "lfb-resnet.unmask1"), ("asvspoof2021-la", "aasist.asvspoof5"), ("celeb-df-v2", "meso4.df")],
)
def test_an_unrelated_checkpoint_is_not_marked(name: str, checkpoint: str) -> None:
    assert in_domain(data_set(name), [TRIAL], [checkpoint]) == {}


def test_a_trial_can_bring_a_corpus_of_its_own() -> None:
    trial = replace(TRIAL, corpora=corpora_named("VCTK/LibriTTS"))
    assert in_domain(data_set("protocol"), [trial], ["lfb-resnet.unmask1"]) == {
        "lfb-resnet.unmask1": ("librispeech", "libritts", "librivox", "vctk")
    }


def test_in_domain_numbers_must_be_asked_for() -> None:
    found = {"aasist.asvspoof2019": ("asvspoof2019-la",)}
    with pytest.raises(ConfigError, match="--in-domain"):
        refuse_contaminated(data_set("asvspoof2019-la"), found, allowed=False)
    refuse_contaminated(data_set("asvspoof2019-la"), found, allowed=True)


def test_development_splits_must_be_asked_for() -> None:
    one, trial = data_set("asvspoof2019-la"), replace(TRIAL, split="dev")
    assert is_development(one, [trial])
    with pytest.raises(ConfigError, match="--development"):
        refuse_development(one, [TRIAL, trial], allowed=False)
    refuse_development(one, [trial], allowed=True)
    assert not is_development(one, [replace(TRIAL, split="eval")])


def test_every_corpus_that_is_named_is_known() -> None:
    named = {corpus for one in DATA_SETS for corpus in one.corpora} - {"protocol"}
    named |= {corpus for one in load_manifest().checkpoints for corpus in one.corpora}
    assert named <= SOURCES.keys()
    assert {source for sources in SOURCES.values() for source in sources} <= SOURCES.keys()


def test_an_unknown_corpus_of_a_checkpoint_rules_nothing_out() -> None:
    with pytest.raises(ConfigError, match="no-such-corpus"):
        shared(["no-such-corpus"], ["vctk"])


def test_what_a_corpus_is_made_of_goes_all_the_way_down() -> None:
    assert made_of(["asvspoof2021-df"]) >= {"asvspoof2019-la", "vctk", "vcc2020"}
