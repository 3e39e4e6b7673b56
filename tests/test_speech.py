"""Speech is found, the whole of it is cut into windows, and nothing else is taken for speech."""

from __future__ import annotations

import csv
import io
import zipfile
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import silero_vad
import soxr

from detect import silero
from detect.config import Speech
from detect.errors import WeightsNotFound
from detect.silero import CHUNK_SAMPLES, SpeechProbability
from detect.speech import RATE, SpeechFinder, SpeechSummary
from detect.types import Float32Array, Waveform, Window
from service import demo
from tests.recipes import noise, tone

WINDOW = 64_600


def find(
    sound: Float32Array,
    *,
    step: int = 10 * RATE,
    start: Fraction = Fraction(0),
    window: int = WINDOW,
    **settings: float,
) -> tuple[list[Window], SpeechSummary]:
    finder = SpeechFinder("voice-1", Speech.model_validate(settings), window_samples=window)
    windows = []
    for first in range(0, len(sound), step):
        windows += finder.push(_block(sound[first : first + step], start + Fraction(first, RATE)))
    last, summary = finder.finish()
    return windows + last, summary


def _block(samples: Float32Array, start: Fraction) -> Waveform:
    return Waveform(samples=samples.astype(np.float32), rate=RATE, start=start, stream=1, channel=None)


def _silence(seconds: float) -> Float32Array:
    return np.zeros(round(seconds * RATE), np.float32)


@pytest.fixture(scope="module")
def spoken() -> Float32Array:
    """The demonstration's voice: three phrases in 10 s, 16 kHz."""
    resampled: Float32Array = soxr.resample(demo._speech().astype(np.float32), 24_000, RATE)
    return resampled


@pytest.fixture(scope="module")
def phrase(spoken: Float32Array) -> Float32Array:
    """The first phrase alone, 2.4 s."""
    return spoken[int(0.25 * RATE) : int(2.45 * RATE)]


def test_three_phrases_are_three_utterances(spoken: Float32Array) -> None:
    _, summary = find(spoken)
    assert [utterance.id for utterance in summary.utterances] == [f"voice-1/utterance-{n}" for n in (1, 2, 3)]
    assert 6 < summary.speech_seconds < 8
    first = summary.utterances[0]
    assert (first.stream, first.channel) == (1, None)
    assert first.interval.start == pytest.approx(0.25, abs=0.15)
    assert first.interval.end == pytest.approx(2.5, abs=0.25)


def test_longer_pauses_may_be_bridged(spoken: Float32Array) -> None:
    _, summary = find(spoken, max_pause_seconds=1.0)
    assert len(summary.utterances) == 1


def test_windows_cover_every_sample_of_every_utterance(spoken: Float32Array) -> None:
    window = 20_000
    windows, summary = find(spoken, window=window, start=Fraction(1, 3))
    for utterance in summary.utterances:
        own = [piece for piece in windows if piece.utterance == utterance.id]
        assert own[0].interval.start == utterance.interval.start
        assert own[-1].interval.end == utterance.interval.end
        assert all(len(piece.samples) == window for piece in own)
        for before, after in pairwise(own[:-1]):
            assert after.interval.start == before.interval.end
        assert own[-1].interval.start <= own[-2].interval.end
    for piece in windows:
        place = (piece.interval.start - Fraction(1, 3)) * RATE
        assert place.denominator == 1
        assert piece.interval.duration * RATE == len(piece.samples)
        assert np.array_equal(piece.samples, spoken[int(place) : int(place) + len(piece.samples)])


def test_a_short_utterance_is_one_short_window(phrase: Float32Array) -> None:
    windows, summary = find(np.concatenate([_silence(1), phrase, _silence(1)]))
    (window,) = windows
    assert window.interval == summary.utterances[0].interval
    assert RATE < len(window.samples) < WINDOW


def test_an_utterance_as_long_as_windows_has_no_window_twice(phrase: Float32Array) -> None:
    _, summary = find(phrase)
    length = summary.utterances[0].interval.duration * RATE
    windows, _ = find(phrase, window=int(length))
    assert len(windows) == 1


@pytest.mark.parametrize("step", [1, 160, 511, 512, 12_345])
def test_it_does_not_matter_where_blocks_are_cut(spoken: Float32Array, step: int) -> None:
    sound = spoken[:RATE] if step == 1 else spoken
    expected, summary = find(sound, step=len(sound))
    windows, other = find(sound, step=step)
    assert other.utterances == summary.utterances
    assert other.speech_seconds == summary.speech_seconds
    assert [window.interval for window in windows] == [window.interval for window in expected]


def test_a_gap_in_time_ends_an_utterance(phrase: Float32Array) -> None:
    finder = SpeechFinder("voice-1", Speech(), window_samples=WINDOW)
    windows = finder.push(_block(phrase[:RATE], Fraction(0)))
    windows += finder.push(_block(phrase[:RATE], Fraction(100)))
    last, summary = finder.finish()
    assert [utterance.interval.start >= 100 for utterance in summary.utterances] == [False, True]
    assert summary.utterances[0].interval.end <= 1
    assert summary.utterances[1].interval.end <= 101
    assert len(windows + last) == 2


def test_a_monologue_of_any_length_is_not_kept() -> None:
    finder = SpeechFinder("voice-1", Speech(threshold=1e-6), window_samples=WINDOW)  # everything counts as speech
    num_windows = 0
    for second in range(0, 600, 10):
        num_windows += len(finder.push(_block(noise(10), Fraction(second))))
        assert len(finder._samples) <= 2 * WINDOW + 10 * RATE
    assert num_windows == 600 * RATE // WINDOW


