"""Synthetic reports of every kind that a reader can meet. Faces are drawings, spectrograms are sums of sines."""

from __future__ import annotations

import base64
import hashlib
import io
import math
from functools import cache

import numpy as np
from PIL import Image, ImageDraw

from detect.calibrate import verbal
from detect.config import Config
from detect.report import (
    AbstentionEntry,
    Body,
    CaveatEntry,
    ConfigurationFacts,
    Coverage,
    DefectEntry,
    Exhibit,
    FaceSample,
    Finding,
    ModelFacts,
    ModelScore,
    Outcome,
    Provenance,
    Recording,
    Report,
    Run,
    SegmentEntry,
    Span,
    StreamFacts,
    Track,
    UtteranceEntry,
    Voice,
    WindowScore,
)
from detect.types import CaveatKind, DefectKind, ItemState, Modality, Reason

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


def _llr(logit: float) -> float:
    return round(min(max(_SLOPE * logit, -_BOUND), _BOUND), 4)


def _score(model: str, logit: float, num_windows: int, *, calibrated: bool) -> ModelScore:
    llr = _llr(logit) if calibrated else None
    bound = llr is not None and abs(llr) >= _BOUND
    return ModelScore(model=model, logit=round(logit, 4), llr=llr, at_bound=bound, num_windows=num_windows)


