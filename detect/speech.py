"""Finds speech in one voice stream and cuts the whole of it into windows.

Sound comes in blocks and leaves at once: for a monologue of hours two windows of samples are kept, and a few numbers a
chunk. What a block boundary does to the sound it does not do to the result: blocks may be cut anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from detect.config import Speech
from detect.silero import CHUNK_SAMPLES, SpeechProbability
from detect.types import Float32Array, Interval, Utterance, Waveform, Window

RATE = 16_000
"""Hz of the sound that is taken in."""

_HYSTERESIS = 0.15
"""Speech that has begun goes on down to the threshold less this (Silero VAD's own default)."""

_SPEECH_RMS = 0.05
"""-26 dB under full scale, the usual level of active speech (ITU-T P.56 and P.830). Weaker sound is raised to it before
the voice activity model hears it. Measured on every third of 1,914 utterances turned down by 40 dB: without this, no
speech is found in 104 of 638, with it in 4, as many as at their own level."""

_MAX_GAIN = 1_000.0
"""60 dB: from there the steps of 16-bit sound would be raised to speech level."""

_RELEASE_SECONDS = 10.0
"""In which the level that is raised falls by half. Instant rise, slow fall: a pause is not raised to a shout."""

_BANDWIDTH_SHARE = 0.995
_PRE_EMPHASIS = 0.97
"""Of the spectrum that the bandwidth is read from. Speech falls by 6 dB an octave, so that without it 99.5 % of the
energy of full-band male speech lies under 3.6 kHz, within telephone sound's 3.7 kHz. With it, measured on 472
utterances: 95 % of those of 16 kHz and more exceed 5.3 kHz, 99 % of the same over a telephone stay under 3.9 kHz."""

_TAPER: Float32Array = np.hanning(CHUNK_SAMPLES).astype(np.float32)

_SAME_TIME = Fraction(1, 2 * RATE)
"""Half a sample: a block that starts within it follows the one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechSummary:
    """What was found in one voice stream."""

    utterances: tuple[Utterance, ...]
    """In order of time."""
    speech_seconds: float
    """Chunks that hold speech, within utterances: without pauses and padding."""
    bandwidth_hz: float | None
    """Frequency under which 99.5 % of the energy of the speech lies after pre-emphasis; None without speech."""


@dataclass(slots=True, kw_only=True)
class _Open:
    """An utterance that has begun. Positions are samples of the current stretch of sound."""

    start: int
    """Padded."""
    onset: int
    speech_end: int
    """End of the last chunk of speech."""
    cut: int
    """Where the next window starts."""
    id: str | None = None
    """Given once it is long enough."""
    num_chunks: int = 0


class SpeechFinder:
    """Listens to one voice stream.

    Args:
        voice: `voice-1`, ...: names the utterances.
        config: Thresholds and lengths.
        window_samples: Length of a window at 16 kHz.

    Raises:
        WeightsNotFound: the voice activity model is not installed.
        WeightsMismatch: it is not the one this code was checked with.
    """

    def __init__(self, voice: str, config: Speech, *, window_samples: int) -> None:
        self._voice, self._config, self._window = voice, config, window_samples
        self._pad = round(config.pad_seconds * RATE)
        self._max_pause = round(config.max_pause_seconds * RATE)
        self._min_length = round(config.min_utterance_seconds * RATE)
        self._probability = SpeechProbability()
        self._level = 0.0
        self._origin: tuple[Fraction, int, int | None] | None = None
        """Time of sample 0 of the current stretch, stream and channel."""
        self._samples: Float32Array = np.zeros(0, np.float32)
        """Kept samples of the stretch; the first is number `_first`."""
        self._first = 0
        self._heard = 0
        """Samples that the voice activity model has heard."""
        self._taken = 0
        """End of the utterance before, which the padding of the next must not reach into."""
        self._open: _Open | None = None
        self._utterances: list[Utterance] = []
        self._num_chunks = 0
        self._power: NDArray[np.float64] = np.zeros(CHUNK_SAMPLES // 2 + 1)
        """Of all speech: long-term spectrum."""
        self._tentative: NDArray[np.float64] = np.zeros_like(self._power)
        """Of the open utterance."""

    def push(self, block: Waveform) -> list[Window]:
        """Take in the next block of the stream.

        Returns:
            Windows that are complete, in order of time.

        Raises:
            ValueError: not 16 kHz.
        """
        if block.rate != RATE:
            raise ValueError(f"speech is looked for at {RATE} Hz, not {block.rate}")
        windows: list[Window] = []
        if self._origin is not None and abs(self._time(self._end) - block.start) > _SAME_TIME:
            windows += self._close_stretch()
        if self._origin is None:
            self._origin = block.start, block.stream, block.channel
        self._samples = np.concatenate([self._samples, block.samples])
        whole = self._end - (self._end - self._heard) % CHUNK_SAMPLES
        windows += self._listen(self._slice(self._heard, whole).reshape(-1, CHUNK_SAMPLES))
        self._forget()
        return windows

    def finish(self) -> tuple[list[Window], SpeechSummary]:
        """End the stream: the remaining windows, and what was found in all."""
        windows = self._close_stretch() if self._origin is not None else []
        summary = SpeechSummary(
            utterances=tuple(self._utterances),
            speech_seconds=self._num_chunks * CHUNK_SAMPLES / RATE,
            bandwidth_hz=self._bandwidth(),
        )
        return windows, summary

    @property
    def _end(self) -> int:
        return self._first + len(self._samples)

    def _time(self, sample: int) -> Fraction:
        assert self._origin is not None  # noqa: S101  # positions exist only within a stretch
        return self._origin[0] + Fraction(sample, RATE)

    def _slice(self, start: int, end: int) -> Float32Array:
        return self._samples[start - self._first : end - self._first]

    def _listen(self, chunks: Float32Array) -> list[Window]:
        """Follow the speech probability through whole chunks."""
        windows: list[Window] = []
        powers = np.abs(np.fft.rfft(chunks * _TAPER, axis=1)) ** 2
        for probability, power in zip(self._probability(self._levelled(chunks)), powers, strict=True):
            windows += self._step(float(probability), power)
        return windows

    def _levelled(self, chunks: Float32Array) -> Float32Array:
        """Raise weak sound to the level of speech."""
        release = 0.5 ** (CHUNK_SAMPLES / RATE / _RELEASE_SECONDS)
        gains = np.empty((len(chunks), 1), np.float32)
        for index, rms in enumerate(np.sqrt(np.mean(chunks.astype(np.float64) ** 2, axis=1))):
            self._level = max(float(rms), self._level * release)
            gains[index] = min(_MAX_GAIN, max(1.0, _SPEECH_RMS / max(self._level, 1e-12)))
        levelled: Float32Array = np.clip(chunks * gains, -1, 1)
        return levelled

    def _step(self, probability: float, power: NDArray[np.float64]) -> list[Window]:
        """One chunk of 32 ms."""
        start, end = self._heard, self._heard + CHUNK_SAMPLES
        self._heard = end
        current = self._open
        if probability >= self._config.threshold - (_HYSTERESIS if current is not None else 0):
            if current is None:
                padded = max(start - self._pad, self._taken, 0)
                current = self._open = _Open(start=padded, onset=start, speech_end=end, cut=padded)
                self._tentative[:] = 0
            current.speech_end = end
            current.num_chunks += 1
            self._tentative += power
            return self._full_windows(current, min(end, self._end))
        if current is not None and end - current.speech_end > self._max_pause:
            return self._close(current)
        return []

    def _full_windows(self, utterance: _Open, until: int) -> list[Window]:
        """Cut the windows that lie before `until`, of an utterance that is long enough to be one."""
        if utterance.id is None:
            if utterance.speech_end - utterance.onset < self._min_length:
                return []
            utterance.id = f"{self._voice}/utterance-{len(self._utterances) + 1}"
        windows = []
        while utterance.cut + self._window <= until:
            windows.append(self._cut(utterance.id, utterance.cut, utterance.cut + self._window))
            utterance.cut += self._window
        return windows

    def _close(self, utterance: _Open) -> list[Window]:
        """End an utterance: its last window lies at its end."""
        self._open = None
        end = min(utterance.speech_end + self._pad, self._heard, self._end)
        windows = self._full_windows(utterance, end)
        if utterance.id is None:
            return []
        if utterance.cut < end:
            windows.append(self._cut(utterance.id, max(utterance.start, end - self._window), end))
        self._taken = end
        self._num_chunks += utterance.num_chunks
        self._power += self._tentative
        assert self._origin is not None  # noqa: S101  # an utterance lies within a stretch
        _, stream, channel = self._origin
        interval = Interval(start=self._time(utterance.start), end=self._time(end))
        self._utterances.append(Utterance(id=utterance.id, stream=stream, channel=channel, interval=interval))
        return windows

    def _cut(self, utterance: str, start: int, end: int) -> Window:
        interval = Interval(start=self._time(start), end=self._time(end))
        return Window(utterance=utterance, interval=interval, samples=self._slice(start, end).copy())

    def _forget(self) -> None:
        """Drop samples that no window can reach any more."""
        current = self._open
        needed = self._heard - self._pad if current is None else max(current.start, current.cut - self._window)
        drop = max(0, min(needed, self._heard) - self._first)
        self._samples = self._samples[drop:].copy()
        self._first += drop

    def _close_stretch(self) -> list[Window]:
        """The sound ends, or breaks off: what was not a whole chunk is heard with silence behind it."""
        windows: list[Window] = []
        rest = self._slice(self._heard, self._end)
        if len(rest):
            windows += self._listen(np.pad(rest, (0, CHUNK_SAMPLES - len(rest)))[None])
        if self._open is not None:
            windows += self._close(self._open)
        self._probability.reset()
        self._origin = None
        self._samples = np.zeros(0, np.float32)
        self._first = self._heard = self._taken = 0
        return windows

    def _bandwidth(self) -> float | None:
        frequencies = np.arange(len(self._power)) * RATE / CHUNK_SAMPLES
        emphasis = np.abs(1 - _PRE_EMPHASIS * np.exp(-2j * np.pi * frequencies / RATE)) ** 2
        energy = np.cumsum(self._power * emphasis)
        if not energy[-1] > 0:
            return None
        return float(frequencies[int(np.searchsorted(energy, _BANDWIDTH_SHARE * energy[-1]))])
