"""The face branch: sampled frames -> face tracks -> crops -> logits.

Frames arrive one at a time and leave at once: what is kept of a frame is the place and quality of each face, its
logits, and the few crops that a report will show.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial

from detect.config import Config, Faces
from detect.decoded import VideoOutcome
from detect.engine import Engine
from detect.faces import crop_face
from detect.score import BatchScorer
from detect.stopwatch import Stopwatch
from detect.tracks import FaceFollower
from detect.types import Abstention, FaceObservation, FaceTrack, Frame, Modality, Reason, UInt8Array


@dataclass(slots=True, kw_only=True)
class Sample:
    """One face in one sampled frame, with its logits by checkpoint."""

    observation: FaceObservation
    not_scored_because: Reason | None
    logits: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class WatchedTrack:
    """A face track with everything known of it."""

    track: FaceTrack
    samples: list[Sample]
    crops: list[tuple[Fraction, UInt8Array]]
    """Time and crop of the samples with the highest logits of the first checkpoint, highest first."""


@dataclass(slots=True, kw_only=True)
class Watched:
    """What came of one video stream."""

    stream: int
    times: list[Fraction]
    """Presentation times of the frames that were looked at."""
    tracks: list[WatchedTrack]
    num_faces_beyond_limit: int
    outcome: VideoOutcome | None
    """None where the decoder was lost on the way."""
    abstentions: list[Abstention] = field(default_factory=list)


class Watcher:
    """Looks at the frames of one stream.

    Args:
        engine: Finds faces and scores crops.
        config: Settings.
        stream: Index of the video stream.
        names: Yields `face-1`, `face-2`, ...
        still: A still picture, in which one sample of a face is all there can be.
        stopwatch: Takes the time of each stage.
    """

    def __init__(
        self,
        engine: Engine,
        config: Config,
        *,
        stream: int,
        names: Iterator[str],
        still: bool,
        stopwatch: Stopwatch,
    ) -> None:
        self._engine, self._config, self._stopwatch, self._stream = engine, config, stopwatch, stream
        self._still = still
        self._follower = FaceFollower(engine, config.faces, stream=stream, names=names, still=still)
        self._specs = engine.face_specs
        self._scorers = {
            spec.name: BatchScorer[tuple[str, int]](partial(engine.score_crops, spec.name), config.scoring.batch_size)
            for spec in self._specs
        }
        self._samples: dict[str, list[Sample]] = {}
        self._shown: dict[str, _Highest] = {}
        self._times: list[Fraction] = []

    def look(self, frame: Frame) -> None:
        """Find and follow the faces of one frame and queue their crops."""
        self._times.append(frame.time)
        with self._stopwatch.stage("find faces"):
            observations = self._follower.push(frame)
        for observation in observations:
            reason = _unfit(observation, self._config.faces)
            samples = self._samples.setdefault(observation.track, [])
            samples.append(Sample(observation=observation, not_scored_because=reason))
            if reason is None:
                self._queue(frame, observation, (observation.track, len(samples) - 1))

    def _queue(self, frame: Frame, observation: FaceObservation, key: tuple[str, int]) -> None:
        for position, spec in enumerate(self._specs):
            size_px, margin = spec.input.size_px, spec.input.margin
            crop = crop_face(frame.pixels, observation.detection, size_px=size_px, margin=margin)
            with self._stopwatch.stage("score faces"):
                self._scorers[spec.name].add(key, crop)
            if position == 0 and self._config.exhibits.per_track:
                shown = self._shown.setdefault(key[0], _Highest(self._config.exhibits.per_track))
                shown.add(key, frame.time, crop, self._scorers[spec.name].logits)

    def finish(self, outcome: VideoOutcome | None) -> Watched:
        """Score what is waiting and put the tracks together."""
        with self._stopwatch.stage("score faces"):
            for scorer in self._scorers.values():
                scorer.flush()
        summary = self._follower.finish()
        for name, scorer in self._scorers.items():
            for (face, position), logit in scorer.logits.items():
                self._samples[face][position].logits[name] = logit
            for face, position in scorer.failed:
                self._samples[face][position].not_scored_because = Reason.MODEL_ERROR
        watched = Watched(
            stream=self._stream,
            times=self._times,
            tracks=[],
            num_faces_beyond_limit=summary.num_faces_beyond_limit,
            outcome=outcome,
        )
        least = 1 if self._still else self._config.faces.min_observations
        for track in summary.tracks:
            samples = self._samples.get(track.id, [])
            watched.abstentions.extend(_withhold(track, samples, least))
            crops = (
                self._shown[track.id].best(self._scorers[self._specs[0].name].logits) if track.id in self._shown else []
            )
            scored = any(sample.logits for sample in samples)
            watched.tracks.append(WatchedTrack(track=track, samples=samples, crops=crops if scored else []))
        return watched


class _Highest:
    """The few crops of one track with the highest logits, held until the batch they are in has been scored."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._waiting: list[tuple[tuple[str, int], Fraction, UInt8Array]] = []
        self._heap: list[tuple[float, int, Fraction, UInt8Array]] = []

    def add(self, key: tuple[str, int], time: Fraction, crop: UInt8Array, logits: dict[tuple[str, int], float]) -> None:
        self._waiting.append((key, time, crop))
        self._settle(logits)

    def _settle(self, logits: dict[tuple[str, int], float]) -> None:
        unsettled = []
        for key, time, crop in self._waiting:
            if key not in logits:
                unsettled.append((key, time, crop))
            elif len(self._heap) < self._count:
                heapq.heappush(self._heap, (logits[key], -key[1], time, crop))
            elif (logits[key], -key[1]) > self._heap[0][:2]:
                heapq.heapreplace(self._heap, (logits[key], -key[1], time, crop))
        self._waiting = unsettled

    def best(self, logits: dict[tuple[str, int], float]) -> list[tuple[Fraction, UInt8Array]]:
        """Time and crop, highest logit first."""
        self._settle(logits)
        self._waiting.clear()
        return [(time, crop) for _, _, time, crop in sorted(self._heap, key=lambda entry: entry[:2], reverse=True)]