class _Builder:
    """Puts one report together; what a case does not say is calm and complete."""

    def __init__(self, *, seconds: float, calibrated: bool, level: float, name: str = "clip_0412.mp4") -> None:
        self.seconds, self.calibrated, self.level, self.name = seconds, calibrated, level, name
        self.noise = np.random.default_rng(7)
        self.pictures: dict[str, bytes] = {}
        self.exhibits: list[Exhibit] = []
        self.tracks: list[Track] = []
        self.voices: list[Voice] = []
        self.segments: list[SegmentEntry] = []

    def _exhibit(self, kind: str, subject: str, when: Span, picture: bytes, size: tuple[int, int], model: str) -> str:
        name = f"exhibit-{len(self.exhibits) + 1}"
        words = {
            "face": f"Face crop of {subject}",
            "heat_map": f"Heat map of {model} over the face crop of {subject}",
            "spectrogram": f"Spectrogram of {subject} with the scored windows framed",
        }
        self.pictures[name] = picture
        self.exhibits.append(
            Exhibit.model_validate(
                {
                    "id": name,
                    "kind": kind,
                    "subject": subject,
                    "span": when,
                    "media_type": "image/png" if kind == "spectrogram" else "image/jpeg",
                    "sha256": hashlib.sha256(picture).hexdigest(),
                    "width_px": size[0],
                    "height_px": size[1],
                    "model": None if kind == "face" else model,
                    "caption": f"{words[kind]}, {when.start_seconds:.2f} s",
                    "alternative_text": words[kind],
                }
            )
        )
        return name

    def track(self, start: float, end: float, count: int, *, level: float | None = None, pictures: int = 3) -> None:
        name = f"face-{len(self.tracks) + 1}"
        level = self.level if level is None else level
        times = np.linspace(start, end, count)
        logits = level + 1.1 * np.sin(times / max(end - start, 1) * 7) + self.noise.normal(0, 0.5, count)
        samples = []
        for index, (time, logit) in enumerate(zip(times, logits, strict=True)):
            blurred = index % 11 == 10
            value = round(float(logit), 4)
            samples.append(
                FaceSample(
                    time_seconds=round(float(time), 6),
                    box_px=(412, 120, 590, 342),
                    detected=index % 4 == 0,
                    probability=0.998,
                    size_px=round(150 + 20 * math.sin(index), 1),
                    sharpness=6.1 if blurred else 41.5 + index % 7,
                    yaw_degrees=round(12 * math.sin(index / 3), 1),
                    roll_degrees=round(3 * math.cos(index / 5), 1),
                    logits={} if blurred else {FACE_MODEL: value},
                    llrs={FACE_MODEL: _llr(value)} if self.calibrated and not blurred else {},
                    not_scored_because=Reason.FACE_TOO_BLURRED if blurred else None,
                )
            )
        names = []
        for index in np.argsort(logits)[::-1][:pictures]:
            when = span(float(times[index]), float(times[index]))
            seed = 10 * len(self.tracks) + int(index)
            names.append(self._exhibit("face", name, when, face_picture(seed), (144, 144), FACE_MODEL))
            names.append(self._exhibit("heat_map", name, when, face_picture(seed, heat=True), (144, 144), FACE_MODEL))
        scored = [sample for sample in samples if sample.logits]
        mean = float(np.mean([sample.logits[FACE_MODEL] for sample in scored]))
        self.tracks.append(
            Track(
                id=name,
                stream=0,
                span=span(start, end),
                static=len(self.tracks) == 1,
                num_samples=count,
                num_scored=len(scored),
                samples=samples,
                scores=[_score(FACE_MODEL, mean, len(scored), calibrated=self.calibrated)],
                exhibits=names,
            )
        )

    def voice(self, utterances: list[tuple[float, float]], *, channel: int | None = None, picture: bool = True) -> None:
        name = f"voice-{len(self.voices) + 1}"
        entries: list[UtteranceEntry] = []
        everything: list[float] = []
        for number, (start, end) in enumerate(utterances, 1):
            edges = np.linspace(start, end, max(2, math.ceil((end - start) / 4) + 1))
            windows = []
            for left, right in zip(edges[:-1], edges[1:], strict=True):
                logit = round(self.level * 0.6 + float(self.noise.normal(0, 0.9)), 4)
                everything.append(logit)
                llrs = {VOICE_MODEL: _llr(logit)} if self.calibrated else {}
                windows.append(WindowScore(span=span(left, right), logits={VOICE_MODEL: logit}, llrs=llrs))
            mean = float(np.mean(everything[-len(windows) :]))
            scores = [_score(VOICE_MODEL, mean, len(windows), calibrated=self.calibrated)]
            identity = f"{name}/utterance-{number}"
            entries.append(UtteranceEntry(id=identity, span=span(start, end), windows=windows, scores=scores))
        exhibits = []
        if picture and entries:
            when = span(entries[0].span.start_seconds, entries[-1].span.end_seconds)
            shown = spectrogram_picture(len(self.voices) % 6)
            exhibits = [self._exhibit("spectrogram", name, when, shown, (720, 220), VOICE_MODEL)]
        mean = float(np.mean(everything))
        self.voices.append(
            Voice(
                id=name,
                stream=1,
                channel=channel,
                speech_seconds=round(sum(end - start for start, end in utterances), 3),
                bandwidth_hz=7400.0,
                clipped_fraction=0.0003,
                utterances=entries,
                scores=[_score(VOICE_MODEL, mean, len(everything), calibrated=self.calibrated)],
                exhibits=exhibits,
            )
        )

    def cut_segments(self, seconds: float = 4.0) -> None:
        pieces: list[tuple[Modality, str, Span, float]] = []
        for track in self.tracks:
            pieces += [
                (Modality.FACE, track.id, span(sample.time_seconds, sample.time_seconds), sample.logits[FACE_MODEL])
                for sample in track.samples
                if sample.logits
            ]
        for voice in self.voices:
            pieces += [
                (Modality.VOICE, voice.id, window.span, window.logits[VOICE_MODEL])
                for utterance in voice.utterances
                for window in utterance.windows
            ]
        cells: dict[tuple[Modality, int], list[tuple[str, float]]] = {}
        for modality, subject, when, logit in pieces:
            middle = (when.start_seconds + when.end_seconds) / 2
            cells.setdefault((modality, int(middle / seconds)), []).append((subject, logit))
        for (modality, cell), entries in sorted(cells.items()):
            model = FACE_MODEL if modality is Modality.FACE else VOICE_MODEL
            mean = float(np.mean([logit for _, logit in entries]))
            score = _score(model, mean, len(entries), calibrated=self.calibrated)
            self.segments.append(
                SegmentEntry(
                    modality=modality,
                    span=span(cell * seconds, min((cell + 1) * seconds, self.seconds)),
                    subjects=sorted({subject for subject, _ in entries}),
                    scores=[score],
                    flagged=score.llr is not None and score.llr >= math.log(10),
                )
            )

    def findings(self) -> list[Finding]:
        found: list[Finding] = []
        for modality, entries in ((Modality.FACE, self.tracks), (Modality.VOICE, self.voices)):
            scores = [score for entry in entries for score in entry.scores]
            words = "faces" if modality is Modality.FACE else "voices"
            if not scores:
                text = f"No {words} could be scored."
                found.append(Finding(subject=modality.value, status="not_scored", explanation=text))
                continue
            best = max(scores, key=lambda score: score.logit)
            found.append(
                Finding(
                    subject=modality.value,
                    status="calibrated" if self.calibrated else "uncalibrated",
                    llr=best.llr,
                    verbal=None if best.llr is None else verbal(best.llr, modality),
                    flagged=best.llr is not None and best.llr >= math.log(10),
                    scores=[best],
                    explanation=f"The highest of {len(scores)} {words} by {best.model}.",
                )
            )
        llrs = [finding.llr for finding in found if finding.llr is not None]
        if llrs:
            llr = round(sum(llrs) * 0.8, 4)
            overall = Finding(
                subject="recording",
                status="calibrated",
                llr=llr,
                verbal=verbal(llr, "recording"),
                flagged=llr >= math.log(10),
                explanation="Weighted sum of the modalities' log-likelihood ratios.",
            )
        else:
            scored = any(finding.status == "uncalibrated" for finding in found)
            status = "uncalibrated" if scored else "not_scored"
            text = "No calibration is on file for the models that ran." if scored else "There was nothing to score."
            overall = Finding(subject="recording", status=status, explanation=text)
        return [overall, *found]

    def report(self, **changes: object) -> Report:
        self.cut_segments()
        values = Config().model_dump(mode="json")
        fields: dict[str, object] = {
            "tool": "unmask 0.1.0",
            "recording": recording(self.name, self.seconds),
            "outcome": Outcome(examination="complete", state=ItemState.EXAMINED, message="Faces and voices were scored."),
            "findings": self.findings(),
            "segments": self.segments,
            "tracks": self.tracks,
            "voices": self.voices,
            "coverage": coverage(self.seconds),
            "exhibits": self.exhibits,
            "models": models(calibrated=self.calibrated),
            "configuration": ConfigurationFacts(digest=Config().digest(), values=values),
        }
        pictures = {name: base64.b64encode(picture).decode() for name, picture in self.pictures.items()}
        return Report(body=Body.model_validate({**fields, **changes}), run=run(), exhibits=pictures)


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


