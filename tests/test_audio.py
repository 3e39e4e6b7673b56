"""Sound arrives whole: every channel, at its time, at its level, and what is lost is said."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from detect.audio import RATE, read_audio
from detect.config import Config
from detect.decoded import AudioOutcome
from detect.errors import UnreadableMedia
from detect.media import survey
from detect.types import CaveatKind, DefectKind, Float32Array, Reason, Waveform
from tests.recipes import Samples, flip_bytes, noise, tone, write_audio, write_float_wav, write_video, write_wav


def listen(path: Path, stream: int = 0, config: Config | None = None) -> tuple[list[Waveform], AudioOutcome]:
    settings = config or Config()
    with path.open("rb") as file:
        media = survey(file, settings)
        *blocks, outcome = read_audio(file, media, stream, settings)
    assert isinstance(outcome, AudioOutcome)
    return [block for block in blocks if isinstance(block, Waveform)], outcome


def joined(blocks: list[Waveform], channel: int | None = None) -> Float32Array:
    return np.concatenate([block.samples for block in blocks if block.channel == channel])


def level_db(samples: Float32Array) -> float:
    middle = samples[len(samples) // 4 : -len(samples) // 4]
    return float(20 * np.log10(np.sqrt(np.mean(middle.astype(np.float64) ** 2)) + 1e-12))


def pitch_hz(samples: Float32Array) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * RATE / len(samples)


@pytest.mark.parametrize("suffix", ["wav", "flac", "m4a", "mp3", "opus", "mka", "w64", "wma", "aac"])
def test_a_tone_comes_through_every_codec(tmp_path: Path, suffix: str) -> None:
    rate = 48_000 if suffix == "opus" else 44_100
    blocks, outcome = listen(write_audio(tmp_path / f"tone.{suffix}", tone(3, rate, 440), rate))
    sound = joined(blocks)
    assert abs(len(sound) / RATE - 3) < 0.1
    assert abs(pitch_hz(sound) - 440) < 1
    assert abs(level_db(sound) - level_db(tone(3))) < 1
    assert abs(blocks[0].start) < Fraction(1, 10)
    assert outcome.rate_hz == rate
    assert not outcome.defects
    assert not outcome.caveats
    assert not outcome.abstentions


def test_nothing_is_folded_down_into_the_band(tmp_path: Path) -> None:
    kept, _ = listen(write_wav(tmp_path / "a.wav", tone(2, 48_000, 7_000), 48_000))
    folded, _ = listen(write_wav(tmp_path / "b.wav", tone(2, 48_000, 9_000), 48_000))
    assert abs(level_db(joined(kept)) - level_db(tone(2))) < 0.1
    assert level_db(joined(folded)) < -90


@pytest.mark.parametrize(
    ("kind", "dtype", "scale"),
    [(1, "<u1", 127), (1, "<i2", 2**15 - 1), (1, "<i4", 2**31 - 1), (3, "<f4", 1), (3, "<f8", 1)],
)
def test_levels_of_all_sample_formats(tmp_path: Path, kind: int, dtype: str, scale: int) -> None:
    values = tone(1).astype(np.float64) * scale + (128 if dtype == "<u1" else 0)
    blocks, outcome = listen(_raw_wav(tmp_path / "tone.wav", kind, values.astype(dtype)))
    assert abs(level_db(joined(blocks)) - level_db(tone(1))) < 0.1
    assert outcome.voices[0].peak == pytest.approx(0.3, abs=0.01)


def test_blocks_are_short_follow_each_other_and_start_on_the_sample(tmp_path: Path) -> None:
    blocks, outcome = listen(write_wav(tmp_path / "long.wav", noise(25, 44_100), 44_100))
    assert len(blocks) == 3
    clock = Fraction(0)
    for block in blocks:
        assert block.start == clock
        assert len(block.samples) <= 10 * RATE
        clock += Fraction(len(block.samples), RATE)
    assert clock == 25
    assert outcome.seconds == 25
    assert outcome.num_decoded == outcome.num_expected == 25 * 44_100


def test_the_same_file_gives_the_same_samples(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "a.m4a", noise(3, 44_100), 44_100)
    first, second = listen(path), listen(path)
    assert np.array_equal(joined(first[0]), joined(second[0]))
    assert first[1] == second[1]


# ---------------------------------------------------------------------------------------------------- channels


def test_equal_channels_are_one_voice(tmp_path: Path) -> None:
    blocks, outcome = listen(write_wav(tmp_path / "a.wav", np.stack([noise(3), 0.5 * noise(3)])))
    assert {block.channel for block in blocks} == {None}
    assert [voice.channel for voice in outcome.voices] == [None]


def test_opposed_channels_do_not_cancel(tmp_path: Path) -> None:
    blocks, _ = listen(write_wav(tmp_path / "a.wav", np.stack([tone(3), -tone(3)])))
    assert {block.channel for block in blocks} == {None}
    assert abs(level_db(joined(blocks)) - level_db(tone(3))) < 0.1


def test_polarity_that_changes_on_the_way_does_not_cancel_either(tmp_path: Path) -> None:
    left = noise(20)
    right = left.copy()
    right[int(8.3 * RATE) : int(8.9 * RATE)] *= -1
    blocks, _ = listen(write_wav(tmp_path / "a.wav", np.stack([left, right])))
    assert {block.channel for block in blocks} == {0, 1}


def test_speech_in_the_second_channel_only(tmp_path: Path) -> None:
    blocks, outcome = listen(write_wav(tmp_path / "a.wav", np.stack([np.zeros(3 * RATE, np.float32), noise(3)])))
    assert {block.channel for block in blocks} == {1}
    assert abs(level_db(joined(blocks, 1)) - level_db(noise(3))) < 0.1
    (abstention,) = outcome.abstentions
    assert (abstention.reason, abstention.subject) == (Reason.NO_AUDIO_CONTENT, "stream 0 channel 0")


def test_two_parties_are_two_voices_interleaved_in_time(tmp_path: Path) -> None:
    call = np.stack([noise(25, seed=1), 0.1 * noise(25, seed=2)]).astype(np.float32)
    blocks, outcome = listen(write_wav(tmp_path / "a.wav", call))
    assert [(block.start, block.channel) for block in blocks] == [
        (Fraction(start), channel) for start in (0, 10, 20) for channel in (0, 1)
    ]
    assert np.allclose(joined(blocks, 1), call[1], atol=1e-4)
    assert [voice.channel for voice in outcome.voices] == [0, 1]
    assert outcome.voices[0].rms == pytest.approx(10 * outcome.voices[1].rms, rel=0.05)


def test_channels_beyond_the_limit_are_named(tmp_path: Path) -> None:
    sounds = np.stack([noise(1, seed=k, amplitude=0.01 * (k + 1)) for k in range(8)])
    config = Config.model_validate({"speech": {"max_voice_streams": 3}})
    blocks, outcome = listen(write_wav(tmp_path / "a.wav", sounds), config=config)
    assert {block.channel for block in blocks} == {5, 6, 7}
    (abstention,) = outcome.abstentions
    assert abstention.reason == Reason.CHANNELS_BEYOND_LIMIT
    assert "0, 1, 2, 3, 4" in abstention.detail


def test_every_track_of_a_video_is_read(tmp_path: Path) -> None:
    tracks = [tone(2, 48_000, 300), tone(2, 48_000, 900)]
    path = write_video(tmp_path / "v.mkv", num_frames=50, audio=tracks, audio_rate=48_000)
    for stream, hertz in ((1, 300), (2, 900)):
        blocks, _ = listen(path, stream)
        assert abs(pitch_hz(joined(blocks)) - hertz) < 1
        assert {block.stream for block in blocks} == {stream}


# -------------------------------------------------------------------------------------------- nothing to hear


def test_silence_and_constant_offset_hold_nothing(tmp_path: Path) -> None:
    for value in (0.0, 0.5):
        blocks, outcome = listen(write_wav(tmp_path / "a.wav", np.full(2 * RATE, value, np.float32)))
        assert not blocks
        assert [entry.reason for entry in outcome.abstentions] == [Reason.NO_AUDIO_CONTENT]
        assert outcome.num_decoded == 2 * RATE


def test_a_file_without_samples(tmp_path: Path) -> None:
    blocks, outcome = listen(write_wav(tmp_path / "a.wav", np.zeros(0, np.float32)))
    assert not blocks
    assert outcome.num_decoded == 0
    assert [entry.reason for entry in outcome.abstentions] == [Reason.NO_AUDIO_CONTENT]


def test_a_picture_stream_is_not_read_as_sound(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", num_frames=5)
    with pytest.raises(UnreadableMedia, match="not an audio stream"):
        listen(path)


# -------------------------------------------------------------------------------------------------- quality


def test_clipping_is_measured_and_said(tmp_path: Path) -> None:
    _, clean = listen(write_wav(tmp_path / "a.wav", tone(1, amplitude=0.9)))
    _, clipped = listen(write_wav(tmp_path / "b.wav", tone(1, amplitude=3.0)))
    assert not clean.caveats
    assert clean.voices[0].clipped_fraction == 0
    assert [caveat.kind for caveat in clipped.caveats] == [CaveatKind.CLIPPED]
    assert clipped.voices[0].clipped_fraction == pytest.approx(0.784, abs=0.01)  # 1 - 2 asin(1/3) / pi


def test_telephone_sound_is_brought_to_the_common_rate(tmp_path: Path) -> None:
    blocks, outcome = listen(write_wav(tmp_path / "a.wav", tone(1.5, 8_000, 1_000), 8_000))
    assert outcome.rate_hz == 8_000
    assert len(joined(blocks)) == 1.5 * RATE
    assert abs(pitch_hz(joined(blocks)) - 1_000) < 1


def test_samples_that_are_no_numbers_become_silence_and_are_counted(tmp_path: Path) -> None:
    sound = tone(1)
    sound[100:103] = np.nan, np.inf, 1e30
    blocks, outcome = listen(write_float_wav(tmp_path / "a.wav", sound))
    assert np.isfinite(joined(blocks)).all()
    assert np.array_equal(joined(blocks)[100:103], np.zeros(3))
    (defect,) = outcome.defects
    assert (defect.kind, defect.count) == (DefectKind.NON_FINITE_SAMPLES, 3)


def test_nothing_but_nan_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableMedia) as caught:
        listen(write_float_wav(tmp_path / "a.wav", np.full(RATE, np.nan, np.float32)))
    assert caught.value.reason == "non_finite"


def test_a_wave_file_of_unknown_length_is_read_to_its_end(tmp_path: Path) -> None:
    data = bytearray(write_wav(tmp_path / "a.wav", tone(1)).read_bytes())
    place = data.index(b"data") + 4
    data[place : place + 4] = b"\xff" * 4
    (tmp_path / "a.wav").write_bytes(data)
    blocks, _ = listen(tmp_path / "a.wav")
    assert len(joined(blocks)) == RATE


@pytest.mark.parametrize("rate", [0, 1, 100, 900_000, 4_000_000_000])
def test_an_impossible_rate_is_refused(tmp_path: Path, rate: int) -> None:
    data = bytearray(write_wav(tmp_path / "a.wav", tone(0.2)).read_bytes())
    data[24:28] = rate.to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(data)
    with pytest.raises(UnreadableMedia):
        listen(tmp_path / "a.wav")


# ----------------------------------------------------------------------------------------------------- time


def test_sound_that_starts_late_keeps_its_time(tmp_path: Path) -> None:
    sound = tone(2, 48_000)
    path = write_video(tmp_path / "v.mkv", num_frames=50, audio=sound, audio_rate=48_000, audio_start=Fraction(5))
    blocks, _ = listen(path, 1)
    assert abs(blocks[0].start - 5) < Fraction(1, 20)


def test_a_gap_starts_a_new_block_and_is_a_defect(tmp_path: Path) -> None:
    path = _stamped(tmp_path / "a.mka", tone(4), lambda second: second + (3 if second >= 2 else 0))
    blocks, outcome = listen(path)
    assert [(float(block.start), len(block.samples)) for block in blocks] == [(0, 2 * RATE), (5, 2 * RATE)]
    (defect,) = outcome.defects
    assert defect.kind == DefectKind.AUDIO_MISSING
    assert defect.span is not None
    assert (defect.span.start_seconds, defect.span.end_seconds) == (2, 5)


def test_many_gaps_do_not_fill_the_report(tmp_path: Path) -> None:
    _, outcome = listen(_stamped(tmp_path / "a.mka", tone(40), lambda second: 2 * second))
    assert len(outcome.defects) == 9
    assert sum(defect.count or 0 for defect in outcome.defects) == 399


def test_a_clock_that_drifts_is_no_gap(tmp_path: Path) -> None:
    path = _stamped(tmp_path / "a.mka", tone(60), lambda second: second * Fraction(1002, 1000))
    blocks, outcome = listen(path)
    assert not outcome.defects
    assert abs(blocks[-1].start + Fraction(len(blocks[-1].samples), RATE) - Fraction("60.12")) < Fraction(1, 10)


def test_time_never_runs_backwards(tmp_path: Path) -> None:
    first = write_audio(tmp_path / "a.ts", tone(3, 48_000), 48_000, codec="mp2")
    second = write_audio(tmp_path / "b.ts", tone(2, 48_000), 48_000, codec="mp2")
    path = tmp_path / "c.ts"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    blocks, outcome = listen(path)
    starts = [block.start for block in blocks]
    assert starts == sorted(starts)
    assert sum(len(block.samples) for block in blocks) == pytest.approx(5 * RATE, rel=0.05)
    (caveat,) = outcome.caveats
    assert caveat.kind == CaveatKind.TIMESTAMPS_REPAIRED
    assert "at 1 places" in caveat.detail


def test_a_change_of_rate_is_followed_and_said(tmp_path: Path) -> None:
    path = tmp_path / "c.aac"
    parts = [write_audio(tmp_path / f"{rate}.aac", tone(2, rate, 500), rate) for rate in (44_100, 22_050)]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    blocks, outcome = listen(path)
    assert CaveatKind.FORMAT_CHANGES in {caveat.kind for caveat in outcome.caveats}
    assert abs(pitch_hz(blocks[-1].samples) - 500) < 2
    assert float(outcome.seconds) == pytest.approx(4, abs=0.3)


def test_a_change_of_channels_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "c.aac"
    mono = write_audio(tmp_path / "mono.aac", noise(2, seed=1), RATE)
    stereo = write_audio(tmp_path / "stereo.aac", np.stack([noise(2, seed=2), noise(2, seed=3)]), RATE)
    path.write_bytes(mono.read_bytes() + stereo.read_bytes())
    blocks, outcome = listen(path)
    assert {block.channel for block in blocks} == {0, 1}
    assert CaveatKind.FORMAT_CHANGES in {caveat.kind for caveat in outcome.caveats}
    assert len(joined(blocks, 0)) == len(joined(blocks, 1)) == pytest.approx(4 * RATE, rel=0.1)


# --------------------------------------------------------------------------------------------------- damage


def test_flipped_bytes_are_decode_errors_and_missing_sound(tmp_path: Path) -> None:
    whole = write_audio(tmp_path / "a.m4a", noise(10, 44_100), 44_100)
    _, outcome = listen(flip_bytes(whole, tmp_path / "b.m4a", 200))
    kinds = {defect.kind for defect in outcome.defects}
    assert {DefectKind.DECODE_ERRORS, DefectKind.AUDIO_MISSING} <= kinds
    assert outcome.num_expected is not None
    assert outcome.num_decoded < outcome.num_expected


def test_the_decoding_child_needs_no_torch() -> None:
    code = "import sys, detect.audio; sys.exit(any(name in sys.modules for name in ('torch', 'librosa', 'numba')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _raw_wav(path: Path, kind: int, values: NDArray[Any]) -> Path:
    """WAV of any sample format. `values` is (n,); `kind` 1 is integer, 3 float."""
    size = values.itemsize
    header = struct.pack("<HHIIHH", kind, 1, RATE, RATE * size, size, 8 * size)
    chunks = b"fmt " + struct.pack("<I", 16) + header + b"data" + struct.pack("<I", values.nbytes) + values.tobytes()
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
    return path


def _stamped(path: Path, sound: Samples, time_of: Callable[[Fraction], Fraction]) -> Path:
    """Sound as PCM in Matroska, a packet for each tenth of a second, with times of one's own.

    Args:
        path: Where to.
        sound: (n,) at 16 kHz.
        time_of: From the true second to the written one.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=RATE)
        stream.layout = "mono"
        for start in range(0, len(sound), RATE // 10):
            values = (sound[None, start : start + RATE // 10] * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(values, format="s16", layout="mono")
            frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
            frame.pts = start
            for packet in stream.encode(frame):
                packet.pts = packet.dts = round(time_of(Fraction(start, RATE)) * RATE)
                packet.time_base = Fraction(1, RATE)
                container.mux(packet)
    return path
