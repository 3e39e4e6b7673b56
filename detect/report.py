"""The document that leaves the process: pydantic, versioned, with a committed JSON Schema.

`body` holds what was found; the same bytes, configuration and models give the same body, byte for byte, on one
machine's CPU. `run` holds when, where and how long. `exhibits` holds the pictures that the body names by digest.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from detect.types import CaveatKind, DefectKind, ItemState, Modality, Reason

SCHEMA_VERSION: Literal["1.0"] = "1.0"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class Span(_Part):
    """Stretch of the presentation timeline."""

    start_seconds: float
    end_seconds: float


class AbstentionEntry(_Part):
    """Something that was not scored, and why."""

    reason: Reason
    subject: str
    """`recording`, `stream 0`, `face-3`, `voice-1/utterance-2`, or the name of a model."""
    detail: str
    modality: Modality | None = None
    span: Span | None = None


class DefectEntry(_Part):
    """Damage: something that was there to examine and was lost."""

    kind: DefectKind
    stream: int | None
    detail: str
    count: int | None = None
    span: Span | None = None


class CaveatEntry(_Part):
    """A fact about the recording that a reader should know; nothing was lost by it."""

    kind: CaveatKind
    detail: str
    stream: int | None = None


class StreamFacts(_Part):
    """One stream of the container, whether it was examined or not."""

    index: int
    kind: str
    """`video`, `audio`, `subtitle`, `data`, `attachment` or `unknown`."""
    codec: str | None
    profile: str | None = None
    width_px: int | None = None
    """Coded width."""
    height_px: int | None = None
    pixel_format: str | None = None
    sample_aspect_ratio: str | None = None
    rotation_degrees: int | None = None
    rate_hz: int | None = None
    channels: int | None = None
    channel_layout: str | None = None
    time_base: str | None = None
    declared_seconds: float | None = None
    declared_frames: int | None = None
    num_packets: int | None = None
    """Counted by reading the container through."""
    start_seconds: float | None = None
    end_seconds: float | None = None
    average_rate: str | None = None
    language: str | None = None
    examined: bool = False
    not_examined_because: str | None = None


class Coverage(_Part):
    """How much of one stream was looked at."""

    stream: int
    kind: Literal["video", "audio"]
    total_seconds: float
    examined_seconds: float
    """Video: the samples' count times the sampling interval, at most the total. Audio: decoded seconds."""
    decoder: str | None = None
    """`keyframes`, `nonref` or `full`: which frames the decoder produced; None for audio."""
    sampled_seconds: list[float] = Field(default_factory=list)
    """Exact presentation times of the sampled frames, rounded to microseconds."""
    num_decoded: int
    """Frames (video) or samples per channel (audio)."""
    num_expected: int | None
    """What the container's packets promise for the same decoding."""
    speech_seconds: float | None = None


class Provenance(_Part):
    """What the file says of itself. Shown beside the result, never mixed into it."""

    container_tags: dict[str, str] = Field(default_factory=dict)
    stream_tags: dict[str, dict[str, str]] = Field(default_factory=dict)
    exif: dict[str, str] = Field(default_factory=dict)
    xmp: str | None = None
    c2pa: str | None = None
    """`absent`, or how a C2PA manifest was found; presence is no proof of its content."""
    notes: list[str] = Field(default_factory=list)


class Recording(_Part):
    """The evidence."""

    name: str
    chain: str
    """Path through containers, `case7.zip!/clips/a.mov`; for a plain file its name."""
    sha256: str
    num_bytes: int
    media: Literal["video", "audio", "image"] | None
    """None where the content is no recording."""
    container: str | None
    duration_seconds: float | None
    streams: list[StreamFacts] = Field(default_factory=list)
    provenance: Provenance = Provenance()


class Outcome(_Part):
    """How the examination ended."""

    examination: Literal["complete", "partial", "failed"]
    state: ItemState
    reason: str | None = None
    message: str
    """One sentence for a person."""


class ModelScore(_Part):
    """What one checkpoint says of one subject."""

    model: str
    logit: float
    """The network's output, larger for spoof; not comparable between checkpoints."""
    llr: float | None = None
    """Calibrated log-likelihood ratio, natural log, positive supports manipulation. None where the checkpoint has no
    calibration on file."""
    at_bound: bool = False
    """True where the LLR was cut to what the calibration set's size can support."""
    num_windows: int
    """Face crops or voice windows that went in."""


class Finding(_Part):
    """LLR and words for one question: a modality, or the whole recording."""

    subject: Literal["face", "voice", "recording"]
    status: Literal["calibrated", "uncalibrated", "not_scored"]
    llr: float | None = None
    verbal: str | None = None
    """ENFSI scale with both propositions; None unless calibrated."""
    flagged: bool = False
    scores: list[ModelScore] = Field(default_factory=list)
    """Per checkpoint; empty for `recording`."""
    explanation: str
    """How this was arrived at, in one sentence."""


