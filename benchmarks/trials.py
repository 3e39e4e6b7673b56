"""Trials: one row of a data set each, with what its authors say of it. Every data set's adapter gives these.

Three subjects can carry a label, as a report's findings do: the `recording` as a whole, its `face`s and its `voice`s. A
subject without a label is one of which the data set says nothing: DFDC does not say which fakes have a changed voice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Label = Literal["bonafide", "spoof"]
Subject = Literal["recording", "face", "voice"]
SUBJECTS: tuple[Subject, ...] = ("recording", "face", "voice")
Span = tuple[float, float]
"""Start and end on the recording's timeline, seconds."""


class Unit(StrEnum):
    """What one trial is. Numbers of different units never share a table."""

    RECORDING = "recording"
    """A whole file with pictures, with or without sound."""
    UTTERANCE = "utterance"
    """A whole file of sound."""
    FRAME = "frame"
    """One picture; `Trial.sequence` names the sequence it comes from, where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One trial, as the data set lists it. Its file need not be there: partial data sets are allowed."""

    id: str
    """Unique in the data set: the name its protocol uses, else `path`."""
    path: str
    """File below the data set's folder with `/` between the parts, or `archive.zip!/member`."""
    unit: Unit
    labels: Mapping[Subject, Label]
    attack: str = "-"
    """How a spoof was made, in the data set's words; `-` for bona fide and where nobody says."""
    group: str
    """Trials of one group share an identity or a source; intervals draw groups, and splits keep them whole."""
    split: str
    """As the data set names it: `train`, `dev`, `eval`, ...; `all` where it has none."""
    sequence: str | None = None
    """Of a frame: which sequence it belongs to."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What results can be broken down by and filtered on: `codec`, `language`, `gender`, `compression`, ..."""
    spans: Mapping[Subject, tuple[Span, ...]] = field(default_factory=dict)
    """Manipulated stretches, where the data set gives them; empty for a bona fide subject."""
    corpora: frozenset[str] = frozenset()
    """Where this trial comes from, in the names of `benchmarks.corpora`, beyond what holds for the whole data set."""

    @property
    def is_spoof(self) -> bool:
        """Whether anything in it is said to be manipulated.

        Raises:
            KeyError: it has no label for the recording, so nobody may ask.
        """
        return self.labels["recording"] == "spoof"


def labels_of(*, face: Label | None = None, voice: Label | None = None) -> dict[Subject, Label]:
    """Labels where the recording is spoofed if its face or its voice is; None: the data set has or says none."""
    known: dict[Subject, Label] = {}
    if face is not None:
        known["face"] = face
    if voice is not None:
        known["voice"] = voice
    if known:
        known["recording"] = "spoof" if "spoof" in known.values() else "bonafide"
    return known


def split_sha256(trials: Iterable[Trial]) -> str:
    """Digest of which trials there are and how they are labelled: two results with the same one are comparable."""
    digest = hashlib.sha256()
    for trial in sorted(trials, key=lambda one: one.id):
        labels = ",".join(f"{subject}={trial.labels[subject]}" for subject in SUBJECTS if subject in trial.labels)
        digest.update(f"{trial.id}\t{labels}\n".encode())
    return digest.hexdigest()
