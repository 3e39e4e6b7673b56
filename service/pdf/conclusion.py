"""The head of a printed report and its result: what stands on the first page."""

from __future__ import annotations

from detect.report import Body, Finding, Report
from detect.types import Modality
from service import figures, phrases, shown
from service.conclusion import Conclusion, has_llr
from service.pdf.blocks import (
    Block,
    Runs,
    box,
    bullets,
    chip,
    facts,
    heading,
    is_bounded,
    line,
    meaning,
    more,
    paragraph,
    propositions,
    run,
    runs,
    scale,
    score_table,
)
from service.texts import say

_FIRST_STREAMS = 8
"""Streams named in the head; the section on completeness has them all."""


def head(report: Report) -> list[Block]:
    """What was examined, when and with what."""
    body, recording = report.body, report.body.recording
    length = recording.duration_seconds
    size = say("header.size_value", size=figures.size(recording.num_bytes), bytes=recording.num_bytes)
    found: list[tuple[str, list[Runs]]] = [
        (say("header.sha256"), line(run(recording.sha256, "code"))),
        (say("header.content"), line(phrases.content(body))),
        (say("header.duration"), line(run(None if length is None else figures.clock(length)))),
        (say("header.size"), line(size)),
        (say("header.when"), line(phrases.moment(report.run.started_at))),
        (say("header.tool"), line(body.tool)),
    ]
    if recording.chain != recording.name:
        found.append((say("header.chain"), line(recording.chain)))
    if recording.streams:
        lines = []
        for stream in recording.streams[:_FIRST_STREAMS]:
            words = [stream.kind, stream.codec or say("page.not_stated"), phrases.shape(stream)]
            lines.append(runs(run(stream.index, "number"), ", ".join(word for word in words if word)))
        found.append((say("header.streams"), lines + more(len(recording.streams) - _FIRST_STREAMS)))
    return [facts(found)]


def result(body: Body, conclusion: Conclusion) -> list[Block]:
    """The result, and everything that limits it."""
    reason = body.outcome.reason
    blocks = [
        paragraph(conclusion.headline, role="verdict"),
        *(paragraph(sentence) for sentence in conclusion.meaning),
        paragraph(
            body.outcome.message, run(say("conclusion.reason", reason=reason), "quiet") if reason is not None else None
        ),
    ]
    if conclusion.overall is not None and conclusion.kind != "calibrated":
        blocks.append(paragraph(conclusion.overall.explanation))
    blocks += _missing(body)
    blocks += _weight(conclusion)
    framed = {
        "kind": "result",
        "title": say("heading.conclusion"),
        "chip": say(f"examination.{body.outcome.examination}"),
        "role": body.outcome.examination,
        "blocks": blocks,
    }
    # A frame that is torn over two pages frames nothing: on paper the modalities stand under it.
    cards = [_card(body, finding, conclusion) for finding in conclusion.modalities]
    by_modality = [heading(say("conclusion.by_modality"), 2), *cards] if cards else []
    return [framed, *by_modality, *_passages(body, conclusion)]


def _missing(body: Body) -> list[Block]:
    if not body.defects and not body.abstentions:
        return []
    section = say("heading.completeness")
    blocks = [heading(say("conclusion.missing"), 2)]
    if body.defects:
        first = body.defects[: shown.FIRST_DEFECTS]
        items = [runs(run(say(f"defect.{defect.kind}"), "strong"), defect.detail) for defect in first]
        if len(body.defects) > len(first):
            items.append(runs(say("conclusion.defects_more", count=len(body.defects) - len(first), section=section)))
        blocks += [paragraph(say("conclusion.missing_defects")), bullets(items)]
    if body.abstentions:
        blocks.append(paragraph(say("conclusion.abstentions_more", count=len(body.abstentions), section=section)))
    return [box(blocks, "missing")]


def _weight(conclusion: Conclusion) -> list[Block]:
    overall = conclusion.overall
    blocks: list[Block] = []
    if conclusion.kind == "calibrated" and overall is not None and overall.llr is not None:
        blocks += [
            scale(overall.llr),
            heading(say("conclusion.propositions"), 2),
            propositions("recording"),
            heading(say("conclusion.meaning"), 2),
            paragraph(*meaning(overall.llr, is_bounded=False)),
            paragraph(run(say("conclusion.not_probability"), "strong")),
            paragraph(overall.explanation, role="quiet"),
        ]
    if conclusion.kind == "separate":
        blocks.append(paragraph(run(say("conclusion.not_probability"), "strong")))
    if conclusion.is_mixed:
        blocks.append(paragraph(say("conclusion.mixed")))
    return blocks


def _card(body: Body, finding: Finding, conclusion: Conclusion) -> Block:
    blocks: list[Block] = []
    if has_llr(finding) and finding.llr is not None and finding.verbal is not None:
        blocks += [paragraph(finding.verbal, role="lead"), scale(finding.llr)]
        if conclusion.kind == "separate":
            blocks.append(propositions(finding.subject))
        flag = say("conclusion.flagged" if finding.flagged else "conclusion.flagged_none")
        blocks += [
            paragraph(*meaning(finding.llr, is_bounded=is_bounded(finding))),
            paragraph(f"\N{BLACK UP-POINTING TRIANGLE} {flag}" if finding.flagged else flag),
        ]
    blocks.append(paragraph(finding.explanation, role="quiet"))
    why = phrases.reasons(body, Modality(finding.subject))
    if finding.status == "not_scored" and why:
        blocks.append(paragraph(say("page.why", reasons=" ".join(why))))
    if finding.scores:
        blocks.append(score_table(finding.scores, say(f"subject.{finding.subject}")))
    return {
        "kind": "card",
        "title": say(f"subject.{finding.subject}"),
        "chip": chip(finding.status),
        "role": finding.status,
        "level": 3,
        "blocks": blocks,
    }


def _passages(body: Body, conclusion: Conclusion) -> list[Block]:
    threshold = body.configuration.values.get("scoring", {}).get("flag_llr")
    if not conclusion.weighs or threshold is None:
        return []
    words = {"threshold": figures.signed(threshold), "ratio": figures.ratio(threshold)}
    blocks = [heading(say("conclusion.passages"), 2)]
    passages = shown.passages(body)
    if not passages:
        return [*blocks, paragraph(say("conclusion.passages_none", **words))]
    items = []
    for passage in passages:
        said = [f"LLR {figures.signed(s.llr)} ({s.model})" for s in passage.scores if s.llr is not None]
        subject = say(f"subject.{passage.modality}")
        when = run(f"\N{BLACK UP-POINTING TRIANGLE} {figures.interval(passage.span)}", "when")
        items.append(runs(when, f"{subject}: {'; '.join(said)}" if said else subject))
    return [*blocks, paragraph(say("conclusion.passages_intro", **words)), bullets(items, "plain")]
