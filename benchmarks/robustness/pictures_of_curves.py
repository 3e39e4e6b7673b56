"""Curves as SVG files of their own: the drawings of the results page, with the colours they take from it there."""

from __future__ import annotations

from collections.abc import Callable

from matplotlib.axes import Axes

from benchmarks.results_page.svg import draw

INCHES = (5.2, 3.6)
"""Width and height of a plot without its legend: half a line of a README."""
_LEGEND_LINE = 0.18
"""Inches that a curve takes in the legend."""
_COLOURS = """
:root{--paper:#fff;--ink:#1c2126;--quiet:#525a62;--line:#d3d7d9;--curve-1:#0072b2;--curve-2:#c65300;--curve-3:#00795a;
--curve-4:#b0558a;--curve-5:#9a6a00;--curve-6:#2b87bd;--curve-7:#716b00}
@media (prefers-color-scheme:dark){:root{--paper:#15181b;--ink:#e6e7e4;--quiet:#a8b0b7;--line:#3a4147;--curve-1:#4ea3e0;
--curve-2:#f08445;--curve-3:#1fbf92;--curve-4:#dd92bb;--curve-5:#e69f00;--curve-6:#7fc8f0;--curve-7:#f0e442}}
svg{background:var(--paper);font-family:sans-serif}
"""
"""Those of benchmarks/results_page/page.css, light and dark."""


def picture(paint: Callable[[Axes], None], *, name: str, alternative: str, num_curves: int) -> str:
    """One SVG file.

    Args:
        paint: Draws on the axes.
        name: Of the file, in lower case with hyphens.
        alternative: What the picture shows.
        num_curves: In the legend.
    """
    size = (INCHES[0], INCHES[1] + _LEGEND_LINE * num_curves)
    head, body = draw(paint, inches=size, name=name, alternative=alternative).split(">", 1)
    return f"{head.replace('<svg', _ROOT, 1)}><style>{_COLOURS}</style>{body}\n"


_ROOT = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def slug(text: str) -> str:
    """A name for files and ids: lower-case letters and digits with hyphens between."""
    return "-".join("".join(one if one.isalnum() else " " for one in text.lower()).split())
