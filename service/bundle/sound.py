"""The windows of speech that drove a voice's score, as sound: chosen from the report, cut from the evidence."""

from __future__ import annotations

import contextlib
import io
import math
import wave
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detect.config import Config
from detect.decoded import Media
from detect.report import Body, WindowScore
from detect.types import Float32Array, Waveform

if TYPE_CHECKING:
    from detect.decode import Decoder  # it brings the decoders along, which a process that serves people does without

RATE = 16_000
"""Hz: what the voice models are given (`detect.audio`)."""
_MAX_EXCERPTS = 8
"""Windows that are cut: as many as one can listen to with attention, half a minute."""
_MAX_SECONDS = 30
"""Longest excerpt. A window has some four seconds (`detect.listen`); a report made by hand could say anything."""
_OVERLAP = 0.5
"""Share of a window that one already chosen may hold: neighbours overlap, and a stronger one stands for both."""
_FULL_SCALE = 32_767
"""16-bit PCM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """One window of one voice."""

    voice: str
    stream: int
    channel: int | None
    """None where the stream's channels were mixed to one."""
    window: WindowScore

    @property
    def num_samples(self) -> int:
        """At `RATE`."""
        return max(0, math.ceil((self.window.span.end_seconds - self.window.span.start_seconds) * RATE))


Sounds = Callable[[Sequence[Excerpt]], Sequence[Float32Array]]
"""Gives the sound of excerpts in their order: mono at `RATE`, nominally in [-1, 1]; shorter where there is no more.

Raises `detect.errors.InputError` where the recording cannot be decoded."""


def driving(body: Body, limit: int = _MAX_EXCERPTS) -> list[Excerpt]:
    """The windows with the highest scores, strongest first; of those that overlap, the strongest."""
    excerpts = [
        Excerpt(voice=voice.id, stream=voice.stream, channel=voice.channel, window=window)
        for voice in body.voices
        for utterance in voice.utterances
        for window in utterance.windows
        if window.logits and 0 < window.span.end_seconds - window.span.start_seconds <= _MAX_SECONDS
    ]
    chosen: list[Excerpt] = []
    for excerpt in sorted(excerpts, key=_strength, reverse=True):
        if not any(_repeats(excerpt, other) for other in chosen):
            chosen.append(excerpt)
        if len(chosen) == limit:
            break
    return chosen


def decoded_sounds(decoder: Decoder, path: Path, config: Config) -> Sounds:
    """Excerpts from a recording, as the examination heard them.

    Args:
        decoder: Where evidence is not to be trusted, `pipelines.sandbox.Sandbox`.
        path: The recording.
        config: The examination's settings: they decide how channels are mixed.
    """

    def cut(excerpts: Sequence[Excerpt]) -> Sequence[Float32Array]:
        found = [_Cut(excerpt) for excerpt in excerpts]
        media = decoder.survey(path, config)
        for stream in sorted({excerpt.stream for excerpt in excerpts}):
            wanted = [piece for piece in found if piece.excerpt.stream == stream]
            end = max(piece.start + piece.samples.size for piece in wanted)
            for block in _blocks(decoder, path, stream, config, media):
                first = round(block.start * RATE)
                for piece in wanted:
                    piece.take(block, first)
                if first > end:
                    break  # closing the iterator ends the decoder
        return [piece.samples for piece in found]

    return cut


def wav(samples: Float32Array) -> bytes:
    """Sound as a WAV file: mono, 16 kHz, 16-bit PCM. What is over full scale is cut off."""
    numbers = np.rint(np.clip(samples, -1.0, 1.0) * _FULL_SCALE).astype("<i2")
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(numbers.tobytes())
    return target.getvalue()


def _blocks(decoder: Decoder, path: Path, stream: int, config: Config, media: Media) -> Iterator[Waveform]:
    with contextlib.closing(decoder.audio(path, media, stream, config)) as answers:  # type: ignore[type-var]
        for answer in answers:
            if isinstance(answer, Waveform):
                yield answer


def _strength(excerpt: Excerpt) -> tuple[float, float, float]:
    window = excerpt.window
    return max(window.llrs.values(), default=-math.inf), max(window.logits.values()), -window.span.start_seconds


def _repeats(excerpt: Excerpt, other: Excerpt) -> bool:
    if excerpt.voice != other.voice:
        return False
    one, two = excerpt.window.span, other.window.span
    shared = min(one.end_seconds, two.end_seconds) - max(one.start_seconds, two.start_seconds)
    return shared > _OVERLAP * (one.end_seconds - one.start_seconds)


class _Cut:
    """One excerpt on its way; silent where the recording has nothing."""

    def __init__(self, excerpt: Excerpt) -> None:
        self.excerpt = excerpt
        self.start = round(Fraction(excerpt.window.span.start_seconds) * RATE)
        self.samples = np.zeros(excerpt.num_samples, np.float32)

    def take(self, block: Waveform, first: int) -> None:
        """Take over what a block has of it; `first` is the number of the block's first sample."""
        if block.channel != self.excerpt.channel:
            return
        left, right = max(first, self.start), min(first + len(block.samples), self.start + self.samples.size)
        if left < right:
            self.samples[left - self.start : right - self.start] = block.samples[left - first : right - first]
