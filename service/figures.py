"""Numbers as a person reads them: clock times, likelihood ratios, sizes, shares."""

from __future__ import annotations

import math

from detect.report import Span

_MAX_SHOWN_RATIO = 1e9
"""Above a thousand times the last step of the ENFSI scale (2015) further digits say nothing; calibrations are cut
long before."""

_MANY = 1e6
"""No network puts out so much; a report made by hand could, in three hundred digits."""


def clock(seconds: float, decimals: int = 3) -> str:
    """`0:07.250`, `1:02:03.000`: place on the timeline."""
    sign = "\N{MINUS SIGN}" if seconds < 0 else ""
    ticks = round(abs(seconds) * 10**decimals)
    whole, rest = divmod(ticks, 10**decimals)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    head = f"{hours}:{minute:02d}" if hours else f"{minute}"
    tail = f".{rest:0{decimals}d}" if decimals else ""
    return f"{sign}{head}:{second:02d}{tail}"


def interval(span: Span) -> str:
    """`0:07.250` to `0:09.000` with a dash between; a single time where both ends are the same."""
    if span.end_seconds == span.start_seconds:
        return clock(span.start_seconds)
    return f"{clock(span.start_seconds)}\N{EN DASH}{clock(span.end_seconds)}"


def length(seconds: float) -> str:
    """`7.25 s`, `2 min 5 s`, `1 h 2 min 3 s`: how long something lasts."""
    if seconds < 60:
        return f"{seconds:.2f}".rstrip("0").rstrip(".") + " s"
    hours, rest = divmod(round(seconds), 3600)
    minutes, second = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "min"), (second, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count)


def signed(value: float) -> str:
    """`+2.30`, `-0.41` with a real minus sign, `0.00`."""
    text, sign = f"{abs(value):.2f}", "\N{MINUS SIGN}" if value < 0 else "+"
    if abs(value) >= _MANY:
        return f"{sign}{abs(value):.1e}"
    return text if float(text) == 0 else f"{sign}{text}"


def ratio(llr: float) -> str:
    """Size of the likelihood ratio of a natural-log LLR, to two significant digits: `25`, `1,200`, `1.3`."""
    value = min(math.exp(min(abs(llr), 700.0)), _MAX_SHOWN_RATIO)
    if value < 10:
        return f"{value:.1f}".removesuffix(".0")
    digits = math.floor(math.log10(value)) - 1
    return f"{round(value / 10**digits) * 10**digits:,}"


def size(num_bytes: int) -> str:
    """`3.1 MB`, in powers of ten."""
    value, unit = float(num_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{num_bytes} B" if unit == "B" else f"{value:.1f} {unit}"


def share(part: float, whole: float) -> float:
    """Per cent, between 0 and 100; 0 of nothing."""
    return 0.0 if whole <= 0 else min(max(100.0 * part / whole, 0.0), 100.0)


def percent(value: float) -> str:
    """`98 %`, `0.3 %`; neither end is reached by rounding."""
    if 0 < value < 1:
        return f"{max(value, 0.1):.1f} %" if value >= 0.05 else "under 0.1 %"
    if 99 < value < 100:
        return "over 99 %"
    return f"{value:.0f} %"
