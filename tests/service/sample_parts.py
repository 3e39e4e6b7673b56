"""Pieces of synthetic reports. Faces are drawings, spectrograms are sums of sines."""

from __future__ import annotations

import hashlib
import io
from functools import cache

import numpy as np
from PIL import Image, ImageDraw

from detect.report import (
    Coverage,
    ModelFacts,
    ModelScore,
    Provenance,
    Recording,
    Run,
    Span,
    StreamFacts,
)
from detect.types import Modality

FACE_MODEL = "mobilenetv2.dfdc"
VOICE_MODEL = "aasist-l.asvspoof2019"
_SLOPE = 0.8
"""LLR per logit of the pretended calibration."""
_BOUND = 6.9
SHA256 = hashlib.sha256(b"a recording that never was").hexdigest()


def span(start: float, end: float) -> Span:
    return Span(start_seconds=round(start, 6), end_seconds=round(end, 6))


@cache
def face_picture(seed: int, *, heat: bool = False) -> bytes:
    """Drawing of a face, 144 px, JPEG; with a red and yellow glow where `heat`."""
    noise = np.random.default_rng(seed)
    side = 144
    picture = Image.new("RGB", (side, side), tuple(int(v) for v in noise.integers(60, 140, 3)))
    draw = ImageDraw.Draw(picture)
    skin = tuple(int(v) for v in np.array([226, 182, 150]) - noise.integers(0, 110))
    draw.ellipse((28, 14, 116, 134), fill=skin)
    draw.pieslice((24, 2, 120, 90), 180, 360, fill=tuple(int(v) for v in noise.integers(10, 80, 3)))
    for x in (54, 90):
        draw.ellipse((x - 9, 60, x + 9, 72), fill="white")
        draw.ellipse((x - 4, 61, x + 4, 71), fill=(40, 30, 20))
    draw.line((72, 70, 68, 94, 75, 95), fill=(120, 80, 60), width=3)
    draw.arc((54, 92, 90, 118), 10, 170, fill=(140, 50, 50), width=4)
    pixels = np.asarray(picture, dtype=np.float32)
    pixels = pixels + noise.normal(0, 6, pixels.shape).astype(np.float32)
    if heat:
        y, x = np.mgrid[0:side, 0:side]
        glow = np.exp(-((x - 74 - seed % 9) ** 2 + (y - 104 + seed % 7) ** 2) / 700)[..., None]
        pixels = (1 - 0.65 * glow) * pixels + 0.65 * glow * np.array([255.0, 190.0, 30.0], np.float32)
    stream = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(stream, "JPEG", quality=80)
    return stream.getvalue()


@cache
def spectrogram_picture(seed: int) -> bytes:
    """Harmonics that rise and fall, 720 x 220 px, PNG, with two windows framed."""
    noise = np.random.default_rng(seed)
    time, frequency = np.meshgrid(np.linspace(0, 1, 720), np.linspace(1, 0, 220))
    pitch = 0.06 + 0.015 * np.sin(9 * time + seed)
    energy = np.exp(-((np.abs(frequency / pitch - np.round(frequency / pitch)) / 0.22) ** 2)) * np.exp(-2.2 * frequency)
    energy = energy * (0.5 + 0.5 * np.sign(np.sin(14 * time + seed))) + noise.random(time.shape) * 0.12
    grey = np.clip(255 * (1 - energy), 0, 255).astype(np.uint8)
    picture = Image.fromarray(grey).convert("RGB")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((90, 4, 330, 215), outline=(160, 76, 4), width=3)
    draw.rectangle((400, 4, 640, 215), outline=(160, 76, 4), width=3)
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def llr_of(logit: float) -> float:
    return round(min(max(_SLOPE * logit, -_BOUND), _BOUND), 4)


def score_of(model: str, logit: float, num_windows: int, *, calibrated: bool) -> ModelScore:
    llr = llr_of(logit) if calibrated else None
    bound = llr is not None and abs(llr) >= _BOUND
    return ModelScore(model=model, logit=round(logit, 4), llr=llr, at_bound=bound, num_windows=num_windows)


