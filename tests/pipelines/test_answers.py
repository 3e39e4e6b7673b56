"""What a taken-over child writes is refused before it costs anything."""

from __future__ import annotations

import contextlib
import os
import struct
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detect.config import Config, Limits
from detect.decoded import AudioOutcome, Media, VideoOutcome
from detect.errors import InputError, LimitExceeded, UnreadableMedia
from detect.types import Frame, Waveform
from pipelines import wire
from pipelines.answers import AnswerReader, ProtocolViolation
from tests.pipelines.synthetic import synthetic_frame, synthetic_media

MEDIA = synthetic_media(3)


def request(job: str, **limits: float) -> wire.Request:
    config = Config(limits=Limits.model_validate(limits))
    return wire.Request.model_validate({"job": job, "config": config, "cpu_seconds": 1, "media": MEDIA})


def reader(text: bytes, job: str, **limits: float) -> AnswerReader:
    rest = memoryview(text)

    def read_into(view: memoryview) -> None:
        nonlocal rest
        if len(rest) < len(view):
            raise EOFError
        view[:] = rest[: len(view)]
        rest = rest[len(view) :]

    return AnswerReader(read_into, request(job, **limits))


def read_four(answers: AnswerReader) -> list[wire.Answer]:
    return [answers.read() for _ in range(4)]


def written(*answers: wire.Answer | InputError) -> bytes:
    """What an honest child sends."""
    readable, writable = os.pipe()
    try:
        writer = wire.AnswerWriter(writable)
        for answer in answers:
            writer.error(answer) if isinstance(answer, InputError) else writer.answer(answer)
        return os.read(readable, 2**16)
    finally:
        os.close(readable)
        os.close(writable)


def waveform(**changes: object) -> Waveform:
    values = {"samples": np.linspace(-1, 1, 50, dtype=np.float32), "rate": 16_000, "start": Fraction(-1, 3)}
    return Waveform(**({"stream": 0, "channel": None} | values | changes))  # type: ignore[arg-type]  # a test's shorthand


def header(kind: wire.Kind, **changes: object) -> bytes:
    return wire._pack(kind, **({"length": 0} | changes))  # type: ignore[arg-type]  # a test's shorthand


def test_a_frame_arrives_as_it_left() -> None:
    frame = Frame(
        pixels=np.random.default_rng(1).integers(0, 255, (31, 17, 3), dtype=np.uint8),
        time=Fraction(1001, 30_000),
        stream=0,
        index=0,
        pts=-5,
        key_frame=True,
    )
    read = reader(written(frame), "frames").read()
    assert isinstance(read, Frame)
    assert (read.pixels == frame.pixels).all()
    assert (read.time, read.stream, read.index, read.pts, read.key_frame) == (frame.time, 0, 0, -5, True)


@pytest.mark.parametrize("channel", [None, 0, 5])
def test_a_waveform_arrives_as_it_left(channel: int | None) -> None:
    sent = waveform(channel=channel)
    read = reader(written(sent), "audio").read()
    assert isinstance(read, Waveform)
    assert read.samples.tobytes() == sent.samples.tobytes()
    assert (read.rate, read.start, read.channel) == (16_000, Fraction(-1, 3), channel)


def test_outcomes_arrive_as_they_left() -> None:
    assert reader(written(MEDIA), "survey").read() == MEDIA
    outcome = VideoOutcome(num_decoded=3, num_expected=None)
    assert reader(written(outcome), "frames").read() == outcome


def test_an_error_is_raised_as_what_it_was() -> None:
    with pytest.raises(LimitExceeded) as caught:
        reader(written(LimitExceeded("pixels", "too large: 99 x 99")), "survey").read()
    assert (caught.value.reason, caught.value.message) == ("pixels", "too large: 99 x 99")


def test_control_characters_of_the_evidence_arrive_as_escapes() -> None:
    with pytest.raises(UnreadableMedia) as caught:
        reader(written(UnreadableMedia("codec", "codec \x1b[2J\u202e is unknown")), "survey").read()
    assert caught.value.message == "codec \\u001b[2J\\u202e is unknown"


