"""The page: everything inside it, the same bytes again, and plots that say in words what they show."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from benchmarks.results_page.page import page
from benchmarks.results_page.plots import plots
from benchmarks.results_page.samples import samples
from benchmarks.results_page.views import views
from benchmarks.scorefile import Row
from benchmarks.trials import Unit
from detect.errors import ConfigError
from tests.benchmarks.results_page.recipes import OTHER, OURS, SYSTEMS, gaussian, run

_LOADING = {"src", "href", "xlink:href", "srcset", "data", "action", "poster", "background"}


class _Page(HTMLParser):
    """Ids, what is linked, plots' alternative texts, and whether what is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.alternatives: list[str] = []
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.add(tag)
        self.ids += [values["id"] or ""] if "id" in values else []
        self.links += [value or "" for name, value in attrs if name in _LOADING]
        if tag == "svg":
            assert values["role"] == "img"
            self.alternatives.append(values["aria-label"] or "")
        if tag not in {"meta"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _rows(count: int) -> list[Row]:
    return [
        replace(
            one,
            attack=f"A{place % 6:02d} <wave&net> $x_{1}" if place % 2 else "-",
            shortcuts={"seconds": f"{place % 7}"},
            logits={**one.logits, OTHER: 1.0 - one.logits[OURS]},
        )
        for place, one in enumerate(gaussian(count))
    ]


def _written(folder: Path, *folders: Path) -> str:
    out = folder / "page" / "index.html"
    page(folders, out)
    return out.read_text(encoding="utf-8")


def test_the_page_is_self_contained_and_well_formed(tmp_path: Path) -> None:
    frames = [replace(one, unit=Unit.FRAME, sequence=f"s{place // 4}") for place, one in enumerate(_rows(120))]
    text = _written(tmp_path, run(tmp_path, _rows(100), name="one"), run(tmp_path, frames, name="two"))
    found = _Page(text)
    assert found.open == []
    assert "script" not in found.tags
    assert len(found.ids) == len(set(found.ids))
    assert all(link.startswith("#") and link[1:] in found.ids for link in found.links)
    assert all(target in found.ids for target in re.findall(r"url\(#([^)]+)\)", text))
    assert "http" not in text
    assert "@import" not in text
    assert text.count("<wave&net> $x_{1}") == 0
    assert text.count("&lt;wave&amp;net&gt;") > 0


def test_plots_take_the_pages_colours_and_have_words(tmp_path: Path) -> None:
    text = _written(tmp_path, run(tmp_path, _rows(100)))
    alternatives = _Page(text).alternatives
    assert [one.split(" of ")[0] for one in alternatives] == ["ROC", "DET", "Reliability", "Risk and coverage", "AUC"]
    assert f"{OURS}: AUC 0.9" in alternatives[0]
    assert "Made Up, split eval, utterances" in alternatives[0]
    plots = "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))
    assert set(re.findall(r"#[0-9a-f]{6}", plots)) == set()
    assert {"var(--ink)", "var(--line)", "var(--curve-1)", "var(--curve-2)"} <= set(
        re.findall(r"var\(--[^)]+\)", plots)
    )


def test_curves_of_many_trials_stay_small() -> None:
    sizes = []
    for count in (1_000, 20_000):
        (view,) = views(gaussian(count))
        drawn = plots(view, samples(view, SYSTEMS), "Made Up", name="run")
        sizes.append(sum(len(plot.svg) for plot in drawn))
    assert sizes[1] < 2 * sizes[0]


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    folder = run(tmp_path, _rows(100))
    assert _written(tmp_path / "a", folder) == _written(tmp_path / "b", folder)


def test_units_never_share_a_summary(tmp_path: Path) -> None:
    frames = [replace(one, unit=Unit.FRAME, sequence=f"s{place // 4}") for place, one in enumerate(gaussian(120))]
    text = _written(tmp_path, run(tmp_path, gaussian(60), name="one"), run(tmp_path, frames, name="two"))
    titles = re.findall(r"<caption>(All results of [^<]*)</caption>", text)
    assert titles == ["All results of utterances", "All results of frames", "All results of sequences"]


def test_development_runs_and_no_runs_are_refused(tmp_path: Path) -> None:
    good, bad = run(tmp_path, gaussian(60), name="good"), run(tmp_path, gaussian(60), name="bad", development=True)
    with pytest.raises(ConfigError, match=r"bad .* served for training"):
        page([good, bad], tmp_path / "page.html")
    with pytest.raises(ConfigError, match="at least one run"):
        page([], tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_partial_and_in_domain_runs_are_marked(tmp_path: Path) -> None:
    text = _written(tmp_path, run(tmp_path, gaussian(60), partial=True))
    assert '<p class="warning">This copy of the data set is not whole' in text
    assert "partial copy, 60 of 3,000 published trials" in text
