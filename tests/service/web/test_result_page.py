"""Reading a result: from the file on a reader's disk to what the page says of it, with a mouse and without."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from service.store.keys import Scope
from tests.service.api.bench import Bench
from tests.service.web.browsing import Reader

Visit = Callable[..., Reader]

DETAIL = """([x0, y0, x1, y1]) => {
  const canvas = document.querySelector("canvas.screen");
  const {data, width, height} = canvas.getContext("2d").getImageData(
    x0 * canvas.width, y0 * canvas.height, (x1 - x0) * canvas.width, (y1 - y0) * canvas.height);
  const at = (x, y) => data[(y * width + x) * 4 + 1];
  let edges = 0;
  for (let y = 3; y < height - 3; y++) for (let x = 3; x < width - 3; x++)
    edges += Math.abs(4 * at(x, y) - at(x - 3, y) - at(x + 3, y) - at(x, y - 3) - at(x, y + 3)) > 16;
  return edges / (width * height);
}"""
"""Share of a part of the picture that differs from what is around it: how much detail it shows."""


@pytest.fixture(scope="module")
def examined(live: Bench, speaking: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A case with a recording that browsers play, one that they do not, and a text; ids by name."""
    text = tmp_path_factory.mktemp("text") / "notes.txt"
    text.write_text("no recording at all\n")
    unplayable = sorted((speaking.parents[2] / "grid" / "bonafide").glob("*.mpg"))[0]
    ids = {}
    with live.client() as client:
        ids["case"] = client.post("/v1/cases", json={"name": "Interview"}).json()["id"]
        for path in (speaking, unplayable, text):
            answer = client.post(
                f"/v1/cases/{ids['case']}/recordings",
                params={"name": path.name, "wait": 60},
                content=path.read_bytes(),
            )
            assert answer.status_code == 200, answer.text
            ids["mpg" if path.suffix == ".mpg" else path.suffix[1:]] = answer.json()["id"]
    return ids


def result(reader: Reader, job: str) -> None:
    reader.log_in(address=f"/jobs/{job}")
    reader.page.wait_for_selector("#details dl", state="attached")
    reader.page.wait_for_selector("canvas[data-ready], .stage-refused, .stage-sound")


def test_a_recording_is_handed_in_and_its_result_read(live: Bench, visit: Visit, speaking: Path) -> None:
    reader = visit(live)
    reader.log_in()
    case = reader.open_case("From the desk")
    reader.hand_in(speaking)
    page = reader.page
    assert hashlib.sha256(speaking.read_bytes()).hexdigest() in page.inner_text(".transfer")
    page.wait_for_selector("text=The service received exactly these bytes.")
    reader.open_result(speaking.name)  # the list is kept up to date by events
    with live.client() as client:
        (job,) = client.get("/v1/jobs", params={"case": case.rpartition("/")[2]}).json()["jobs"]
        timeline = client.get(f"/v1/jobs/{job['id']}/timeline").json()
    assert page.url.endswith(job["id"])
    assert page.inner_text(".verdict") == timeline["conclusion"]["headline"]
    assert "not the probability" in page.inner_text("#conclusion")
    for sentence in timeline["statements"]:
        assert sentence in (page.text_content("#limits") or "")
    assert job["sha256"] in page.inner_text("main")
    assert not reader.is_wider_than_the_screen()


def test_a_recording_that_arrives_by_another_way_is_seen_at_once(
    live: Bench, visit: Visit, examined: dict[str, str]
) -> None:
    reader = visit(live)
    reader.log_in(address=f"/cases/{examined['case']}")
    reader.page.wait_for_selector(".live-on")
    with live.client() as client:
        client.post(f"/v1/cases/{examined['case']}/recordings", params={"name": "late.txt"}, content=b"late")
    reader.page.wait_for_selector(".jobs li:has-text('late.txt') .chip-unsupported")


def test_faces_are_veiled_until_a_reader_asks_to_see_them(live: Bench, visit: Visit, examined: dict[str, str]) -> None:
    reader = visit(live)
    result(reader, examined["mp4"])
    page = reader.page
    with live.client() as client:
        timeline = client.get(f"/v1/jobs/{examined['mp4']}/timeline").json()
    track = timeline["tracks"][0]
    (stream,) = [entry for entry in timeline["streams"] if entry["index"] == track["stream"]]
    left, top, right, bottom = track["boxes"][0]
    box = [
        left / stream["width_px"], top / stream["height_px"], right / stream["width_px"], bottom / stream["height_px"]
    ]  # fmt: skip
    inner = [
        box[0] + (box[2] - box[0]) * 0.1, box[1] + (box[3] - box[1]) * 0.1,
        box[2] - (box[2] - box[0]) * 0.1, box[3] - (box[3] - box[1]) * 0.1,
    ]  # fmt: skip
    page.click("text=Show boxes")
    assert page.evaluate(DETAIL, inner) < 0.01
    page.click("#recording >> text=Show faces")
    assert page.get_attribute("#recording >> text=Show faces", "aria-pressed") == "true"
    assert page.evaluate(DETAIL, inner) > 0.1
    assert page.evaluate("() => getComputedStyle(document.querySelector('video')).visibility") == "hidden"
    assert page.locator(".exhibits-veiled").count() == 1
    page.click("#pictures >> text=Show faces")
    assert page.locator(".exhibits-veiled").count() == 0


