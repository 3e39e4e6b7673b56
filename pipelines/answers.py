"""The parent's ear: reads one decoding child's answers and believes none of them.

Whoever has broken into a decoder writes these bytes. Each number is checked against what was asked for before anything
of that size is allocated; documents are validated; nothing is ever unpickled. What remains is that a taken-over child
can lie about its own recording, as its pixels could have been anything from the start. Texts in an outcome are the
evidence's own words, and are escaped where they are shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import NoReturn, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError

from detect.decoded import AudioOutcome, Media, VideoOutcome
from detect.errors import (
    DecoderCrashed,
    DecoderTimeout,
    InputError,
    LimitExceeded,
    UnreadableMedia,
    UnsupportedMedia,
)
from detect.types import Frame, ItemState, Waveform
from pipelines.wire import (
    FLAG_CHANNEL,
    FLAG_KEY_FRAME,
    FLAG_PTS,
    HEADER,
    MAGIC,
    Answer,
    Failure,
    Kind,
    Outcome,
    Request,
)

_Document = TypeVar("_Document", bound=BaseModel)

_MAX_JSON_BYTES = 16 * 2**20
"""Measured: a survey with 4,096 planned frames in each of four streams is 0.15 MB; tags make the rest."""
_MAX_BLOCK_SAMPLES = 2**20
"""65 s of 16 kHz sound; `detect.audio` yields 10 s at a time."""
_VOICE_RATE = 16_000
"""Hz: the one rate that `Decoder.audio` promises."""
_MAX_INTEGER = 2**63
"""What SQLite and JSON readers take."""
_MAX_PART = 2**256
"""Of a fraction: sums of times in several time bases have long denominators; `float` takes up to 2**1023."""

_ERRORS: dict[ItemState, type[InputError]] = {
    error.state: error for error in (UnsupportedMedia, UnreadableMedia, LimitExceeded, DecoderTimeout, DecoderCrashed)
}
_OUTCOMES: dict[str, type[Outcome]] = {"survey": Media, "frames": VideoOutcome, "audio": AudioOutcome}


class ProtocolViolation(Exception):
    """An answer that no intact child gives: the child is broken or no longer ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    kind: int
    flags: int
    stream: int
    index: int
    numerator: int
    denominator: int
    pts: int
    sizes: tuple[int, int, int]
    length: int

    @property
    def time(self) -> Fraction:
        return Fraction(self.numerator, self.denominator)


