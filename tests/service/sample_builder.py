"""Puts synthetic reports together: tracks, voices, segments, findings."""

from __future__ import annotations

import base64
import hashlib
import math
from itertools import pairwise

import numpy as np

from detect.calibrate import verbal
from detect.config import Config
from detect.report import (
    Body,
    ConfigurationFacts,
    Exhibit,
    FaceSample,
    Finding,
    Outcome,
    Report,
    SegmentEntry,
    Span,
    Track,
    UtteranceEntry,
    Voice,
    WindowScore,
)
from detect.types import ItemState, Modality, Reason
from tests.service.sample_parts import (
    FACE_MODEL,
    VOICE_MODEL,
    coverage,
    face_picture,
    llr_of,
    models,
    recording,
    run,
    score_of,
    span,
    spectrogram_picture,
)


class Builder:
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
                    llrs={FACE_MODEL: llr_of(value)} if self.calibrated and not blurred else {},
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
                scores=[score_of(FACE_MODEL, mean, len(scored), calibrated=self.calibrated)],
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
            for left, right in pairwise(edges):
                logit = round(self.level * 0.6 + float(self.noise.normal(0, 0.9)), 4)
                everything.append(logit)
                llrs = {VOICE_MODEL: llr_of(logit)} if self.calibrated else {}
                windows.append(WindowScore(span=span(left, right), logits={VOICE_MODEL: logit}, llrs=llrs))
            mean = float(np.mean(everything[-len(windows) :]))
            scores = [score_of(VOICE_MODEL, mean, len(windows), calibrated=self.calibrated)]
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
                scores=[score_of(VOICE_MODEL, mean, len(everything), calibrated=self.calibrated)],
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
            score = score_of(model, mean, len(entries), calibrated=self.calibrated)
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
            "outcome": Outcome(
                examination="complete", state=ItemState.EXAMINED, message="Faces and voices were scored."
            ),
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