def test_timeline_and_player_go_together(live: Bench, visit: Visit, examined: dict[str, str]) -> None:
    reader = visit(live)
    result(reader, examined["mp4"])
    page = reader.page
    slider = page.locator("[role=slider]")
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuenow") == "2.00"
    said = slider.get_attribute("aria-valuetext") or ""
    assert said.startswith("0:02.0, face-1: LLR")
    assert "voice-1: LLR" in said
    assert page.evaluate("() => document.querySelector('video').currentTime") == 2.0
    page.wait_for_selector(".now:has-text('0:02.0'):has-text('voice-1')")
    place = slider.bounding_box()
    assert place is not None
    page.mouse.click(place["x"] + place["width"] * 0.8, place["y"] + 60)
    assert 3.5 < float(slider.get_attribute("aria-valuenow") or 0) < 4.5
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    page.wait_for_selector(".play:has-text('Pause')")
    page.click(".menu-box summary")
    page.keyboard.press("Escape")
    assert not page.is_visible(".menu-box ul")
    slider.focus()
    page.wait_for_selector(".now:has-text('0:01.')")
    page.keyboard.press("Space")
    page.click("text=Closer")
    assert page.inner_text(".strip-tools").endswith("2\N{MULTIPLICATION SIGN}")
    assert not reader.is_wider_than_the_screen()


def test_what_cannot_be_played_is_said_and_its_result_shown(
    live: Bench, visit: Visit, examined: dict[str, str]
) -> None:
    reader = visit(live)
    result(reader, examined["mpg"])
    page = reader.page
    assert "not played here" in page.inner_text(".stage-refused")
    page.locator("[role=slider]").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".now:has-text('face-1')")
    page.locator("#pictures img").first.scroll_into_view_if_needed()
    page.wait_for_selector("#pictures img")
    reader.go(f"/jobs/{examined['txt']}")
    page.wait_for_selector(".verdict:has-text('Not examined: no conclusion')")
    assert "not a finding that the recording is bona fide" in page.inner_text("#conclusion")


def test_a_result_is_read_in_german_with_the_wording_of_the_report_beside_it(
    live: Bench, visit: Visit, examined: dict[str, str]
) -> None:
    reader = visit(live, language="de-DE")
    result(reader, examined["mp4"])
    page = reader.page
    with live.client() as client:
        timeline = client.get(f"/v1/jobs/{examined['mp4']}/timeline").json()
    assert page.inner_text(".verdict").startswith("Die Befunde stützen")
    assert page.text_content("#conclusion q[lang=en]") == timeline["conclusion"]["headline"]
    assert "nicht die Wahrscheinlichkeit" in page.inner_text("#conclusion")
    reader.go(f"/jobs/{examined['txt']}")
    page.wait_for_selector(".verdict:has-text('Nicht untersucht: keine Folgerung')")
    assert "kein Befund, dass die Aufnahme echt ist" in page.inner_text("#conclusion")
    assert "keine Aufnahme." in page.inner_text("#conclusion")


def test_a_reader_needs_no_mouse(live: Bench, visit: Visit, examined: dict[str, str]) -> None:
    reader = visit(live)
    page = reader.page
    reader.go("/")

    def tab_to(what: str) -> None:
        for _ in range(80):
            page.keyboard.press("Tab")
            if page.evaluate(
                "(what) => { const e = document.activeElement; return e.matches(what) && "
                "(getComputedStyle(e).outlineStyle !== 'none' || "
                "getComputedStyle(e.closest('.strip-frame') ?? e).outlineStyle !== 'none') || "
                "e.matches('#files') && what === '#files' }",
                what,
            ):
                return
        raise AssertionError(f"{what} cannot be reached, or nobody sees that it has the focus")

    page.wait_for_selector("form")
    tab_to("input[name=key]")
    page.keyboard.type(live.key)
    page.keyboard.press("Enter")
    page.wait_for_selector("nav")
    page.evaluate("() => document.activeElement.blur()")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.id") == "main"
    tab_to(f"a[href='/cases/{examined['case']}']")
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('Interview')")
    assert page.evaluate("() => document.activeElement.tagName") == "H1"
    tab_to("#files")
    tab_to(f"a[href='/jobs/{examined['mp4']}']")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=slider]")
    page.wait_for_selector("canvas[data-ready]")
    tab_to(".menu-box summary")
    page.keyboard.press("Enter")
    tab_to("a[href$='/report.pdf']")
    tab_to(".play")
    tab_to("[role=slider]")
    page.keyboard.press("End")
    tab_to("input[type=radio]")
    page.keyboard.press("Space")
    tab_to("textarea[name=reasons]")


