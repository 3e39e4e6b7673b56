"""A result as a player draws it: small, in columns, on the recording's own presentation time."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from detect.types import CaveatKind, DefectKind, Modality, Reason
from service.api.schemas.common import Out
from service.api.schemas.jobs import Finding

SpanSeconds = Annotated[tuple[float, float], Field(examples=[(1.5, 2.0)])]
"""Start and end, seconds from where a player shows the first picture or sounds the first sample."""
BoxPx = Annotated[tuple[int, int, int, int], Field(examples=[(320, 80, 480, 280)])]
"""Left, top, right, bottom in the upright frame."""


class TimelineConclusion(Out):
    """The result in words, as the report's page has it."""

    kind: Literal["calibrated", "separate", "uncalibrated", "not_scored", "failed"]
    headline: str
    meaning: list[str]


class TimelineModel(Out):
    """A checkpoint that ran, or should have."""

    name: str
    modality: Modality
    status: Literal["calibrated", "uncalibrated", "not_found"]


class TimelineScores(Out):
    """What one checkpoint says of each of a subject's samples or windows, in their order."""

    model: str
    scale: Literal["llr", "logit"]
    """`llr`: natural log of the likelihood ratio, positive supports manipulation, comparable with other checkpoints.
    `logit`: raw output, larger for manipulated, of unknown strength and comparable with nothing."""
    overall: float | None
    """Of the whole subject."""
    values: list[float | None]
    """Null where it was not scored."""


class TimelineTrack(Out):
    """One face followed through one shot."""

    id: str
    stream: int
    span: SpanSeconds
    static: bool
    """No motion against the picture: possibly a photograph."""
    flagged: bool
    times: list[float]
    boxes: list[BoxPx]
    detected: list[bool]
    """False where the face was followed from the sample before."""
    not_scored: list[Reason | None]
    scores: list[TimelineScores]
    exhibits: list[str]


class TimelineUtterance(Out):
    """One stretch of speech."""

    id: str
    span: SpanSeconds


class TimelineVoice(Out):
    """One stream, or one channel of a stream, that was listened to."""

    id: str
    stream: int
    channel: int | None
    flagged: bool
    utterances: list[TimelineUtterance]
    windows: list[SpanSeconds]
    scores: list[TimelineScores]
    exhibits: list[str]


class TimelineSegment(Out):
    """A piece of the timeline about which something is claimed."""

    modality: Modality
    span: SpanSeconds
    subjects: list[str]
    llr: float | None
    """Highest of the calibrated checkpoints."""
    flagged: bool


class TimelineStream(Out):
    """One stream: how large its upright frames are, and how much of it was looked at."""

    index: int
    kind: str
    span: SpanSeconds | None
    width_px: int | None
    height_px: int | None
    examined: bool
    not_examined_because: str | None
    sampled: list[float]
    """Times of the frames that were looked at."""


class TimelineAbstention(Out):
    """Something that was not scored, and why."""

    reason: Reason
    subject: str
    modality: Modality | None
    span: SpanSeconds | None
    detail: str


class TimelineDefect(Out):
    """Damage: something that was there to examine and was lost."""

    kind: DefectKind
    stream: int | None
    span: SpanSeconds | None
    count: int | None
    detail: str


class TimelineCaveat(Out):
    """A fact about the recording that a reader should know."""

    kind: CaveatKind
    stream: int | None
    detail: str


class TimelineExhibit(Out):
    """A picture of the report; its bytes are at `/v1/jobs/{job}/exhibits/{id}`."""

    id: str
    kind: Literal["face", "heat_map", "spectrogram"]
    subject: str
    span: SpanSeconds
    width_px: int
    height_px: int
    model: str | None
    caption: str
    alternative_text: str


class Timeline(Out):
    """What a player needs to show a result beside its recording; the report has everything else."""

    job: str
    filename: str
    media: Literal["video", "audio", "image"] | None
    duration_seconds: float | None
    examination: Literal["complete", "partial", "failed"]
    message: str
    """One sentence for a person, of how the examination ended."""
    flag_llr: float | None
    """LLR from which something is flagged."""
    conclusion: TimelineConclusion
    findings: list[Finding]
    models: list[TimelineModel]
    streams: list[TimelineStream]
    tracks: list[TimelineTrack]
    voices: list[TimelineVoice]
    segments: list[TimelineSegment]
    abstentions: list[TimelineAbstention]
    defects: list[TimelineDefect]
    caveats: list[TimelineCaveat]
    exhibits: list[TimelineExhibit]
    statements: list[str]
    """What the result can and cannot tell."""
