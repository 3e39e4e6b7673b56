"""Every laundering on every kind of file it applies to, and what holds for all of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.robustness.laundering import Family, Kind, Laundering, kind_of
from benchmarks.robustness.launderings import LAUNDERINGS, laundering
from detect.errors import ConfigError
from tests.benchmarks.robustness.sources import FPS, MAKERS, NUM_FRAMES, SECONDS, SIZE, Heard, perceived
from tests.recipes import read_number, write_wav

_DONE = [(one, kind) for one in LAUNDERINGS if not one.missing for kind in one.ways]
_AUDIO = (Family.AUDIO_CODEC, Family.SOUND_NOISE, Family.REVERBERATION)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[Kind, Path]:
    folder = tmp_path_factory.mktemp("sources")
    return {kind: make(folder / name) for kind, (make, name) in MAKERS.items()}


@pytest.fixture(scope="module")
def originals(sources: dict[Kind, Path]) -> dict[Kind, Heard]:
    return {kind: perceived(path) for kind, path in sources.items()}


@pytest.mark.parametrize(("one", "kind"), _DONE, ids=[f"{one.name}-{kind}" for one, kind in _DONE])
def test_a_copy_is_changed_as_long_and_the_same_every_time(
    one: Laundering, kind: Kind, sources: dict[Kind, Path], originals: dict[Kind, Heard], tmp_path: Path
) -> None:
    copy, again = (one.apply(sources[kind], tmp_path / folder, seed=3) for folder in "ab")
    assert copy.parent == tmp_path / "a"
    assert [path.name for path in copy.parent.iterdir()] == [copy.name], "nothing else is left behind"
    assert kind_of(copy) is kind
    before, after = originals[kind], perceived(copy)
    assert after.same_as(perceived(again))
    assert not after.same_as(before)
    _same_time(before, after)


def _same_time(before: Heard, after: Heard) -> None:
    assert len(after.sounds) == len(before.sounds)
    for heard, original in zip(after.sounds, before.sounds, strict=True):
        assert abs(heard.start - original.start) < 1 / FPS
        seconds = [one.samples.shape[1] / one.rate_hz for one in (heard, original)]
        assert seconds[0] == pytest.approx(seconds[1], abs=1 / FPS)
        assert np.sqrt(np.mean(heard.samples**2)) > 0.01, "not silent"
    assert bool(after.frames) == bool(before.frames)
    if len(before.frames) > 1:
        assert abs(after.times[0] - before.times[0]) < 1 / FPS
        step = before.times[-1] / (len(after.frames) - 1)
        assert abs(after.times[-1] + step - before.times[-1]) < 4 / FPS


@pytest.mark.parametrize(
    "name", ["h264_crf40", "h265_crf40", "vp9_crf58", "mpeg4_q16", "mjpeg_q12", "noise_20db", "blur_1", "half_size",
             "half_size_back", "messenger", "social", "video_platform", "opus_8k", "telephone"],
)  # fmt: skip
def test_pictures_stay_upright_in_order_and_in_time(name: str, sources: dict[Kind, Path], tmp_path: Path) -> None:
    after = perceived(laundering(name).apply(sources[Kind.VIDEO], tmp_path, seed=1))
    assert [read_number(pixels) for pixels in after.frames] == list(range(NUM_FRAMES))
    assert [round(time * FPS) for time in after.times] == list(range(NUM_FRAMES))
    assert after.frames[0].shape[1] > after.frames[0].shape[0]


def test_a_laundering_of_pictures_copies_the_sound_and_the_other_way_round(
    sources: dict[Kind, Path], originals: dict[Kind, Heard], tmp_path: Path
) -> None:
    before = originals[Kind.VIDEO]
    seen = perceived(laundering("h264_crf40").apply(sources[Kind.VIDEO], tmp_path, seed=1))
    assert np.array_equal(seen.sounds[0].samples, before.sounds[0].samples)
    heard = perceived(laundering("white_0db").apply(sources[Kind.VIDEO], tmp_path, seed=1))
    assert all(np.array_equal(a, b) for a, b in zip(heard.frames, before.frames, strict=True))


@pytest.mark.parametrize("one", [one for one in LAUNDERINGS if one.family in _AUDIO], ids=lambda one: one.name)
def test_sound_is_not_shifted(
    one: Laundering, sources: dict[Kind, Path], originals: dict[Kind, Heard], tmp_path: Path
) -> None:
    if one.missing:
        pytest.skip(one.missing)
    after = perceived(one.apply(sources[Kind.SOUND], tmp_path, seed=1)).sounds[0]
    before = originals[Kind.SOUND].sounds[0]
    slow = [_envelope(sound.samples[0], sound.rate_hz) for sound in (after, before)]
    lags = range(-40, 41)
    best = max(lags, key=lambda lag: float(np.dot(np.roll(slow[0], -lag), slow[1])))
    assert abs(best) <= (10 if one.family is Family.REVERBERATION else 3), "milliseconds"


def _envelope(samples: np.ndarray, rate: int) -> np.ndarray:
    """Loudness by milliseconds less its mean."""
    size = rate // 1000
    power = np.square(samples[: len(samples) // size * size].reshape(-1, size)).mean(axis=1)[: int(SECONDS * 1000)]
    return power - power.mean()


@pytest.mark.parametrize(
    ("mild", "harsh", "kind"),
    [
        ("h264_crf23", "h264_crf40", Kind.VIDEO),
        ("h265_crf28", "h265_crf40", Kind.VIDEO),
        ("vp9_crf31", "vp9_crf58", Kind.VIDEO),
        ("mpeg4_q4", "mpeg4_q16", Kind.VIDEO),
        ("mjpeg_q4", "mjpeg_q12", Kind.VIDEO),
        ("frames_lost_1", "frames_lost_20", Kind.VIDEO),
        ("jpeg_90", "jpeg_20", Kind.PICTURE),
        ("webp_75", "webp_30", Kind.PICTURE),
        ("blur_1", "blur_4", Kind.PICTURE),
        ("noise_40db", "noise_20db", Kind.PICTURE),
        ("half_size_back", "quarter_size_back", Kind.PICTURE),
        ("rerecorded_near", "rerecorded_far", Kind.PICTURE),
        ("mp3_128k", "mp3_32k", Kind.SOUND),
        ("opus_32k", "opus_8k", Kind.SOUND),
        ("white_20db", "white_0db", Kind.SOUND),
        ("babble_20db", "babble_0db", Kind.SOUND),
        ("reverb_0.3s", "reverb_0.9s", Kind.SOUND),
        ("loss_1_silence", "loss_20_silence", Kind.SOUND),
    ],
)
def test_the_harsher_one_leaves_less(
    mild: str, harsh: str, kind: Kind, sources: dict[Kind, Path], originals: dict[Kind, Heard], tmp_path: Path
) -> None:
    first, second = laundering(mild), laundering(harsh)
    assert first.strength is not None
    assert second.strength is not None
    assert (second.strength - first.strength) * first.harsher > 0, "the table says so as well"
    errors = [_error(perceived(one.apply(sources[kind], tmp_path, seed=1)), originals[kind]) for one in (first, second)]
    assert errors[0] < errors[1]


def _error(after: Heard, before: Heard) -> float:
    if before.frames:
        return float(np.mean([
            np.abs(a.astype(float) - b).mean() for a, b in zip(after.frames, before.frames, strict=True)
        ]))  # fmt: skip
    length = min(after.sounds[0].samples.shape[1], before.sounds[0].samples.shape[1])
    # Spectra, not samples: codecs for speech keep no waveform.
    pieces = (one.sounds[0].samples[0, : length // 512 * 512].reshape(-1, 512) for one in (after, before))
    spectra = [np.log(np.abs(np.fft.rfft(piece)) + 1e-2) for piece in pieces]
    return float(np.abs(spectra[0] - spectra[1]).mean())


def test_sizes_are_as_named(sources: dict[Kind, Path], tmp_path: Path) -> None:
    half = perceived(laundering("half_size").apply(sources[Kind.PICTURE], tmp_path, seed=1))
    assert half.frames[0].shape[:2] == (SIZE[0] // 2, SIZE[1] // 2)
    rate = perceived(laundering("half_rate").apply(sources[Kind.VIDEO], tmp_path, seed=1))
    assert [read_number(pixels) for pixels in rate.frames] == list(range(0, NUM_FRAMES, 2))


def test_noise_is_as_loud_as_named(sources: dict[Kind, Path], originals: dict[Kind, Heard], tmp_path: Path) -> None:
    before = originals[Kind.SOUND].sounds[0].samples[0]
    after = perceived(laundering("pink_10db").apply(sources[Kind.SOUND], tmp_path, seed=1)).sounds[0].samples[0]
    scale = np.dot(after, before) / np.dot(before, before)  # it is turned down where it would have been cut
    ratio = np.sum((scale * before) ** 2) / np.sum((after - scale * before) ** 2)
    assert 10 * np.log10(ratio) == pytest.approx(10, abs=0.3)


def test_another_seed_draws_other_noise(sources: dict[Kind, Path], tmp_path: Path) -> None:
    first, second = (
        perceived(laundering("noise_30db").apply(sources[Kind.PICTURE], tmp_path / str(seed), seed)) for seed in (1, 2)
    )
    assert not first.same_as(second)


def test_what_is_not_there_or_does_not_apply_is_refused_with_the_reason(
    sources: dict[Kind, Path], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="real-time priority"):
        laundering("av1").apply(sources[Kind.VIDEO], tmp_path, seed=1)
    with pytest.raises(ConfigError, match="does not apply to a sound"):
        laundering("jpeg_50").apply(sources[Kind.SOUND], tmp_path, seed=1)
    with pytest.raises(ConfigError, match="no laundering is named"):
        laundering("h264")
    (tmp_path / "text.wav").write_text("no sound at all")
    with pytest.raises(ConfigError, match="no picture, sound or video"):
        laundering("white_0db").apply(tmp_path / "text.wav", tmp_path, seed=1)


def test_what_cannot_be_decoded_leaves_no_copy(tmp_path: Path) -> None:
    empty = write_wav(tmp_path / "empty.wav", np.zeros(0, np.float32))
    with pytest.raises(ConfigError, match="holds no sound"):
        laundering("white_0db").apply(empty, tmp_path / "out", seed=1)
    assert list((tmp_path / "out").iterdir()) == []


def test_names_are_unique_and_strengths_make_curves() -> None:
    assert len({one.name for one in LAUNDERINGS}) == len(LAUNDERINGS)
    for one in LAUNDERINGS:
        assert one.source
        assert (one.strength is None) == (one.harsher == 0) == (one.unit == "")
        assert one.ways or one.missing
    points = [(one.family, one.series, one.strength) for one in LAUNDERINGS]
    assert len(set(points)) == len(points)
