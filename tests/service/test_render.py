"""The page that a person reads: safe, complete, readable, and silent where there is no calibration."""

from __future__ import annotations

import base64
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from detect.calibrate import PROPOSITIONS
from detect.report import Report
from detect.types import CaveatKind, DefectKind, ItemState, Modality, Reason
from service.render import render_html
from service.texts import say
from tests.conftest import ROOT
from tests.service import sample_reports
from tests.service.page import Page
from tests.service.rendered import every, rendered_html, rendered_page, rendered_report

WEIGHED = ("supports_manipulation", "supports_bonafide", "partial", "separate", "mixed", "two_hours")
STRENGTHS = ("weak", "moderate", "moderately strong", "strong", "very strong", "extremely strong")


# Safe to open.


@every
def test_nothing_runs_and_nothing_is_fetched(name: str) -> None:
    page = rendered_page(name)
    forbidden = {
        "script",
        "iframe",
        "object",
        "embed",
        "link",
        "base",
        "form",
        "video",
        "audio",
        "foreignobject",
        "use",
    }
    assert not forbidden & {element.tag for element in page.elements}
    for element in page.elements:
        for attribute, value in element.attributes.items():
            assert not attribute.startswith("on"), (element.tag, attribute)
            assert attribute not in ("style", "srcset", "ping", "formaction", "xlink:href")
            if attribute == "href":
                assert value.startswith("#"), value
            if attribute == "src":
                assert element.tag == "img"
                assert re.match(r"data:image/(jpeg|png);base64,[A-Za-z0-9+/]+=*$", value)
    styles = "".join("".join(element.text) for element in page.all("style"))
    assert set(re.findall(r"url\(([^)]*)\)", styles)) == {"#hatch"}
    assert "@import" not in styles
    assert "@font-face" not in styles


@every
def test_the_content_policy_allows_pictures_and_styles_of_the_page_only(name: str) -> None:
    page = rendered_page(name)
    (policy,) = [e for e in page.all("meta") if e.attributes.get("http-equiv") == "Content-Security-Policy"]
    assert policy.attributes["content"] == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    # A policy holds from where it stands: before it nothing but the character set.
    assert page.elements.index(policy) == [e.tag for e in page.elements].index("meta") + 1


