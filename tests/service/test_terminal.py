"""What a terminal shows: plain through a pipe, within its width, cut lists that say so."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from detect.report import Report
from service.terminal import render_terminal
from service.texts import say
from tests.service import sample_reports


def _printed(report: Report, width: int = 80, *, terminal: bool = False, encoding: str = "utf-8") -> str:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    render_terminal(
        report,
        Console(file=stream, width=width, force_terminal=terminal, color_system="standard" if terminal else "auto"),
    )
    stream.seek(0)
    return stream.read()


def _flowing(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("name", [*sample_reports.ALL, "hostile"])
@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_pipe_gets_text_within_the_width(name: str, width: int) -> None:
    report = sample_reports.hostile(1_000) if name == "hostile" else sample_reports.ALL[name]()
    lines = _printed(report, width).split("\n")
    assert not any(character < " " or character == "\x7f" for line in lines for character in line)
    assert max(cell_len(line) for line in lines) <= width
    assert all(line == line.rstrip() for line in lines)


def test_hostile_text_is_shown_and_obeyed_nowhere() -> None:
    shown = _printed(sample_reports.hostile(1_000), 200, terminal=True)
    assert "[red]markup[/red]" in shown
    assert "⟨U+001B⟩[31mescape" in shown
    assert "\x1b[31m" not in shown
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in shown


def test_style_on_a_terminal_adds_no_meaning() -> None:
    report = sample_reports.partial()
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system="standard", record=True)
    render_terminal(report, console)
    assert console.export_text(styles=False) == _printed(report)


@pytest.mark.parametrize("name", ["uncalibrated", "picture"])
def test_without_a_calibration_there_is_no_conclusion(name: str) -> None:
    shown = _flowing(_printed(sample_reports.ALL[name]()))
    assert say("conclusion.uncalibrated") in shown
    assert "LLR" not in shown
    assert "support" not in shown
    assert "flagg" not in shown.lower()


@pytest.mark.parametrize("name", ["supports_manipulation", "supports_bonafide", "separate", "mixed"])
def test_a_calibrated_result_has_its_words_and_its_warning(name: str) -> None:
    report = sample_reports.ALL[name]()
    shown = _flowing(_printed(report))
    sentence = next(finding.verbal for finding in report.body.findings if finding.verbal is not None)
    assert sentence in shown
    assert say("conclusion.not_probability") in shown


def test_what_is_missing_is_named_and_long_lists_are_counted() -> None:
    report = sample_reports.partial()
    shown = _flowing(_printed(report))
    for defect in report.body.defects:
        assert say(f"defect.{defect.kind}") in shown
        assert defect.detail in shown
    for caveat in report.body.caveats:
        assert caveat.detail in shown
    assert "Not scored, and why (20)" in shown
    assert "… and 10 more" in shown
    assert say("examination.partial") in shown


def test_many_tracks_and_voices_are_cut_and_counted() -> None:
    shown = _printed(sample_reports.many_tracks(40))
    assert "Face tracks (40)" in shown
    assert "… and 32 more" in shown
    assert len(shown.splitlines()) < 60
    assert "… and 52 more" in _printed(sample_reports.two_hours())


def test_a_failed_examination_says_that_it_is_no_finding() -> None:
    shown = _flowing(_printed(sample_reports.failed()))
    assert say("conclusion.failed_meaning") in shown
    assert say("state.unsupported") in shown


def test_a_console_that_takes_ascii_gets_ascii() -> None:
    shown = _printed(sample_reports.supports_bonafide(), encoding="ascii")
    assert "LLR -" in shown
    assert "0:00.000-0:12.230" in shown
