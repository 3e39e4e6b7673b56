"""A report as one HTML page for a person: no script, nothing fetched, every sentence from `web/texts.toml`.

The page is made for somebody who has to explain the result to somebody else, and for a court. So what is missing
stands beside the result, an uncalibrated result gives no conclusion, and faces stay blurred until a reader asks.
Foreign text passes `service.texts.visible` on its way out, whichever template puts it there.
"""

from __future__ import annotations

import base64
import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from detect.report import Report
from detect.types import Modality
from service import figures, phrases, shown
from service.conclusion import conclude, has_llr
from service.texts import HIDDEN, known, rows, say, sentences, visible
from service.timeline import build_timeline, highest, strength

_WEB = Path(__file__).parent / "web"


def render_html(report: Report) -> str:
    """The whole page. The same report gives the same page, byte for byte."""
    body = report.body
    sha256 = body.recording.sha256
    template = _environment().get_template("report.html.j2")
    return template.render(
        report=report,
        body=body,
        recording=body.recording,
        run=report.run,
        conclusion=conclude(body),
        reasons={modality.value: phrases.reasons(body, modality) for modality in Modality},
        passages=shown.passages(body),
        threshold=body.configuration.values.get("scoring", {}).get("flag_llr"),
        first_defects=body.defects[: shown.FIRST_DEFECTS],
        abstentions=phrases.by_reason(body.abstentions),
        unscored=phrases.unscored(body),
        max_listed=shown.MAX_LISTED,
        timeline=build_timeline(body),
        segments=highest(body.segments, shown.MAX_TABLE_ROWS, lambda segment: strength(segment.scores)),
        tracks=shown.tracks(report),
        voices=shown.voices(report),
        # It goes into a style element for the foot of each printed page, so it has to be what it claims to be.
        page_sha256=sha256 if re.fullmatch("[0-9a-f]{64}", sha256) else None,
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_WEB),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(say=_say, sentences=sentences, rows=rows, known=known)
    environment.tests["weighed"] = has_llr
    environment.filters.update(
        address=_address,
        between=phrases.between,
        block=_block,
        clock=figures.clock,
        content=phrases.content,
        flat=phrases.flat,
        interval=figures.interval,
        lasting=figures.length,
        moment=phrases.moment,
        percent=figures.percent,
        pin=shown.decade,
        place=shown.place,
        plain=phrases.plain,
        ratio=figures.ratio,
        shape=phrases.shape,
        signed=figures.signed,
        size=figures.size,
        watched=shown.watched,
    )
    return environment


def _finalize(value: object) -> object:
    """Every value on its way into the page. Text that is not the page's own is made visible; nothing is no text."""
    if value is None:
        return say("page.not_stated")
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value


def _say(key: str, /, **values: object) -> Markup:
    """A sentence, escaped. One within another is not escaped twice."""
    unescaped = {name: value.unescape() if isinstance(value, Markup) else value for name, value in values.items()}
    return escape(say(key, **unescaped))


def _block(text: str) -> Markup:
    """Foreign text of several lines, for a `pre` element."""
    return Markup("\n").join(visible(text).split(HIDDEN.format(0x0A)))


def _address(data: bytes, media_type: str) -> Markup:
    """A picture as a data: address."""
    return Markup("data:{};base64,{}").format(media_type, base64.b64encode(data).decode("ascii"))
