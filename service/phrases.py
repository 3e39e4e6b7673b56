"""Facts of a report in a few words: what a stream is, when the run was, why a modality has no score."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from detect.report import AbstentionEntry, Body, StreamFacts
from detect.types import Modality, Reason
from service.texts import say

_MODALITY = {
    Reason.NO_VIDEO_STREAM: Modality.FACE,
    Reason.NO_FRAMES: Modality.FACE,
    Reason.TOO_FEW_FRAMES: Modality.FACE,
    Reason.NO_FACE: Modality.FACE,
    Reason.FACE_TOO_SMALL: Modality.FACE,
    Reason.FACE_TOO_BLURRED: Modality.FACE,
    Reason.FACE_POSE_EXTREME: Modality.FACE,
    Reason.FACES_BEYOND_LIMIT: Modality.FACE,
    Reason.NO_AUDIO_STREAM: Modality.VOICE,
    Reason.NO_AUDIO_CONTENT: Modality.VOICE,
    Reason.NO_SPEECH: Modality.VOICE,
    Reason.SPEECH_TOO_SHORT: Modality.VOICE,
    Reason.CHANNELS_BEYOND_LIMIT: Modality.VOICE,
}
"""Reasons that speak of one modality even where their entry names none."""


def content(body: Body) -> str:
    """What the recording is: `Video (mov,mp4,m4a)`."""
    recording = body.recording
    kind = say(f"media.{recording.media or 'none'}")
    return f"{kind} ({recording.container})" if recording.container else kind


def shape(stream: StreamFacts) -> str:
    """What the container says of one stream: `1280 x 720 px, 25 Hz, yuv420p`."""
    parts: list[str] = []
    if stream.width_px and stream.height_px:
        parts.append(f"{stream.width_px} \N{MULTIPLICATION SIGN} {stream.height_px} px")
    if stream.rotation_degrees:
        parts.append(f"{stream.rotation_degrees}\N{DEGREE SIGN}")
    if stream.sample_aspect_ratio not in (None, "1:1", "1/1"):
        parts.append(f"SAR {stream.sample_aspect_ratio}")
    if stream.average_rate is not None and stream.kind == "video":
        parts.append(f"{stream.average_rate} Hz")
    if stream.pixel_format is not None:
        parts.append(stream.pixel_format)
    if stream.rate_hz is not None:
        parts.append(f"{stream.rate_hz:,} Hz")
    if stream.channel_layout is not None or stream.channels is not None:
        parts.append(stream.channel_layout or f"{stream.channels} ch")
    if stream.language is not None:
        parts.append(stream.language)
    return ", ".join(parts)


def moment(started_at: str) -> str:
    """`2025-11-22, 11:03:12 UTC`; what is no time is shown as it is."""
    try:
        time = datetime.fromisoformat(started_at).astimezone(UTC)
    except (ValueError, OverflowError):
        return started_at
    return say("header.when_value", day=f"{time:%Y-%m-%d}", time=f"{time:%H:%M:%S}")


def between(values: Sequence[float]) -> str:
    """`41 to 57`, rounded; one number where both ends are the same."""
    if not values:
        return say("page.not_stated")
    low, high = round(min(values)), round(max(values))
    return str(low) if low == high else say("page.between", low=low, high=high)


def by_reason(abstentions: Iterable[AbstentionEntry]) -> dict[Reason, list[AbstentionEntry]]:
    """Abstentions under their reasons, in order of first appearance."""
    groups: dict[Reason, list[AbstentionEntry]] = {}
    for entry in abstentions:
        groups.setdefault(entry.reason, []).append(entry)
    return groups


def reasons(body: Body, modality: Modality) -> list[str]:
    """Why a modality has gaps or is missing, each reason once."""
    found = (entry.reason for entry in body.abstentions if (entry.modality or _MODALITY.get(entry.reason)) == modality)
    return [say(f"reason.{reason}") for reason in dict.fromkeys(found)]


def unscored(body: Body) -> tuple[int, str]:
    """Samples of followed faces that were not scored: how many, and `The face is too small (3); ...`."""
    counts = Counter(
        sample.not_scored_because
        for track in body.tracks
        for sample in track.samples
        if sample.not_scored_because is not None
    )
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    words = [(say(f"reason.{reason}").rstrip("."), count) for reason, count in ranked]
    tally = "; ".join(say("completeness.samples_reason", reason=reason, count=count) for reason, count in words)
    return counts.total(), tally


def flat(values: dict[str, Any], path: str = "") -> list[tuple[str, str]]:
    """Nested settings as `section.name` and value."""
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, dict) and value:
            found += flat(value, f"{path}{name}.")
        else:
            found.append((f"{path}{name}", plain(value)))
    return found


def plain(value: object) -> str:
    """A setting or a fact of unknown kind in words."""
    if value is None:
        return say("page.not_stated")
    if isinstance(value, bool):
        return say("page.yes" if value else "page.no")
    if isinstance(value, str | int):
        return str(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value)) or say("page.none")
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
