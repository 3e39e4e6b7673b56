"""The two ways to decode, as one interface, and the one that runs in this process.

`LocalDecoder` is the specification; `pipelines.sandbox.Sandbox` does the same in a throw-away child process.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from detect.audio import read_audio
from detect.config import Config
from detect.decoded import AudioOutcome, Media, VideoOutcome
from detect.media import survey
from detect.types import Frame, Waveform
from detect.video import read_frames


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
        """Yield one audio stream as 16 kHz mono blocks, voices interleaved in time, then one `AudioOutcome`."""
        ...

    def facts(self) -> dict[str, str]:
        """How decoding is isolated, for the report's run section."""
        ...


class LocalDecoder:
    """Decodes in this process: simple and fast, and as exposed as the decoders are. For trusted recordings."""

    def survey(self, path: Path, config: Config) -> Media:
        """See `Decoder.survey`."""
        with path.open("rb") as file:
            return survey(file, config)

    def frames(
        self, path: Path, media: Media, stream: int, config: Config, *, num_threads: int
    ) -> Iterator[Frame | VideoOutcome]:
        """See `Decoder.frames`."""
        with path.open("rb") as file:
            yield from read_frames(file, media, stream, config, num_threads=num_threads)

    def audio(self, path: Path, media: Media, stream: int, config: Config) -> Iterator[Waveform | AudioOutcome]:
        """See `Decoder.audio`."""
        with path.open("rb") as file:
            yield from read_audio(file, media, stream, config)

    def facts(self) -> dict[str, str]:
        """See `Decoder.facts`."""
        return {"isolation": "none: decoded in the examining process"}
