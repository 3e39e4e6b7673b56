"""Which channels of an audio stream carry which voice: measured over the whole stream before anything is mixed.

Mixing all channels to one, the usual way, loses speech: out-of-phase stereo cancels, the two ends of a telephone call
talk over each other, and a voice in one of six channels drops by 16 dB. So channels are mixed only where they carry the
same signal everywhere; otherwise each one with content is listened to for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detect.decoded import VoiceQuality
from detect.report import AbstentionEntry
from detect.types import Float32Array, Modality, Reason

_SAME_SIGNAL = 0.95
"""Correlation with the channels' mean from which a channel carries the same signal. For two channels of equal level it
stands for a correlation of 0.8 with each other; the two ends of a call, which are independent, come to 0.71."""

_OPPOSED = -0.5
"""Correlation of two channels, within a part of a piece, at which they would cancel rather than add."""

_PARTS = 4
"""Of a piece, compared each for itself: a quarter of a second, so that half a second of turned polarity, a word, fills
at least one of them. Independent wide-band noise of that length stays within 0.1 of zero."""

_MIN_PART = 1_000
"""Samples: correlation of less is chance. An eighth of a second of telephone sound."""

_AUDIBLE_RMS = 0.003
"""-50 dBFS: in parts that are weaker, two channels may hold opposed hum and nothing else."""

_CONTENT_SWING = 3 / 32768
"""Half the distance from lowest to highest sample at or under which a channel has no content: the dither of 16-bit
sound swings by 2 steps (triangular, Lipshitz et al., JAES 1992), and a constant offset does not swing."""

_CLIPPED_LEVEL = 0.999
"""At or over this a sample is at full scale: 16-bit full scale and one per mille under it, as codecs smear."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VoicePlan:
    """How the channels of one stream become voices."""

    voices: tuple[int | None, ...]
    """Channel of each voice, ascending; None, alone, where the channels are mixed to one."""
    members: tuple[int, ...]
    """Channels that are mixed, where they are."""
    signs: tuple[float, ...]
    """Polarity of each member against the loudest."""
    qualities: tuple[VoiceQuality, ...]
    abstentions: tuple[AbstentionEntry, ...]

    def mix(self, samples: Float32Array) -> Float32Array:
        """Turn the channels of a piece into voices.

        Args:
            samples: (channels, n) float32. A piece may have fewer channels than the stream at its widest.

        Returns:
            (n, voices) float32.
        """
        mixed = np.zeros((samples.shape[1], len(self.voices)), np.float32)
        for place, channel in enumerate(self.voices):
            if channel is None:
                there = [(member, sign) for member, sign in zip(self.members, self.signs, strict=True)
                         if member < len(samples)]  # fmt: skip
                for member, sign in there:
                    mixed[:, place] += samples[member] * np.float32(sign / len(there))
            elif channel < len(samples):
                mixed[:, place] = samples[channel]
        return mixed


