"""What was not examined or was damaged, and why: nothing that was in a recording goes unmentioned."""

from __future__ import annotations

from fractions import Fraction

from detect.config import Config
from detect.decoded import Media
from detect.engine import Engine
from detect.found import Found
from detect.fuse import span
from detect.report import AbstentionEntry, CaveatEntry, DefectEntry
from detect.types import Abstention, CaveatKind, DefectKind, Modality, Reason

NARROW_BAND_HZ = 4_000.0
"""Half of a telephone's 8 kHz. Measured after pre-emphasis (`SpeechSummary.bandwidth_hz`): telephone speech stays under
3,844 Hz; 1.3 % of 1,914 utterances of all origins lie under this."""


def abstentions(found: Found, media: Media, engine: Engine) -> list[AbstentionEntry]:
    """Everything that was not scored."""
    entries = list(media.abstentions)
    for watched in found.watched:
        entries.extend(_entry(abstention) for abstention in watched.abstentions)
        stream = f"stream {watched.stream}"
        if not watched.times:
            entries.append(
                _absent(Reason.NO_FRAMES, stream, "No frame of this stream could be decoded.", Modality.FACE)
            )
        elif not watched.tracks:
            detail = f"No face was found in {len(watched.times)} sampled frames."
            entries.append(_absent(Reason.NO_FACE, stream, detail, Modality.FACE))
        if watched.num_faces_beyond_limit:
            detail = (
                f"Up to {watched.num_faces_beyond_limit} more faces at the same time than faces.max_faces allows; "
                "the largest were followed."
            )
            entries.append(_absent(Reason.FACES_BEYOND_LIMIT, stream, detail, Modality.FACE))
    for heard in found.heard:
        if heard.outcome is not None:
            entries.extend(heard.outcome.abstentions)
        entries.extend(_entry(abstention) for abstention in heard.abstentions)
    # What could not be decoded, or lies beyond a limit, has been named by `survey`: then it is not absent.
    if not found.watched and not any(entry.modality is Modality.FACE for entry in entries):
        entries.append(_absent(Reason.NO_VIDEO_STREAM, "recording", "There are no pictures to examine.", Modality.FACE))
    if not found.heard and not any(entry.modality is Modality.VOICE for entry in entries):
        entries.append(_absent(Reason.NO_AUDIO_STREAM, "recording", "There is no sound to examine.", Modality.VOICE))
    for modality in Modality:
        for checkpoint in engine.missing[modality]:
            detail = f"This checkpoint is not on this machine: unmask weights fetch {checkpoint.name}"
            entries.append(_absent(Reason.WEIGHTS_NOT_FOUND, checkpoint.name, detail, modality))
        if not engine.models[modality] and not engine.missing[modality]:
            entries.append(_absent(Reason.NOT_REQUESTED, "recording", f"No {modality} model was asked for.", modality))
    return entries


def _absent(reason: Reason, subject: str, detail: str, modality: Modality) -> AbstentionEntry:
    return AbstentionEntry(reason=reason, subject=subject, detail=detail, modality=modality)


def _entry(abstention: Abstention) -> AbstentionEntry:
    return AbstentionEntry(
        reason=abstention.reason,
        subject=abstention.subject,
        detail=abstention.detail,
        modality=abstention.modality,
        span=None if abstention.interval is None else span(abstention.interval),
    )


def why_absent(modality: Modality, abstentions: list[AbstentionEntry]) -> str | None:
    """The first reason why a modality has no score, in words."""
    details = [entry.detail for entry in abstentions if entry.modality is modality]
    return details[0] if details else None


def defects(found: Found, media: Media) -> list[DefectEntry]:
    """All damage."""
    entries = list(media.defects)
    for outcome in (*(watched.outcome for watched in found.watched), *(heard.outcome for heard in found.heard)):
        if outcome is not None:
            entries.extend(outcome.defects)
    entries.extend(
        DefectEntry(kind=DefectKind.STREAM_LOST, stream=index, detail=str(error))
        for index, error in sorted(found.lost.items())
    )
    return entries


def caveats(found: Found, media: Media, config: Config) -> list[CaveatEntry]:
    """What a reader should know of the recording."""
    entries = list(media.caveats)
    for outcome in (*(watched.outcome for watched in found.watched), *(heard.outcome for heard in found.heard)):
        if outcome is not None:
            entries.extend(outcome.caveats)
    for watched in found.watched:
        for track in watched.tracks:
            if track.track.static:
                detail = (
                    f"{track.track.id} does not move against the picture around it: it may be a photograph or a print."
                )
                entries.append(CaveatEntry(kind=CaveatKind.FACE_STATIC, detail=detail, stream=watched.stream))
    for heard in found.heard:
        for voice in heard.voices:
            if voice.bandwidth_hz is not None and voice.bandwidth_hz < NARROW_BAND_HZ:
                detail = f"The speech of {voice.id} ends at {voice.bandwidth_hz:.0f} Hz, as over a telephone."
                entries.append(CaveatEntry(kind=CaveatKind.NARROW_BAND, detail=detail, stream=heard.stream))
    for stream in media.streams:
        if stream.plan is not None and stream.plan.interval > Fraction(config.sampling.max_interval_seconds):
            step = float(stream.plan.interval)
            detail = f"One frame every {step:.1f} s was looked at: a shorter manipulation can lie between two."
            entries.append(CaveatEntry(kind=CaveatKind.SPARSELY_SAMPLED, detail=detail, stream=stream.facts.index))
    return entries
