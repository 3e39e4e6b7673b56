"""The values that pass between stages.

Times are seconds as exact fractions on the recording's presentation timeline, whose zero is where a player shows the
first picture or sounds the first sample. Boxes are `(left, top, right, bottom)` in pixels of the upright frame, sizes
`(height, width)`. Absence, damage and doubt are values here: `Abstention`, `Defect` and `Caveat`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

UInt8Array = NDArray[np.uint8]
Float32Array = NDArray[np.float32]

Box = tuple[float, float, float, float]
"""`(left, top, right, bottom)` in pixels of the upright frame."""


class ItemState(StrEnum):
    """Where one recording ends: exactly one of these."""

    EXAMINED = "examined"
    PARTIAL = "partial"
    NO_SUBJECT = "no_subject"
    DUPLICATE = "duplicate"
    KNOWN = "known"
    UNSUPPORTED = "unsupported"
    UNREADABLE = "unreadable"
    ENCRYPTED = "encrypted"
    LIMIT = "limit"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    CANCELLED = "cancelled"


class Modality(StrEnum):
    """What a classifier looks at or listens to."""

    FACE = "face"
    VOICE = "voice"


class Reason(StrEnum):
    """Why something was not scored. Closed and machine-readable; `service/web/texts.toml` says each in words."""

    NO_VIDEO_STREAM = "no_video_stream"
    NO_AUDIO_STREAM = "no_audio_stream"
    NO_FRAMES = "no_frames"
    TOO_FEW_FRAMES = "too_few_frames"
    NO_FACE = "no_face"
    FACE_TOO_SMALL = "face_too_small"
    FACE_TOO_BLURRED = "face_too_blurred"
    FACE_POSE_EXTREME = "face_pose_extreme"
    FACES_BEYOND_LIMIT = "faces_beyond_limit"
    NO_AUDIO_CONTENT = "no_audio_content"
    NO_SPEECH = "no_speech"
    SPEECH_TOO_SHORT = "speech_too_short"
    CHANNELS_BEYOND_LIMIT = "channels_beyond_limit"
    STREAMS_BEYOND_LIMIT = "streams_beyond_limit"
    STREAM_UNDECODABLE = "stream_undecodable"
    WEIGHTS_NOT_FOUND = "weights_not_found"
    NOT_REQUESTED = "not_requested"
    MODEL_ERROR = "model_error"


class DefectKind(StrEnum):
    """Damage: something that was there to examine and was lost. One defect makes an examination partial."""

    DECODE_ERRORS = "decode_errors"
    FRAMES_MISSING = "frames_missing"
    GARBAGE_FRAMES = "garbage_frames"
    AUDIO_MISSING = "audio_missing"
    NON_FINITE_SAMPLES = "non_finite_samples"
    TRUNCATED = "truncated"
    STREAM_LOST = "stream_lost"


class CaveatKind(StrEnum):
    """A fact about the recording that a reader should know; nothing was lost by it."""

    METADATA_INCONSISTENT = "metadata_inconsistent"
    TIMESTAMPS_REPAIRED = "timestamps_repaired"
    POLYGLOT = "polyglot"
    FORMAT_CHANGES = "format_changes"
    SPARSELY_SAMPLED = "sparsely_sampled"
    CLIPPED = "clipped"
    NARROW_BAND = "narrow_band"
    FACE_STATIC = "face_static"
    FACES_CAPPED = "faces_capped"
    AUDIO_OFFSET = "audio_offset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Half-open stretch of the presentation timeline, seconds."""

    start: Fraction
    end: Fraction

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"an interval cannot end ({self.end}) before it starts ({self.start})")

    @property
    def duration(self) -> Fraction:
        """Seconds."""
        return self.end - self.start

    def overlaps(self, other: Interval) -> bool:
        """Whether the two share more than a border."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Abstention:
    """Something that was not scored, and why."""

    reason: Reason
    subject: str
    """What it concerns: `recording`, `stream 0`, `face-3`, `voice-1/utterance-2`, or a model's name."""
    detail: str
    """One sentence for a person, with the measured value and the threshold where there is one."""
    modality: Modality | None = None
    interval: Interval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """Damage found while decoding."""

    kind: DefectKind
    stream: int | None
    """Index of the stream in the container; None when it concerns the container."""
    detail: str
    count: int | None = None
    """How many messages, frames or samples, where they can be counted."""
    interval: Interval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caveat:
    """A fact about the recording that a reader should know."""

    kind: CaveatKind
    detail: str
    stream: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """One sampled picture, upright, square pixels."""

    pixels: UInt8Array
    """(height, width, 3), RGB."""
    time: Fraction
    """Presentation time, seconds."""
    stream: int
    index: int
    """Position among the sampled frames of this stream, from 0."""
    pts: int | None = None
    """Raw presentation timestamp in the stream's time base; None where the container has none."""
    key_frame: bool = False

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or self.pixels.dtype != np.uint8:
            raise ValueError(f"frame must be uint8 (H, W, 3), got {self.pixels.dtype} {self.pixels.shape}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Waveform:
    """A stretch of one voice stream: mono samples at `rate`."""

    samples: Float32Array
    """(n,), nominally in [-1, 1], finite."""
    rate: int
    """Hz."""
    start: Fraction
    """Presentation time of the first sample, seconds."""
    stream: int
    channel: int | None
    """Channel of the stream these samples come from; None when its channels were mixed to one."""

    def __post_init__(self) -> None:
        if self.samples.ndim != 1 or self.samples.dtype != np.float32:
            raise ValueError(f"waveform must be float32 (n,), got {self.samples.dtype} {self.samples.shape}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Detection:
    """A face in one frame."""

    box: Box
    landmarks: Float32Array
    """(5, 2), pixels: left eye, right eye, nose, left and right mouth corner, left and right as seen in the picture."""
    probability: float
    """The detector's own, in [0, 1]."""

    def __post_init__(self) -> None:
        if self.landmarks.shape != (5, 2):
            raise ValueError(f"landmarks must be (5, 2), got {self.landmarks.shape}")

    @property
    def size_px(self) -> float:
        """Shorter side of the box."""
        left, top, right, bottom = self.box
        return min(right - left, bottom - top)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceQuality:
    """What decides whether a face can be scored."""

    size_px: float
    """Shorter side of the face box in the full-size frame."""
    sharpness: float
    """Variance of the Laplacian of the grey crop at 128 x 128 px (Pech-Pacheco et al., ICPR 2000)."""
    yaw_degrees: float
    """Estimated from the landmarks; 0 is frontal, positive turns to the picture's right."""
    roll_degrees: float
    """In-plane rotation of the line between the eyes; 0 is level."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FaceObservation:
    """One face in one sampled frame, as part of a track."""

    track: str
    """`face-1`, `face-2`, ... in order of first appearance within the recording."""
    stream: int
    time: Fraction
    detection: Detection
    detected: bool
    """True where the whole detector ran on this frame, False where the face was followed from the sample before."""
    quality: FaceQuality


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceTrack:
    """One face followed through one shot."""

    id: str
    stream: int
    interval: Interval
    """From the first to the last sampled frame that shows it."""
    num_observations: int
    num_detected: int
    static: bool
    """No motion of the face against the picture: possibly a photograph or a print."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """A stretch of speech in one voice stream."""

    id: str
    """`voice-1/utterance-1`, ... in order of time."""
    stream: int
    channel: int | None
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """A piece of an utterance, as long as a voice model takes or shorter."""

    utterance: str
    interval: Interval
    samples: Float32Array
    """(n,), 16 kHz mono."""