def test_hostile_text_is_shown_and_does_nothing() -> None:
    page, words = rendered_page("hostile"), rendered_page("hostile").words
    for text in ("<script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "{{ 7 * 7 }}", "</style></title><h1>x"):
        assert text in words
    assert "nul⟨U+0000⟩and⟨U+001B⟩[31mescape⟨U+0007⟩" in words
    assert "gpj.⟨U+202E⟩4pm" in words
    html = rendered_html("hostile")
    assert not re.search("[\0-\x08\x0b-\x1f\x7f-\x9f\N{RIGHT-TO-LEFT OVERRIDE}]", html)
    html.encode("utf-8")
    assert len(page.all("h1")) == 1
    # A SHA-256 that is none does not reach the style element.
    assert "alert" not in "".join("".join(element.text) for element in page.all("style"))


def test_text_of_a_megabyte_is_cut_and_counted() -> None:
    small, large = render_html(sample_reports.hostile(10_000)), rendered_html("hostile")
    assert abs(len(large) - len(small)) < 100
    assert "1,000,000 characters in all" in rendered_page("hostile").words
    assert "A" * 2_500 not in large
    assert "440 more tags are in the JSON report." in rendered_page("hostile").words


def test_half_a_surrogate_in_a_name_is_shown() -> None:
    report = sample_reports.no_subject()
    recording = report.body.recording.model_copy(update={"name": "bad\udcffname"})
    html = render_html(sample_reports.with_body(report, recording=recording))
    assert "bad⟨U+DCFF⟩name" in html.encode("utf-8").decode("utf-8")


def test_a_picture_that_is_not_the_one_named_is_not_shown() -> None:
    report = rendered_report("partial")
    pictures = dict(report.exhibits)
    first, second, third = list(pictures)[:3]
    pictures[first] = base64.b64encode(b"another picture").decode()
    pictures[second] = "not base64 <script>"
    del pictures[third]
    page = Page(render_html(report.model_copy(update={"exhibits": pictures})))
    assert len(page.all("img")) == len(rendered_page("partial").all("img")) - 3
    for name in (first, second, third):
        assert say("faces.picture_missing", id=name) in page.words


# Complete.


def test_all_that_is_missing_is_named_with_its_reason() -> None:
    words, body = rendered_page("partial").words, rendered_report("partial").body
    for abstention in body.abstentions:
        assert say(f"reason.{abstention.reason}") in words
        assert f"{abstention.subject} {abstention.detail}" in words
    for defect in body.defects:
        assert say(f"defect.{defect.kind}") in words
        assert defect.detail in words
    for caveat in body.caveats:
        assert say(f"caveat.{caveat.kind}") in words
        assert caveat.detail in words
    assert {entry.reason for entry in body.abstentions} == set(Reason)
    assert {entry.kind for entry in body.defects} == set(DefectKind)
    assert {entry.kind for entry in body.caveats} == set(CaveatKind)


def test_what_is_missing_stands_beside_the_result() -> None:
    box = rendered_page("partial").by_id("conclusion").words
    body = rendered_report("partial").body
    assert say("examination.partial") in box
    assert body.defects[0].detail in box
    assert say("conclusion.defects_more", count=3, section=say("heading.completeness")) in box
    assert say("conclusion.abstentions_more", count=20, section=say("heading.completeness")) in box


def test_a_file_that_was_not_examined_is_not_said_to_be_without_fault() -> None:
    words = rendered_page("failed").words
    assert say("conclusion.failed_meaning") in words
    assert say("state.unsupported") in words
    for sentence in ("completeness.defects_none", "completeness.abstentions_none", "completeness.caveats_none"):
        assert say(sentence) not in words


def test_no_subject_is_no_finding_of_bona_fide() -> None:
    box = rendered_page("no_subject").by_id("conclusion").words
    assert say("conclusion.no_subject_meaning") in box
    assert say("reason.no_face") in box
    assert "support" not in box.lower()


@pytest.mark.parametrize("state", [state for state in ItemState if state not in ("examined", "partial", "no_subject")])
def test_every_state_has_its_sentence_in_the_page(state: ItemState) -> None:
    assert say(f"state.{state}") in Page(render_html(sample_reports.failed(state))).by_id("conclusion").words


@every
def test_the_header_says_what_was_examined(name: str) -> None:
    report = rendered_report(name)
    (header,) = rendered_page(name).all("header")
    assert "2025-11-22, 11:03:12 UTC" in header.words
    assert f"{report.body.recording.num_bytes:,}" in header.words
    if name != "hostile":
        assert report.body.recording.sha256 in header.words
        assert report.body.recording.chain in header.words
        assert report.body.tool in header.words


@pytest.mark.parametrize("name", ["supports_manipulation", "uncalibrated"])
def test_models_and_settings_are_all_there(name: str) -> None:
    words, body = rendered_page(name).words, rendered_report(name).body
    for model in body.models:
        for fact in (model.name, model.architecture, model.sha256, model.licence, model.paper, model.known_limits):
            assert fact in words
    assert body.configuration.digest in words
    assert "faces.min_size_px 40" in words


def test_what_the_file_says_of_itself_stands_apart_as_a_claim() -> None:
    page = rendered_page("partial")
    claims = page.by_id("provenance").words
    assert say("provenance.warning") in claims
    for text in ("com.apple.quicktime.model", "DateTimeOriginal", "<rdf:RDF/>", "uuid box"):
        assert text in claims
    rest = page.words.replace(claims, "")
    assert "com.apple.quicktime.model" not in rest


def test_the_reports_own_statements_take_the_place_of_the_general_ones() -> None:
    own = sample_reports.with_body(rendered_report("uncalibrated"), statements=["Only this."])
    assert Page(render_html(own)).by_id("limits").words == f"{say('heading.limits')} Only this."
    assert "Who is seen" not in own.body.statements
    assert "It does not say who is seen or heard" in rendered_page("uncalibrated").by_id("limits").words


# What it says, and does not say.


@pytest.mark.parametrize("name", ["uncalibrated", "picture"])
def test_without_a_calibration_there_is_no_conclusion(name: str) -> None:
    words = rendered_page(name).words
    assert say("conclusion.uncalibrated") in words
    for strength in STRENGTHS:
        assert f"{strength} support" not in words
    for word in ("supports H1", "supports H2", "H1", "likelihood ratio", "Flagged passages", "▲"):
        assert word not in words, word
    assert not re.search(r"LLR", words)
    classes = {name for element in rendered_page(name).elements for name in element.attributes.get("class", "").split()}
    assert not {"for-1", "for-2", "for-3", "against-1", "against-2", "against-3", "ruler"} & classes


def test_an_uncalibrated_finding_shows_no_number_even_if_it_has_one() -> None:
    report = rendered_report("uncalibrated")
    wrong = [
        finding.model_copy(update={"llr": 5.0, "verbal": "strong support", "flagged": True})
        for finding in report.body.findings
    ]
    words = Page(render_html(sample_reports.with_body(report, findings=wrong))).words
    assert "strong support" not in words
    assert "5.00" not in words


@pytest.mark.parametrize("name", WEIGHED)
def test_a_calibrated_result_names_both_propositions_and_is_no_probability(name: str) -> None:
    box, report = rendered_page(name).by_id("conclusion").words, rendered_report(name)
    assert say("conclusion.not_probability") in box
    for finding in report.body.findings:
        if finding.llr is not None and finding.verbal is not None:
            assert finding.verbal in box
            subject = finding.subject if name in ("separate", "mixed") else "recording"
            assert say(f"proposition.{subject}.h1") in box
            assert say(f"proposition.{subject}.h2") in box
    assert "fake" not in rendered_page(name).words.lower()
    assert not re.search(r"\d\s*% (manipulated|fake|probab)", box)


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [("supports_manipulation", "towards_1", "towards_2"), ("supports_bonafide", "towards_2", "towards_1")],
)
def test_the_sign_of_a_ratio_becomes_words(name: str, right: str, wrong: str) -> None:
    box = rendered_page(name).by_id("conclusion").words

    def found(sentence: str) -> list[str]:
        return re.findall(re.escape(say(f"conclusion.{sentence}", ratio="@")).replace("@", r"([\d.,]+)"), box)

    llr = rendered_report(name).body.findings[0].llr
    assert llr is not None
    assert found(right)
    assert float(found(right)[0]) == pytest.approx(math.exp(abs(llr)), rel=0.05)
    assert not found(wrong)