class AnswerReader:
    """The parent's side: reads one job's answers and believes none of them.

    Args:
        read_into: Fills a writable buffer from the child; raises whatever it likes when it cannot.
        request: What was asked; bounds what may be answered.
    """

    def __init__(self, read_into: Callable[[memoryview], None], request: Request) -> None:
        self._read_into = read_into
        self._request = request
        limits = request.config.limits
        self._frames_left = 0
        self._samples_left = 0
        if request.job == "frames" and request.media is not None:
            plans = [s.plan for s in request.media.streams if s.facts.index == request.stream]
            self._frames_left = sum(len(plan.targets) for plan in plans if plan is not None)
        elif request.job == "audio":
            self._samples_left = int(limits.max_duration_seconds * _VOICE_RATE) * limits.max_channels
        self._next_index = 0

    def read(self) -> Answer:
        """Read one answer.

        Raises:
            InputError: the child's own verdict on the evidence.
            ProtocolViolation: anything that an intact child does not send.
        """
        header = self._read_header()
        if header.kind == Kind.FRAME and self._request.job == "frames":
            return self._read_frame(header)
        if header.kind == Kind.WAVEFORM and self._request.job == "audio":
            return self._read_waveform(header)
        if header.kind == Kind.OUTCOME:
            outcome = self._read_json(header, _OUTCOMES[self._request.job])
            _check_numbers(outcome)
            return outcome
        if header.kind == Kind.ERROR:
            self._raise(self._read_json(header, Failure))
        raise ProtocolViolation(f"answer of kind {header.kind} to a {self._request.job} job")

    def _read_header(self) -> _Header:
        buffer = bytearray(HEADER.size)
        self._read_into(memoryview(buffer))
        magic, kind, flags, zero, stream, index, numerator, denominator, pts, *sizes, length = HEADER.unpack(buffer)
        if magic != MAGIC or zero != 0:
            raise ProtocolViolation("no answer starts like this")
        return _Header(
            kind=kind,
            flags=flags,
            stream=stream,
            index=index,
            numerator=numerator,
            denominator=denominator,
            pts=pts,
            sizes=(sizes[0], sizes[1], sizes[2]),
            length=length,
        )

    def _read_frame(self, header: _Header) -> Frame:
        limits = self._request.config.limits
        height, width, depth = header.sizes
        _require(header.denominator > 0, "time with a denominator under one")
        _require(header.stream == self._request.stream, "frame of a stream that was not asked for")
        _require(header.index == self._next_index, "frames out of order")
        _require(self._frames_left > 0, "more frames than were planned")
        _require(depth == 3 and 0 < height <= limits.max_side_px and 0 < width <= limits.max_side_px, "frame's shape")
        _require(height * width <= limits.max_pixels, "frame larger than limits.max_pixels")
        _require(header.length == height * width * depth, "frame's length differs from its shape")
        pixels = np.empty((height, width, depth), dtype=np.uint8)
        self._read_into(pixels.data.cast("B"))
        self._next_index += 1
        self._frames_left -= 1
        return Frame(
            pixels=pixels,
            time=header.time,
            stream=header.stream,
            index=header.index,
            pts=header.pts if header.flags & FLAG_PTS else None,
            key_frame=bool(header.flags & FLAG_KEY_FRAME),
        )

    def _read_waveform(self, header: _Header) -> Waveform:
        count, rate, channel = header.sizes
        _require(header.denominator > 0, "time with a denominator under one")
        _require(header.stream == self._request.stream, "sound of a stream that was not asked for")
        _require(rate == _VOICE_RATE, "sound at another rate than was asked for")
        _require(channel < self._request.config.limits.max_channels, "channel beyond limits.max_channels")
        _require(0 < count <= min(_MAX_BLOCK_SAMPLES, self._samples_left), "too many samples or none")
        _require(header.length == 4 * count, "sound's length differs from its number of samples")
        samples = np.empty(count, dtype="<f4")
        self._read_into(samples.data.cast("B"))
        _require(bool(np.isfinite(samples).all()), "samples that are no numbers")
        self._samples_left -= count
        return Waveform(
            samples=samples.astype(np.float32, copy=False),
            rate=rate,
            start=header.time,
            stream=header.stream,
            channel=channel if header.flags & FLAG_CHANNEL else None,
        )

    def _read_json(self, header: _Header, model: type[_Document]) -> _Document:
        _require(header.length <= _MAX_JSON_BYTES, "document too long")
        text = bytearray(header.length)
        self._read_into(memoryview(text))
        try:
            return model.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            raise ProtocolViolation(f"document that is no {model.__name__}: {first['type']}") from None

    @staticmethod
    def _raise(failure: Failure) -> NoReturn:
        if failure.state not in _ERRORS:
            raise ProtocolViolation(f"state {failure.state} is not a decoder's to give")
        raise _ERRORS[failure.state](failure.reason, failure.message)


def _check_numbers(value: object) -> None:
    """Refuse numbers that are valid JSON and yet break whoever computes with them, or whatever stores them."""
    if isinstance(value, BaseModel):
        for _, item in value:
            _check_numbers(item)
    elif isinstance(value, dict):
        for item in value.values():
            _check_numbers(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_numbers(item)
    elif isinstance(value, float):
        _require(math.isfinite(value), "number that is none")
    elif isinstance(value, int):
        _require(abs(value) < _MAX_INTEGER, "number too large")
    elif isinstance(value, Fraction):
        _require(max(abs(value.numerator), value.denominator) < _MAX_PART, "fraction too long")


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ProtocolViolation(otherwise)