class ChannelSurvey:
    """Gathers levels, correlation and polarity of the channels of one stream.

    Args:
        max_channels: No piece has more.
    """

    def __init__(self, max_channels: int) -> None:
        self._width = 0
        self._count = 0
        self._sum, self._clipped = np.zeros((2, max_channels))
        self._low, self._high = np.full(max_channels, np.inf), np.full(max_channels, -np.inf)
        self._cross, self._most_opposed, self._most_alike = np.zeros((3, max_channels, max_channels))

    def add(self, samples: Float32Array) -> None:
        """Take in one piece of about a second.

        Args:
            samples: (channels, n) float32, finite. Channels that the piece lacks count as silent.
        """
        piece = samples.astype(np.float64)
        width, count = piece.shape
        if self._count and width != self._width:  # a channel is silent wherever it is not there
            lacking = np.s_[min(width, self._width) : max(width, self._width)]
            self._low[lacking] = np.minimum(self._low[lacking], 0)
            self._high[lacking] = np.maximum(self._high[lacking], 0)
        self._width = max(self._width, width)
        if not count:
            return
        self._count += count
        low, high = samples.min(axis=1), samples.max(axis=1)
        self._low[:width] = np.minimum(self._low[:width], low)
        self._high[:width] = np.maximum(self._high[:width], high)
        if max(-low.min(), high.max()) >= _CLIPPED_LEVEL:
            self._clipped[:width] += (np.abs(samples) >= _CLIPPED_LEVEL).sum(axis=1)
        for part in np.array_split(piece, _PARTS, axis=1):
            total, cross = part.sum(axis=1), part @ part.T
            self._sum[:width] += total
            self._cross[:width, :width] += cross
            if part.shape[1] >= _MIN_PART:
                self._compare(cross / part.shape[1] - np.outer(total, total) / part.shape[1] ** 2)

    def _compare(self, covariance: NDArray[np.float64]) -> None:
        """Keep the extremes of correlation among the parts."""
        level = np.sqrt(np.clip(np.diag(covariance), 0, None))
        audible = np.outer(level >= _AUDIBLE_RMS, level >= _AUDIBLE_RMS)
        alike = np.divide(covariance, np.outer(level, level), out=np.zeros_like(covariance), where=audible)
        corner = np.s_[: len(level), : len(level)]
        self._most_opposed[corner] = np.minimum(self._most_opposed[corner], alike)
        self._most_alike[corner] = np.maximum(self._most_alike[corner], alike)

    def plan(self, stream: int, max_voices: int) -> VoicePlan:
        """Decide on the voices.

        Args:
            stream: Index of the stream, for messages.
            max_voices: Separate channels that are listened to, loudest first; the others are named.
        """
        swing = (self._high - self._low)[: self._width] / 2
        content = [channel for channel in range(len(swing)) if swing[channel] > _CONTENT_SWING]
        silent = [channel for channel in range(len(swing)) if channel not in content]
        abstentions = _silences(stream, silent, swing, anything=bool(content))
        signs = self._polarity(content)
        if len(content) > 1 and self._same(content, signs):
            quality = self._quality(None, content)
            return VoicePlan(
                voices=(None,), members=tuple(content), signs=tuple(float(sign) for sign in signs),
                qualities=(quality,), abstentions=tuple(abstentions),
            )  # fmt: skip
        if len(content) > max_voices:
            loudest = sorted(content, key=lambda channel: (-self._variance(channel), channel))
            content, beyond = sorted(loudest[:max_voices]), sorted(loudest[max_voices:])
            abstentions.append(_beyond(stream, beyond, max_voices))
        alone = len(swing) == 1
        return VoicePlan(
            voices=tuple(None if alone else channel for channel in content),
            members=tuple(content) if alone else (),
            signs=(1.0,) if alone and content else (),
            qualities=tuple(self._quality(None if alone else channel, [channel]) for channel in content),
            abstentions=tuple(abstentions),
        )

    def _covariance(self) -> NDArray[np.float64]:
        mean = self._sum / max(1, self._count)
        covariance: NDArray[np.float64] = self._cross / max(1, self._count) - np.outer(mean, mean)
        return covariance

    def _variance(self, channel: int) -> float:
        return float(self._covariance()[channel, channel])

    def _polarity(self, channels: Sequence[int]) -> NDArray[np.float64]:
        """+1 or -1 of each channel against the loudest of them."""
        if not channels:
            return np.zeros(0)
        covariance = self._covariance()[np.ix_(channels, channels)]
        loudest = int(np.argmax(np.diag(covariance)))
        return np.where(covariance[loudest] < 0, -1.0, 1.0)

    def _same(self, channels: Sequence[int], signs: NDArray[np.float64]) -> bool:
        """Whether all carry one signal, over the whole and, as far as polarity goes, in every part."""
        part = np.ix_(channels, channels)
        turned = np.outer(signs, signs)
        covariance = self._covariance()[part] * turned
        with_mean = covariance.mean(axis=1)
        of_mean = covariance.mean()
        level = np.sqrt(np.diag(covariance) * of_mean)
        if not (of_mean > 0 and bool(np.all(with_mean >= _SAME_SIGNAL * level))):
            return False
        worst = np.where(turned > 0, self._most_opposed[part], -self._most_alike[part])
        return bool(worst.min() > _OPPOSED)

    def _quality(self, voice: int | None, channels: Sequence[int]) -> VoiceQuality:
        part = list(channels)
        power = np.diag(self._cross)[part] / self._count
        return VoiceQuality(
            channel=voice,
            peak=round(float(np.maximum(-self._low[part], self._high[part]).max()), 6),
            rms=round(float(np.sqrt(power.mean())), 6),
            clipped_fraction=round(float(self._clipped[part].max() / self._count), 6),
        )


def _silences(
    stream: int, silent: Sequence[int], swing: NDArray[np.float64], *, anything: bool
) -> list[AbstentionEntry]:
    if not anything:
        return [_silence(f"stream {stream}", float(swing.max(initial=0.0)))]
    return [_silence(f"stream {stream} channel {channel}", float(swing[channel])) for channel in silent]


def _silence(subject: str, swing: float) -> AbstentionEntry:
    return AbstentionEntry(
        reason=Reason.NO_AUDIO_CONTENT,
        subject=subject,
        detail=f"silence: samples swing by {swing:.6f} of full scale, content needs more than {_CONTENT_SWING:.6f}",
        modality=Modality.VOICE,
    )


def _beyond(stream: int, channels: Sequence[int], limit: int) -> AbstentionEntry:
    return AbstentionEntry(
        reason=Reason.CHANNELS_BEYOND_LIMIT,
        subject=f"stream {stream}",
        detail=f"channels {', '.join(map(str, channels))} were not listened to: the {limit} loudest were",
        modality=Modality.VOICE,
    )