@pytest.mark.parametrize(
    ("job", "sent"),
    [
        pytest.param("survey", b"HTTP/1.1 200 OK" + bytes(100), id="no magic"),
        pytest.param("survey", header(wire.Kind.FRAME, sizes=(1, 1, 3), length=3), id="frame to a survey"),
        pytest.param("audio", header(wire.Kind.FRAME, sizes=(1, 1, 3), length=3), id="frame to audio"),
        pytest.param("survey", struct.pack("<4sB", wire.MAGIC, 77) + bytes(100), id="unknown kind"),
        pytest.param("frames", header(wire.Kind.FRAME, sizes=(2**31, 2**31, 3), length=3 * 2**62), id="huge"),
        pytest.param("frames", header(wire.Kind.FRAME, sizes=(9000, 9000, 3), length=3 * 9000**2), id="over the limit"),
        pytest.param("frames", header(wire.Kind.FRAME, sizes=(0, 10, 3)), id="no height"),
        pytest.param("frames", header(wire.Kind.FRAME, sizes=(10, 10, 4), length=400), id="four colours"),
        pytest.param("frames", header(wire.Kind.FRAME, sizes=(10, 10, 3), length=301), id="length is another"),
        pytest.param("frames", header(wire.Kind.FRAME, sizes=(1, 1, 3), length=3, index=1), id="index skips"),
        pytest.param("frames", header(wire.Kind.FRAME, sizes=(1, 1, 3), length=3, stream=4), id="another stream"),
        pytest.param("frames", written(*[synthetic_frame(i, 2, 2) for i in range(4)]), id="one more than planned"),
        pytest.param("audio", header(wire.Kind.WAVEFORM, sizes=(2**31, 16_000, 0), length=2**33), id="huge sound"),
        pytest.param("audio", header(wire.Kind.WAVEFORM, sizes=(0, 16_000, 0)), id="empty sound"),
        pytest.param("audio", header(wire.Kind.WAVEFORM, sizes=(2, 8_000, 0), length=8), id="another rate"),
        pytest.param("audio", header(wire.Kind.WAVEFORM, sizes=(2, 16_000, 999), length=8), id="channel 999"),
        pytest.param("audio", written(waveform(samples=np.array([0, np.nan], np.float32))), id="not a number"),
        pytest.param("audio", written(waveform(samples=np.array([-np.inf], np.float32))), id="infinite"),
        pytest.param("survey", header(wire.Kind.OUTCOME, length=2**40), id="terabyte of JSON"),
        pytest.param("survey", written(VideoOutcome(num_decoded=1, num_expected=1)), id="another outcome"),
    ],
)
def test_nonsense_is_refused(job: str, sent: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        read_four(reader(sent + bytes(100), job))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[" * 100_000,
        b'{"num_decoded":1',
        b'{"num_decoded":1,"num_expected":1,"extra":1}',
        b'{"num_decoded":%s,"num_expected":1}' % (b"9" * 4000),
        b'{"num_decoded":1e400,"num_expected":1}',
        b'{"num_decoded":1,"num_expected":1,"defects":[{"kind":"truncated","stream":null,"detail":"\xff"}]}',
    ],
)
def test_documents_that_are_no_outcome_are_refused(text: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        reader(header(wire.Kind.OUTCOME, length=len(text)) + text, "frames").read()


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1e999"])
def test_numbers_that_are_none_are_refused(number: bytes) -> None:
    voice = b'[{"channel":0,"peak":%s,"rms":0,"clipped_fraction":0}]' % number
    text = b'{"num_decoded":1,"num_expected":1,"rate_hz":1,"seconds":"1","voices":%s}' % voice
    with pytest.raises(ProtocolViolation):
        reader(header(wire.Kind.OUTCOME, length=len(text)) + text, "audio").read()


@pytest.mark.parametrize("fraction", [b'"1e3000"', b'"1e8000000"', b'"1/0"', b'"nan"', b"1" + b"0" * 3000])
def test_fractions_that_no_float_holds_are_refused(fraction: bytes) -> None:
    text = b'{"kind":"audio","container":"x","duration":%s,"streams":[]}' % fraction
    with pytest.raises(ProtocolViolation):
        reader(header(wire.Kind.OUTCOME, length=len(text)) + text, "survey").read()


@pytest.mark.parametrize(
    "text",
    [
        b'{"state":"unreadable","reason":"\\u001b[2J","message":"x"}',
        b'{"state":"unreadable","reason":"x","message":"\\r\\nrm -rf"}',
        b'{"state":"unreadable","reason":"x","message":"\\u202egnp"}',
        b'{"state":"examined","reason":"x","message":"x"}',
        b'{"state":"unreadable","reason":"","message":"x"}',
        b'{"state":"unreadable","reason":"x","message":"%s"}' % (b"x" * 3000),
    ],
)
def test_errors_that_could_deceive_a_reader_are_refused(text: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        reader(header(wire.Kind.ERROR, length=len(text)) + text, "survey").read()


def test_time_without_a_denominator_is_refused() -> None:
    sent = bytearray(written(synthetic_frame(0, 2, 2)))
    struct.pack_into("<q", sent, 28, 0)
    with pytest.raises(ProtocolViolation, match="denominator"):
        reader(bytes(sent), "frames").read()


def test_a_time_that_does_not_fit_is_the_recordings_fault() -> None:
    with pytest.raises(UnreadableMedia, match="64 bits"):
        written(waveform(start=Fraction(1, 2**80)))


def test_sound_without_end_is_refused() -> None:
    sent = written(waveform(), waveform()) + bytes(100)
    answers = reader(sent, "audio", max_duration_seconds=60 / 16_000, max_channels=1)
    answers.read()
    with pytest.raises(ProtocolViolation, match="too many"):
        answers.read()


@settings(max_examples=300, deadline=None)
@given(data=st.data(), job=st.sampled_from(["survey", "frames", "audio"]))
def test_any_bytes_end_in_an_error_of_ours(data: st.DataObject, job: str) -> None:
    """Valid answers with a few bytes changed: an answer, a refusal, or the child's own verdict; never anything else."""
    honest = {
        "survey": written(MEDIA),
        "frames": written(synthetic_frame(0, 4, 4), VideoOutcome(num_decoded=1, num_expected=1)),
        "audio": written(waveform(), AudioOutcome(num_decoded=1, num_expected=1, rate_hz=8000, seconds=Fraction(1))),
    }[job]
    sent = bytearray(honest)
    for _ in range(data.draw(st.integers(1, 4))):
        sent[data.draw(st.integers(0, len(sent) - 1))] = data.draw(st.integers(0, 255))
    answers = reader(bytes(sent), job)
    with contextlib.suppress(ProtocolViolation, InputError, EOFError):
        assert all(isinstance(a, Frame | Waveform | Media | VideoOutcome | AudioOutcome) for a in read_four(answers))
