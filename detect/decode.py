"""What comes out of a decoder, and the decoder that runs in this process.

Two decoders stand: `LocalDecoder` here, the specification, and `pipelines.sandbox.Sandbox`, which does the same in a
throw-away child process. Everything a decoder says is validated on arrival; nothing is unpickled.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict

from detect.config import Config
from detect.report import AbstentionEntry, CaveatEntry, DefectEntry, Provenance, StreamFacts
from detect.types import Frame, Waveform


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


class Decoder(Protocol):
    """Turns bytes into pictures and sound."""

    def survey(self, path: Path, config: Config) -> Media:
        """Identify and probe a recording, check limits, read its packets through, plan the sampling.

        Raises:
            InputError: it is no recording, damaged beyond use, or over a limit.
        """
        ...

    def frames(
        self, path: Path, media: Media, stream: int, config: Config, *, num_threads: int
    ) -> Iterator[Frame | VideoOutcome]:
        """Yield the planned frames of one video stream, upright, then one `VideoOutcome`.

        Args:
            path: The recording.
            media: What `survey` said of it.
            stream: Index of the stream.
            config: As given to `survey`.
            num_threads: Decoder threads; 0 lets FFmpeg choose.
        """
        ...

    def audio(self, path: Path, media: Media, stream: int, config: Config) -> Iterator[Waveform | AudioOutcome]:
        """Yield one audio stream as 16 kHz mono blocks, voice stream by voice stream interleaved in time, then one
        `AudioOutcome`."""
        ...

    def facts(self) -> dict[str, str]:
        """How decoding is isolated, for the report's run section."""
        ...


class LocalDecoder:
    """Decodes in this process: simple and fast, and as exposed as the decoders are. For trusted recordings."""

    def survey(self, path: Path, config: Config) -> Media:
        """See `Decoder.survey`."""
        from detect.media import survey

        with path.open("rb") as file:
            return survey(file, config)

    def frames(
        self, path: Path, media: Media, stream: int, config: Config, *, num_threads: int
    ) -> Iterator[Frame | VideoOutcome]:
        """See `Decoder.frames`."""
        from detect.video import read_frames

        with path.open("rb") as file:
            yield from read_frames(file, media, stream, config, num_threads=num_threads)

    def audio(self, path: Path, media: Media, stream: int, config: Config) -> Iterator[Waveform | AudioOutcome]:
        """See `Decoder.audio`."""
        from detect.audio import read_audio

        with path.open("rb") as file:
            yield from read_audio(file, media, stream, config)

    def facts(self) -> dict[str, str]:
        """See `Decoder.facts`."""
        return {"isolation": "none: decoded in the examining process"}
