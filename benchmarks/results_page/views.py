"""What counts as one trial in a table: a recording, an utterance, a frame or a sequence, never two of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from benchmarks.scorefile import MISSING, Row
from benchmarks.trials import SUBJECTS, Label, Subject, Unit

NOUNS: Mapping[Unit, str] = {Unit.RECORDING: "recordings", Unit.UTTERANCE: "utterances", Unit.FRAME: "frames"}
SEQUENCES = "sequences"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Trials of one kind."""

    noun: str
    """What its trials are, in the plural."""
    rows: Sequence[Row]
    remark: str = ""
    """How its scores came about, where they are not those of the file; empty: they are."""

    def labelled(self, subject: Subject) -> list[Row]:
        """Its trials that have a label for the subject and whose file is there."""
        return [row for row in self.rows if subject in row.labels and row.state != MISSING]


def views(rows: Sequence[Row]) -> list[View]:
    """One view for each unit among the rows, and one of sequences where frames belong to any."""
    found = [
        View(noun=noun, rows=kept)
        for unit, noun in NOUNS.items()
        if (kept := [row for row in rows if row.unit is unit])
    ]
    frames = [row for row in rows if row.unit is Unit.FRAME]
    if sequenced := [row for row in frames if row.sequence is not None]:
        found.append(_sequences(sequenced, alone=len(frames) - len(sequenced)))
    return found


def _sequences(frames: Sequence[Row], *, alone: int) -> View:
    members: dict[str, list[Row]] = defaultdict(list)
    for row in frames:
        members[str(row.sequence)].append(row)
    remark = (
        "The score of a sequence is the mean logit of its scored frames; it is a spoof where a frame of it is. "
        "Calibrations are for single frames, so sequences have no LLR, and findings, which have nothing else, no score."
    )
    if alone:
        remark += f" {alone:,} frames belong to no sequence and are not in this table."
    return View(noun=SEQUENCES, rows=[_sequence(name, members[name]) for name in sorted(members)], remark=remark)


def _sequence(name: str, frames: Sequence[Row]) -> Row:
    there = [frame for frame in frames if frame.state != MISSING]
    shown = there or frames
    systems = sorted({system for frame in there for system in frame.logits})
    return Row(
        id=name,
        unit=Unit.FRAME,
        sequence=name,
        labels=_labels(shown),
        attack=_one([frame.attack for frame in shown]) or "-",
        group=shown[0].group,
        split=shown[0].split,
        state=shown[0].state,
        reason="",
        abstentions={},
        facts={key: value for key in _keys(shown, "facts") if (value := _one([row.facts.get(key) for row in shown]))},
        shortcuts={key: value for key in _keys(shown, "shortcuts") if (value := _middle(shown, key))},
        logits={
            system: float(np.mean([frame.logits[system] for frame in there if system in frame.logits]))
            for system in systems
        },
        llrs={},
    )


def _labels(frames: Sequence[Row]) -> dict[Subject, Label]:
    known: dict[Subject, Label] = {}
    for subject in SUBJECTS:
        if labels := {frame.labels[subject] for frame in frames if subject in frame.labels}:
            known[subject] = "spoof" if "spoof" in labels else "bonafide"
    return known


def _keys(frames: Sequence[Row], kind: str) -> list[str]:
    return sorted({key for frame in frames for key in getattr(frame, kind)})


def _one(values: Sequence[str | None]) -> str | None:
    """The value that all have; None where they differ."""
    return values[0] if len(set(values)) == 1 else None


def _middle(frames: Sequence[Row], feature: str) -> str | None:
    """What the frames share; the mean of numbers; None where they differ in words."""
    values = [frame.shortcuts[feature] for frame in frames if feature in frame.shortcuts]
    if len(set(values)) == 1:
        return values[0]
    numbers = [as_number(value) for value in values]
    known = [number for number in numbers if number is not None]
    return f"{np.mean(known):.6g}" if len(known) == len(numbers) else None


def as_number(text: str) -> float | None:
    """A number, also one written as a fraction, as frame rates are; None where it is a word."""
    try:
        return float(Fraction(text))
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
