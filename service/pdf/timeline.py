"""The timeline on paper: the rows of `service.timeline`, and the tables that say the same."""

from __future__ import annotations

from typing import Any

from detect.report import Body, SegmentEntry
from service import figures, shown
from service.conclusion import Conclusion
from service.pdf.blocks import Align, Block, Run, Runs, brief, paragraph, run, runs, table
from service.pdf.glyphs import settable
from service.pdf.texts import say_printed
from service.plot import Mark, Row, Stretch
from service.texts import say
from service.timeline import MAX_ROWS, Timeline, build_timeline, highest, strength

_MAX_SUBJECTS = 6
"""Subjects named of one segment."""
_LABEL_CHARACTERS = 60
"""Of a name beside a row: what the row's height holds."""
_NOTHING = "\N{EN DASH}"
_FLAG = "\N{BLACK UP-POINTING TRIANGLE}"


def timeline(body: Body, conclusion: Conclusion) -> list[Block]:
    """The section under its heading."""
    drawn = build_timeline(body)
    if drawn is None:
        kind = "_failed" if conclusion.kind == "failed" else "_image" if body.recording.media == "image" else ""
        return [paragraph(say(f"timeline.none{kind}"))]
    blocks = []
    if drawn.has("llr"):
        reach = figures.signed(drawn.full_bar).replace("+", "")
        blocks.append(paragraph(say("timeline.intro_llr", range=reach)))
    if drawn.has("logit"):
        blocks.append(paragraph(say("timeline.intro_logit")))
    for all_, limit, kind in ((body.tracks, MAX_ROWS, "face"), (body.voices, MAX_ROWS, "voice")):
        if len(all_) > limit:
            count = len(all_) - limit
            words = say(f"timeline.kind_{kind}", count=count)
            blocks.append(paragraph(say("timeline.rows_more", count=count, shown=limit, kind=words)))
    blocks += [_drawing(drawn), paragraph(say("timeline.intro_cells"), role="quiet"), _rows_table(drawn)]
    if body.segments:
        blocks.append(_segments_table(body))
    return blocks


def _drawing(drawn: Timeline) -> Block:
    legend = [("for", "for-2"), ("against", "against-2"), ("neutral", "neutral"), ("flag", "flag")]
    keys = legend if drawn.has("llr") else []
    keys += [("logit", "logit")] if drawn.has("logit") else []
    keys += [("span", "band"), ("gap", "gap")]
    keys += [("tick", "tick")] if drawn.has("sampled") else []
    return {
        "kind": "timeline",
        "alt": say_printed("timeline", count=len(drawn.rows)),
        "axis": [{"left": left, "label": label} for left, label in drawn.axis],
        "is_long": drawn.is_long,
        "legend": [{"style": style, "text": say(f"timeline.legend_{name}")} for name, style in keys],
        "rows": [_row(row) for row in drawn.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "label": settable(row.label, _LABEL_CHARACTERS),
        "model": settable(row.model or "", _LABEL_CHARACTERS),
        "overall": row.overall,
        "alt": f"{row.label} {row.model or ''}: {row.description}",
        "style": row.scale,
        "height": row.height,
        "threshold": row.threshold,
        "ticks": row.ticks,
        "bands": [_stretch(band) for band in row.bands],
        "gaps": [_stretch(gap) for gap in row.gaps],
        "marks": [_mark(mark) for mark in row.marks],
    }


def _stretch(stretch: Stretch) -> list[float]:
    return [stretch.left, stretch.width]


def _mark(mark: Mark) -> dict[str, Any]:
    return {
        "left": mark.left,
        "width": mark.width,
        "top": mark.top,
        "height": mark.height,
        "reach": None if mark.reach is None else list(mark.reach),
        "style": mark.kind,
        "flagged": mark.flagged,
    }


def _rows_table(drawn: Timeline) -> Block:
    columns: list[tuple[str, Align, float]] = [
        (say("timeline.row"), "left", 3),
        (say("scores.model"), "left", 3),
        (say("timeline.values"), "right", 0),
        (say("timeline.lowest"), "right", 0),
        (say("timeline.highest"), "right", 0),
        (say("timeline.highest_at"), "left", 0),
        (say("timeline.overall"), "right", 0),
    ]
    rows = []
    for row in drawn.rows:
        ends = [_NOTHING, _NOTHING, _NOTHING]
        if row.marks:
            ends = [figures.signed(row.lowest), figures.signed(row.highest), row.highest_at]
        cells = [brief(row.label), brief(row.model or _NOTHING), f"{row.count:,}", *ends, row.overall]
        rows.append([runs(cell) for cell in cells])
    return table(say("timeline.rows_caption"), columns, rows, "dense")


def _segments_table(body: Body) -> Block:
    columns: list[tuple[str, Align, float]] = [
        (say("timeline.span"), "left", 0),
        (say("timeline.modality"), "left", 0),
        (say("timeline.subjects"), "left", 1),
        (say("timeline.overall"), "right", 0),
    ]
    segments = highest(body.segments, shown.MAX_TABLE_ROWS, lambda segment: strength(segment.scores))
    caption = say("timeline.segments_caption")
    if len(body.segments) > len(segments):
        caption += " " + say("timeline.segments_cut", shown=len(segments), count=len(body.segments))
    rows = []
    for _, segment in segments:
        named = ", ".join(segment.subjects[:_MAX_SUBJECTS])
        rest = len(segment.subjects) - _MAX_SUBJECTS
        rows.append(
            [
                runs(figures.interval(segment.span)),
                runs(say(f"subject.{segment.modality}")),
                runs(brief(named), f"+{rest}" if rest > 0 else None),
                _weights(segment),
            ]
        )
    return table(caption, columns, rows, "dense")


def _weights(segment: SegmentEntry) -> Runs:
    said: list[Run | str] = []
    for number, score in enumerate(segment.scores, start=1):
        value = (
            say("timeline.value_logit", value=figures.signed(score.logit))
            if score.llr is None
            else say("timeline.value_llr", value=figures.signed(score.llr))
        )
        end = ";" if number < len(segment.scores) else ""
        said.append(f"{score.model}: {value}{end}" if len(segment.scores) > 1 else value)
    if segment.flagged:
        said.append(run(f"{_FLAG} {say('timeline.legend_flag')}", "strong"))
    return runs(*said)
