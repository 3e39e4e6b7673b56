"""What a printed report is made of: blocks as JSON, each of which `report.typ` knows how to set.

A run is a text and its style; a text never becomes markup. Everything here is content; how it looks is the template's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Literal, TypeVar

from detect.report import Finding, ModelScore
from service import figures, shown
from service.pdf.glyphs import settable
from service.texts import say

Block = dict[str, Any]
Run = list[str]
"""Text, style."""
Runs = list[Run]
Style = Literal["", "strong", "quiet", "code", "when", "number", "small"]
Align = Literal["left", "right"]


ROOM_CHARACTERS = 30_000
"""About ten printed pages. No recording of the development data needs a tenth of it."""
BRIEF_CHARACTERS = 500
"""Five printed lines."""

_Row = TypeVar("_Row", bound="Sequence[Any]")


def run(text: object, style: Style = "") -> Run:
    """A stretch of text; None is said to be not stated."""
    return [say("page.not_stated") if text is None else str(text), style]


def runs(*parts: Run | str | None) -> Runs:
    """Stretches set one after the other with a space between; what is None or empty is left out."""
    return [run(part) if isinstance(part, str) else part for part in parts if part is not None and part != ""]


def heading(text: str, level: int, label: str = "") -> Block:
    """A heading; level 1 begins a section."""
    return {"kind": "heading", "title": text, "level": level, "style": label}


def paragraph(*parts: Run | str | None, role: str = "") -> Block:
    """Text of one paragraph."""
    return {"kind": "paragraph", "runs": runs(*parts), "role": role}


def bullets(items: Iterable[Runs], role: str = "bulleted") -> Block:
    """A list; `plain` sets it without signs."""
    return {"kind": "list", "items": list(items), "role": role}


def line(*parts: Run | str | None) -> list[Runs]:
    """One line of what is to say of a term."""
    return [runs(*parts)]


def facts(items: Iterable[tuple[str, list[Runs]]], role: str = "") -> Block:
    """Terms and what is to say of them, line by line."""
    return {"kind": "facts", "pairs": [{"term": term, "lines": lines} for term, lines in items], "role": role}


def box(blocks: Sequence[Block], role: str) -> Block:
    """Blocks that belong together: `conclusion`, `missing`, `claims`, `card`."""
    return {"kind": "box", "blocks": list(blocks), "role": role}


def table(
    caption: str, columns: Sequence[tuple[str, Align, float]], rows: Sequence[Sequence[Runs]], role: str = ""
) -> Block:
    """A table.

    Args:
        caption: Stands over it.
        columns: Head, side, and share of the room that the other columns leave; 0 is as wide as its content.
        rows: Cells; the first of each row is its head.
        role: `dense` is set smaller.
    """
    return {
        "kind": "table",
        "caption": [run(caption)],
        "columns": [{"title": head, "align": align, "share": share} for head, align, share in columns],
        "rows": [list(row) for row in rows],
        "role": role,
    }


class Room:
    """What one section may hold of text that came with the evidence, so that a hostile file gives a short report."""

    def __init__(self, characters: int = ROOM_CHARACTERS) -> None:
        self._left = characters

    def fitting(self, rows: Iterable[_Row], limit: int) -> list[_Row]:
        """The first rows, at most `limit`, for which there is room. Those behind them are not even made."""
        found: list[_Row] = []
        for row in islice(rows, limit):
            if self._left <= 0:
                break
            self._left -= _size(row)
            found.append(row)
        return found


def pairs(
    items: Sequence[tuple[str, str]], caption: str, name: str, value: str, limit: int, room: Room | None = None
) -> list[Block]:
    """Names and values as a table, cut at `limit` rows and where the room ends."""
    columns: list[tuple[str, Align, float]] = [(name, "left", 1), (value, "left", 2)]
    rows = ([runs(run(brief(key))), runs(run(brief(text)))] for key, text in items)
    fitting = (room or Room()).fitting(rows, limit)
    found = [table(caption, columns, fitting, "dense")] if fitting else [paragraph(caption, role="quiet")]
    if len(items) > len(fitting):
        found.append(paragraph(say("provenance.tags_cut", count=len(items) - len(fitting)), role="quiet"))
    return found


def cut(items: Iterable[Runs], count: int, limit: int, room: Room) -> list[Runs]:
    """The entries of a list for which there is room, and how many of all `count` there are besides."""
    fitting = room.fitting(items, limit)
    return fitting + more(count - len(fitting))


def more(count: int) -> list[Runs]:
    """The last entry of a list that was cut."""
    return [runs(run(say("page.more", count=count), "quiet"))] if count > 0 else []


def brief(text: str) -> str:
    """Foreign text among others of its kind: a few lines of it."""
    return settable(text, BRIEF_CHARACTERS)


def score_table(scores: Sequence[ModelScore], subject: str) -> Block:
    """What each model says of one subject."""
    if not scores:
        return paragraph(say("scores.none"), role="quiet")
    has_llr = any(score.llr is not None for score in scores)
    columns: list[tuple[str, Align, float]] = [(say("scores.model"), "left", 1), (say("scores.logit"), "right", 0)]
    columns += [(say("scores.llr"), "right", 0)] if has_llr else []
    columns.append((say("scores.count"), "right", 0))
    rows = []
    for score in scores:
        row = [runs(run(score.model)), runs(figures.signed(score.logit))]
        if has_llr:
            row.append(_llr(score))
        rows.append([*row, runs(str(score.num_windows))])
    return table(say("scores.caption", subject=subject), columns, rows)


def scale(llr: float) -> Block:
    """The ruler of likelihood ratios with a mark at one of them."""
    return {
        "kind": "scale",
        "place": shown.place(llr),
        "is_right": llr > 0,
        "pin": say("conclusion.pin", ratio=figures.ratio(llr)),
        "alt": f"{say('conclusion.scale_title')}. {say('conclusion.scale_description', llr=figures.signed(llr))}",
        "notches": [{"place": shown.decade(power), "label": _label(power)} for power in _POWERS],
        "against": f"\N{LEFTWARDS ARROW} {say('conclusion.scale_end_2')}",
        "towards": f"{say('conclusion.scale_end_1')} \N{RIGHTWARDS ARROW}",
    }


def propositions(subject: str) -> Block:
    """What is weighed against what."""
    return facts(
        [
            (say("conclusion.proposition_1"), line(say(f"proposition.{subject}.h1"))),
            (say("conclusion.proposition_2"), line(say(f"proposition.{subject}.h2"))),
        ],
        "propositions",
    )


def meaning(llr: float, *, is_bounded: bool) -> Runs:
    """What a log-likelihood ratio says."""
    ratio = figures.ratio(llr)
    towards = "none" if ratio == "1" else "1" if llr > 0 else "2"
    return runs(
        say("conclusion.llr", llr=figures.signed(llr)),
        say(f"conclusion.towards_{towards}", ratio=ratio),
        say("conclusion.bound") if is_bounded else None,
    )


def chip(status: str) -> str:
    """Words for how a finding or a model stands."""
    return say(f"status.{status}")


def is_bounded(finding: Finding) -> bool:
    """Whether a score of it was cut to what its calibration supports."""
    return any(score.at_bound for score in finding.scores)


_POWERS = (-6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6)
"""Powers of ten with a notch on the ruler: those where the ENFSI scale (2015) has a step, up to a million."""
_LABELLED = frozenset({-6, -4, -2, 0, 2, 4, 6})


def _size(part: object) -> int:
    if isinstance(part, str):
        return len(part)
    return sum(map(_size, part)) if isinstance(part, list | tuple) else 0


def _label(power: int) -> str:
    return f"{10 ** abs(power):,}" if power in _LABELLED else ""


def _llr(score: ModelScore) -> Runs:
    if score.llr is None:
        return runs(say("status.uncalibrated"))
    return runs(figures.signed(score.llr), run(say("scores.at_bound"), "small") if score.at_bound else None)
