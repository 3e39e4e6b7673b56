"""Tracks, voices and coverage as a report writes them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from detect.checkpoints import Model
from detect.decoded import Media
from detect.found import Found
from detect.fuse import Evidence, evidence_of, seconds, span, subject_scores, window_llrs
from detect.listen import HeardVoice
from detect.report import Coverage, FaceSample, Track, UtteranceEntry, Voice, WindowScore
from detect.types import Interval
from detect.watch import WatchedTrack


def track_evidence(track: WatchedTrack) -> list[Evidence]:
    """The scored samples of one face."""
    return evidence_of(
        track.track.id,
        (
            (Interval(start=sample.observation.time, end=sample.observation.time), sample.logits)
            for sample in track.samples
        ),
    )


def voice_evidence(voice: HeardVoice) -> list[Evidence]:
    """The scored windows of one voice."""
    return evidence_of(voice.id, ((window.interval, window.logits) for window in voice.windows))


def track_entry(watched: WatchedTrack, models: Sequence[Model]) -> Track:
    """One face track."""
    samples = []
    for sample in watched.samples:
        observation, quality = sample.observation, sample.observation.quality
        left, top, right, bottom = (round(edge) for edge in observation.detection.box)
        samples.append(
            FaceSample(
                time_seconds=seconds(observation.time),
                box_px=(left, top, right, bottom),
                detected=observation.detected,
                probability=round(observation.detection.probability, 4),
                size_px=round(quality.size_px, 1),
                sharpness=round(quality.sharpness, 2),
                yaw_degrees=round(quality.yaw_degrees, 1),
                roll_degrees=round(quality.roll_degrees, 1),
                logits=sample.logits,
                llrs=window_llrs(sample.logits, models),
                not_scored_because=sample.not_scored_because,
            )
        )
    return Track(
        id=watched.track.id,
        stream=watched.track.stream,
        span=span(watched.track.interval),
        static=watched.track.static,
        num_samples=len(samples),
        num_scored=sum(bool(sample.logits) for sample in samples),
        samples=samples,
        scores=subject_scores(track_evidence(watched), models),
    )


def voice_entry(heard: HeardVoice, models: Sequence[Model]) -> Voice:
    """One voice."""
    utterances = []
    for utterance in heard.utterances:
        windows = [window for window in heard.windows if window.utterance == utterance.id]
        utterances.append(
            UtteranceEntry(
                id=utterance.id,
                span=span(utterance.interval),
                windows=[
                    WindowScore(
                        span=span(window.interval), logits=window.logits, llrs=window_llrs(window.logits, models)
                    )
                    for window in windows
                ],
                scores=subject_scores(
                    evidence_of(utterance.id, ((window.interval, window.logits) for window in windows)), models
                ),
            )
        )
    return Voice(
        id=heard.id,
        stream=heard.stream,
        channel=heard.channel,
        speech_seconds=round(heard.speech_seconds, 3),
        bandwidth_hz=None if heard.bandwidth_hz is None else round(heard.bandwidth_hz, 1),
        clipped_fraction=0.0 if heard.quality is None else round(heard.quality.clipped_fraction, 6),
        utterances=utterances,
        scores=subject_scores(voice_evidence(heard), models),
    )


def coverage(found: Found, media: Media) -> list[Coverage]:
    """How much of each stream was looked at or listened to."""
    entries = []
    by_index = {stream.facts.index: stream for stream in media.streams}
    for watched in found.watched:
        stream = by_index[watched.stream]
        assert stream.plan is not None  # noqa: S101 - only planned streams are watched
        total = stream.plan.end
        examined = min(total, len(watched.times) * stream.plan.interval)
        entries.append(
            Coverage(
                stream=watched.stream,
                kind="video",
                total_seconds=seconds(total),
                examined_seconds=seconds(examined),
                decoder=stream.plan.decoder,
                sampled_seconds=[seconds(time) for time in watched.times],
                num_decoded=watched.outcome.num_decoded if watched.outcome else len(watched.times),
                num_expected=watched.outcome.num_expected if watched.outcome else None,
            )
        )
    for heard in found.heard:
        outcome = heard.outcome
        total = by_index[heard.stream].seconds or (outcome.seconds if outcome else Fraction(0))
        entries.append(
            Coverage(
                stream=heard.stream,
                kind="audio",
                total_seconds=seconds(total),
                examined_seconds=seconds(min(total, outcome.seconds)) if outcome else 0.0,
                num_decoded=outcome.num_decoded if outcome else 0,
                num_expected=outcome.num_expected if outcome else None,
                speech_seconds=round(sum(voice.speech_seconds for voice in heard.voices), 3),
            )
        )
    return entries