def short(*, calibrated: bool, level: float, seconds: float = 12.48) -> Report:
    """One face, one voice."""
    builder = _Builder(seconds=seconds, calibrated=calibrated, level=level)
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
    builder = _Builder(seconds=42.0, calibrated=True, level=2.2, name="seized_phone_0093.mov")
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
    builder = _Builder(seconds=8.0, calibrated=True, level=0.0, name="harbour_at_dawn.mkv")
    abstentions = [
        AbstentionEntry(reason=Reason.NO_FACE, subject="stream 0", detail="32 sampled pictures, none shows a face."),
        AbstentionEntry(reason=Reason.NO_SPEECH, subject="stream 1", detail="8.0 s of sound, no speech in it."),
    ]
    message = "No face and no speech was found; nothing was scored."
    outcome = Outcome(examination="complete", state=ItemState.NO_SUBJECT, message=message)
    return builder.report(outcome=outcome, abstentions=abstentions)


def failed(state: ItemState = ItemState.UNSUPPORTED) -> Report:
    builder = _Builder(seconds=1.0, calibrated=True, level=0.0, name="invoice.docx")
    nothing = recording(
        builder.name, 1.0, media=None, container=None, duration_seconds=None, streams=[], provenance=Provenance()
    )
    outcome = Outcome(
        examination="failed", state=state, reason="no_decoder", message="The content is an Office document, no recording."
    )
    return builder.report(recording=nothing, outcome=outcome, coverage=[], models=[], findings=[])


def picture() -> Report:
    builder = _Builder(seconds=0.0, calibrated=False, level=0.9, name="profile_photo.jpg")
    builder.track(0.0, 0.0, 1, pictures=1)
    builder.segments = []
    still = recording(builder.name, 0.0).streams[0].model_copy(
        update={"codec": "mjpeg", "declared_seconds": None, "average_rate": None, "width_px": 1600, "height_px": 1200}
    )
    return builder.report(
        segments=[],
        recording=recording(
            builder.name, 0.0, media="image", container="jpeg", duration_seconds=None, streams=[still]
        ),
        coverage=[
            Coverage(
                stream=0, kind="video", total_seconds=0.0, examined_seconds=0.0, sampled_seconds=[0.0], num_decoded=1, num_expected=1
            )
        ],
        abstentions=[AbstentionEntry(reason=Reason.NO_AUDIO_STREAM, subject="recording", detail="A picture has no sound.")],
    )


def many_tracks(count: int = 24, *, calibrated: bool = True) -> Report:
    builder = _Builder(seconds=95.0, calibrated=calibrated, level=0.4, name="panel_discussion.mp4")
    for number in range(count):
        start = (number * 37 % 70) + 0.5
        builder.track(start, start + 8 + number % 9, 16, level=-2.5 + 5 * (number % 5) / 4, pictures=2)
    builder.voice([(start, start + 6.5) for start in range(0, 90, 9)])
    return builder.report()


def two_hours(num_voices: int = 60) -> Report:
    builder = _Builder(seconds=7_254.0, calibrated=True, level=-0.5, name="hearing_2024-05-17_full_session.mkv")
    builder.track(3.0, 7_100.0, 3_600, level=-1.2)
    builder.track(900.0, 2_400.0, 750, level=2.4)
    for number in range(num_voices):
        start = 20.0 + 115 * number
        builder.voice([(start, start + 40.0), (start + 52, start + 96.0)], channel=number, picture=number < 6)
    return builder.report()


ALL = {
    "uncalibrated": uncalibrated,
    "supports_manipulation": supports_manipulation,
    "supports_bonafide": supports_bonafide,
    "three_seconds": three_seconds,
    "partial": partial,
    "no_subject": no_subject,
    "failed": failed,
    "picture": picture,
    "many_tracks": many_tracks,
    "two_hours": two_hours,
}
