"""One audio stream as 16 kHz mono voices: the whole of it, every channel accounted for, with exact times.

The stream is decoded twice: `ChannelSurvey` listens first and decides which channels are voices, then the voices are
resampled and handed out. Decoding is some hundred times faster than real time, so the second pass costs less than
anything that follows, and nothing has to be guessed from the beginning of a recording.

Resampling is done by libsoxr, `HQ`. Measured on tones, 48 to 16 kHz: 8.2 kHz, which would be heard at 7.8, is down by
130 dB against 15 dB with FFmpeg's own resampler as PyAV sets it up; 7 kHz is kept within 0.01 dB against 0.4 dB; both
run at over 900 times real time, and the result does not depend on how the sound is cut into pieces.

Imports no torch: this runs in the decoding child.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO

import numpy as np
import soxr

from detect.channels import ChannelSurvey, VoicePlan
from detect.config import Config
from detect.container import translated
from detect.decoded import AudioOutcome, Media
from detect.errors import UnreadableMedia
from detect.report import AbstentionEntry, CaveatEntry, DefectEntry, Span
from detect.soundtrack import LOUDEST, Piece, SoundTrack
from detect.types import CaveatKind, DefectKind, Float32Array, Interval, Modality, Reason, Waveform

RATE = 16_000
"""Hz of what is handed out: what the voice models and the voice activity model take."""

_BLOCK_SAMPLES = 10 * RATE
"""Samples of one voice handed out at a time."""

_SHORTFALL = Fraction(1, 10)
"""Seconds that decoders may return less than the packets last: encoder delay and padding (Opus 80 ms, RFC 7845,
section 5.1; MP3 at most 2 frames, 52 ms at 44.1 kHz)."""

_CLIPPED_FRACTION = 0.01
"""Samples at full scale from which clipping is reported."""


def read_audio(file: BinaryIO, media: Media, stream_index: int, config: Config) -> Iterator[Waveform | AudioOutcome]:
    """Decode one audio stream.

    Voices are interleaved in time: up to 10 s of the first, the same 10 s of the second, and so on. Where time stamps
    jump ahead, nothing is made up: a new block starts at the new time and the outcome names the gap.

    Args:
        file: The recording, seekable.
        media: What `survey` said of it.
        stream_index: Index of the stream in the container.
        config: Limits, and how many voices are listened to.

    Yields:
        16 kHz blocks of at most 10 s, then one `AudioOutcome`.

    Raises:
        UnsupportedMedia: no decoder for this codec.
        UnreadableMedia: not an audio stream, an impossible sample rate, or no finite sample at all (`non_finite`).
        LimitExceeded: more channels than allowed, or out of memory.
    """
    if all(stream.facts.index != stream_index or stream.facts.kind != "audio" for stream in media.streams):
        raise UnreadableMedia("no_such_stream", f"stream {stream_index} is not an audio stream of this recording")
    with translated(f"stream {stream_index}"):
        track = SoundTrack(file, stream_index, media.zero, config.limits)
        survey = ChannelSurvey(config.limits.max_channels)
        for piece in track.pieces():
            survey.add(piece.samples)
        if track.num_decoded and track.num_bad == track.num_values:
            raise UnreadableMedia("non_finite", f"stream {stream_index} holds no finite sample")
        plan = survey.plan(stream_index, config.speech.max_voice_streams)
        if plan.voices:
            yield from _blocks(SoundTrack(file, stream_index, media.zero, config.limits).pieces(), plan, stream_index)
        yield _outcome(track, plan, stream_index)


def _blocks(pieces: Iterator[Piece], plan: VoicePlan, stream: int) -> Iterator[Waveform]:
    """Resample the voices and hand them out in blocks, interleaved."""
    output: _Output | None = None
    for piece in pieces:
        if output is None or not piece.follows:
            if output is not None:
                yield from output.finish()
            output = _Output(plan, stream, piece.rate, piece.start)
        yield from output.push(piece.samples)
    if output is not None:
        yield from output.finish()


class _Output:
    """The voices of one run, on their way to 16 kHz."""

    def __init__(self, plan: VoicePlan, stream: int, rate: int, start: Fraction) -> None:
        self._plan, self._stream, self._start = plan, stream, start
        self._num_out = 0
        self._waiting: list[Float32Array] = []
        self._resampler = (
            None if rate == RATE else soxr.ResampleStream(rate, RATE, len(plan.voices), dtype="float32", quality="HQ")
        )

    def push(self, samples: Float32Array) -> Iterator[Waveform]:
        yield from self._take(self._plan.mix(samples), last=False)

    def finish(self) -> Iterator[Waveform]:
        yield from self._take(np.zeros((0, len(self._plan.voices)), np.float32), last=True)

    def _take(self, voices: Float32Array, *, last: bool) -> Iterator[Waveform]:
        self._waiting.append(voices if self._resampler is None else self._resampler.resample_chunk(voices, last=last))
        count = sum(map(len, self._waiting))
        if not last and count < _BLOCK_SAMPLES:
            return
        gathered = np.concatenate(self._waiting)
        whole = count if last else count - count % _BLOCK_SAMPLES
        self._waiting = [gathered[whole:]]
        for first in range(0, whole, _BLOCK_SAMPLES):
            block = gathered[first : min(first + _BLOCK_SAMPLES, whole)]
            for place, channel in enumerate(self._plan.voices):
                yield Waveform(
                    samples=np.ascontiguousarray(block[:, place]),
                    rate=RATE,
                    start=self._start + Fraction(self._num_out, RATE),
                    stream=self._stream,
                    channel=channel,
                )
            self._num_out += len(block)


def _outcome(track: SoundTrack, plan: VoicePlan, stream: int) -> AudioOutcome:
    rate = track.formats[0][0] if track.formats else 0
    promised = round(track.promised * rate)
    return AudioOutcome(
        num_decoded=track.num_decoded,
        num_expected=promised if track.promised else None,
        rate_hz=rate,
        seconds=track.seconds,
        voices=plan.qualities,
        defects=tuple(_defects(track, stream)),
        caveats=tuple(_caveats(track, plan, stream)),
        abstentions=plan.abstentions if track.num_decoded else (_nothing(track, stream),),
    )


def _nothing(track: SoundTrack, stream: int) -> AbstentionEntry:
    undecodable = bool(track.num_errors or track.promised)
    return AbstentionEntry(
        reason=Reason.STREAM_UNDECODABLE if undecodable else Reason.NO_AUDIO_CONTENT,
        subject=f"stream {stream}",
        detail=f"no sample could be decoded ({track.message})" if undecodable else "the stream holds no samples",
        modality=Modality.VOICE,
    )


def _defects(track: SoundTrack, stream: int) -> Iterator[DefectEntry]:
    if track.num_errors:
        yield DefectEntry(
            kind=DefectKind.DECODE_ERRORS, stream=stream, count=track.num_errors,
            detail=f"the decoder complained {track.num_errors} times, first: {track.message}",
        )  # fmt: skip
    if track.promised - track.seconds > _SHORTFALL:
        yield DefectEntry(
            kind=DefectKind.AUDIO_MISSING, stream=stream,
            detail=f"{float(track.seconds):.3f} s were decoded, the packets last {float(track.promised):.3f} s",
        )  # fmt: skip
    for gap in track.gaps.listed:
        yield DefectEntry(
            kind=DefectKind.AUDIO_MISSING, stream=stream, count=1, span=_span(gap),
            detail=f"the time stamps jump: {float(gap.duration):.3f} s without sound",
        )  # fmt: skip
    if track.gaps.more is not None:
        yield DefectEntry(
            kind=DefectKind.AUDIO_MISSING, stream=stream, count=track.gaps.num_more, span=_span(track.gaps.more),
            detail=f"{track.gaps.num_more} more jumps: {float(track.gaps.more_seconds):.3f} s without sound",
        )  # fmt: skip
    if track.num_bad:
        yield DefectEntry(
            kind=DefectKind.NON_FINITE_SAMPLES, stream=stream, count=track.num_bad,
            detail=f"{track.num_bad} samples are no numbers, or beyond {LOUDEST:g} times full scale: taken as 0",
        )  # fmt: skip


def _span(interval: Interval) -> Span:
    return Span(start_seconds=round(float(interval.start), 6), end_seconds=round(float(interval.end), 6))


def _caveats(track: SoundTrack, plan: VoicePlan, stream: int) -> Iterator[CaveatEntry]:
    if len(track.formats) > 1:
        listed = ", ".join(f"{rate} Hz x {channels}" for rate, channels in track.formats)
        yield CaveatEntry(kind=CaveatKind.FORMAT_CHANGES, stream=stream, detail=f"rate or channels change: {listed}")
    if track.num_repaired:
        yield CaveatEntry(
            kind=CaveatKind.TIMESTAMPS_REPAIRED, stream=stream,
            detail=f"time stamps go back or out of range at {track.num_repaired} places: samples were counted instead",
        )  # fmt: skip
    clipped = max((quality.clipped_fraction for quality in plan.qualities), default=0.0)
    if clipped > _CLIPPED_FRACTION:
        yield CaveatEntry(kind=CaveatKind.CLIPPED, stream=stream, detail=f"{clipped:.1%} of samples are at full scale")
