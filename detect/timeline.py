"""The presentation times of a video stream's pictures, and what is done where they cannot be used.

A stream keeps its own times unless they are missing, jump, repeat or run backwards beyond what reordering explains.
Then pictures are counted instead: picture k is shown at k / rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from detect.packets import MISSING, Packets

_MAX_REORDER = 16
"""Pictures by which decoding and presentation order may differ: MaxDpbFrames in ITU-T H.264 and H.265, annex A."""

_REORDERING = frozenset(
    {"h264", "hevc", "vvc", "mpeg1video", "mpeg2video", "mpeg4", "vc1", "wmv3", "msmpeg4v3", "rv30", "rv40", "cavs"}
)
"""Codecs with bidirectional pictures whose packets come in decoding order."""

_JUMP_SECONDS = 3600
"""A still picture this long is taken for a broken clock."""

_MAX_SPREAD = 2**48
"""Ticks; 9 years in microseconds. Products in `detect.sampling` stay under 2**63."""

_LAST_PICTURE_SECONDS = 10
"""How long the last picture's packet may claim that it is shown; beyond it, the usual interval counts."""

_STEADY = 0.05
"""Share of pauses up to which a stream counts as steady: recorders drop single pictures, variable rates vary always."""

PLAUSIBLE_RATES = (Fraction(1, 60), Fraction(1000))
"""Frames a second, from time lapse to high speed, that a header is believed."""

_RAW_RATE = Fraction(25)
"""FFmpeg's rate for raw streams that name none (libavformat/rawdec.c)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Timeline:
    """When each picture of a stream is shown."""

    ticks: NDArray[np.int64]
    """(n,) in units of `unit`, decoding order; pictures without a time are left out."""
    key: NDArray[np.bool_]
    """(n,) whether the picture can be decoded alone."""
    reference: NDArray[np.bool_]
    """(n,) whether others may be predicted from it."""
    unit: Fraction
    """Seconds."""
    start: int
    """Tick of the first picture's presentation."""
    end: int
    """Tick at which the last picture's presentation ends."""
    rate: Fraction | None = None
    """Set where pictures are counted because their own times are unusable."""
    repairs: tuple[str, ...] = ()
    """What was found wrong with the times, in words."""
    pauses: str | None = None
    """For an otherwise steady stream, where pictures are further apart: dropped when recorded, or cut out later."""


def settle(packets: Packets, unit: Fraction, codec: str, average_rate: Fraction | None) -> Timeline:
    """Decide by which times a stream's pictures go.

    Args:
        packets: What reading the container through has shown.
        unit: The stream's time base.
        codec: FFmpeg's canonical name.
        average_rate: As the header claims it.
    """
    known = packets.pts != MISSING
    ticks = packets.pts[known]
    num_missing = len(known) - len(ticks)
    in_order = np.sort(ticks)
    spread = int(in_order[-1]) - int(in_order[0]) if len(ticks) else 0
    gaps = np.diff(in_order) if spread < _MAX_SPREAD else np.zeros(0, np.int64)
    forward = np.sort(gaps[gaps > 0])
    usual = int(forward[len(forward) // 2]) if len(forward) else 0

    fatal = []
    if spread >= _MAX_SPREAD:
        fatal.append("the times lie too far apart to be times")
    if num_missing and (num_missing > len(known) // 10 or not len(ticks)):
        fatal.append(f"{num_missing} of {len(known)} pictures carry no time")
    if len(gaps) and int(gaps.max()) * unit > _JUMP_SECONDS:
        fatal.append(f"the times jump by {float(int(gaps.max()) * unit):.0f} s")
    num_repeated = int((gaps == 0).sum())
    if num_repeated > len(ticks) // 2:
        fatal.append(f"{num_repeated} of {len(ticks)} pictures repeat the time of another")
    displaced = np.abs(np.argsort(np.argsort(ticks, kind="stable"), kind="stable") - np.arange(len(ticks)))
    if len(displaced) and int(displaced.max()) > (_MAX_REORDER if codec in _REORDERING else 0):
        fatal.append(f"the times run backwards by up to {int(displaced.max())} pictures")
    if fatal:
        between = usual * unit
        if num_repeated and len(fatal) == 1:  # pictures share times: spread them over the stretch they cover together
            between = (spread + usual) * unit / len(ticks)
        rate = _rate(between, average_rate)
        count = len(known)
        return Timeline(
            ticks=np.arange(count, dtype=np.int64),
            key=packets.key,
            reference=packets.reference,
            unit=1 / rate,
            start=0,
            end=count,
            rate=rate,
            repairs=tuple(fatal),
        )

    repairs = []
    if num_missing:
        repairs.append(f"{num_missing} of {len(known)} pictures carry no time and are not sampled")
    if num_repeated:
        repairs.append(f"{num_repeated} of {len(ticks)} pictures repeat the time of another")
    if not len(ticks):
        return Timeline(ticks=ticks, key=packets.key, reference=packets.reference, unit=unit, start=0, end=0)
    last = int(in_order[-1])
    claimed = 0  # where pictures are reordered, a packet's duration is its own and not that of the picture in it
    if not (np.diff(ticks) < 0).any():
        claimed = int(packets.ends[known].max()) - last
    if not 0 < claimed * unit <= _LAST_PICTURE_SECONDS:
        claimed = usual or round(1 / (_rate(Fraction(0), average_rate) * unit))
    return Timeline(
        ticks=ticks,
        key=packets.key[known],
        reference=packets.reference[known],
        unit=unit,
        start=int(in_order[0]),
        end=last + max(1, claimed),
        repairs=tuple(repairs),
        pauses=_pauses(in_order, gaps, usual, unit),
    )


def _pauses(in_order: NDArray[np.int64], gaps: NDArray[np.int64], usual: int, unit: Fraction) -> str | None:
    """Say where a steady stream pauses; None where it does not, or is not steady."""
    long = gaps * 2 > 3 * usual
    if not usual or not long.any() or long.mean() > _STEADY:
        return None
    longest = int(gaps.argmax())
    at, seconds = float(int(in_order[longest] - in_order[0]) * unit), float(int(gaps[longest]) * unit)
    return f"pauses in an otherwise steady rate: {int(long.sum())}, the longest of {seconds:.3f} s after {at:.3f} s"


def _rate(usual: Fraction, average_rate: Fraction | None) -> Fraction:
    """Frames a second: by the usual distance between pictures, else as claimed, else FFmpeg's own guess."""
    lowest, highest = PLAUSIBLE_RATES
    for rate in (1 / usual if usual else None, average_rate):
        if rate is not None and lowest <= rate <= highest:
            return rate
    return _RAW_RATE
