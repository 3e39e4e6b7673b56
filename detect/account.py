"""Calibrate, fuse and write down: from what was seen and heard to the report's body.

Everything that was in the recording is accounted for: scored, or named with the reason why it was not.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from detect.config import Config
from detect.engine import Engine
from detect.entries import coverage, track_entry, track_evidence, voice_entry, voice_evidence
from detect.errors import InputError
from detect.exhibits import Gallery
from detect.found import Found
from detect.fuse import modality_finding, recording_finding, seconds, segments
from detect.omissions import abstentions, caveats, defects, why_absent
from detect.report import (
    AbstentionEntry,
    Body,
    ConfigurationFacts,
    DefectEntry,
    Finding,
    ModelFacts,
    Outcome,
    Provenance,
    Recording,
    StreamFacts,
)
from detect.statements import STATEMENTS
from detect.types import ItemState, Modality, Reason
from detect.version import VERSION


def account(found: Found, config: Config, engine: Engine) -> tuple[Body, dict[str, str]]:
    """The report's body, and its pictures as base64 by exhibit id."""
    tool = f"unmask {VERSION}"
    configuration = ConfigurationFacts(digest=config.digest(), values=config.model_dump(mode="json"))
    recording = _recording(found)
    media, error = found.media, found.error or _nothing_left(found)
    if error is not None:
        outcome = Outcome(examination="failed", state=error.state, reason=error.reason, message=error.message)
        return Body(tool=tool, recording=recording, outcome=outcome, configuration=configuration), {}
    if media is None:
        raise AssertionError("a recording that was not surveyed has an error")

    tracks = [track for watched in found.watched for track in watched.tracks]
    voices = [voice for heard in found.heard for voice in heard.voices]
    evidence = {
        Modality.FACE: [piece for track in tracks for piece in track_evidence(track)],
        Modality.VOICE: [piece for voice in voices for piece in voice_evidence(voice)],
    }
    lost, left_out = defects(found, media), abstentions(found, media, engine)

    # 5 and 6. Calibrate and fuse.
    models, scoring = engine.models, config.scoring
    by_modality = {
        kind: modality_finding(kind, evidence[kind], models[kind], scoring.flag_llr, why_absent(kind, left_out))
        for kind in Modality
    }
    whole = recording_finding(by_modality, engine.fusion, scoring.flag_llr)
    end = media.duration or Fraction(0)
    timeline = [entry for kind in Modality for entry in segments(kind, evidence[kind], models[kind], scoring, end)]

    # 7. Report.
    track_entries = [track_entry(track, models[Modality.FACE]) for track in tracks]
    voice_entries = [voice_entry(voice, models[Modality.VOICE]) for voice in voices]
    exhibits, pictures = Gallery(config.exhibits, engine).hang(tracks, track_entries, voices, voice_entries)
    shown = {entry.id: [exhibit.id for exhibit in exhibits if exhibit.subject == entry.id] for entry in track_entries}
    heard = {entry.id: [exhibit.id for exhibit in exhibits if exhibit.subject == entry.id] for entry in voice_entries}
    body = Body(
        tool=tool,
        recording=recording,
        outcome=_outcome(lost, left_out, list(by_modality.values())),
        findings=[whole, *by_modality.values()],
        segments=timeline,
        tracks=[entry.model_copy(update={"exhibits": shown[entry.id]}) for entry in track_entries],
        voices=[entry.model_copy(update={"exhibits": heard[entry.id]}) for entry in voice_entries],
        coverage=coverage(found, media),
        abstentions=left_out,
        defects=lost,
        caveats=caveats(found, media, config),
        exhibits=exhibits,
        models=_models(engine),
        configuration=configuration,
        statements=list(STATEMENTS),
    )
    return body, pictures


def _nothing_left(found: Found) -> InputError | None:
    """The decoder's fault, where it left nothing at all to look at or listen to."""
    if not found.lost or any(watched.times for watched in found.watched):
        return None
    if any(voice.quality is not None or voice.utterances for heard in found.heard for voice in heard.voices):
        return None
    return found.lost[min(found.lost)]


def _recording(found: Found) -> Recording:
    media = found.media
    return Recording(
        name=found.name.rpartition("/")[2] or found.name,
        chain=found.name,
        sha256=found.sha256,
        num_bytes=found.num_bytes,
        media=media.kind if media else None,
        container=media.container if media else None,
        duration_seconds=seconds(media.duration) if media and media.duration is not None else None,
        streams=[_facts(stream.facts, found.lost) for stream in media.streams] if media else [],
        provenance=media.provenance if media else Provenance(),
    )


def _facts(facts: StreamFacts, lost: dict[int, InputError]) -> StreamFacts:
    error = lost.get(facts.index)
    if error is None:
        return facts
    return facts.model_copy(update={"not_examined_because": f"Lost on the way: {error.message}"})


def _outcome(lost: list[DefectEntry], left_out: list[AbstentionEntry], findings: list[Finding]) -> Outcome:
    stage_lost = next((entry for entry in left_out if entry.reason is Reason.WEIGHTS_NOT_FOUND), None)
    if lost or stage_lost:
        reason = lost[0].kind.value if lost else Reason.WEIGHTS_NOT_FOUND.value
        detail = lost[0].detail if lost else "A model was not on this machine, so its part was not examined."
        more = f" ({len(lost)} defects in all)" if len(lost) > 1 else ""
        return Outcome(examination="partial", state=ItemState.PARTIAL, reason=reason, message=detail + more)
    if all(finding.status == "not_scored" for finding in findings):
        first = next((entry for entry in left_out if entry.reason not in _STRUCTURAL), left_out[0])
        return Outcome(
            examination="complete", state=ItemState.NO_SUBJECT, reason=first.reason.value, message=first.detail
        )
    scored = " and ".join(str(finding.subject) for finding in findings if finding.status != "not_scored")
    return Outcome(examination="complete", state=ItemState.EXAMINED, message=f"Examined: {scored}.")


_STRUCTURAL = (Reason.NO_VIDEO_STREAM, Reason.NO_AUDIO_STREAM, Reason.NOT_REQUESTED)
"""Reasons that say what the recording is, rather than what was the matter with its faces or voices."""


def _models(engine: Engine) -> list[ModelFacts]:
    entries = []
    for modality in Modality:
        present = [(model.checkpoint, model.calibration) for model in engine.models[modality]]
        for checkpoint, calibration in [*present, *((missing, None) for missing in engine.missing[modality])]:
            status: Literal["calibrated", "uncalibrated", "not_found"]
            if checkpoint in engine.missing[modality]:
                status = "not_found"
            else:
                status = "calibrated" if calibration is not None else "uncalibrated"
            entries.append(
                ModelFacts(
                    name=checkpoint.name,
                    modality=modality,
                    architecture=checkpoint.architecture,
                    sha256=checkpoint.sha256,
                    licence=checkpoint.licence,
                    source=checkpoint.url or "part of this project",
                    paper=checkpoint.paper,
                    training_data=list(checkpoint.training_data),
                    status=status,
                    calibration=None if calibration is None else calibration.model_dump(mode="json"),
                    known_limits=checkpoint.known_limits,
                )
            )
    return entries
