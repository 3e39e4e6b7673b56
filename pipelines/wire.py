"""What a decoding child and its parent say to each other: one request down, then binary answers up.

A request is JSON and comes from the trusted side. An answer is a header of fixed size, then raw array bytes or JSON:

    FRAME      header with time, shape, flags | height x width x 3 bytes, RGB
    WAVEFORM   header with start, rate        | n little-endian float32
    OUTCOME    header with length             | JSON of a `Media`, `VideoOutcome` or `AudioOutcome`; the last answer
    ERROR      header with length             | JSON of state, reason and message; the last answer

The reader trusts nothing: whoever has broken into a decoder writes these bytes. Each number is checked against what was
asked for before anything of that size is allocated, and nothing is ever unpickled.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from typing import Literal, NoReturn, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from detect.config import Config
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

Outcome = Media | VideoOutcome | AudioOutcome
Answer = Frame | Waveform | Outcome
_Document = TypeVar("_Document", bound=BaseModel)

MAX_JSON_BYTES = 16 * 2**20
"""Measured: the survey of a recording with 4,096 planned frames and 64 streams is 0.2 MB; tags make the rest."""
MAX_BLOCK_SAMPLES = 2**24
"""17 minutes of 16 kHz sound, 64 MB: far above the blocks that `detect.audio` yields."""
VOICE_RATE = 16_000
"""Hz: the one rate that `Decoder.audio` promises."""
_MAX_MESSAGE = 2_000
_MAX_REASON = 64

STATUS = struct.Struct("<ii")
"""Sent when a child has ended: exit code as `os.waitstatus_to_exitcode` gives it; errno of a fork that failed, or 0."""

_MAGIC = b"UMW1"
_HEADER = struct.Struct("<4sBBHiqqqqIIIQ")
"""Magic, kind, flags, zero, stream, index, time numerator, time denominator, pts, three sizes, bytes that follow."""
_LENGTH = struct.Struct("<Q")
_FLAG_KEY_FRAME = 1
_FLAG_PTS = 2
_FLAG_CHANNEL = 4


class _Kind(IntEnum):
    FRAME = 1
    WAVEFORM = 2
    OUTCOME = 3
    ERROR = 4


class ProtocolViolation(Exception):
    """An answer that no intact child gives: the child is broken or no longer ours."""


class Request(BaseModel):
    """One job of a closed table, with all its parameters; the evidence travels beside it as a descriptor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job: Literal["survey", "frames", "audio"]
    config: Config
    cpu_seconds: int = Field(gt=0)
    """Processor time of all threads together, after which the kernel ends the child."""
    media: Media | None = None
    stream: int = 0
    num_threads: int = 0


