"""From windows to the recording: what is pooled, what is calibrated, and what is left out by name."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from detect.calibrate import Calibration, Fusion, Population
from detect.checkpoints import Model
from detect.config import Scoring
from detect.fuse import Evidence, evidence_of, modality_finding, recording_finding, segments, subject_scores
from detect.models import CATALOGUE
from detect.report import Finding
from detect.types import Interval, Modality
from tests.test_calibrate import POPULATION, calibration_dict
from weights import load_manifest

FACE = "meso4.df"
LN10 = 2.302585092994046


def model(name: str = FACE, *, calibrated: bool) -> Model:
    checkpoint = load_manifest().checkpoint(name)
    filed = Calibration.model_validate(calibration_dict(checkpoint.sha256)) if calibrated else None
    return Model(spec=CATALOGUE[name], checkpoint=checkpoint, calibration=filed, path=Path("not loaded here"))


def at(second: float, logit: float, subject: str = "face-1", name: str = FACE) -> Evidence:
    time = Fraction(second)
    return Evidence(subject=subject, interval=Interval(start=time, end=time), logits={name: logit})


def test_without_a_calibration_there_is_a_logit_and_no_llr_nor_words() -> None:
    finding = modality_finding(Modality.FACE, [at(0, 1.0), at(1, 3.0)], [model(calibrated=False)], LN10, None)
    assert finding.status == "uncalibrated"
    assert (finding.llr, finding.verbal, finding.flagged) == (None, None, False)
    assert [(score.logit, score.llr, score.num_windows) for score in finding.scores] == [(2.0, None, 2)]


def test_the_highest_subject_speaks_for_the_modality() -> None:
    evidence = [at(0, -4.0), at(1, -4.0), at(1, 3.0, "face-2")]
    finding = modality_finding(Modality.FACE, evidence, [model(calibrated=False)], LN10, None)
    assert finding.scores[0].logit == 3.0


def test_with_a_calibration_there_is_an_llr_with_words_and_a_flag() -> None:
    # 2 * 1.8 - 1 = 2.6 > ln 10
    finding = modality_finding(Modality.FACE, [at(0, 1.8)], [model(calibrated=True)], LN10, None)
    assert finding.status == "calibrated"
    assert finding.llr == pytest.approx(2.6)
    assert finding.flagged
    assert "moderate support" in (finding.verbal or "")
    assert finding.scores[0].at_bound is False


def test_an_llr_at_its_bound_says_so() -> None:
    finding = modality_finding(Modality.FACE, [at(0, 50.0)], [model(calibrated=True)], LN10, None)
    assert finding.llr == 3.0
    assert finding.scores[0].at_bound


def test_checkpoints_of_one_modality_are_averaged_and_an_uncalibrated_one_is_left_out_by_name() -> None:
    both = Evidence(
        subject="face-1",
        interval=Interval(start=Fraction(0), end=Fraction(0)),
        logits={FACE: 1.0, "meso4.f2f": 2.0, "mesoinception4.df": 9.0},
    )
    models = [model(calibrated=True), model("meso4.f2f", calibrated=True), model("mesoinception4.df", calibrated=False)]
    finding = modality_finding(Modality.FACE, [both], models, LN10, None)
    assert finding.llr == pytest.approx((1.0 + 3.0) / 2)
    assert "1 without a calibration left out" in finding.explanation


def test_no_evidence_is_not_scored_and_says_why() -> None:
    finding = modality_finding(Modality.VOICE, [], [model(calibrated=True)], LN10, "There is no sound to examine.")
    assert (finding.status, finding.llr, finding.scores) == ("not_scored", None, [])
    assert finding.explanation == "There is no sound to examine."


def finding(subject: str, llr: float | None) -> Finding:
    status = "calibrated" if llr is not None else "uncalibrated"
    return Finding.model_validate({"subject": subject, "status": status, "llr": llr, "explanation": ""})


NOT_SCORED = Finding(subject="voice", status="not_scored", explanation="")
FUSION = Fusion(
    format_version=1,
    weights={Modality.FACE: 0.5, Modality.VOICE: 1.0},
    b=0.0,
    lower=-4.0,
    upper=4.0,
    population=Population.model_validate(POPULATION),
)


def test_a_missing_modality_is_named_and_left_out() -> None:
    result = recording_finding({Modality.FACE: finding("face", 3.0), Modality.VOICE: NOT_SCORED}, FUSION, LN10)
    assert result.llr == 3.0
    assert "No voice was scored" in result.explanation
    assert result.flagged


def test_two_modalities_need_a_fusion_on_file() -> None:
    findings = {Modality.FACE: finding("face", 3.0), Modality.VOICE: finding("voice", 1.0)}
    assert recording_finding(findings, None, LN10).status == "uncalibrated"
    assert recording_finding(findings, FUSION, LN10).llr == pytest.approx(2.5)


def test_an_uncalibrated_modality_leaves_the_recording_uncalibrated() -> None:
    findings = {Modality.FACE: finding("face", 3.0), Modality.VOICE: finding("voice", None)}
    result = recording_finding(findings, FUSION, LN10)
    assert (result.status, result.llr, result.verbal) == ("uncalibrated", None, None)


def test_nothing_scored_is_no_result() -> None:
    face = NOT_SCORED.model_copy(update={"subject": "face"})
    assert recording_finding({Modality.FACE: face, Modality.VOICE: NOT_SCORED}, FUSION, LN10).status == "not_scored"


def test_a_few_manipulated_seconds_stand_out_in_their_segment() -> None:
    evidence = [at(second, 2.5 if 8 <= second < 12 else -3.0) for second in range(20)]
    entries = segments(Modality.FACE, evidence, [model(calibrated=True)], Scoring(), Fraction(18))
    spans = [(entry.span.start_seconds, entry.span.end_seconds) for entry in entries]
    assert spans == [(0, 4), (4, 8), (8, 12), (12, 16), (16, 18)]
    assert [entry.flagged for entry in entries] == [False, False, True, False, False]


def test_a_window_counts_in_every_segment_it_reaches_and_silence_is_not_listed() -> None:
    window = Evidence(
        subject="voice-1", interval=Interval(start=Fraction(3), end=Fraction(8)), logits={"aasist.asvspoof2019": 1.0}
    )
    voice = model("aasist.asvspoof2019", calibrated=False)
    entries = segments(Modality.VOICE, [window], [voice], Scoring(), Fraction(100))
    assert [entry.span.start_seconds for entry in entries] == [0.0, 4.0]


def test_subjects_are_listed_in_natural_order() -> None:
    evidence = [at(0, 1.0, f"face-{number}") for number in (10, 2, 1)]
    entries = segments(Modality.FACE, evidence, [model(calibrated=False)], Scoring(), Fraction(4))
    assert entries[0].subjects == ["face-1", "face-2", "face-10"]


def test_what_a_checkpoint_did_not_score_is_not_invented() -> None:
    pieces = evidence_of("face-1", [(Interval(start=Fraction(0), end=Fraction(0)), {})])
    assert pieces == []
    assert subject_scores([at(0, 1.0)], [model("meso4.f2f", calibrated=False)]) == []