def test_results_that_cannot_be_joined_are_not_joined() -> None:
    for name in ("separate", "mixed"):
        box = rendered_page(name).by_id("conclusion").words
        assert say("conclusion.separate") in box
        assert say("proposition.recording.h1") not in box
    assert say("conclusion.mixed") in rendered_page("mixed").by_id("conclusion").words
    assert say("conclusion.mixed") not in rendered_page("separate").by_id("conclusion").words


def test_the_propositions_are_those_that_the_scores_weigh() -> None:
    for subject in ("recording", *Modality):
        manipulated, bonafide = PROPOSITIONS[subject]
        assert say(f"proposition.{subject}.h1") == manipulated
        assert say(f"proposition.{subject}.h2") == bonafide


# Bounded and repeatable.


def test_a_long_recording_stays_a_page_that_opens() -> None:
    report, page = rendered_report("two_hours"), rendered_page("two_hours")
    assert sum(len(track.samples) for track in report.body.tracks) > 4_000
    assert len(rendered_html("two_hours")) < 1_500_000
    assert say("timeline.rows_more", count=36, shown=24, kind=say("timeline.kind_voice", count=36)) in page.words
    assert say("page.shown", shown=24, count=36) in page.words
    assert say("faces.samples_cut", shown=120, count=3_600) in page.words


def test_the_same_report_gives_the_same_page_in_another_process() -> None:
    script = (
        "import hashlib; from tests.service import sample_reports; from service.render import render_html;"
        "print(hashlib.sha256(render_html(sample_reports.partial()).encode()).hexdigest())"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(answers) == 1


def test_a_report_read_back_from_its_file_gives_the_same_page() -> None:
    report = rendered_report("supports_manipulation")
    assert render_html(Report.model_validate_json(report.to_json())) == rendered_html("supports_manipulation")


@pytest.mark.parametrize("case", [sample_reports.many_tracks])
def test_more_tracks_than_are_drawn_are_counted(case: Callable[..., Report]) -> None:
    words = Page(render_html(case(40, calibrated=False))).words
    assert say("page.shown", shown=24, count=16) in words
    assert say("timeline.rows_more", count=16, shown=24, kind=say("timeline.kind_face", count=16)) in words
