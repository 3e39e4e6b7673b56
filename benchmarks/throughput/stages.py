"""Decoding alone, each stage, and the whole of an examination, models loaded before."""

from __future__ import annotations

import time
from pathlib import Path

import av

from benchmarks.throughput.document import Row, Stages
from detect.analyze import Analyzer
from detect.config import Config
from detect.decode import LocalDecoder
from detect.decoded import Media
from detect.engine import LocalEngine
from detect.errors import ConfigError
from detect.report import Body
from pipelines.sandbox import Sandbox

DECODING = "decoding alone: every frame, no conversion"
_SAMPLED = "decoding the sampled frames to RGB"
WHOLE = "the whole examination"


def measure(recording: Path, device: str, rounds: int) -> Stages:
    """Seconds of each stage on one device.

    Raises:
        ConfigError: the recording has no video that can be examined.
    """
    config = Config()
    local = LocalDecoder()
    media = local.survey(recording, config)
    seconds: dict[str, list[float]] = {}
    with Sandbox() as sandbox:
        analyzer = Analyzer(config, engine=LocalEngine(config, device=device), decoder=sandbox)
        index = _video(media, recording)
        body = analyzer.examine(recording).body  # the first run pays for everything that is loaded on first use
        for _ in range(rounds):
            start = time.perf_counter()
            _decode_all(recording)
            decoded = time.perf_counter()
            for _ in local.frames(recording, media, index, config, num_threads=0):
                pass
            seconds.setdefault(DECODING, []).append(decoded - start)
            seconds.setdefault(_SAMPLED, []).append(time.perf_counter() - decoded)
            for stage, spent in analyzer.examine(recording).run.seconds.items():
                seconds.setdefault(WHOLE if stage == "total" else f"stage: {stage}", []).append(spent)
    rows = tuple(Row(name=name, values=tuple(values)) for name, values in seconds.items())
    return Stages(device=device, about=_about(media, index, body), rows=rows)


def _video(media: Media, recording: Path) -> int:
    """Index of the video stream that is examined."""
    for stream in media.streams:
        if media.kind == "video" and stream.plan is not None:
            return stream.facts.index
    raise ConfigError(f"{recording} has no video that can be examined")


def _about(media: Media, index: int, body: Body) -> str:
    video = next(stream for stream in media.streams if stream.facts.index == index)
    facts, plan = video.facts, video.plan
    assert plan is not None  # noqa: S101 - chosen for having one
    speech = sum(voice.speech_seconds for voice in body.voices)
    return (
        f"{body.recording.container}, {facts.codec} {facts.width_px} x {facts.height_px}, {facts.num_packets} frames, "
        f"{float(media.duration or 0):.1f} s; {len(plan.targets)} frames sampled, decoder mode `{plan.decoder}`; "
        f"{len(body.tracks)} face track{'' if len(body.tracks) == 1 else 's'}, {speech:.1f} s of speech; checkpoints "
        f"{', '.join(model.name for model in body.models)}. Models loaded before."
    )


def _decode_all(recording: Path) -> None:
    with av.open(str(recording)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for _ in container.decode(stream):
            pass
