"""The pictures that a report shows: the crops and sounds that drove the scores."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from detect.config import Exhibits
from detect.engine import Engine
from detect.explain import Picture, face_picture, heat_picture, spectrogram_picture
from detect.fuse import seconds
from detect.listen import HeardVoice
from detect.report import Exhibit, ModelScore, Span, Track, Voice
from detect.types import Interval, Modality
from detect.watch import WatchedTrack

RATE = 16_000
"""Hz, of all sound kept for drawing."""


class Gallery:
    """Makes the exhibits of one report.

    Args:
        limits: How many.
        engine: Makes the heat maps.
    """

    def __init__(self, limits: Exhibits, engine: Engine) -> None:
        self._limits, self._engine = limits, engine
        self._exhibits: list[Exhibit] = []
        self._pictures: dict[str, str] = {}

    def hang(
        self,
        tracks: Sequence[WatchedTrack],
        track_entries: Sequence[Track],
        voices: Sequence[HeardVoice],
        voice_entries: Sequence[Voice],
    ) -> tuple[list[Exhibit], dict[str, str]]:
        """All exhibits, and their pictures as base64 by id.

        Args:
            tracks: With their crops.
            track_entries: The same, as reported.
            voices: With their sound.
            voice_entries: The same, as reported.
        """
        by_height = sorted(range(len(tracks)), key=lambda place: (-_height(track_entries[place].scores), place))
        for place in sorted(by_height[: self._limits.max_tracks]):
            self._faces(tracks[place])
        left = self._limits.max_spectrograms
        by_height = sorted(range(len(voices)), key=lambda place: (-_height(voice_entries[place].scores), place))
        for place in by_height:
            left -= self._spectrograms(voices[place], left)
        return self._exhibits, self._pictures

    def _faces(self, watched: WatchedTrack) -> None:
        if not watched.crops:
            return
        model = self._engine.models[Modality.FACE][0].spec.name
        crops = [crop for _, crop in watched.crops]
        heats = self._engine.heat_maps(model, crops)
        logits = {sample.observation.time: sample.logits.get(model) for sample in watched.samples}
        for number, ((time, crop), heat) in enumerate(zip(watched.crops, heats, strict=True), start=1):
            place = f"{watched.track.id} at {float(time):.2f} s"
            logit = f"logit {logits[time]:+.2f} of {model}"
            self._add(f"{watched.track.id}/crop-{number}", "face", watched.track.id, time, time, face_picture(crop),
                model, f"{place}, {logit}", f"Face crop of {place}.")  # fmt: skip
            self._add(f"{watched.track.id}/heat-{number}", "heat_map", watched.track.id, time, time,
                heat_picture(crop, heat), model, f"{place}: regions that raised the output of {model}",
                f"The same crop of {place} with the regions that raised the network's output coloured.")  # fmt: skip

    def _spectrograms(self, voice: HeardVoice, left: int) -> int:
        drawn = voice.sound[: max(0, left)]
        models = self._engine.models[Modality.VOICE]
        for number, (start, samples) in enumerate(drawn, start=1):
            name = models[0].spec.name if models else None
            end = start + Fraction(len(samples), RATE)
            marks = _marks(voice, name, Interval(start=start, end=end))
            self._add(f"{voice.id}/spectrogram-{number}", "spectrogram", voice.id, start, end,
                spectrogram_picture(samples, RATE, start, marks), name,
                f"{voice.id}, {float(start):.2f} to {float(end):.2f} s; scored windows are marked with their logits",
                f"Spectrogram of {voice.id}, 0 to 8 kHz, from {float(start):.2f} to {float(end):.2f} s with "
                f"{len(marks)} scored windows.")  # fmt: skip
        return len(drawn)

    def _add(
        self, name: str, kind: Literal["face", "heat_map", "spectrogram"], subject: str, start: Fraction, end: Fraction,
        picture: Picture, model: str | None, caption: str, alternative: str,
    ) -> None:  # fmt: skip
        self._pictures[name] = base64.b64encode(picture.data).decode("ascii")
        self._exhibits.append(
            Exhibit(
                id=name,
                kind=kind,
                subject=subject,
                span=Span(start_seconds=seconds(start), end_seconds=seconds(end)),
                media_type=picture.media_type,
                sha256=hashlib.sha256(picture.data).hexdigest(),
                width_px=picture.width_px,
                height_px=picture.height_px,
                model=model,
                caption=caption,
                alternative_text=alternative,
            )
        )


def _height(scores: Sequence[ModelScore]) -> float:
    """By the first checkpoint's logit; what was not scored comes last."""
    return scores[0].logit if scores else float("-inf")


def _marks(voice: HeardVoice, model: str | None, within: Interval) -> list[tuple[Interval, float]]:
    return [
        (window.interval, window.logits[model])
        for window in voice.windows
        if model is not None and model in window.logits and window.interval.overlaps(within)
    ]
