"""Synthetic reports of every kind that a reader can meet."""

from __future__ import annotations

from detect.report import (
    AbstentionEntry,
    CaveatEntry,
    Coverage,
    DefectEntry,
    Finding,
    Outcome,
    Provenance,
    Report,
)
from detect.types import CaveatKind, DefectKind, ItemState, Modality, Reason
from tests.service.sample_builder import Builder
from tests.service.sample_parts import coverage, recording, span


def short(*, calibrated: bool, level: float, seconds: float = 12.48) -> Report:
    """One face, one voice."""
    builder = Builder(seconds=seconds, calibrated=calibrated, level=level)
    builder.track(0.0, seconds * 0.98, 32)
    builder.voice([(seconds * 0.04, seconds * 0.31), (seconds * 0.4, seconds * 0.66), (seconds * 0.74, seconds * 0.99)])
    return builder.report()


def uncalibrated() -> Report:
    return short(calibrated=False, level=1.4)


def supports_manipulation() -> Report:
    return short(calibrated=True, level=3.6)


def supports_bonafide() -> Report:
    return short(calibrated=True, level=-3.8)


def three_seconds() -> Report:
    return short(calibrated=True, level=0.6, seconds=3.04)


def partial() -> Report:
    """Damage of every kind, every reason not to score, every caveat."""
    builder = Builder(seconds=42.0, calibrated=True, level=2.2, name="seized_phone_0093.mov")
    builder.track(0.4, 13.0, 24)
    builder.track(21.5, 40.0, 30, level=-1.5)
    builder.voice([(1.0, 6.2), (9.0, 14.4), (30.0, 38.0)])
    defects = [
        DefectEntry(
            kind=kind, stream=None if kind is DefectKind.TRUNCATED else 0, detail=f"Measured: {kind.value}.", count=17
        )
        for kind in DefectKind
    ]
    defects[1] = DefectEntry(
        kind=DefectKind.FRAMES_MISSING,
        stream=0,
        detail="187 of 1,050 expected pictures did not come out of the decoder.",
        count=187,
        span=span(13.4, 20.9),
    )
    abstentions = [
        AbstentionEntry(reason=reason, subject=f"face-{number}", detail=f"Measured for {reason.value}.")
        for number, reason in enumerate(Reason, 1)
    ]
    abstentions.append(
        AbstentionEntry(
            reason=Reason.FACE_TOO_SMALL,
            subject="face-9",
            detail="31 px on the shorter side, 40 px are needed.",
            modality=Modality.FACE,
            span=span(24.0, 29.0),
        )
    )
    abstentions.append(
        AbstentionEntry(
            reason=Reason.SPEECH_TOO_SHORT,
            subject="voice-1/utterance-4",
            detail="0.3 s of speech, 1 s is needed.",
            modality=Modality.VOICE,
            span=span(16.0, 18.0),
        )
    )
    caveats = [CaveatEntry(kind=kind, detail=f"Noted: {kind.value}.", stream=0) for kind in CaveatKind]
    seen = coverage(42.0, 54)
    times = [time for time in seen[0].sampled_seconds if not 13.4 < time < 20.9]
    fewer = {"sampled_seconds": times, "examined_seconds": 34.5, "num_decoded": 443}
    lost = seen[0].model_copy(update=fewer)
    return builder.report(
        outcome=Outcome(
            examination="partial",
            state=ItemState.PARTIAL,
            message="Seven and a half seconds of the picture were lost to damage; the rest was examined.",
        ),
        defects=defects,
        abstentions=abstentions,
        caveats=caveats,
        coverage=[lost, seen[1]],
        recording=recording(
            builder.name,
            42.0,
            provenance=Provenance(
                container_tags={"com.apple.quicktime.model": "iPhone 11", "creation_time": "2022-01-04T08:00:00Z"},
                exif={"Make": "Apple", "Model": "iPhone 11", "DateTimeOriginal": "2022:01:04 08:00:00"},
                xmp="<x:xmpmeta xmlns:x='adobe:ns:meta/'>\n  <rdf:RDF/>\n</x:xmpmeta>",
                c2pa="a manifest was found in a uuid box; its signature was not checked",
                notes=["The encoder tag names a program that writes no such container."],
            ),
        ),
    )


def no_subject() -> Report:
    builder = Builder(seconds=8.0, calibrated=True, level=0.0, name="harbour_at_dawn.mkv")
    abstentions = [
        AbstentionEntry(reason=Reason.NO_FACE, subject="stream 0", detail="32 sampled pictures, none shows a face."),
        AbstentionEntry(reason=Reason.NO_SPEECH, subject="stream 1", detail="8.0 s of sound, no speech in it."),
    ]
    message = "No face and no speech was found; nothing was scored."
    outcome = Outcome(examination="complete", state=ItemState.NO_SUBJECT, message=message)
    return builder.report(outcome=outcome, abstentions=abstentions)


def failed(state: ItemState = ItemState.UNSUPPORTED) -> Report:
    builder = Builder(seconds=1.0, calibrated=True, level=0.0, name="invoice.docx")
    nothing = recording(
        builder.name, 1.0, media=None, container=None, duration_seconds=None, streams=[], provenance=Provenance()
    )
    outcome = Outcome(
        examination="failed",
        state=state,
        reason="no_decoder",
        message="The content is an Office document, no recording.",
    )
    return builder.report(recording=nothing, outcome=outcome, coverage=[], models=[], findings=[])