def recording(name: str, seconds: float, **changes: object) -> Recording:
    video = StreamFacts(
        index=0,
        kind="video",
        codec="h264",
        profile="High",
        width_px=1280,
        height_px=720,
        pixel_format="yuv420p",
        sample_aspect_ratio="1:1",
        declared_seconds=seconds,
        declared_frames=int(seconds * 25),
        num_packets=int(seconds * 25),
        start_seconds=0.0,
        end_seconds=seconds,
        average_rate="25",
        language="und",
        examined=True,
    )
    audio = StreamFacts(
        index=1,
        kind="audio",
        codec="aac",
        profile="LC",
        rate_hz=44_100,
        channels=2,
        channel_layout="stereo",
        declared_seconds=seconds,
        start_seconds=0.0,
        end_seconds=seconds,
        examined=True,
    )
    facts: dict[str, object] = {
        "name": name,
        "chain": f"case7.zip!/clips/{name}",
        "sha256": SHA256,
        "num_bytes": 3_127_554,
        "media": "video",
        "container": "mov,mp4,m4a",
        "duration_seconds": seconds,
        "streams": [video, audio],
        "provenance": Provenance(
            container_tags={"encoder": "Lavf58.29.100", "creation_time": "2021-03-02T10:44:01.000000Z"},
            stream_tags={"0": {"handler_name": "VideoHandler"}, "1": {"handler_name": "SoundHandler"}},
            c2pa="absent",
        ),
    }
    return Recording.model_validate({**facts, **changes})


def coverage(seconds: float, count: int | None = None) -> list[Coverage]:
    count = count or max(32, min(4096, int(seconds / 2)))
    times = [round(float(time), 6) for time in np.linspace(0, seconds, count, endpoint=False)]
    return [
        Coverage(
            stream=0,
            kind="video",
            total_seconds=seconds,
            examined_seconds=seconds,
            decoder="nonref",
            sampled_seconds=times,
            num_decoded=int(seconds * 15),
            num_expected=int(seconds * 15),
        ),
        Coverage(
            stream=1,
            kind="audio",
            total_seconds=seconds,
            examined_seconds=seconds,
            num_decoded=int(seconds * 44_100),
            num_expected=int(seconds * 44_100),
            speech_seconds=round(seconds * 0.6, 2),
        ),
    ]


def models(*, calibrated: bool) -> list[ModelFacts]:
    population = {"description": "1,200 crops of test subjects", "num_bonafide": 600, "num_spoof": 600}
    calibration = {"form": "affine", "a": _SLOPE, "b": 0.0, "lower": -_BOUND, "upper": _BOUND, "population": population}
    return [
        ModelFacts(
            name=name,
            modality=modality,
            architecture=architecture,
            sha256=hashlib.sha256(name.encode()).hexdigest(),
            licence="Apache-2.0",
            source="kept with the program",
            paper=paper,
            training_data=["DFDC" if modality is Modality.FACE else "ASVspoof 2019 LA"],
            status="calibrated" if calibrated else "uncalibrated",
            calibration=calibration if calibrated else None,
            known_limits="Unseen methods are recognised far less often than those of the training data.",
        )
        for name, modality, architecture, paper in (
            (FACE_MODEL, Modality.FACE, "MobileNetV2", "Sandler et al., CVPR 2018"),
            (VOICE_MODEL, Modality.VOICE, "AASIST-L", "Jung et al., ICASSP 2022"),
        )
    ]


def run() -> Run:
    return Run(
        started_at="2025-11-22T11:03:12+00:00",
        seconds={"identify": 0.031, "decode": 1.204, "faces": 2.31, "score": 0.98, "total": 3.402},
        device="cpu",
        decoder={"process": "separate child", "network": "none", "memory_limit_bytes": "3221225472"},
        versions={"python": "3.11.2", "torch": "2.14.1", "av": "18.1.0"},
        host={"system": "Linux", "machine": "x86_64"},
    )
