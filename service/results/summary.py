"""`summary.html`: a whole scan on one page for a person. No script, nothing fetched, small at any number of files.

First what is missing, then what was flagged, then how much a flag is worth: a reader who stops early has read what
matters most. Every list is cut at a length that is named, and says where the rest is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from detect.report import ModelFacts, Report, Span
from detect.types import ItemState
from pipelines.items import JobFacts
from pipelines.ledger import Ledger
from service import figures, phrases
from service.results import sentences as words
from service.results.alarms import expect, rate_at_most
from service.results.rows import COLUMNS, Row
from service.results.run import RunFacts
from service.results.sentences import known, say
from service.results.tally import MAX_CONTAINERS, MAX_GROUPS, Copies, Group, Tally, ranked, tally
from service.results.thumbnails import first_face, read_report
from service.texts import visible

_WEB = Path(__file__).parents[1] / "web"

_MAX_PICTURES = 200
"""Thumbnails on the page, at 3 to 5 kB each."""
_MAX_NAME = 400
"""Characters of a name; the tables have the whole of it. Names of 64 kB are possible in archives."""
_MAX_SITTINGS = 60
"""A scan that was resumed more often shows its first sittings."""
_MAX_FACTS = 60
"""Settings, options, facts of one image: longer lists are not for reading."""
_MAX_SPANS = 6
"""Flagged stretches named of one recording."""
_LINK = re.compile(r"(?!/)(?:[\w-][\w.-]*/)*[\w-][\w.-]*")
"""A path that stays in the folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A flagged recording as it is shown."""

    row: Row
    weights: list[tuple[str, float]]
    """What was weighed, in words, and its LLR."""
    spans: list[str]
    num_spans: int
    copies: Copies | None
    picture: Markup | None
    link: str | None


def write_summary(
    ledger: Ledger, out: Path, facts: JobFacts, run: RunFacts, open_reason: str, *, base_rate: float | None = None
) -> None:
    """Write the page; it appears whole or stays as it was.

    Args:
        ledger: The scan's.
        out: The result folder, with the reports in it.
        facts: What was asked for.
        run: How it went.
        open_reason: Why items are still open: `interrupted`, `time_limit`.
        base_rate: Share of manipulated recordings that whoever ordered the scan expects.

    Raises:
        OSError: the folder cannot be written.
    """
    page = render_summary(ledger, out, facts, run, open_reason, base_rate=base_rate)
    part = out / ".summary.html.part"
    part.write_text(page, encoding="utf-8")
    part.replace(out / "summary.html")


def render_summary(
    ledger: Ledger, out: Path, facts: JobFacts, run: RunFacts, open_reason: str, *, base_rate: float | None = None
) -> str:
    """The page; arguments as in `write_summary`."""
    total = tally(ledger, open_reason)
    threshold = float(facts.config.get("scoring", {}).get("flag_llr", 0.0))
    hits, reports = _hits(total, out)
    reports += [report for name in total.models_from if (report := read_report(out / name / "report.json")) is not None]
    expectations = expect(
        num_weighed=total.weighed,
        num_results=total.num_results,
        flagged_llrs=total.flagged_llrs,
        threshold=threshold,
        base_rate=base_rate,
    )
    return (
        _environment()
        .get_template("summary.html.j2")
        .render(
            facts=facts,
            run=run,
            total=total,
            evidence=_evidence(facts),
            inventory_complete=ledger.counts().inventory_complete,
            open_reason=open_reason,
            num_open=sum(
                group.count for key, group in total.missed.items() if key == (ItemState.CANCELLED, open_reason)
            ),
            num_missed=sum(group.count for group in total.missed.values()),
            num_troubled=sum(number for state, number in total.containers.by_state.items() if state != "listed"),
            states=_states(total),
            missed=ranked(total.missed),
            lossy=ranked(total.lossy),
            notes=total.notes.most_common(MAX_GROUPS),
            max_groups=MAX_GROUPS,
            max_containers=MAX_CONTAINERS,
            max_facts=_MAX_FACTS,
            max_sittings=_MAX_SITTINGS,
            hits=hits,
            num_pictures=min(len(hits), _MAX_PICTURES),
            has_pictures=any(hit.picture for hit in hits),
            threshold=threshold,
            expectations=expectations,
            example=next((each for each in expectations if each.base_rate == 0.01), None),
            one_in=1 / rate_at_most(threshold),
            models=_models(facts, reports),
            hosts=_hosts(total, run),
            columns=list(COLUMNS),
            page_digest=facts.config_digest if re.fullmatch("[0-9a-f]{64}", facts.config_digest) else None,
        )
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
    environment.globals.update(say=_say, sentences=_sentences, known=known, rows=words.rows)
    environment.filters.update(
        about=about,
        flat=phrases.flat,
        lasting=figures.length,
        moment=phrases.moment,
        percent=figures.percent,
        plain=phrases.plain,
        rate=_rate,
        ratio=figures.ratio,
        share=figures.share,
        short=_short,
        signed=figures.signed,
        size=figures.size,
    )
    return environment


def _finalize(value: object) -> object:
    """Every value on its way into the page, as in `service.render`."""
    if value is None:
        return say("page.not_stated")
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value


def _say(key: str, /, **values: object) -> Markup:
    """A sentence, escaped; one within another is not escaped twice."""
    return escape(say(key, **{k: v.unescape() if isinstance(v, Markup) else v for k, v in values.items()}))


def _sentences(key: str, /, **values: object) -> list[str]:
    return [sentence.format(**values) for sentence in words.sentences(key)]


def _evidence(facts: JobFacts) -> str:
    names = [root.rstrip("/").rsplit("/", 1)[-1] or root for root in facts.roots]
    if len(names) == 1:
        return names[0]
    return say("summary.several", first=names[0], count=len(names) - 1) if names else say("summary.nothing")


def _states(total: Tally) -> list[Group]:
    """All states, also those in which nothing ended: that, too, is an answer."""
    return [total.states.get(state, Group(state=state, reason=None)) for state in ItemState]


def _hits(total: Tally, out: Path) -> tuple[list[Hit], list[Report]]:
    """The flagged recordings, and the first of their reports."""
    hits: list[Hit] = []
    reports: list[Report] = []
    for index, row in enumerate(total.flagged):
        report = picture = None
        if row["report"] is not None and index < _MAX_PICTURES:
            report = read_report(out / row["report"] / "report.json")
            picture = None if report is None else first_face(report)
        if report is not None and not reports:
            reports.append(report)
        hits.append(
            Hit(
                row=row,
                weights=[
                    (say(f"summary.flagged.{subject}"), row[key])
                    for subject, key in (("recording", "llr"), ("face", "face_llr"), ("voice", "voice_llr"))
                    if row[key] is not None
                ],
                spans=_spans(row["summary"]),
                num_spans=row["summary"].get("num_flagged_segments", 0),
                copies=total.copies.get(row["seq"]),
                picture=None if picture is None else Markup("data:image/jpeg;base64,{}").format(picture),
                link=_link(row["report"]),
            )
        )
    return hits, reports


def _spans(summary: Mapping[str, Any]) -> list[str]:
    return [
        say(
            "summary.flagged.where_one",
            modality=say(f"summary.flagged.{segment['modality']}"),
            span=figures.interval(Span(start_seconds=segment["start_seconds"], end_seconds=segment["end_seconds"])),
        )
        for segment in summary.get("flagged_segments", [])[:_MAX_SPANS]
    ]


def _link(folder: str | None) -> str | None:
    return f"{folder}/report.html" if folder is not None and _LINK.fullmatch(folder) else None


def _models(facts: JobFacts, reports: list[Report]) -> list[tuple[str, str, ModelFacts | None]]:
    """Name, SHA-256 and what a report says of the same weights."""
    told = {(model.name, model.sha256): model for report in reports for model in report.body.models}
    return [(name, sha256, told.get((name, sha256))) for name, sha256 in sorted(facts.models.items())]


def _hosts(total: Tally, run: RunFacts) -> list[tuple[str, int, Mapping[str, str]]]:
    names = sorted(total.hosts.keys() | run.hosts.keys())
    return [(name, total.hosts.get(name, 0), run.hosts.get(name, {})) for name in names]


def about(value: float) -> str:
    """An expected number in two significant digits: `1,200`, `37`, `4`, `0.3`, `under 0.1`."""
    if value < 0.1:
        return "0" if value <= 0 else "under 0.1"
    if value < 10:
        return f"{value:.1f}".removesuffix(".0")
    digits = len(str(int(value))) - 2
    return f"{round(value / 10**digits) * 10**digits:,}"


def _rate(value: float) -> str:
    """`1 in 1,000`, or per cent where that is no such share."""
    count = round(1 / value)
    if count > 1 and abs(value * count - 1) < 1e-6:
        return say("summary.alarms.rate_in", count=count)
    return f"{100 * value:.3g} %"


def _short(text: str, limit: int = _MAX_NAME) -> str:
    """The two ends of a long name: where it lies, and what it is."""
    shown = visible(text)
    half = limit // 2
    return shown if len(shown) <= limit else f"{shown[:half]} … {shown[-half:]}"
