"""A report's findings on the terminal: short, complete in what it counts, readable without colour and through a pipe.

Long lists are cut, and each says how many entries it leaves out; the files hold all. Foreign text is made visible
before it is printed: an escape sequence in a file's name must not reach a terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from detect.report import Body, Finding, ModelScore, Report
from detect.types import Modality
from service.conclusion import Conclusion, conclude, has_llr
from service.figures import clock, interval, length, ratio, signed, size
from service.phrases import content, reasons, unscored
from service.texts import say, visible
from service.timeline import highest, strength

_MAX_SUBJECTS = 8
_MAX_ENTRIES = 10
_MAX_PASSAGES = 5
_MAX_SCORES = 4
_MIN_WIDTH = 20
_MAX_DETAIL = 240
"""Characters of foreign text in one entry: three lines of 80 columns."""

_ASCII = str.maketrans(
    {
        "\N{MINUS SIGN}": "-",
        "\N{EN DASH}": "-",
        "\N{HORIZONTAL ELLIPSIS}": "...",
        "\N{BLACK UP-POINTING TRIANGLE}": "^",
        "\N{LEFT DOUBLE QUOTATION MARK}": '"',
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
        "\N{MATHEMATICAL LEFT ANGLE BRACKET}": "<",
        "\N{MATHEMATICAL RIGHT ANGLE BRACKET}": ">",
    }
)
"""For terminals and pipes that take no more than ASCII."""


def render_terminal(report: Report, console: Console) -> None:
    """Print one recording's findings.

    Args:
        report: What was found.
        console: Where. Its width is kept to; without a terminal behind it nothing but text is written.
    """
    page = _Page(console)
    body = report.body
    _head(page, body)
    conclusion = conclude(body)
    _result(page, body, conclusion)
    for finding in conclusion.modalities:
        _finding(page, body, finding, conclusion)
    _passages(page, body)
    _subjects(page, body)
    _gaps(page, body)


class _Page:
    """Headed paragraphs, every line of which can be printed on this console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._encoding = console.encoding

    def line(self, text: str, style: str = "", indent: int = 0, hang: int = 0) -> None:
        """One paragraph, wrapped; its later lines stand `hang` columns further in. No line ends in blanks."""
        room = max(self._console.width - indent - hang, _MIN_WIDTH)
        head, rest = text[:hang], text[hang:]
        for number, part in enumerate(self._text(rest, style).wrap(self._console, room)):
            part.rstrip()
            margin = " " * indent + (self._text(head, style).plain if number == 0 else " " * hang)
            self._console.print(Text(margin).append_text(part), soft_wrap=True)

    def headed(self, head: str, lines: Iterable[str], hang: int = 0) -> None:
        """A heading with its paragraphs beneath."""
        self._console.print()
        self.line(head, "bold")
        for line in lines:
            self.line(line, indent=2, hang=hang)

    def table(self, head: str, rows: Sequence[Sequence[str]], left_out: int) -> None:
        """A heading with columns beneath, and how many rows are left out."""
        widths = [max(cell_len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = [
            "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
            for row in rows
        ]
        if left_out > 0:
            lines.append(say("terminal.more", count=left_out))
        self.headed(head, lines)

    def _text(self, text: str, style: str) -> Text:
        shown = visible(text)
        try:
            shown.encode(self._encoding)
        except UnicodeEncodeError:
            shown = shown.translate(_ASCII).encode(self._encoding, "backslashreplace").decode(self._encoding)
        # Text takes no markup: a name such as [red] stays a name.
        return Text(shown, style=style, overflow="fold")


def _head(page: _Page, body: Body) -> None:
    recording = body.recording
    facts = [content(body)]
    if recording.duration_seconds is not None:
        facts.append(clock(recording.duration_seconds))
    page.line(visible(recording.name, _MAX_DETAIL), "bold")
    page.line(", ".join([*facts, size(recording.num_bytes)]))
    page.line(f"{say('header.sha256')} {recording.sha256}")


def _result(page: _Page, body: Body, conclusion: Conclusion) -> None:
    # The page explains an uncalibrated result at length; here the first sentence has to do.
    lines = [conclusion.headline, *conclusion.meaning[: 1 if conclusion.kind == "uncalibrated" else None]]
    overall = conclusion.overall
    if conclusion.kind == "calibrated" and overall is not None and overall.llr is not None:
        lines.append(_weight(overall.llr))
    elif overall is not None:
        lines.append(overall.explanation)
    if conclusion.weighs:
        lines.append(say("conclusion.not_probability"))
    if conclusion.is_mixed:
        lines.append(say("conclusion.mixed"))
    message = visible(body.outcome.message, _MAX_DETAIL)
    if body.outcome.reason is not None:
        message = f"{message} {say('conclusion.reason', reason=visible(body.outcome.reason, _MAX_DETAIL))}"
    lines.append(message)
    if body.defects:
        lines.append(say("conclusion.missing_defects"))
    page.headed(f"{say('terminal.result')}: {say(f'examination.{body.outcome.examination}')}", lines)


def _weight(llr: float) -> str:
    side = "none" if ratio(llr) == "1" else "manipulated" if llr > 0 else "bonafide"
    return say(f"terminal.weight_{side}", llr=signed(llr), ratio=ratio(llr))


def _finding(page: _Page, body: Body, finding: Finding, conclusion: Conclusion) -> None:
    lines: list[str] = []
    if has_llr(finding) and finding.llr is not None and finding.verbal is not None:
        # Where the recording has its sentence, the modalities' would only repeat it.
        if conclusion.kind != "calibrated":
            lines.append(finding.verbal)
        flag = say("terminal.flagged_yes" if finding.flagged else "terminal.flagged_no")
        lines.append(f"{_weight(finding.llr)} {flag}")
    if finding.status == "not_scored":
        lines.append(finding.explanation)
        lines += [reason for modality in Modality if modality == finding.subject for reason in reasons(body, modality)]
    lines += [_score(score) for score in finding.scores[:_MAX_SCORES]]
    if len(finding.scores) > _MAX_SCORES:
        lines.append(say("terminal.more", count=len(finding.scores) - _MAX_SCORES))
    page.headed(f"{say(f'subject.{finding.subject}')}: {say(f'status.{finding.status}')}", lines)


def _score(score: ModelScore) -> str:
    values = [say("timeline.value_logit", value=signed(score.logit))]
    if score.llr is not None:
        values.append(say("timeline.value_llr", value=signed(score.llr)))
        if score.at_bound:
            values.append(say("scores.at_bound"))
    return (
        f"{visible(score.model, _MAX_DETAIL)}: {', '.join(values)} ({say('terminal.inputs', count=score.num_windows)})"
    )


def _best(scores: Sequence[ModelScore]) -> str:
    if not scores:
        return say("timeline.value_none")
    score = max(scores, key=lambda score: strength([score]))
    key, value = ("logit", score.logit) if score.llr is None else ("llr", score.llr)
    shown = say(f"timeline.value_{key}", value=signed(value))
    # A single model was named with its modality, a few lines above.
    return shown if len(scores) == 1 else f"{shown} ({visible(score.model, _MAX_DETAIL)})"


def _passages(page: _Page, body: Body) -> None:
    flagged = [segment for segment in body.segments if segment.flagged]
    if not flagged:
        return
    shown = highest(flagged, _MAX_PASSAGES, lambda segment: strength(segment.scores))
    rows = [
        (
            f"\N{BLACK UP-POINTING TRIANGLE} {interval(segment.span)}",
            say(f"subject.{segment.modality}"),
            _best(segment.scores),
        )
        for _, segment in shown
    ]
    page.table(f"{say('terminal.passages')} ({len(flagged)})", rows, len(flagged) - len(shown))


def _subjects(page: _Page, body: Body) -> None:
    if body.tracks:
        tracks = highest(body.tracks, _MAX_SUBJECTS, lambda track: strength(track.scores))
        rows = [
            (
                track.id,
                interval(track.span),
                say("terminal.scored", scored=track.num_scored, samples=track.num_samples),
                _best(track.scores),
            )
            for _, track in tracks
        ]
        page.table(f"{say('terminal.tracks')} ({len(body.tracks)})", rows, len(body.tracks) - len(tracks))
    if body.voices:
        voices = highest(body.voices, _MAX_SUBJECTS, lambda voice: strength(voice.scores))
        rows = [
            (
                voice.id,
                say("terminal.speech", speech=length(voice.speech_seconds)),
                say("terminal.utterances", count=len(voice.utterances)),
                _best(voice.scores),
            )
            for _, voice in voices
        ]
        page.table(f"{say('terminal.voices')} ({len(body.voices)})", rows, len(body.voices) - len(voices))


def _gaps(page: _Page, body: Body) -> None:
    """What is missing: damage first, then what was not scored, then what a reader should know."""
    defects = [
        f"{say(f'defect.{entry.kind}')} {_stream(entry.stream)}: {visible(entry.detail, _MAX_DETAIL)}"
        for entry in body.defects
    ]
    _listed(page, say("terminal.defects"), defects)
    abstentions = [
        f"{say(f'reason.{entry.reason}')} {visible(entry.subject, _MAX_DETAIL)}: {visible(entry.detail, _MAX_DETAIL)}"
        for entry in body.abstentions
    ]
    num_samples, tally = unscored(body)
    samples = [say("completeness.samples_not_scored", count=num_samples, reasons=tally)] if num_samples else []
    _listed(page, say("terminal.not_scored"), abstentions, samples)
    caveats = [f"{say(f'caveat.{entry.kind}')} {visible(entry.detail, _MAX_DETAIL)}" for entry in body.caveats]
    _listed(page, say("terminal.caveats"), caveats)


def _stream(index: int | None) -> str:
    return say("subject.container") if index is None else say("subject.stream", index=index)


def _listed(page: _Page, head: str, entries: Sequence[str], more: Sequence[str] = ()) -> None:
    if not entries and not more:
        return
    lines = [f"- {entry}" for entry in entries[:_MAX_ENTRIES]]
    if len(entries) > _MAX_ENTRIES:
        lines.append(f"- {say('terminal.more', count=len(entries) - _MAX_ENTRIES)}")
    lines += [f"- {entry}" for entry in more]
    page.headed(f"{head} ({len(entries)})" if entries else head, lines, hang=2)