_TIME = np.arange(10 * RATE, dtype=np.float32) / RATE
_NOT_SPEECH = {
    "silence": _silence(10),
    "offset": _silence(10) + np.float32(0.5),
    "noise": noise(10),
    "faint noise": noise(10, amplitude=1e-4),
    "clipped noise": np.sign(noise(10)),
    "tone": tone(10),
    "faint tone": tone(10, hertz=1_000, amplitude=1e-4),
    "beating tone": tone(10) * (1 + np.sin(8 * np.pi * _TIME)),
    "sawtooth": np.float32(0.4) * (_TIME * 120 % 1 - np.float32(0.5)),
}


@pytest.mark.parametrize("sound", _NOT_SPEECH.values(), ids=_NOT_SPEECH.keys())
def test_what_is_not_speech_is_not_taken_for_it(sound: Float32Array) -> None:
    windows, summary = find(sound)
    assert not windows
    assert summary == SpeechSummary(utterances=(), speech_seconds=0, bandwidth_hz=None)


def test_music_is_not_taken_for_speech() -> None:
    chooser = np.random.default_rng(0)
    sound = _silence(20)
    time = np.arange(RATE) / RATE
    for beat in range(76):
        root = 220 * 2 ** (chooser.choice([0, 2, 4, 5, 7, 9, 11, 12]) / 12)
        for ratio in (1, 1.26, 1.5):
            note = sum(np.sin(2 * np.pi * root * ratio * h * time) / h for h in range(1, 9)) * np.exp(-4 * time)
            sound[beat * RATE // 4 :][:RATE] += (0.05 * note).astype(np.float32)
    assert not find(sound)[0]


def test_quiet_speech_is_found_like_loud_speech(spoken: Float32Array) -> None:
    _, loud = find(spoken)
    for gain in (0.1, 0.01, 0.001):
        _, quiet = find(spoken * np.float32(gain))
        assert quiet.speech_seconds == pytest.approx(loud.speech_seconds, rel=0.1)


def test_bandwidth_tells_a_telephone(spoken: Float32Array) -> None:
    wide = find(spoken)[1].bandwidth_hz
    phone = find(soxr.resample(soxr.resample(spoken, RATE, 8_000), 8_000, RATE))[1].bandwidth_hz
    assert wide is not None
    assert phone is not None
    assert wide > 5_000
    assert 3_000 < phone < 4_000


def test_a_click_of_speech_is_dropped(phrase: Float32Array) -> None:
    sound = np.concatenate([_silence(1), phrase[:RATE], _silence(1)])
    assert len(find(sound)[1].utterances) == 1
    windows, summary = find(sound, min_utterance_seconds=3.0)
    assert not windows
    assert summary.speech_seconds == 0


def test_nothing_at_all() -> None:
    finder = SpeechFinder("voice-1", Speech(), window_samples=WINDOW)
    assert finder.finish() == ([], SpeechSummary(utterances=(), speech_seconds=0, bandwidth_hz=None))


def test_another_rate_is_refused() -> None:
    finder = SpeechFinder("voice-1", Speech(), window_samples=WINDOW)
    block = Waveform(samples=tone(1, 8_000), rate=8_000, start=Fraction(0), stream=0, channel=None)
    with pytest.raises(ValueError, match="16000 Hz"):
        finder.push(block)


# ---------------------------------------------------------------------------------- the network and its weights


def test_the_network_says_what_the_package_says(spoken: Float32Array) -> None:
    """In blocks, with state and context carried on, as the package's own code says of the whole at once."""
    sound = spoken[: 4 * RATE // CHUNK_SAMPLES * CHUNK_SAMPLES]
    package = Path(silero_vad.__file__).parent / "data" / "silero_vad_16k_sequence.onnx"
    theirs = silero_vad.SileroVADSequence(str(package)).audio_forward(sound)
    network, chunks = SpeechProbability(), sound.reshape(-1, CHUNK_SAMPLES)
    ours = np.concatenate([network(chunks[:1]), network(chunks[1:50]), network(chunks[50:])])
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_the_network_keeps_its_state_between_calls_and_forgets_on_reset(spoken: Float32Array) -> None:
    chunks = spoken[: 100 * CHUNK_SAMPLES].reshape(-1, CHUNK_SAMPLES)
    network = SpeechProbability()
    whole = network(chunks)
    network.reset()
    assert np.allclose(np.concatenate([network(chunks[:37]), network(chunks[37:])]), whole, atol=1e-5)
    assert not np.allclose(network(chunks), whole, atol=1e-5)
    assert network(chunks[:0]).shape == (0,)


def test_a_missing_model_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    silero._session.cache_clear()
    monkeypatch.setattr(silero, "_FILE", "elsewhere.onnx")
    with pytest.raises(WeightsNotFound, match="silero-vad"):
        SpeechProbability()


# ------------------------------------------------------------------------------------------------- real voices


@pytest.mark.shared
def test_speech_is_found_in_nearly_all_recordings_of_speech(shared: Path) -> None:
    with (shared / "voice" / "protocol.csv").open() as file:
        rows = list(csv.DictReader(file))[::24]
    missed = {"whole": 0, "telephone": 0, "quiet": 0}
    for row in rows:
        sound = _read(shared / "voice", row["path"])
        missed["whole"] += not find(sound)[1].utterances
        missed["telephone"] += not find(soxr.resample(soxr.resample(sound, RATE, 8_000), 8_000, RATE))[1].utterances
        missed["quiet"] += not find(sound * np.float32(0.01))[1].utterances
    assert len(rows) == 80
    assert max(missed.values()) <= 4, missed


def _read(folder: Path, path: str) -> Float32Array:
    archive, member = path.split("!/")
    with zipfile.ZipFile(folder / archive) as file, av.open(io.BytesIO(file.read(member)), "r") as container:
        frames = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    return np.concatenate(frames).astype(np.float32) / np.float32(2**15)
