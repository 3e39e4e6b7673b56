"""What was examined and what was not, on paper: coverage, streams, abstentions, damage, caveats."""

from __future__ import annotations

from detect.report import AbstentionEntry, Body, CaveatEntry, Coverage, DefectEntry, StreamFacts
from service import figures, phrases, shown
from service.conclusion import Conclusion
from service.pdf.blocks import (
    Align,
    Block,
    Room,
    Runs,
    brief,
    bullets,
    cut,
    heading,
    more,
    paragraph,
    run,
    runs,
    table,
)
from service.pdf.texts import say_printed
from service.shown import MAX_LISTED
from service.texts import known, say


def completeness(body: Body, conclusion: Conclusion) -> list[Block]:
    """The section under its heading."""
    is_examined = conclusion.kind != "failed"
    state = say(f"state.{body.outcome.state}")
    blocks = [paragraph(say("completeness.intro") if is_examined else say("completeness.failed", state=state))]
    if body.coverage:
        blocks.append(heading(say("completeness.coverage"), 2))
        blocks += [_covered(body, part) for part in body.coverage[:MAX_LISTED]]
    if body.recording.streams:
        blocks += _streams(body)
    # Where nothing was examined, an empty list would say that nothing was wrong.
    if is_examined or body.abstentions:
        blocks += _abstentions(body)
    if is_examined or body.defects:
        blocks.append(heading(say("completeness.defects"), 2))
        items = cut(map(_defect, body.defects), len(body.defects), MAX_LISTED, Room())
        blocks.append(bullets(items) if items else paragraph(say("completeness.defects_none")))
    if is_examined or body.caveats:
        blocks.append(heading(say("completeness.caveats"), 2))
        items = cut(map(_caveat, body.caveats), len(body.caveats), MAX_LISTED, Room())
        blocks.append(bullets(items) if items else paragraph(say("completeness.caveats_none")))
    return blocks


def _covered(body: Body, part: Coverage) -> Block:
    lengths = {"examined": figures.length(part.examined_seconds), "total": figures.length(part.total_seconds)}
    if body.recording.media == "image":
        said = [say("completeness.image_share")]
    elif part.kind == "video":
        said = [say("completeness.video_share", count=len(part.sampled_seconds), **lengths)]
    else:
        said = [say("completeness.audio_share", **lengths)]
    if part.num_expected is None:
        said.append(say(f"completeness.{part.kind}_decoded_only", decoded=part.num_decoded))
    else:
        said.append(say(f"completeness.{part.kind}_decoded", decoded=part.num_decoded, expected=part.num_expected))
    if part.decoder is not None:
        decoder = say(f"decoder.{part.decoder}") if known(f"decoder.{part.decoder}") else part.decoder
        said.append(say("completeness.decoder", decoder=decoder))
    if part.speech_seconds is not None:
        said.append(say("completeness.speech", speech=figures.length(part.speech_seconds)))
    share = shown.watched(part)
    percent = figures.percent(share)
    return {
        "kind": "coverage",
        "name": f"{say('subject.stream', index=part.stream)}, {part.kind}",
        "share": share,
        "percent": percent,
        "alt": say_printed("coverage_bar", percent=percent, stream=part.stream),
        "runs": runs(*said),
    }


def _streams(body: Body) -> list[Block]:
    columns: list[tuple[str, Align, float]] = [
        (say("completeness.stream"), "left", 0),
        (say("completeness.kind"), "left", 0),
        (say("completeness.codec"), "left", 2),
        (say("completeness.facts"), "left", 4),
        (say("completeness.declared"), "right", 0),
        (say("completeness.examined"), "left", 2),
    ]
    streams = body.recording.streams
    fitting = Room().fitting(map(_stream, streams), MAX_LISTED)
    rest = more(len(streams) - len(fitting))
    return [table(say("completeness.streams_caption"), columns, fitting), *(paragraph(*line) for line in rest)]


def _stream(stream: StreamFacts) -> list[Runs]:
    codec = say("page.not_stated") if stream.codec is None else stream.codec
    because = stream.not_examined_because or say("page.not_stated")
    declared = None if stream.declared_seconds is None else figures.clock(stream.declared_seconds)
    return [
        runs(str(stream.index)),
        runs(stream.kind),
        runs(brief(f"{codec} ({stream.profile})" if stream.profile else codec)),
        runs(brief(phrases.shape(stream))),
        runs(run(declared)),
        runs(say("page.yes") if stream.examined else say("completeness.not_examined_because", reason=brief(because))),
    ]


def _abstentions(body: Body) -> list[Block]:
    blocks = [heading(say("completeness.abstentions"), 2)]
    room = Room()
    for reason, entries in phrases.by_reason(body.abstentions).items():
        count = run(f"({len(entries)})", "quiet") if len(entries) > 1 else None
        title = runs(run(say(f"reason.{reason}"), "strong"), count, run(reason.value, "code"))
        items = cut(map(_abstention, entries), len(entries), MAX_LISTED, room)
        blocks += [paragraph(*title, role="lead_in"), bullets(items)]
    if not body.abstentions:
        blocks.append(paragraph(say("completeness.abstentions_none")))
    count_unscored, reasons = phrases.unscored(body)
    if count_unscored:
        blocks.append(paragraph(say("completeness.samples_not_scored", count=count_unscored, reasons=reasons)))
    return blocks


def _abstention(entry: AbstentionEntry) -> Runs:
    at = None if entry.span is None else run(say("completeness.at", span=figures.interval(entry.span)), "quiet")
    return runs(run(brief(entry.subject), "strong"), brief(entry.detail), at)


def _defect(defect: DefectEntry) -> Runs:
    place = say("subject.container") if defect.stream is None else say("subject.stream", index=defect.stream)
    return runs(
        run(say(f"defect.{defect.kind}"), "strong"),
        run(place, "strong"),
        brief(defect.detail),
        None if defect.count is None else say("completeness.defect_count", count=defect.count),
        None if defect.span is None else say("completeness.at", span=figures.interval(defect.span)),
        run(defect.kind.value, "code"),
    )


def _caveat(caveat: CaveatEntry) -> Runs:
    place = None if caveat.stream is None else run(say("subject.stream", index=caveat.stream), "strong")
    return runs(
        run(say(f"caveat.{caveat.kind}"), "strong"), place, brief(caveat.detail), run(caveat.kind.value, "code")
    )
