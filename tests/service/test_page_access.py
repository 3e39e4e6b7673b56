"""The page for everybody: headings, names, tables, colours, and faces that stay veiled until asked for."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from tests.service.rendered import every, rendered_html, rendered_page, rendered_report


@every
def test_headings_go_down_one_step_at_a_time(name: str) -> None:
    levels = [int(e.tag[1]) for e in rendered_page(name).elements if re.fullmatch("h[1-6]", e.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


@every
def test_references_within_the_page_have_one_target(name: str) -> None:
    page = rendered_page(name)
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z0-9-]+", each) for each in ids)
    for element in page.elements:
        for attribute in ("aria-labelledby", "for"):
            for target in element.attributes.get(attribute, "").split():
                assert target in ids, target
        if element.tag == "a":
            assert element.attributes["href"][1:] in ids


@every
def test_pictures_and_drawings_have_words(name: str) -> None:
    page = rendered_page(name)
    assert all(element.attributes["alt"].strip() for element in page.all("img"))
    for drawing in page.all("svg"):
        if "svg" in drawing.path or drawing.attributes.get("aria-hidden") == "true":
            continue
        assert drawing.attributes["role"] == "img"
        assert drawing.attributes["aria-labelledby"]
    for target in {t for e in page.elements for t in e.attributes.get("aria-labelledby", "").split()}:
        assert page.by_id(target).words


@every
def test_tables_have_captions_and_scopes(name: str) -> None:
    page = rendered_page(name)
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(caption.words for caption in page.all("caption"))
    assert all(cell.attributes.get("scope") in ("row", "col") for cell in page.all("th"))


@every
def test_landmarks_and_language(name: str) -> None:
    page = rendered_page(name)
    for tag in ("main", "nav", "title"):
        assert len([element for element in page.all(tag) if "svg" not in element.path]) == 1
    (root,) = page.all("html")
    assert root.attributes["lang"] == "en"
    skip = page.all("a")[0]
    assert (skip.attributes["class"], skip.attributes["href"]) == ("skip", "#conclusion")


@pytest.mark.parametrize("name", ["supports_manipulation", "many_tracks", "picture"])
def test_every_face_is_behind_a_switch_that_works_without_a_script(name: str) -> None:
    page = rendered_page(name)
    switches = {e.attributes["id"]: e for e in page.all("input")}
    assert len(switches) == len(rendered_report(name).body.tracks)
    assert all(s.attributes["type"] == "checkbox" and "checked" not in s.attributes for s in switches.values())
    assert all(s.attributes["aria-label"] for s in switches.values())
    frames = [e for e in page.all("label") if e.attributes.get("class") == "frame"]
    faces = [e for e in page.all("img") if "label" in e.path]
    kinds = [exhibit.kind for exhibit in rendered_report(name).body.exhibits]
    assert len(frames) == len(faces) == len(kinds) - kinds.count("spectrogram") > 0
    assert all(frame.attributes["for"] in switches for frame in frames)
    (style,) = page.all("style")
    css = "".join(style.text)
    assert re.search(r"\.frame img \{[^}]*filter: blur\(\d+px\)", css)
    assert ".reveal:checked ~ .moments .frame img { filter: none; }" in css
    # On paper too: no rule for print touches the blur.
    assert "blur" not in css[css.index("@media print") :]


def _luminance(colour: str) -> float:
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _colours(css: str, start: str) -> dict[str, str]:
    block = css[css.index(start) :]
    block = block[block.index(":root") : block.index("}", block.index(":root"))]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))


@pytest.mark.parametrize("start", [":root", "@media (prefers-color-scheme: dark)", "@media print"])
def test_colours_contrast_enough(start: str) -> None:
    colours = _colours(rendered_html("uncalibrated"), start)
    for ink in ("ink", "quiet", "link"):
        for ground in ("paper", "panel"):
            assert _contrast(colours[ink], colours[ground]) >= 4.5, (start, ink, ground)
    assert _contrast(colours["missing-ink"], colours["missing-ground"]) >= 4.5
    shapes = [name for name in colours if re.match("for-|against-|neutral|logit|missing-line|strong-line", name)]
    assert len(shapes) == 10
    for shape in shapes:
        # WCAG 2.2, 1.4.11: 3:1 for what has to be seen and is not text.
        assert _contrast(colours[shape], colours["paper"]) >= 3.0, (start, shape)