class _Failure(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    state: ItemState
    reason: str = Field(min_length=1, max_length=_MAX_REASON)
    message: str = Field(max_length=_MAX_MESSAGE)

    @field_validator("reason", "message")
    @classmethod
    def _no_control_characters(cls, text: str) -> str:
        # These lines reach terminals and logs; an escape sequence there could rewrite what a person reads.
        if not text.isprintable():
            raise ValueError("control characters")
        return text


_ERRORS: dict[ItemState, type[InputError]] = {
    error.state: error for error in (UnsupportedMedia, UnreadableMedia, LimitExceeded, DecoderTimeout, DecoderCrashed)
}
_OUTCOMES: dict[str, type[Outcome]] = {"survey": Media, "frames": VideoOutcome, "audio": AudioOutcome}


def write_all(descriptor: int, buffers: Sequence[bytes | memoryview]) -> None:
    """Write every byte of every buffer.

    Raises:
        OSError: the other side is gone.
    """
    left = [memoryview(buffer).cast("B") for buffer in buffers if len(buffer)]
    while left:
        written = os.writev(descriptor, left)
        while left and written >= len(left[0]):
            written -= len(left.pop(0))
        if written:
            left[0] = left[0][written:]


def encode_request(request: Request) -> bytes:
    """The bytes that the parent sends down."""
    text = request.model_dump_json().encode()
    return _LENGTH.pack(len(text)) + text


def read_request(descriptor: int) -> Request:
    """Read the request, in the child; it comes from the trusted side.

    Raises:
        EOFError: the parent has gone.
    """

    def take(length: int) -> bytes:
        parts = bytearray()
        while len(parts) < length:
            piece = os.read(descriptor, length - len(parts))
            if not piece:
                raise EOFError("the parent left before its request was complete")
            parts += piece
        return bytes(parts)

    (length,) = _LENGTH.unpack(take(_LENGTH.size))
    return Request.model_validate_json(take(length))


class AnswerWriter:
    """The child's side. Back-pressure is the socket itself: a write waits until the parent has read.

    Args:
        descriptor: The job's socket. Only `write` is used on it, since the child's filter refuses socket calls.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        # Made beforehand: when memory has run out, this must not need any.
        self._out_of_memory = self._failure(
            LimitExceeded("memory", "decoding needs more memory than limits.decoder_memory_bytes allows")
        )

    def answer(self, answer: Answer) -> None:
        """Send one frame, waveform or outcome.

        Raises:
            UnreadableMedia: a time that does not fit 64 bits.
        """
        try:
            if isinstance(answer, Frame):
                parts = self._frame(answer)
            elif isinstance(answer, Waveform):
                parts = self._waveform(answer)
            else:
                text = answer.model_dump_json().encode()
                parts = [_pack(_Kind.OUTCOME, length=len(text)), text]
        except struct.error as error:
            raise UnreadableMedia("timestamps", f"a time of this recording does not fit 64 bits: {error}") from error
        write_all(self._descriptor, parts)

    def error(self, error: InputError) -> None:
        """Send why there is no outcome."""
        write_all(self._descriptor, [self._failure(error)])

    def out_of_memory(self) -> None:
        """Send that memory ran out; allocates nothing to speak of."""
        write_all(self._descriptor, [self._out_of_memory])

    @staticmethod
    def _frame(frame: Frame) -> list[bytes | memoryview]:
        pixels = np.ascontiguousarray(frame.pixels)
        flags = _FLAG_KEY_FRAME * frame.key_frame | _FLAG_PTS * (frame.pts is not None)
        header = _pack(
            _Kind.FRAME,
            flags=flags,
            stream=frame.stream,
            index=frame.index,
            time=frame.time,
            pts=frame.pts or 0,
            sizes=pixels.shape,
            length=pixels.nbytes,
        )
        return [header, pixels.data]

    @staticmethod
    def _waveform(waveform: Waveform) -> list[bytes | memoryview]:
        samples = np.ascontiguousarray(waveform.samples, dtype="<f4")
        header = _pack(
            _Kind.WAVEFORM,
            flags=_FLAG_CHANNEL * (waveform.channel is not None),
            stream=waveform.stream,
            time=waveform.start,
            sizes=(samples.size, waveform.rate, waveform.channel or 0),
            length=samples.nbytes,
        )
        return [header, samples.data]

    @staticmethod
    def _failure(error: InputError) -> bytes:
        failure = _Failure(
            state=error.state,
            reason=_printable(error.reason)[:_MAX_REASON],
            message=_printable(error.message)[:_MAX_MESSAGE],
        )
        text = failure.model_dump_json().encode()
        return _pack(_Kind.ERROR, length=len(text)) + text


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
            self._samples_left = int(limits.max_duration_seconds * VOICE_RATE) * limits.max_channels
        self._next_index = 0

    def read(self) -> Answer:
        """Read one answer.

        Raises:
            InputError: the child's own verdict on the evidence.
            ProtocolViolation: anything that an intact child does not send.
        """
        header = self._read_header()
        if header.kind == _Kind.FRAME and self._request.job == "frames":
            return self._read_frame(header)
        if header.kind == _Kind.WAVEFORM and self._request.job == "audio":
            return self._read_waveform(header)
        if header.kind == _Kind.OUTCOME:
            return self._read_json(header, _OUTCOMES[self._request.job])
        if header.kind == _Kind.ERROR:
            self._raise(self._read_json(header, _Failure))
        raise ProtocolViolation(f"answer of kind {header.kind} to a {self._request.job} job")

    def _read_header(self) -> _Header:
        buffer = bytearray(_HEADER.size)
        self._read_into(memoryview(buffer))
        magic, kind, flags, zero, stream, index, numerator, denominator, pts, *sizes, length = _HEADER.unpack(buffer)
        if magic != _MAGIC or zero != 0:
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
            pts=header.pts if header.flags & _FLAG_PTS else None,
            key_frame=bool(header.flags & _FLAG_KEY_FRAME),
        )

    def _read_waveform(self, header: _Header) -> Waveform:
        count, rate, channel = header.sizes
        _require(header.denominator > 0, "time with a denominator under one")
        _require(header.stream == self._request.stream, "sound of a stream that was not asked for")
        _require(rate == VOICE_RATE, "sound at another rate than was asked for")
        _require(channel < self._request.config.limits.max_channels, "channel beyond limits.max_channels")
        _require(0 < count <= min(MAX_BLOCK_SAMPLES, self._samples_left), "too many samples or none")
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
            channel=channel if header.flags & _FLAG_CHANNEL else None,
        )

    def _read_json(self, header: _Header, model: type[_Document]) -> _Document:
        _require(header.length <= MAX_JSON_BYTES, "document too long")
        text = bytearray(header.length)
        self._read_into(memoryview(text))
        try:
            return model.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            raise ProtocolViolation(f"document that is no {model.__name__}: {first['type']}") from None

    @staticmethod
    def _raise(failure: _Failure) -> NoReturn:
        if failure.state not in _ERRORS:
            raise ProtocolViolation(f"state {failure.state} is not a decoder's to give")
        raise _ERRORS[failure.state](failure.reason, failure.message)


def _pack(
    kind: _Kind,
    *,
    flags: int = 0,
    stream: int = 0,
    index: int = 0,
    time: Fraction = Fraction(0),
    pts: int = 0,
    sizes: tuple[int, ...] = (0, 0, 0),
    length: int,
) -> bytes:
    return _HEADER.pack(_MAGIC, kind, flags, 0, stream, index, time.numerator, time.denominator, pts, *sizes, length)


def _printable(text: str) -> str:
    """Control characters as escapes: what the evidence calls itself may end up in a message."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text) or "unknown"


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ProtocolViolation(otherwise)
