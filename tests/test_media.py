"""What a file is, what its header claims against what is there, and what is refused before anything is opened."""

from __future__ import annotations

import struct
import zipfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from detect.errors import LimitExceeded, UnreadableMedia, UnsupportedMedia
from detect.types import CaveatKind, DefectKind, ItemState, Reason
from tests.damage import patch, remux
from tests.looking import look, refused, surveyed
from tests.recipes import cut, noise, numbered, tone, write_audio, write_picture, write_video, write_wav

SIZE = (120, 160)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of numbered pictures with sound, MP4, its index behind the data."""
    return write_video(
        tmp_path_factory.mktemp("clip") / "clip.mp4", size=SIZE, audio=tone(1, 48_000), audio_rate=48_000
    )


# ------------------------------------------------------------------------------------------------------- identity


def test_the_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()
    assert str(refused(path)).startswith("unreadable:empty")


def test_random_bytes_are_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "random.mp4"
    for seed in range(40):
        path.write_bytes(np.random.default_rng(seed).bytes(200_000))
        assert refused(path).state is ItemState.UNREADABLE


@pytest.mark.parametrize(
    ("content", "reason", "named"),
    [
        (b"%PDF-1.7\n1 0 obj", "format", "PDF"),
        (b"PK\x03\x04" + bytes(100), "format", "ZIP"),
        (b"\x7fELF\x02\x01\x01" + bytes(100), "format", "program"),
        (b"Dear all,\nplease find attached\n", "text", "plain text"),
        ("Schöne Grüße".encode("utf-16"), "text", "plain text"),
        (b"#!/bin/sh\nrm -rf /\n", "script", "script"),
        (b"\xef\xbb\xbf#EXTM3U\n", "playlist", "HLS"),
        (b"FLV or not", "text", "plain text"),
    ],
)
def test_what_is_no_recording_is_named(content: bytes, reason: str, named: str, tmp_path: Path) -> None:
    path = tmp_path / "thing.mp4"
    path.write_bytes(content)
    error = refused(path)
    assert isinstance(error, UnsupportedMedia)
    assert error.reason == reason
    assert named in error.message


def test_a_known_but_unwanted_format_is_named(tmp_path: Path) -> None:
    path = tmp_path / "clip.nut"
    write_video(path, codec="mpeg4", num_frames=10, size=SIZE, container_format="nut")
    error = refused(path)
    assert isinstance(error, UnsupportedMedia)
    assert "'nut'" in error.message


def test_the_name_does_not_matter(clip: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.txt"
    copy.write_bytes(clip.read_bytes())
    assert surveyed(copy) == surveyed(clip)


def test_a_file_object_is_all_that_is_needed(clip: Path) -> None:
    """No name, no path: the sandbox hands over a descriptor in an empty file system."""
    assert look(clip).numbers == list(range(30))


# ---------------------------------------------------------------------------------------------------------- limits


def test_sizes_are_refused_before_anything_is_decoded(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mkv", num_frames=2, size=SIZE)
    for limits in ({"max_pixels": 160 * 120 - 1}, {"max_side_px": 159}, {"min_side_px": 121}):
        error = refused(clip, limits=limits)
        assert isinstance(error, LimitExceeded)
        assert error.reason == "pixels"


def test_a_stream_too_large_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", num_frames=10, size=SIZE, audio=tone(1, 48_000), audio_rate=48_000)
    media = surveyed(clip, limits={"max_pixels": 10_000})
    assert media.kind == "audio"
    assert [entry.kind for entry in media.defects] == [DefectKind.STREAM_LOST]
    assert [entry.reason for entry in media.abstentions] == [Reason.STREAM_UNDECODABLE]
    assert [stream.facts.examined for stream in media.streams] == [False, True]


@pytest.mark.parametrize(
    ("limits", "reason"),
    [({"max_streams": 1}, "streams"), ({"max_duration_seconds": 0.5}, "duration"), ({"max_packets": 10}, "packets")],
)
def test_each_limit_is_kept(limits: dict[str, float], reason: str, clip: Path) -> None:
    error = refused(clip, limits=limits)
    assert isinstance(error, LimitExceeded)
    assert error.reason == reason


def test_channels_are_limited(tmp_path: Path) -> None:
    sound = write_wav(tmp_path / "sound.wav", np.tile(tone(0.1), (6, 1)))
    assert refused(sound, limits={"max_channels": 4}).reason == "channels"
    absurd = patch(sound, tmp_path / "absurd.wav", b"fmt ", struct.pack("<H", 65_535), offset=10)
    assert refused(absurd).reason == "channels"


def test_sample_rates_that_cannot_be_are_refused(tmp_path: Path) -> None:
    sound = write_wav(tmp_path / "sound.wav", tone(0.1))
    for rate in (0, 4_000_000_000, 2_000_000):
        absurd = patch(sound, tmp_path / "absurd.wav", b"fmt ", struct.pack("<I", rate), offset=12)
        assert isinstance(refused(absurd), UnreadableMedia)


def test_a_codec_that_is_not_there_is_named(clip: Path, tmp_path: Path) -> None:
    silent = write_video(tmp_path / "silent.mp4", num_frames=5, size=SIZE)
    error = refused(patch(silent, tmp_path / "a.mp4", b"avc1\x00\x00\x00\x00\x00", b"zz9z"))
    assert isinstance(error, UnsupportedMedia)
    assert error.reason == "codec"
    assert "zz9z" in error.message
    media = surveyed(patch(clip, tmp_path / "b.mp4", b"avc1\x00\x00\x00\x00\x00", b"zz9z"))
    assert [stream.facts.examined for stream in media.streams] == [False, True]
    assert "zz9z" in (media.streams[0].facts.not_examined_because or "")


def test_encrypted_streams_are_named(tmp_path: Path) -> None:
    clip = write_video(
        tmp_path / "clip.mp4", num_frames=10, size=SIZE,
        container_options={
            "encryption_scheme": "cenc-aes-ctr", "encryption_key": "00112233445566778899aabbccddeeff",
            "encryption_kid": "ffeeddccbbaa99887766554433221100",
        },
    )  # fmt: skip
    error = refused(clip)
    assert isinstance(error, UnsupportedMedia)
    assert error.reason == "encrypted"


# ----------------------------------------------------------------------------------------------- claims and facts


def test_an_mp4_cut_before_its_index_says_what_is_missing(clip: Path, tmp_path: Path) -> None:
    error = refused(cut(clip, tmp_path / "cut.mp4"))
    assert str(error).startswith("unreadable:truncated")
    assert "moov" in error.message


def test_an_mp4_cut_behind_its_index_counts_what_is_missing(tmp_path: Path) -> None:
    options = {"movflags": "+faststart"}
    whole = write_video(
        tmp_path / "whole.mp4", num_frames=60, size=SIZE, audio=tone(2, 48_000), audio_rate=48_000,
        container_options=options,
    )  # fmt: skip
    assert not surveyed(whole).defects
    result = look(cut(whole, tmp_path / "cut.mp4", 0.6))
    there = result.stream.facts.num_packets or 0
    counts = {entry.kind: entry.count for entry in result.media.defects}
    assert counts[DefectKind.FRAMES_MISSING] == 60 - there
    assert counts[DefectKind.TRUNCATED]
    assert counts[DefectKind.AUDIO_MISSING]
    assert None not in result.numbers
    assert result.times == pytest.approx([number / 30 for number in result.numbers if number is not None])


@pytest.mark.parametrize(("suffix", "codec"), [(".mkv", "libx264"), (".webm", "libvpx"), (".avi", "mpeg4")])
def test_a_cut_container_shows_it(suffix: str, codec: str, tmp_path: Path) -> None:
    whole = write_video(tmp_path / f"whole{suffix}", codec=codec, num_frames=60, size=SIZE)
    assert not surveyed(whole).defects
    kinds = {entry.kind for entry in surveyed(cut(whole, tmp_path / f"cut{suffix}")).defects}
    assert kinds >= {DefectKind.TRUNCATED, DefectKind.FRAMES_MISSING}


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_cut_sound_shows_it(suffix: str, tmp_path: Path) -> None:
    whole = write_audio(tmp_path / f"whole{suffix}", noise(3))
    assert not surveyed(whole).defects
    media = surveyed(cut(whole, tmp_path / f"cut{suffix}"))
    assert DefectKind.TRUNCATED in {entry.kind for entry in media.defects}
    assert media.duration == pytest.approx(1.5, abs=0.3)


def test_a_streamed_wav_without_a_length_is_whole(tmp_path: Path) -> None:
    sound = write_wav(tmp_path / "sound.wav", tone(1))
    data = bytearray(sound.read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    sound.write_bytes(data)
    media = surveyed(sound)
    assert media.duration == 1
    assert not media.defects


def test_a_header_that_lies_is_not_believed(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", num_frames=30, size=SIZE)
    data = clip.read_bytes()
    place = data.index(b"mvhd") + 4
    lying = tmp_path / "lying.mp4"
    lying.write_bytes(data[: place + 16] + struct.pack(">I", 36_000_000) + data[place + 20 :])
    media = surveyed(lying)
    assert media.duration == 1
    assert not media.defects
    assert [entry.kind for entry in media.caveats] == [CaveatKind.METADATA_INCONSISTENT]
    assert "36000" in media.caveats[0].detail


def test_packets_that_are_not_there_are_missed(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", num_frames=60, gop=30, b_frames=0, size=SIZE)
    assert not surveyed(whole).provenance.notes
    holed = look(remux(whole, tmp_path / "holed.mkv", keep=lambda position: not 10 <= position < 20))
    assert holed.defects.keys() & {DefectKind.DECODE_ERRORS, DefectKind.FRAMES_MISSING}
    assert not set(holed.numbers) & set(range(10, 20))
    assert any("pauses" in note and ": 1, " in note and "0.36" in note for note in holed.media.provenance.notes)


def test_every_stream_is_accounted_for(tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    cover = write_picture(tmp_path / "cover.jpg", numbered(3, SIZE)).read_bytes()
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("mjpeg", rate=25)
        pictures.width, pictures.height, pictures.pix_fmt = SIZE[1], SIZE[0], "yuvj420p"
        container.add_attachment("cover.jpg", "image/jpeg", cover)
        container.add_attachment("font.ttf", "font/ttf", bytes(100))
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(numbered(number, SIZE)).reformat(format="yuvj420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(pictures.encode(frame))
    media = surveyed(path)
    assert [stream.facts.examined for stream in media.streams] == [True, False, False]
    assert "attached picture" in (media.streams[1].facts.not_examined_because or "")
    assert "attachment" in (media.streams[2].facts.not_examined_because or "")
    assert not media.defects


def test_sound_alone_has_no_plan(tmp_path: Path) -> None:
    media = surveyed(write_audio(tmp_path / "sound.m4a", tone(1)))
    assert media.kind == "audio"
    assert media.zero == 0
    assert media.duration == 1
    facts = media.streams[0].facts
    assert (facts.codec, facts.rate_hz, facts.channels, facts.examined) == ("aac", 16_000, 1, True)
    assert media.streams[0].plan is None


def test_the_clocks_zero_is_the_first_thing_presented(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.ts", num_frames=30, size=SIZE, container_options={"mpegts_flags": "0"})
    media = surveyed(clip)
    assert media.zero > 0, "transport streams do not begin at zero"
    assert media.streams[0].facts.start_seconds == 0
    assert media.duration == pytest.approx(1, abs=0.01)


def test_a_file_that_is_also_an_archive_says_so(clip: Path, tmp_path: Path) -> None:
    both = tmp_path / "both.mp4"
    both.write_bytes(clip.read_bytes())
    with zipfile.ZipFile(both, "a") as archive:
        archive.writestr("hidden.txt", "words")
    media = surveyed(both)
    assert [entry.kind for entry in media.caveats] == [CaveatKind.POLYGLOT]
    assert look(both).numbers == list(range(30))


def test_a_page_behind_a_recording_is_said(clip: Path, tmp_path: Path) -> None:
    both = tmp_path / "both.mp4"
    both.write_bytes(clip.read_bytes() + b"<html><script>alert(1)</script></html>")
    assert CaveatKind.POLYGLOT in {entry.kind for entry in surveyed(both).caveats}


# ------------------------------------------------------------------------------------------------------ provenance


def test_tags_are_shown_safely(tmp_path: Path) -> None:
    title = "<script>\u202egpj.exe\x01=cmd|x"
    clip = write_video(
        tmp_path / "clip.mp4", num_frames=2, size=SIZE, metadata={"title": title, "comment": "x" * 100_000}
    )
    provenance = surveyed(clip).provenance
    assert provenance.container_tags["title"] == "<script>\\u202egpj.exe\\x01=cmd|x"
    assert provenance.container_tags["major_brand"] == "isom"
    assert len(provenance.container_tags["comment"]) < 5000
    assert provenance.stream_tags["0"]["handler_name"] == "VideoHandler"
    assert provenance.c2pa == "absent"


def test_tags_that_are_no_utf8_are_shown_as_they_are(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", num_frames=2, size=SIZE, metadata={"title": "AAAAAAAA"})
    broken = patch(clip, tmp_path / "broken.mp4", b"AAAAAAAA", b"A\xff\xfeA\x80AAA")
    assert surveyed(broken).provenance.container_tags["title"] == "A\\xff\\xfeA\\x80AAA"


def test_boxes_of_c2pa_and_xmp_are_found(clip: Path, tmp_path: Path) -> None:
    c2pa, xmp = bytes.fromhex("d8fec3d61b0e483c92975828877ec481"), bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
    more = b"".join(
        struct.pack(">I", 24 + len(body)) + b"uuid" + name + body
        for name, body in ((c2pa, b"jumb"), (xmp, b"<x:xmpmeta/>"))
    )
    signed = tmp_path / "signed.mp4"
    signed.write_bytes(clip.read_bytes() + more)
    provenance = surveyed(signed).provenance
    assert "not verified" in (provenance.c2pa or "")
    assert provenance.xmp == "<x:xmpmeta/>"
    assert not surveyed(signed).caveats
