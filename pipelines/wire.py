"""What a decoding child and its parent say to each other: one request down, then answers up.

A request is JSON and comes from the trusted side. An answer is a header of fixed size, then raw array bytes or JSON:

    FRAME      header with time, shape, flags | height x width x 3 bytes, RGB
    WAVEFORM   header with start, rate        | n little-endian float32
    OUTCOME    header with length             | JSON of a `Media`, `VideoOutcome` or `AudioOutcome`; the last answer
    ERROR      header with length             | JSON of state, reason and message; the last answer

This file holds the format and the child's half; `pipelines.answers` holds the parent's, which trusts nothing.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from enum import IntEnum
from fractions import Fraction
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from detect.config import Config
from detect.decoded import AudioOutcome, Media, VideoOutcome
from detect.errors import (
    InputError,
    UnreadableMedia,
)
from detect.types import Frame, ItemState, Waveform

Outcome = Media | VideoOutcome | AudioOutcome
Answer = Frame | Waveform | Outcome

_MAX_MESSAGE = 2_000
_MAX_REASON = 64

STATUS = struct.Struct("<ii")
"""Sent when a child has ended: exit code as `os.waitstatus_to_exitcode` gives it; errno of a fork that failed, or 0."""
OUT_OF_MEMORY = 112
"""Exit code of a child whose memory has run out, as an answer might need some."""

MAGIC = b"UMW1"
HEADER = struct.Struct("<4sBBHiqqqqIIIQ")
"""Magic, kind, flags, zero, stream, index, time numerator, time denominator, pts, three sizes, bytes that follow."""
_LENGTH = struct.Struct("<Q")
FLAG_KEY_FRAME = 1
FLAG_PTS = 2
FLAG_CHANNEL = 4


class Kind(IntEnum):
    """What an answer is."""

    FRAME = 1
    WAVEFORM = 2
    OUTCOME = 3
    ERROR = 4


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


class Failure(BaseModel):
    """Why there is no outcome: an `InputError` on its way."""

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
                parts = [_pack(Kind.OUTCOME, length=len(text)), text]
        except struct.error as error:
            raise UnreadableMedia("timestamps", f"a time of this recording does not fit 64 bits: {error}") from error
        write_all(self._descriptor, parts)

    def error(self, error: InputError) -> None:
        """Send why there is no outcome."""
        failure = Failure(
            state=error.state,
            reason=_printable(error.reason)[:_MAX_REASON],
            message=_printable(error.message)[:_MAX_MESSAGE],
        )
        text = failure.model_dump_json().encode()
        write_all(self._descriptor, [_pack(Kind.ERROR, length=len(text)), text])

    @staticmethod
    def _frame(frame: Frame) -> list[bytes | memoryview]:
        pixels = np.ascontiguousarray(frame.pixels)
        flags = FLAG_KEY_FRAME * frame.key_frame | FLAG_PTS * (frame.pts is not None)
        header = _pack(
            Kind.FRAME,
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
            Kind.WAVEFORM,
            flags=FLAG_CHANNEL * (waveform.channel is not None),
            stream=waveform.stream,
            time=waveform.start,
            sizes=(samples.size, waveform.rate, waveform.channel or 0),
            length=samples.nbytes,
        )
        return [header, samples.data]


def _pack(
    kind: Kind,
    *,
    flags: int = 0,
    stream: int = 0,
    index: int = 0,
    time: Fraction = Fraction(0),
    pts: int = 0,
    sizes: tuple[int, ...] = (0, 0, 0),
    length: int,
) -> bytes:
    return HEADER.pack(MAGIC, kind, flags, 0, stream, index, time.numerator, time.denominator, pts, *sizes, length)


def _printable(text: str) -> str:
    """Control characters as escapes: what the evidence calls itself may end up in a message."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text) or "unknown"