def picture() -> Report:
    builder = Builder(seconds=0.0, calibrated=False, level=0.9, name="profile_photo.jpg")
    builder.track(0.0, 0.0, 1, pictures=1)
    builder.segments = []
    still = (
        recording(builder.name, 0.0)
        .streams[0]
        .model_copy(
            update={
                "codec": "mjpeg",
                "declared_seconds": None,
                "average_rate": None,
                "width_px": 1600,
                "height_px": 1200,
            }
        )
    )
    return builder.report(
        segments=[],
        recording=recording(builder.name, 0.0, media="image", container="jpeg", duration_seconds=None, streams=[still]),
        coverage=[
            Coverage(
                stream=0,
                kind="video",
                total_seconds=0.0,
                examined_seconds=0.0,
                sampled_seconds=[0.0],
                num_decoded=1,
                num_expected=1,
            )
        ],
        abstentions=[
            AbstentionEntry(reason=Reason.NO_AUDIO_STREAM, subject="recording", detail="A picture has no sound.")
        ],
    )


def many_tracks(count: int = 24, *, calibrated: bool = True) -> Report:
    builder = Builder(seconds=95.0, calibrated=calibrated, level=0.4, name="panel_discussion.mp4")
    for number in range(count):
        start = (number * 37 % 70) + 0.5
        builder.track(start, start + 8 + number % 9, 16, level=-2.5 + 5 * (number % 5) / 4, pictures=2)
    builder.voice([(start, start + 6.5) for start in range(0, 90, 9)])
    return builder.report()


def two_hours(num_voices: int = 60) -> Report:
    builder = Builder(seconds=7_254.0, calibrated=True, level=-0.5, name="hearing_2024-05-17_full_session.mkv")
    builder.track(3.0, 7_100.0, 3_600, level=-1.2)
    builder.track(900.0, 2_400.0, 750, level=2.4)
    for number in range(num_voices):
        start = 20.0 + 115 * number
        builder.voice([(start, start + 40.0), (start + 52, start + 96.0)], channel=number, picture=number < 6)
    return builder.report()


def separate() -> Report:
    """Both modalities calibrated, and no fusion on file."""
    report = supports_manipulation()
    words = "No fusion of face and voice is on file: read the two results separately."
    overall = Finding(subject="recording", status="uncalibrated", explanation=words)
    return with_body(report, findings=[overall, *report.body.findings[1:]])


def mixed() -> Report:
    """A calibrated face beside a voice without a calibration."""
    report = separate()
    voice = report.body.findings[2]
    score = voice.scores[0].model_copy(update={"llr": None})
    bare = Finding(subject="voice", status="uncalibrated", scores=[score], explanation="Raw outputs.")
    words = "The voice result has no calibration."
    overall = Finding(subject="recording", status="uncalibrated", explanation=words)
    return with_body(report, findings=[overall, report.body.findings[1], bare])


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "javascript:alert(3)",
    "{{ 7 * 7 }}{% raw %}",
    "nul\0and\x1b[31mescape\x07",
    "gpj.\N{RIGHT-TO-LEFT OVERRIDE}4pm",
    "</style></title><h1>x",
    "[red]markup[/red]",
)


def hostile(size: int = 1_000_000) -> Report:
    """Text that wants to be more than text, in every place where foreign text can stand."""
    report = partial()
    body = report.body
    bad = " ".join(HOSTILE)
    claims = Provenance(
        container_tags={bad: bad, "comment": "A" * size, "zalgo": "e" + "\N{COMBINING ACUTE ACCENT}" * 500},
        stream_tags={bad: {bad: bad}},
        exif={f"tag-{number}": bad for number in range(500)},
        xmp=bad + "\n" + "B" * size,
        c2pa=bad,
        notes=[bad],
    )
    evidence = recording(bad, 42.0, chain=f"{bad}!/{bad}", container=bad, sha256=bad, provenance=claims)
    streams = [stream.model_copy(update={"codec": bad, "language": bad}) for stream in evidence.streams]
    return with_body(
        report,
        tool=bad,
        recording=evidence.model_copy(update={"streams": streams}),
        outcome=body.outcome.model_copy(update={"message": bad, "reason": bad}),
        findings=[finding.model_copy(update={"explanation": bad}) for finding in body.findings],
        tracks=[track.model_copy(update={"id": bad}) for track in body.tracks],
        voices=[voice.model_copy(update={"id": bad}) for voice in body.voices],
        exhibits=[
            exhibit.model_copy(update={"caption": bad, "alternative_text": bad, "subject": bad})
            for exhibit in body.exhibits
        ],
        abstentions=[entry.model_copy(update={"subject": bad, "detail": bad}) for entry in body.abstentions],
        defects=[entry.model_copy(update={"detail": bad}) for entry in body.defects],
        caveats=[entry.model_copy(update={"detail": bad}) for entry in body.caveats],
        models=[model.model_copy(update={"name": bad, "licence": bad, "paper": bad}) for model in body.models],
        configuration=body.configuration.model_copy(update={"values": {bad: {bad: bad}}, "digest": bad}),
        statements=[bad],
    )


def with_body(report: Report, **changes: object) -> Report:
    """The report with parts of its body replaced."""
    return report.model_copy(update={"body": report.body.model_copy(update=changes)})


ALL = {
    "uncalibrated": uncalibrated,
    "supports_manipulation": supports_manipulation,
    "supports_bonafide": supports_bonafide,
    "three_seconds": three_seconds,
    "partial": partial,
    "separate": separate,
    "mixed": mixed,
    "no_subject": no_subject,
    "failed": failed,
    "picture": picture,
    "many_tracks": many_tracks,
    "two_hours": two_hours,
}
