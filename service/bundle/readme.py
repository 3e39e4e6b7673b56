"""`README.txt` of a bundle: the result, what is here, and how to check it without this program."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from detect.report import Report
from service import figures
from service.bundle.facts import EvidenceFacts
from service.bundle.sound import Excerpt
from service.bundle.texts import say_bundled, steps
from service.conclusion import conclude
from service.texts import say

_COLUMNS = 100
"""What fits a page of A4 in a typewriter face, and any terminal."""
_FILE_COLUMNS = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What came into the bundle, and why something did not."""

    excerpts: Sequence[tuple[str, Excerpt]]
    """Path and window."""
    why_no_sound: str
    """Sentence; empty where there is sound."""
    num_frames: int
    num_spectrograms: int
    num_missing: int
    """Pictures that the report names and does not hold."""
    evidence: str
    """Path of the recording; empty where it is not here."""
    blur_faces: bool


def readme(report: Report, facts: EvidenceFacts, created: datetime, fingerprint: str, holdings: Holdings) -> bytes:
    """The text, UTF-8.

    Args:
        report: The report.
        facts: Of the recording.
        created: When the bundle is made.
        fingerprint: Of the key that signs it.
        holdings: What is in it.
    """
    conclusion = conclude(report.body)
    parts = [
        [say_bundled("title"), "=" * len(say_bundled("title"))],
        _wrapped(say_bundled("about", tool=report.body.tool, created=_time(created))),
        _headed("result"),
        *(_wrapped(sentence) for sentence in (conclusion.headline, *conclusion.meaning)),
        *([_wrapped(say("conclusion.not_probability"))] if conclusion.weighs else []),
        _headed("recording"),
        _facts(facts),
        *_custody(facts),
        _headed("files"),
        list(_files(holdings)),
        *_sound(holdings),
        *_absent(holdings),
        _headed("verify"),
        *_steps(fingerprint),
        _wrapped(say_bundled("proves")),
        _headed("care"),
        _wrapped(say_bundled("care_text")),
    ]
    return ("\n\n".join("\n".join(lines) for lines in parts if lines) + "\n").encode("utf-8", "backslashreplace")


def scores(excerpt: Excerpt) -> str:
    """`logit +1.20, LLR +0.90 (aasist-l)` for each model."""
    window = excerpt.window
    return "; ".join(
        f"logit {figures.signed(logit)}"
        + (f", LLR {figures.signed(window.llrs[model])}" if model in window.llrs else "")
        + f" ({model})"
        for model, logit in window.logits.items()
    )


def _headed(key: str) -> list[str]:
    title = say_bundled(key)
    return [title, "-" * len(title)]


def _wrapped(text: str, indent: str = "", first: str = "") -> list[str]:
    return textwrap.wrap(
        text, _COLUMNS, initial_indent=first or indent, subsequent_indent=indent, break_on_hyphens=False
    )


def _facts(facts: EvidenceFacts) -> list[str]:
    said = say_bundled(
        "facts", name=facts.name, sha256=facts.sha256, bytes=facts.num_bytes, case=facts.case, job=facts.job
    )
    return [line for text in said.split("\n") for line in _wrapped(text, "  ", " ")]


def _custody(facts: EvidenceFacts) -> list[list[str]]:
    if not facts.custody:
        return []
    lines = [
        say_bundled(
            "custody_line", at=_time(event.at), what=event.what, who=event.who or say_bundled("custody_service")
        )
        for event in facts.custody
    ]
    return [_headed("custody"), lines]


def _files(holdings: Holdings) -> Iterable[str]:
    kept = [
        ("report.pdf", "report_pdf" if holdings.blur_faces else "report_pdf_open", True),
        ("report.html", "report_html", True),
        ("report.json", "report_json", True),
        ("frames/", "frames", holdings.num_frames > 0),
        ("spectrograms/", "spectrograms", holdings.num_spectrograms > 0),
        ("sound/", "sound", bool(holdings.excerpts)),
        ("evidence/", "evidence", bool(holdings.evidence)),
        ("contents.json", "contents", True),
        ("run.jsonl", "run", True),
        ("manifest.json", "manifest", True),
        ("manifest.sig", "signature", True),
        ("public_key.pem", "key", True),
        ("verify.py", "verify", True),
    ]
    for name, key, is_here in kept:
        if is_here:
            yield from _wrapped(say_bundled(f"file_{key}"), " " * _FILE_COLUMNS, f"{name:<{_FILE_COLUMNS}}")


def _sound(holdings: Holdings) -> list[list[str]]:
    if holdings.why_no_sound:
        return [_wrapped(holdings.why_no_sound)]
    lines = []
    for path, excerpt in holdings.excerpts:
        span = figures.interval(excerpt.window.span)
        said = say_bundled("sound_listed", path=path, voice=excerpt.voice, span=span, scores=scores(excerpt))
        lines += _wrapped(said, "  ", "- ")
    return [lines]


def _absent(holdings: Holdings) -> list[list[str]]:
    absent = [] if holdings.evidence else [_wrapped(say_bundled("evidence_none"))]
    if holdings.num_missing:
        absent.append(_wrapped(say_bundled("pictures_missing", count=holdings.num_missing)))
    return absent


def _steps(fingerprint: str) -> list[list[str]]:
    said = steps("verify_steps", fingerprint=fingerprint)
    return [_wrapped(step, "   ", f"{number}. ") for number, step in enumerate(said, start=1)]


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