def _unfit(observation: FaceObservation, faces: Faces) -> Reason | None:
    quality = observation.quality
    if quality.size_px < faces.min_size_px:
        return Reason.FACE_TOO_SMALL
    if quality.sharpness < faces.min_sharpness:
        return Reason.FACE_TOO_BLURRED
    if abs(quality.yaw_degrees) > faces.max_yaw_degrees:
        return Reason.FACE_POSE_EXTREME
    return None


_UNFIT_TEXT = {
    Reason.FACE_TOO_SMALL: "smaller than faces.min_size_px",
    Reason.FACE_TOO_BLURRED: "less sharp than faces.min_sharpness",
    Reason.FACE_POSE_EXTREME: "turned further than faces.max_yaw_degrees",
    Reason.MODEL_ERROR: "without a finite number from a network",
}


def _withhold(track: FaceTrack, samples: list[Sample], least: int) -> list[Abstention]:
    """Why a track has no score, if it has none; a score from fewer than `least` samples is taken back."""
    fit = [sample for sample in samples if sample.not_scored_because is None]
    if len(fit) >= least:
        return []
    reasons = Counter(sample.not_scored_because for sample in samples if sample.not_scored_because is not None)
    for sample in fit:
        sample.not_scored_because, sample.logits = Reason.TOO_FEW_FRAMES, {}
    # The commonest reason speaks for the track; ties go to the order of the closed list, so that reports are equal.
    order = list(Reason)
    reason = min(reasons, key=lambda kind: (-reasons[kind], order.index(kind))) if reasons else Reason.TOO_FEW_FRAMES
    parts = [
        f"{count} {_UNFIT_TEXT[kind]}" for kind, count in sorted(reasons.items(), key=lambda item: order.index(item[0]))
    ]
    parts.append(f"{len(fit)} fit to be scored, {least} needed")
    return [
        Abstention(
            reason=reason,
            subject=track.id,
            detail=f"{len(samples)} samples of this face: {', '.join(parts)}.",
            modality=Modality.FACE,
        )
    ]