class WindowScore(_Part):
    """Scores of one face crop or one voice window."""

    span: Span
    logits: dict[str, float]
    llrs: dict[str, float]
    """Only checkpoints with a calibration on file."""


class FaceSample(_Part):
    """One face in one sampled frame."""

    time_seconds: float
    box_px: tuple[int, int, int, int]
    """Left, top, right, bottom in the upright frame."""
    detected: bool
    """False where the face was followed from the sample before."""
    probability: float
    size_px: float
    sharpness: float
    yaw_degrees: float
    roll_degrees: float
    logits: dict[str, float]
    """Empty where this sample was not scored."""
    llrs: dict[str, float]
    not_scored_because: Reason | None = None


class Track(_Part):
    """One face followed through one shot."""

    id: str
    stream: int
    span: Span
    static: bool
    num_samples: int
    num_scored: int
    samples: list[FaceSample]
    scores: list[ModelScore]
    exhibits: list[str] = Field(default_factory=list)


class UtteranceEntry(_Part):
    """One stretch of speech."""

    id: str
    span: Span
    windows: list[WindowScore]
    scores: list[ModelScore]


class Voice(_Part):
    """One stream, or one channel of a stream, that was listened to."""

    id: str
    stream: int
    channel: int | None
    """None where the stream's channels were mixed to one."""
    speech_seconds: float
    bandwidth_hz: float | None = None
    """Frequency under which 99.5 % of the energy of the speech lies, after pre-emphasis."""
    clipped_fraction: float
    utterances: list[UtteranceEntry]
    scores: list[ModelScore]
    exhibits: list[str] = Field(default_factory=list)


class SegmentEntry(_Part):
    """A piece of the timeline about which something is claimed."""

    modality: Modality
    span: Span
    subjects: list[str]
    scores: list[ModelScore]
    flagged: bool = False


class Exhibit(_Part):
    """A picture shown in the report; its bytes are in `Report.exhibits` under the same id."""

    id: str
    kind: Literal["face", "heat_map", "spectrogram"]
    subject: str
    span: Span
    media_type: Literal["image/jpeg", "image/png"]
    sha256: str
    width_px: int
    height_px: int
    model: str | None = None
    """The checkpoint whose score it explains."""
    caption: str
    alternative_text: str


class ModelFacts(_Part):
    """A checkpoint that ran, or should have."""

    name: str
    modality: Modality
    architecture: str
    sha256: str
    licence: str
    source: str
    paper: str
    training_data: list[str]
    status: Literal["calibrated", "uncalibrated", "not_found"]
    calibration: dict[str, Any] | None = None
    """Population, number of trials and bounds of the calibration on file."""
    known_limits: str


class ConfigurationFacts(_Part):
    """Settings the examination ran with."""

    digest: str
    values: dict[str, Any]


class Body(_Part):
    """What was found."""

    tool: str
    """Name and version."""
    recording: Recording
    outcome: Outcome
    findings: list[Finding] = Field(default_factory=list)
    """`recording` first, then one a modality."""
    segments: list[SegmentEntry] = Field(default_factory=list)
    tracks: list[Track] = Field(default_factory=list)
    voices: list[Voice] = Field(default_factory=list)
    coverage: list[Coverage] = Field(default_factory=list)
    abstentions: list[AbstentionEntry] = Field(default_factory=list)
    defects: list[DefectEntry] = Field(default_factory=list)
    caveats: list[CaveatEntry] = Field(default_factory=list)
    exhibits: list[Exhibit] = Field(default_factory=list)
    models: list[ModelFacts] = Field(default_factory=list)
    configuration: ConfigurationFacts
    statements: list[str] = Field(default_factory=list)
    """What this report can and cannot tell its reader."""

    @model_validator(mode="after")
    def _complete_means_nothing_lost(self) -> Self:
        if self.outcome.examination == "complete" and self.defects:
            raise ValueError("an examination with defects cannot be complete")
        return self


class Run(_Part):
    """When, where and how: different at every run."""

    started_at: str
    """ISO 8601, UTC."""
    seconds: dict[str, float]
    """Wall time by stage; stages overlap, so they do not add up to `total`."""
    device: str
    decoder: dict[str, str]
    """How decoding was isolated, and which protections the host allowed."""
    versions: dict[str, str]
    """Python, torch, PyAV, FFmpeg libraries."""
    host: dict[str, str]


class Report(_Part):
    """One recording's report."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    body: Body
    run: Run
    exhibits: dict[str, str] = Field(default_factory=dict)
    """Exhibit id to base64 picture."""

    def body_json(self) -> str:
        """The body alone, canonical: what must be equal between two runs."""
        return self.body.model_dump_json(indent=2)

    def to_json(self) -> str:
        """The whole document."""
        return self.model_dump_json(indent=2)
