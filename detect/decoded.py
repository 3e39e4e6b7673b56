"""What a decoder says of a recording. These cross a process border as JSON and are validated on arrival."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from pydantic import BaseModel, ConfigDict

from detect.report import AbstentionEntry, CaveatEntry, DefectEntry, Provenance, StreamFacts


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SamplingPlan(_Message):
    """Which frames of one video stream will be looked at."""

    decoder: Literal["keyframes", "nonref", "full", "picture"]
    """Which frames the decoder produces; `picture` for still pictures and animations."""
    targets: tuple[Fraction, ...]
    """Presentation times, seconds, ascending: for each, the first decoded frame at or after it is taken, once."""
    interval: Fraction
    """Seconds between targets; zero for a single picture."""
    end: Fraction
    """End of the stream's presentation, seconds."""
    rate: Fraction | None = None
    """Frames a second by which times were counted, frame k at k / rate, where the stream's own times are unusable."""
    why: str = ""
    """Why this way of decoding, in one sentence."""


class Stream(_Message):
    """One stream: the facts that go into the report, and how it will be sampled."""

    facts: StreamFacts
    plan: SamplingPlan | None = None
    """For video streams that will be examined."""
    seconds: Fraction | None = None
    """Length of the stream by its packets."""


class Media(_Message):
    """What the container is and claims, and what reading it through has shown. Nothing is decoded yet."""

    kind: Literal["video", "audio", "image"]
    container: str
    """The demuxer's first name, or the picture format."""
    duration: Fraction | None
    """By its packets, seconds."""
    zero: Fraction = Fraction(0)
    """Where the presentation timeline starts on the container's clock, seconds: a time is `pts * time_base - zero`."""
    streams: tuple[Stream, ...]
    defects: tuple[DefectEntry, ...] = ()
    caveats: tuple[CaveatEntry, ...] = ()
    abstentions: tuple[AbstentionEntry, ...] = ()
    provenance: Provenance = Provenance()


class VideoOutcome(_Message):
    """How decoding one video stream ended; the last thing that `frames` yields."""

    num_decoded: int
    num_expected: int | None
    """Frames that the packets handed to the decoder promise."""
    defects: tuple[DefectEntry, ...] = ()
    caveats: tuple[CaveatEntry, ...] = ()
    repeat_on_one_thread: bool = False
    """The stream is damaged and was decoded on several threads: error concealment is then not repeatable, so the
    caller throws away what it has and asks again with `num_threads=1`."""


class VoiceQuality(_Message):
    """One voice stream as decoded, over its whole length."""

    channel: int | None
    peak: float
    rms: float
    clipped_fraction: float


class AudioOutcome(_Message):
    """How decoding one audio stream ended; the last thing that `audio` yields."""

    num_decoded: int
    """Samples a channel, at the stream's own rate."""
    num_expected: int | None
    rate_hz: int
    seconds: Fraction
    voices: tuple[VoiceQuality, ...] = ()
    defects: tuple[DefectEntry, ...] = ()
    caveats: tuple[CaveatEntry, ...] = ()
    abstentions: tuple[AbstentionEntry, ...] = ()
