"""A printed report as one document: its sections in the order of the page, its texts settled."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from detect.report import Report
from service.conclusion import conclude
from service.pdf.background import limits, models, provenance, settings
from service.pdf.blocks import Block, heading, paragraph
from service.pdf.completeness import completeness
from service.pdf.conclusion import head, result
from service.pdf.glyphs import settable, settle
from service.pdf.subjects import Album, faces, voices
from service.pdf.texts import say_printed
from service.pdf.timeline import timeline
from service.texts import say

_RUNNING_CHARACTERS = 70
"""Of a name in the running head: what fits beside the kind of document on one line."""
_TITLE_CHARACTERS = 400
"""Of a name as the title: six lines. The section on the file has more of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What the template needs."""

    data: dict[str, Any]
    """JSON; every text in it can be set."""
    files: dict[str, bytes]
    """Pictures that the data names."""


def build_document(report: Report, *, blur_faces: bool) -> Document:
    """Put a report together for print.

    Args:
        report: The report.
        blur_faces: Whether the faces in it become unrecognisable.
    """
    body = report.body
    conclusion = conclude(body)
    album = Album(blur_faces=blur_faces)
    sections: list[tuple[str, list[Block]]] = [
        ("completeness", completeness(body, conclusion)),
        ("timeline", timeline(body, conclusion)),
        ("faces", faces(report, album)),
        ("voices", voices(report, album)),
        ("models", models(body)),
        ("provenance", provenance(body.recording.provenance)),
        ("limits", limits(body, conclusion)),
        ("settings", settings(report)),
    ]
    blocks = [*head(report), *result(body, conclusion)]
    for section, content in sections:
        blocks += [heading(say(f"heading.{section}"), 1), *content]
    footer = say("page.footer", schema=report.schema_version, tool=body.tool, digest=body.configuration.digest)
    blocks.append(paragraph(footer, say("page.json_has_all"), role="colophon"))

    sha256, name = body.recording.sha256, settable(body.recording.name, _TITLE_CHARACTERS)
    before, between, after = re.split(r"\{pages?\}", say_printed("page", page="{page}", pages="{pages}"))
    data = {
        "language": say("language"),
        "direction": say("direction"),
        "title": settable(say("page.title", name=name)),
        "kind": say("page.kind"),
        "name": settle(name),
        "running": settle(_shortened(name)),
        "page": [before, between, after],
        # A report that was made by hand may hold anything here; the foot of each page has room for a digest.
        "sha256": f"SHA-256 {sha256}" if re.fullmatch("[0-9a-f]{64}", sha256) else "",
        "date": _date(report.run.started_at),
        "blocks": settle(blocks),
    }
    return Document(data=data, files=album.files)


def _shortened(name: str) -> str:
    return name if len(name) <= _RUNNING_CHARACTERS else f"{name[:_RUNNING_CHARACTERS]}\N{HORIZONTAL ELLIPSIS}"


def _date(started_at: str) -> list[int] | None:
    """Year to second, UTC; None where it is no time."""
    try:
        time = datetime.fromisoformat(started_at).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return [time.year, time.month, time.day, time.hour, time.minute, time.second]
