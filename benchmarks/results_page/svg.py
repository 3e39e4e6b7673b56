"""Figures of matplotlib as SVG that stands inside a page: the page's own colours, no outside address, same bytes again.

Colours are drawn as placeholders and written as the page's custom properties, so that one picture serves light, dark
and print.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK, QUIET, LINE = "#000001", "#000002", "#000003"
"""Placeholders: of text, of what is secondary, of grids."""
NUM_COLOURS = 7
"""Of curves, in page.css: Wong's eight for any colour vision (Nature Methods 8, 2011), less black, the ink's own."""
_PROPERTIES = {INK: "var(--ink)", QUIET: "var(--quiet)", LINE: "var(--line)"} | {
    f"#0000{place + 16:02x}": f"var(--curve-{place + 1})" for place in range(NUM_COLOURS)
}
_DASHES = ("-", "--", ":", "-.")
"""So that curves are told apart without colour; as many as are coprime to the colours, so that no pair repeats soon."""
_SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "unmask",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "text.color": INK,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}


def colour(place: int) -> str:
    """Placeholder for the colour of the system at this place."""
    return f"#0000{place % NUM_COLOURS + 16:02x}"


def dash(place: int) -> str:
    """Line style of the system at this place."""
    return _DASHES[place % len(_DASHES)]


@contextmanager
def _style() -> Iterator[None]:
    with mpl.rc_context():
        mpl.rcdefaults()  # whatever somebody's own matplotlibrc says
        mpl.rcParams.update(_SETTINGS)
        yield


def draw(paint: Callable[[Axes], None], *, inches: tuple[float, float], name: str, alternative: str) -> str:
    """One `<svg>` element.

    Args:
        paint: Draws on the axes; lines with labels get a legend below.
        inches: Width and height.
        name: In lower case with hyphens, unique on the page; ids inside begin with it.
        alternative: What the picture shows.
    """
    with _style():
        figure = Figure(figsize=inches, layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        paint(axes)
        handles, labels = axes.get_legend_handles_labels()
        if labels:
            figure.legend(handles, labels, loc="outside lower left", handlelength=3.2)
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return _embedded(written.getvalue(), name, alternative)


def _embedded(svg: str, name: str, alternative: str) -> str:
    body = svg[svg.index("<svg") :].strip()
    body = re.sub(r' xmlns(?::xlink)?="[^"]*"', "", body)
    body = body.replace("xlink:href=", "href=")
    body = re.sub(r'<style type="text/css">.*?</style>', "", body, flags=re.DOTALL)
    # Ids of several pictures meet in one page; groups' names and comments serve nobody there.
    body = re.sub(r"<!--.*?-->\n?", "", body, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{name}-", body)
    body = re.sub(r"(?<![0-9a-z])#0000[0-9a-f]{2}\b", lambda found: _PROPERTIES.get(found[0], found[0]), body)
    head, rest = body.split(">", 1)
    box = re.search(r'viewBox="[^"]*"', head)
    return f'<svg {box[0] if box else ""} role="img" aria-label="{escape(alternative)}">{rest}'
