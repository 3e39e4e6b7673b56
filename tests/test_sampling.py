"""Frames are chosen evenly over the whole of a stream, and decoding does no more than they need."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detect.config import Sampling
from detect.decoded import SamplingPlan
from detect.sampling import plan
from detect.timeline import Timeline

ZERO = Fraction(0)
UNIT = Fraction(1, 1000)


def timeline(ticks: list[int], *, gop: int = 12, every_reference: int = 1) -> Timeline:
    """A stream whose pictures last as long as the last two lie apart."""
    ordered = sorted(ticks)
    last = ordered[-1] - ordered[-2] if len(ordered) > 1 else 40
    positions = np.arange(len(ticks))
    return Timeline(
        ticks=np.array(ticks, np.int64),
        key=positions % gop == 0,
        reference=positions % every_reference == 0,
        unit=UNIT,
        start=ordered[0],
        end=ordered[-1] + max(last, 1),
    )


def steady(count: int, step: int = 40, **options: int) -> Timeline:
    return timeline([step * number for number in range(count)], **options)


def planned(line: Timeline, *, can_skip: bool = True, **settings: object) -> SamplingPlan:
    return plan(line, ZERO, Sampling.model_validate(settings), can_skip=can_skip)


def test_a_short_clip_is_taken_whole() -> None:
    result = planned(steady(20, gop=20))
    assert result.targets == tuple(Fraction(40 * number, 1000) for number in range(20))
    assert result.decoder == "full"
    assert result.end == Fraction(20 * 40, 1000)


def test_ten_seconds_get_32_frames_over_all_of_it() -> None:
    result = planned(steady(250, gop=250))
    assert len(result.targets) == 32
    assert result.targets[0] < result.interval
    assert result.targets[-1] > 10 - result.interval
    gaps = [float(b - a) for a, b in zip(result.targets, result.targets[1:], strict=False)]
    assert max(gaps) - min(gaps) <= 0.04


def test_a_long_recording_is_sampled_every_two_seconds() -> None:
    result = planned(steady(10_000, gop=10_000))
    assert result.interval == 2
    assert len(result.targets) == 200


def test_the_number_of_frames_is_bounded_and_the_interval_grows() -> None:
    result = planned(steady(10_000, gop=10_000), max_frames=100)
    assert len(result.targets) == 100
    assert result.interval == 4


def test_key_frames_suffice_where_one_is_near_every_sample() -> None:
    result = planned(steady(10_000, gop=25))
    assert result.decoder == "keyframes"
    assert len(result.targets) == 200
    assert all(target % 1 == 0 for target in result.targets)


def test_key_frames_do_not_suffice_where_one_sample_has_none() -> None:
    line = steady(10_000, gop=25)
    line.key[4000:4200] = False
    assert planned(line).decoder == "full"


def test_pictures_that_nothing_needs_are_skipped() -> None:
    result = planned(steady(1000, gop=1000, every_reference=2))
    assert result.decoder == "nonref"
    assert all(target % Fraction(80, 1000) == 0 for target in result.targets)


def test_they_are_not_skipped_where_it_is_not_known_which() -> None:
    assert planned(steady(1000, gop=1000, every_reference=2), can_skip=False).decoder == "full"


def test_they_are_not_skipped_where_samples_lie_too_close() -> None:
    assert planned(steady(40, gop=40, every_reference=2)).decoder == "full"


@pytest.mark.parametrize("wanted", ["keyframes", "nonref", "full"])
def test_the_setting_overrides(wanted: str) -> None:
    assert planned(steady(1000, gop=10, every_reference=2), decoder=wanted).decoder == wanted


def test_a_setting_that_cannot_be_followed_decodes_everything_and_says_so() -> None:
    line = steady(100)
    line.key[:] = False
    result = planned(line, decoder="keyframes")
    assert result.decoder == "full"
    assert "keyframes" in result.why


def test_a_picture_that_stands_long_does_not_starve_the_rest() -> None:
    ticks = [10 * number for number in range(60)] + [600_000]
    result = planned(timeline(ticks, gop=1000))
    assert len(result.targets) == 61


def test_counted_pictures_are_all_decoded() -> None:
    line = Timeline(
        ticks=np.arange(1000),
        key=np.ones(1000, np.bool_),
        reference=np.ones(1000, np.bool_),
        unit=Fraction(1, 25),
        start=0,
        end=1000,
        rate=Fraction(25),
    )
    result = plan(line, Fraction(77), Sampling(), can_skip=True)
    assert result.decoder == "full"
    assert result.rate == Fraction(25)
    assert result.end == Fraction(40)
    assert result.targets[0] < 2


def test_no_pictures_no_targets() -> None:
    nothing = np.zeros(0, np.int64)
    line = Timeline(ticks=nothing, key=nothing > 0, reference=nothing > 0, unit=UNIT, start=0, end=0)
    assert plan(line, ZERO, Sampling(), can_skip=True).targets == ()


@given(
    gaps=st.lists(st.integers(0, 5_000), min_size=1, max_size=300),
    offset=st.integers(-(10**9), 10**9),
    gop=st.integers(1, 40),
    every=st.integers(1, 4),
    min_frames=st.integers(1, 64),
    max_frames=st.integers(1, 64),
)
def test_whatever_the_times(
    gaps: list[int], offset: int, gop: int, every: int, min_frames: int, max_frames: int
) -> None:
    ticks = [offset + sum(gaps[:position]) for position in range(len(gaps))]
    line = timeline(ticks, gop=gop, every_reference=every)
    zero = offset * UNIT
    result = plan(line, zero, Sampling(min_frames=min_frames, max_frames=max_frames), can_skip=True)
    shown = {tick * UNIT - zero for tick in ticks}
    assert 1 <= len(result.targets) <= min(max_frames, len(ticks))
    assert list(result.targets) == sorted(set(result.targets))
    assert set(result.targets) <= shown, "targets are times of pictures"
    assert len(result.targets) >= min(min_frames, max_frames, len(shown)) or result.decoder != "full"
    assert result.targets[-1] < result.end
    assert result.interval * max(1, len(result.targets)) <= result.end + result.interval