def test_two_reviewers_conclude_each_for_himself(live: Bench, visit: Visit, examined: dict[str, str]) -> None:
    second = live.key_for("Grace Hopper")
    with live.client(second) as client:
        person = client.get("/v1/me").json()["person"]
    with live.client() as client:
        client.post(f"/v1/cases/{examined['case']}/members", json={"person": person})

    def conclude(reader: Reader, words: str, reasons: str) -> None:
        page = reader.page
        page.click(f".review[open] >> text='{words}'")
        page.fill(".review[open] textarea", reasons)
        page.click(".review[open] button[type=submit]")
        page.wait_for_selector(f".given:has-text('{reasons}')")

    first, other = visit(live), visit(live)
    result(first, examined["mp4"])
    conclude(first, "inconclusive", "nothing to be seen")
    other.log_in(second, address=f"/jobs/{examined['mp4']}")
    other.page.wait_for_selector("#review .notice:has-text('You will see it when you have concluded yourself')")
    assert "nothing to be seen" not in other.page.inner_text("#review")
    conclude(other, "probably bona fide", "lips in time")
    other.page.wait_for_selector(".given:has-text('nothing to be seen')")
    assert "disputed" in other.page.inner_text("#review")
    other.go(f"/cases/{examined['case']}")
    other.page.wait_for_selector("#disagreements .chip:has-text('reviewers differ')")


def test_on_paper_there_is_what_can_be_read_and_nothing_to_press(
    live: Bench, visit: Visit, examined: dict[str, str]
) -> None:
    reader = visit(live)
    result(reader, examined["mp4"])
    reader.page.emulate_media(media="print")
    for hidden in (".bar", ".tools", ".controls", ".contents", ".deletion"):
        assert not reader.page.is_visible(hidden)
    for shown in (".verdict", ".strip-canvas svg", "#limits li", ".screen"):
        assert reader.page.locator(shown).first.is_visible()
    assert len(reader.page.pdf()) > 10_000


def test_a_recording_is_deleted_with_a_reason(live: Bench, visit: Visit, tmp_path: Path, speaking: Path) -> None:
    copy = shutil.copy(speaking, tmp_path / "wrong one.mp4")
    reader = visit(live)
    reader.log_in()
    case = reader.open_case("To be cleared")
    reader.hand_in(Path(copy))
    reader.open_result("wrong one.mp4")
    page = reader.page
    page.click(".deletion summary")
    page.fill(".deletion textarea", "handed in by mistake")
    page.click(".deletion button")
    page.wait_for_url(f"**{case}")
    page.wait_for_selector("text=No recording was handed in yet. >> nth=0")
    page.click("#record summary")
    page.wait_for_selector("#record td:has-text('handed in by mistake')")


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, True)])
def test_nobody_is_kept_out(
    live: Bench,
    visit: Visit,
    examined: dict[str, str],
    width: int,
    dark: bool,
) -> None:
    reader = visit(live, width=width, dark=dark)
    reader.go("/")
    reader.page.wait_for_selector("form")
    faults = {"login": reader.faults()}
    reader.log_in()
    for address, there in {
        "/cases": ".lines",
        f"/cases/{examined['case']}": ".jobs .line",
        "/jobs": ".jobs .line",
        f"/jobs/{examined['mp4']}": "#details dl",
        f"/jobs/{examined['mpg']}": "#details dl",
        "/models": "details dl",
        "/notices": "h1",
        "/audit": "td",
        "/people": "td",
    }.items():
        reader.go(address)
        reader.page.wait_for_selector(there, state="attached")
        reader.page.evaluate(
            "() => document.querySelectorAll('details:not(.menu-box)').forEach((each) => { each.open = true })"
        )
        faults[address] = reader.faults()
        assert not reader.is_wider_than_the_screen(), address
    assert faults == {address: [] for address in faults}


def test_the_page_asks_nothing_of_a_reader_who_may_only_read(
    live: Bench, visit: Visit, examined: dict[str, str]
) -> None:
    key = live.key_for("Visitor", Scope.READ)
    with live.client(key) as client:
        person = client.get("/v1/me").json()["person"]
    with live.client() as client:
        client.post(f"/v1/cases/{examined['case']}/members", json={"person": person})
    reader = visit(live)
    reader.log_in(key, address=f"/cases/{examined['case']}")
    reader.page.wait_for_selector(".jobs .line")
    assert reader.page.locator("#files, form, .deletion").count() == 0
    assert reader.page.locator(".menu a").all_inner_texts() == ["Cases", "Recordings", "Notices", "Models"]
