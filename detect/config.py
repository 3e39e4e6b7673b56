"""Every setting of an examination: frozen, strict, one digest.

The digest is printed in each report, so that two results can be told apart by configuration alone. A limit names where
its number comes from; change one on the command line with `--set section.name=value`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class Limits(_Section):
    """What is refused before it is decoded."""

    max_pixels: int = Field(default=2**26, gt=0)
    """Width x height of one picture: 8192 x 8192, twice an 8K UHD frame (ITU-R BT.2020)."""
    max_side_px: int = Field(default=16_384, gt=0)
    """Longer side of a picture: WebP stops at 16,383, H.264 and HEVC levels earlier."""
    min_side_px: int = Field(default=16, gt=0)
    """Below this no face of `faces.min_size_px` fits with room around it."""
    max_streams: int = Field(default=64, gt=0)
    """A broadcast transport stream holds a few dozen; FFmpeg itself stops at 1,000."""
    max_channels: int = Field(default=64, gt=0)
    """The largest layout FFmpeg names is 22.2 (24 channels)."""
    max_duration_seconds: float = Field(default=48 * 3600.0, gt=0)
    """Two days: longer than any one recording that a camera or logger writes into one file."""
    max_packets: int = Field(default=20_000_000, gt=0)
    """48 h at 60 frames/s is 10.4 million pictures."""
    max_animation_frames: int = Field(default=2_000, gt=0)
    """Frames of an animated picture that are looked at; the rest is named as not examined."""
    decoder_memory_bytes: int = Field(default=3 * 2**30, gt=0)
    """Address space of a decoding child; 8K HEVC with frame threads stays under 2 GB."""
    deadline_floor_seconds: float = Field(default=120.0, gt=0)
    """Seconds that decoding may take whatever the file's size, counted while the decoder is waited for."""
    deadline_seconds_per_megabyte: float = Field(default=30.0, ge=0)
    """Added for each megabyte. Opus at 6 kbit/s is the slowest per byte: 22 min a megabyte, 20 s of decoding."""


class Sampling(_Section):
    """Which frames are looked at."""

    min_frames: int = Field(default=32, gt=0)
    """Frames of a short recording. 32 a clip is common practice (DeepfakeBench, Yan et al., NeurIPS 2023)."""
    max_interval_seconds: float = Field(default=2.0, gt=0)
    """A longer recording is sampled at least this often, so that a few manipulated seconds are seen."""
    max_frames: int = Field(default=4_096, gt=0)
    """Bounds the work for any length; beyond max_frames * max_interval_seconds the interval grows."""
    decoder: Literal["adaptive", "keyframes", "nonref", "full"] = "adaptive"
    """Frames that are decoded: key frames only, those that others refer to, or all; adaptive takes the first that is
    dense enough."""


class Faces(_Section):
    """Finding and following faces."""

    detect_every: int = Field(default=4, gt=0)
    """The whole detector runs on every n-th sampled frame; in between faces are followed."""
    detector_side_px: int = Field(default=640, gt=0)
    """The longer side of the reduced frame that the detector sees."""
    min_probability: float = Field(default=0.9, ge=0, le=1)
    """The face detector's own probability from which a face counts as found."""
    max_faces: int = Field(default=16, gt=0)
    """Faces followed at the same time, largest first; more are counted and named."""
    min_size_px: float = Field(default=40.0, gt=0)
    """Shorter side of the face box. Validation faces shrunk to 40 px still cost only 0.78 bits of the 1 that saying
    nothing costs (`benchmarks/results/abstention.md`); smaller ones are mostly interpolation."""
    min_sharpness: float = Field(default=8.0, ge=0)
    """Variance of the Laplacian of the grey face at 128 px; validation faces just above it cost 0.73 bits, blurred
    further they tell less and less (`benchmarks/results/abstention.md`)."""
    max_yaw_degrees: float = Field(default=50.0, gt=0)
    """Turned further, half of the face is out of sight; the estimate from landmarks ends near 55 at a clear profile."""
    min_observations: int = Field(default=4, gt=0)
    """Scored frames a track needs in a video; a still picture has one by nature."""


class Speech(_Section):
    """Finding speech."""

    threshold: float = Field(default=0.5, gt=0, lt=1)
    """Speech probability; the voice activity model's own default."""
    min_utterance_seconds: float = Field(default=0.25, gt=0)
    """Shorter stretches are left out; the voice activity model's own default."""
    max_pause_seconds: float = Field(default=0.5, ge=0)
    """Shorter pauses stay inside an utterance."""
    pad_seconds: float = Field(default=0.1, ge=0)
    """Added at both ends of an utterance, so that soft onsets are inside."""
    min_speech_seconds: float = Field(default=1.0, gt=0)
    """Speech in one voice stream under which nothing is scored: validation speech of half a second raises false alarms
    in one of nine (`benchmarks/results/abstention.md`)."""
    max_voice_streams: int = Field(default=16, gt=0)
    """Streams x separate channels that are listened to; more are named as not examined."""


class Scoring(_Section):
    """Which checkpoints run, and how."""

    face_models: tuple[str, ...] | None = None
    """Checkpoint names; None takes the manifest's defaults; empty switches the modality off."""
    voice_models: tuple[str, ...] | None = None
    """As face_models, for voices."""
    batch_size: int = Field(default=16, gt=0)
    """Crops or windows that go through a network together."""
    flag_llr: float = Field(default=2.302585092994046)
    """ln 10: at a likelihood ratio of 10 the ENFSI scale (2015) turns from `weak` to `moderate` support."""
    segment_seconds: float = Field(default=4.0, gt=0)
    """Grid on which time segments are reported: about one voice window (64,600 samples at 16 kHz)."""


class Exhibits(_Section):
    """The pictures in a report."""

    per_track: int = Field(default=3, ge=0)
    """Face crops with heat maps kept for each track: those with the highest logits."""
    max_tracks: int = Field(default=24, ge=0)
    """Tracks that are shown with pictures, those with the highest logits."""
    max_spectrograms: int = Field(default=6, ge=0)
    """Spectrograms in a report."""


class Config(_Section):
    """One examination's settings."""

    limits: Limits = Limits()
    sampling: Sampling = Sampling()
    faces: Faces = Faces()
    speech: Speech = Speech()
    scoring: Scoring = Scoring()
    exhibits: Exhibits = Exhibits()

    def digest(self) -> str:
        """SHA-256 of the canonical JSON of all settings, hexadecimal."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
