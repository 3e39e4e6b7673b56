"""The voice branch: blocks of sound -> utterances -> windows -> logits.

A stream may hold several voices (separate channels). Blocks arrive in time order and leave at once: what is kept is
where speech is, the logits of its windows, and the sound that a report will draw.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial

import numpy as np

from detect.config import Config
from detect.decoded import AudioOutcome, VoiceQuality
from detect.engine import Engine
from detect.score import BatchScorer
from detect.speech import SpeechFinder
from detect.stopwatch import Stopwatch
from detect.types import Abstention, Float32Array, Interval, Modality, Reason, Utterance, Waveform, Window

DEFAULT_WINDOW_SAMPLES = 64_600
"""Where no checkpoint says: the 4.04 s of 16 kHz sound that AASIST takes (Jung et al., ICASSP 2022, section 4)."""

WHOLE_SPECTROGRAM_SECONDS = 60
"""A voice this short is drawn as a whole; of a longer one only the windows that drove its score are."""


@dataclass(slots=True, kw_only=True)
class ScoredWindow:
    """One window of an utterance with its logits by checkpoint."""

    utterance: str
    interval: Interval
    logits: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class HeardVoice:
    """One voice with everything known of it."""

    id: str
    stream: int
    channel: int | None
    speech_seconds: float
    bandwidth_hz: float | None
    quality: VoiceQuality | None
    utterances: list[Utterance]
    windows: list[ScoredWindow]
    sound: list[tuple[Fraction, Float32Array]]
    """What the report draws: start and 16 kHz samples, either the whole voice or its driving windows."""


@dataclass(slots=True, kw_only=True)
class Heard:
    """What came of one audio stream."""

    stream: int
    voices: list[HeardVoice]
    outcome: AudioOutcome | None
    """None where the decoder was lost on the way."""
    abstentions: list[Abstention] = field(default_factory=list)


class Listener:
    """Listens to one stream.

    Args:
        engine: Scores windows.
        config: Settings.
        stream: Index of the audio stream.
        names: Yields `voice-1`, `voice-2`, ...
        stopwatch: Takes the time of each stage.
    """

    def __init__(
        self, engine: Engine, config: Config, *, stream: int, names: Iterator[str], stopwatch: Stopwatch
    ) -> None:
        self._engine, self._config, self._stream = engine, config, stream
        self._names, self._stopwatch = names, stopwatch
        self._voices: dict[int | None, _Voice] = {}

    def hear(self, block: Waveform) -> None:
        """Find the speech of one block and queue its windows."""
        voice = self._voices.get(block.channel)
        if voice is None:
            voice = self._voices[block.channel] = _Voice(
                next(self._names), self._engine, self._config, stream=self._stream, stopwatch=self._stopwatch
            )
        voice.hear(block)

    def finish(self, outcome: AudioOutcome | None) -> Heard:
        """Score what is waiting and put the voices together."""
        heard = Heard(stream=self._stream, voices=[], outcome=outcome)
        qualities = {quality.channel: quality for quality in outcome.voices} if outcome is not None else {}
        for channel, voice in self._voices.items():
            heard.voices.append(voice.finish(channel, qualities.get(channel), heard.abstentions))
        return heard


class _Voice:
    """One voice on its way through."""

    def __init__(self, name: str, engine: Engine, config: Config, *, stream: int, stopwatch: Stopwatch) -> None:
        self._name, self._stream, self._config, self._stopwatch = name, stream, config, stopwatch
        specs = engine.voice_specs
        # Windows are cut once for all checkpoints, as long as the shortest input among them: longer inputs are filled,
        # and nothing of an utterance is cut off for any of them.
        window_samples = min((spec.input.num_samples for spec in specs), default=DEFAULT_WINDOW_SAMPLES)
        self._finder = SpeechFinder(name, config.speech, window_samples=window_samples)
        self._scorers = {
            spec.name: BatchScorer[int](partial(engine.score_windows, spec.name), config.scoring.batch_size)
            for spec in specs
        }
        self._windows: list[ScoredWindow] = []
        self._whole: list[tuple[Fraction, Float32Array]] | None = []
        self._seconds = Fraction(0)
        self._loudest: list[tuple[int, Window]] = []

    def hear(self, block: Waveform) -> None:
        self._seconds += Fraction(len(block.samples), block.rate)
        if self._whole is not None:
            self._whole.append((block.start, block.samples))
            if self._seconds > WHOLE_SPECTROGRAM_SECONDS:
                self._whole = None
        with self._stopwatch.stage("find speech"):
            windows = self._finder.push(block)
        self._queue(windows)

    def _queue(self, windows: list[Window]) -> None:
        for window in windows:
            key = len(self._windows)
            self._windows.append(ScoredWindow(utterance=window.utterance, interval=window.interval))
            with self._stopwatch.stage("score voices"):
                for scorer in self._scorers.values():
                    scorer.add(key, window.samples)
            self._keep(key, window)

    def _keep(self, key: int, window: Window) -> None:
        """Hold on to the sound of the windows with the highest logits, and of those not scored yet."""
        if not self._scorers:
            return
        logits = next(iter(self._scorers.values())).logits
        self._loudest.append((key, window))
        scored = sorted((entry for entry in self._loudest if entry[0] in logits), key=lambda entry: -logits[entry[0]])
        waiting = [entry for entry in self._loudest if entry[0] not in logits]
        self._loudest = scored[: self._config.exhibits.max_spectrograms] + waiting

    def finish(self, channel: int | None, quality: VoiceQuality | None, abstentions: list[Abstention]) -> HeardVoice:
        with self._stopwatch.stage("find speech"):
            windows, summary = self._finder.finish()
        self._queue(windows)
        for scorer in self._scorers.values():
            with self._stopwatch.stage("score voices"):
                scorer.flush()
        reason = self._unfit(summary.speech_seconds)
        for name, scorer in self._scorers.items():
            abstentions.extend(self._model_error(name, self._windows[key]) for key in scorer.failed)
            for key, logit in scorer.logits.items() if reason is None else ():
                self._windows[key].logits[name] = logit
        if reason is not None:
            abstentions.append(reason)
        return HeardVoice(
            id=self._name,
            stream=self._stream,
            channel=channel,
            speech_seconds=summary.speech_seconds,
            bandwidth_hz=summary.bandwidth_hz,
            quality=quality,
            utterances=list(summary.utterances),
            windows=self._windows,
            sound=self._sound() if reason is None else [],
        )

    def _unfit(self, speech_seconds: float) -> Abstention | None:
        least = self._config.speech.min_speech_seconds
        if speech_seconds >= least:
            return None
        kind = Reason.SPEECH_TOO_SHORT if speech_seconds > 0 else Reason.NO_SPEECH
        return Abstention(
            reason=kind,
            subject=self._name,
            detail=f"{speech_seconds:.2f} s of speech in {float(self._seconds):.2f} s of sound; {least:g} s needed.",
            modality=Modality.VOICE,
        )

    def _model_error(self, name: str, window: ScoredWindow) -> Abstention:
        return Abstention(
            reason=Reason.MODEL_ERROR,
            subject=window.utterance,
            detail=f"{name} returned no finite number for this window.",
            modality=Modality.VOICE,
            interval=window.interval,
        )

    def _sound(self) -> list[tuple[Fraction, Float32Array]]:
        if self._whole:
            return [(self._whole[0][0], _joined(self._whole))]
        logits = next(iter(self._scorers.values())).logits if self._scorers else {}
        best = sorted((entry for entry in self._loudest if entry[0] in logits), key=lambda entry: -logits[entry[0]])
        kept = best[: self._config.exhibits.max_spectrograms]
        return [(window.interval.start, window.samples) for _, window in sorted(kept, key=lambda entry: entry[0])]


def _joined(blocks: list[tuple[Fraction, Float32Array]], rate: int = 16_000) -> Float32Array:
    """One array on the blocks' common timeline; what lies between them is silence."""
    origin = blocks[0][0]
    last_start, last = blocks[-1]
    joined = np.zeros(round((last_start - origin) * rate) + len(last), dtype=np.float32)
    for start, samples in blocks:
        offset = round((start - origin) * rate)
        joined[offset : offset + len(samples)] = samples
    return joined
