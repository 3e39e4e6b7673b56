"""Which frames of a stream are looked at: evenly over the whole of it, never just the first ones.

The stretch from the first picture to the end of the last is cut into equal intervals, and one picture is taken for the
middle of each. Targets are times of real pictures, so that what is planned is what is shown.

Decoding is chosen by what the targets need. Key frames alone where there is one near the middle of every interval;
else all but the pictures that nothing is predicted from, where enough remain; else everything.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Literal

import numpy as np
import numpy.ma  # `np.unique` looks for it when files may be closed already
from numpy.typing import NDArray

from detect.config import Sampling
from detect.decoded import SamplingPlan
from detect.timeline import Timeline

_MIN_SKIPPABLE = 0.2
"""Share of skippable pictures from which skipping pays: the decoder saves at most their share of its time."""

Ticks = NDArray[np.int64]
_Decoder = Literal["keyframes", "nonref", "full"]


def plan(timeline: Timeline, zero: Fraction, sampling: Sampling, *, can_skip: bool) -> SamplingPlan:
    """Choose the frames of one stream and the way of decoding.

    Args:
        timeline: When its pictures are shown.
        zero: Start of the recording's presentation on the container's clock, seconds.
        sampling: How many frames, and which decoding if it is not left open.
        can_skip: Whether it is known which pictures nothing is predicted from, and the decoder skips just those.
    """
    origin = Fraction(0) if timeline.rate is not None else zero
    end = timeline.end * timeline.unit - origin
    order = np.argsort(timeline.ticks, kind="stable")
    ticks, key, reference = timeline.ticks[order], timeline.key[order], timeline.reference[order]
    if not len(ticks):
        return SamplingPlan(
            decoder="full", targets=(), interval=Fraction(0), end=max(Fraction(0), end), why="no pictures"
        )

    span = timeline.end - timeline.start
    count = _count(span * timeline.unit, len(ticks), sampling)
    middles = timeline.start + (2 * np.arange(count, dtype=np.int64) + 1) * span // (2 * count)
    reach = Fraction(span, 2 * count)

    decoder, why, chosen = _choose(ticks, key, reference, middles, reach, timeline, sampling, can_skip=can_skip)
    return SamplingPlan(
        decoder=decoder,
        targets=tuple(int(tick) * timeline.unit - origin for tick in chosen),
        interval=span * timeline.unit / count,
        end=end,
        rate=timeline.rate,
        why=why,
    )


def _count(seconds: Fraction, num_pictures: int, sampling: Sampling) -> int:
    """How many frames: at least `min_frames`, one every `max_interval_seconds`, at most `max_frames`."""
    by_interval = math.ceil(seconds / Fraction(sampling.max_interval_seconds))
    return max(1, min(max(sampling.min_frames, by_interval), sampling.max_frames, num_pictures))


def _choose(  # noqa: PLR0911  # one return a way of decoding
    ticks: Ticks,
    key: NDArray[np.bool_],
    reference: NDArray[np.bool_],
    middles: Ticks,
    reach: Fraction,
    timeline: Timeline,
    sampling: Sampling,
    *,
    can_skip: bool,
) -> tuple[_Decoder, str, Ticks]:
    """(decoder, reason, ticks of the pictures to take, ascending)."""
    wanted = sampling.decoder
    if timeline.rate is not None:
        return "full", "pictures are counted, so every one is decoded", _shown(ticks, middles)
    near_key = _nearest(ticks[key], middles)
    if wanted == "keyframes" and len(near_key):
        return "keyframes", "as configured", np.unique(near_key)
    near_reference = _nearest(ticks[reference], middles) if can_skip else ticks[:0]
    if wanted == "nonref" and len(near_reference):
        return "nonref", "as configured", np.unique(near_reference)
    if wanted != "adaptive":
        why = "as configured" if wanted == "full" else f"'{wanted}' is configured, but this stream has no such pictures"
        return "full", why, _shown(ticks, middles)
    if _enough(near_key, middles, reach):
        return (
            "keyframes",
            f"{int(key.sum())} key frames: one within half an interval of every sample",
            np.unique(near_key),
        )
    share = 1 - float(reference.mean())
    if can_skip and share >= _MIN_SKIPPABLE and _enough(near_reference, middles, reach):
        why = f"{share:.0%} of the pictures are no references, and samples fall on the others"
        return "nonref", why, np.unique(near_reference)
    return "full", "samples lie closer than key frames or reference pictures", _shown(ticks, middles)


def _nearest(ticks: Ticks, middles: Ticks) -> Ticks:
    """For each middle the nearest of `ticks`, the earlier of two."""
    if not len(ticks):
        return ticks
    after = np.searchsorted(ticks, middles).clip(max=len(ticks) - 1)
    before = (after - 1).clip(min=0)
    chosen = np.where(middles - ticks[before] <= np.abs(ticks[after] - middles), before, after)
    return ticks[chosen].astype(np.int64)


def _enough(near: Ticks, middles: Ticks, reach: Fraction) -> bool:
    """Whether every middle has a picture of its own within half an interval."""
    if len(near) != len(middles) or len(np.unique(near)) != len(middles):
        return False
    return int(np.abs(near - middles).max()) <= reach


def _shown(ticks: Ticks, middles: Ticks) -> Ticks:
    """The pictures on the screen at these times; where one stands long, others from in between make up the number."""
    distinct = np.unique(ticks)
    chosen = np.unique(np.searchsorted(distinct, middles, side="right").clip(min=1) - 1)
    lacking = min(len(middles), len(distinct)) - len(chosen)
    if lacking > 0:
        left = np.setdiff1d(np.arange(len(distinct)), chosen)
        chosen = np.union1d(chosen, left[(2 * np.arange(lacking) + 1) * len(left) // (2 * lacking)])
    shown: Ticks = distinct[chosen]
    return shown
