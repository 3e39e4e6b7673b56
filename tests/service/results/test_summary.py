"""The page of a whole scan: adds up, hides nothing, obeys nothing, and opens at a hundred thousand files."""

from __future__ import annotations

import base64
import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from detect.types import ItemState
from pipelines.items import Container
from pipelines.ledger.sqlite import SqliteLedger
from service.results.sentences import known, say
from service.results.summary import about, render_summary, write_summary
from service.results.tally import MAX_FLAGGED, tally
from tests.conftest import ROOT
from tests.service import sample_reports
from tests.service.page import Page
from tests.service.results import scans
from tests.service.results.memory import grown_bytes
from tests.service.sample_parts import face_picture

TABLE = tomllib.loads((ROOT / "service/web/summary.toml").read_text(encoding="utf-8"))
SOURCES = "".join(
    path.read_text(encoding="utf-8")
    for path in sorted(
        [
            *(ROOT / "service/results").glob("*.py"),
            *(ROOT / "service/web").glob("summary*.j2"),
            ROOT / "service/compare.py",
        ]
    )
)


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("summary") / "out"
    ledger = scans.every_state(out)
    write_summary(ledger, out, scans.facts(), scans.RUN, "time_limit", base_rate=0.03)
    ledger.close()
    return (out / "summary.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def _cells(page: Page, head: str) -> list[list[str]]:
    """Rows of the table whose caption begins so."""
    caption = next(e for e in page.all("caption") if e.words.startswith(head))
    start = page.elements.index(caption)
    rows: list[list[str]] = []
    for element in page.elements[start + 1 :]:
        if element.tag == "table":
            break
        if element.tag == "tr":
            rows.append([])
        elif element.tag in ("th", "td") and rows:
            rows[-1].append(element.words)
    return rows


def test_the_states_add_up_to_what_was_found(page: Page) -> None:
    head, *rows, total = [row for row in _cells(page, say("summary.state.caption")) if len(row) > 1]
    assert len(head) == 4
    counts = {row[0]: int(row[1]) for row in rows}
    assert set(counts) == set(ItemState)
    assert counts["cancelled"] == 1
    assert counts["duplicate"] == 7
    assert total[0] == say("summary.state.total")
    assert sum(counts.values()) == int(total[1])


def test_missing_comes_before_flagged_comes_before_their_worth(page: Page) -> None:
    order = [e.attributes["id"] for e in page.all("section")]
    assert order == ["completeness", "missed", "flagged", "alarms", "quiet", "models", "run", "folder", "limits"]


def test_every_reason_is_named_with_a_file(page: Page) -> None:
    words = page.words
    for reason in (
        "unsupported:no_recording",
        "encrypted:password",
        "limit:too_large",
        "timeout:deadline",
        "cancelled:time_limit",
        "partial:defects",
    ):
        assert reason in words
    assert "/evidence/phone!/DCIM/slow.mov" in words
    assert "Sectors 7 to 9 cannot be read." in words
    assert say("summary.whole.open", count=1, reason="time_limit") in words


def test_flagged_come_strongest_first_with_report_and_duplicates(page: Page) -> None:
    names = [e.words for e in page.all("h3") if e.attributes.get("class") == "hit-name"]
    assert [name.split()[0] for name in names] == ["fake.mov", "face.mov"]
    links = [e.attributes["href"] for e in page.all("a") if not e.attributes["href"].startswith("#")]
    assert len(links) == 2
    assert all(re.fullmatch(r"reports/0000/\d{7}-[0-9a-f]{12}/report\.html", link) for link in links)
    assert "backup/copy-0.mov" in page.words
    assert say("summary.flagged.copies_more", count=2) in page.words


def test_faces_are_veiled_until_a_reader_asks(html: str, page: Page) -> None:
    switches = {e.attributes["id"]: e for e in page.all("input")}
    frames = [e for e in page.all("label") if e.attributes.get("class") == "frame"]
    pictures = page.all("img")
    assert len(switches) == len(frames) == len(pictures) == 2
    assert all(e.attributes["type"] == "checkbox" and "checked" not in e.attributes for e in switches.values())
    assert all(frame.attributes["for"] in switches for frame in frames)
    assert all("label" in picture.path for picture in pictures)
    data = pictures[0].attributes["src"].removeprefix("data:image/jpeg;base64,")
    assert base64.b64decode(data, validate=True).startswith(b"\xff\xd8")
    (style,) = page.all("style")
    css = "".join(style.text)
    filters = re.findall(r"([^{}\n]*) \{[^{}]*filter: ([^;]*);", css)
    assert filters == [(".frame img", "blur(18px)"), (".reveal:checked ~ .moments .frame img", "none")]


def test_it_obeys_nothing_that_the_evidence_says(html: str, page: Page) -> None:
    assert not page.all("script")
    assert "<b>J. Doe</b>" in page.words
    assert not page.all("b")
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u2028\x00-\x08]", html)
    assert not re.search(r"(?:src|href)=\"(?!data:image/jpeg|#|reports/)", html)
    policy = next(e for e in page.all("meta") if e.attributes.get("http-equiv") == "Content-Security-Policy")
    assert policy.attributes["content"].startswith("default-src 'none'")


def test_hostile_names_that_are_flagged_are_shown_as_text(tmp_path: Path) -> None:
    out = tmp_path / "out"
    entries = [scans.entry(name, alert="<i>list</i>", notes=("<u>note</u>",)) for name in scans.HOSTILE_NAMES]
    ledger = scans.scan(out, entries, [scans.result(face=3.0, host="<s>host</s>") for _ in entries])
    html = render_summary(ledger, out, scans.facts(roots=("/<em>root</em>",)), scans.RUN, "interrupted")
    ledger.close()
    page = Page(html)
    assert not any(page.all(tag) for tag in ("script", "i", "u", "s", "em", "b"))
    for text in (
        "<script>alert(1)",
        "{{ 7 * 7 }}{% raw %}",
        "<i>list</i>",
        "<u>note</u>",
        "<s>host</s>",
        "gpj.\\u{202e}4pm",
    ):
        assert text in page.words, text
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u2028\x00-\x08]", html)


def test_it_is_there_for_everybody(page: Page) -> None:
    levels = [int(e.tag[1]) for e in page.elements if re.fullmatch("h[1-6]", e.tag)]
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    ids = [e.attributes["id"] for e in page.elements if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    for element in page.elements:
        for attribute in ("aria-labelledby", "for"):
            assert set(element.attributes.get(attribute, "").split()) <= set(ids)
    assert {e.attributes["href"][1:] for e in page.all("a") if e.attributes["href"].startswith("#")} <= set(ids)
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(cell.attributes.get("scope") in ("row", "col") for cell in page.all("th"))
    assert all(picture.attributes["alt"] for picture in page.all("img"))


def test_false_alarms_are_expectations_with_their_assumptions(page: Page) -> None:
    rows = _cells(page, "What follows from different base rates")
    rates = [row for row in rows if len(row) == 6][1:]
    assert [row[0] for row in rates] == ["1 in 1,000", "1 in 100", "3 % (as given for this scan)", "1 in 10"]
    # 17 were weighed, one of them with three results: 19 results, at most a tenth of them by chance.
    assert rates[0][1] == "1.9"
    assert "19 results of 17 recordings" in page.words
    assert not re.search(r"fake: ?\d|manipulated: \d+ ?%", page.words)


def test_how_the_run_went(page: Page) -> None:
    words = page.words
    assert say("summary.run.killed") in words
    assert say("summary.run.time_limit") in words
    assert say("summary.run.deaths", count=1) in words
    assert say("summary.run.torn", count=1) in words
    assert "network: refused" in words


def test_models_are_described_by_the_reports_of_the_same_weights(tmp_path: Path) -> None:
    out = tmp_path / "out"
    ledger = scans.every_state(out)
    name, *_ = scans.facts().models
    job = scans.facts(models={**scans.facts().models, name: "0" * 64})  # other weights of the same name
    rows = _cells(Page(render_summary(ledger, out, job, scans.RUN, "interrupted")), say("summary.models.caption"))
    ledger.close()
    told = {row[0].split()[0].removesuffix("SHA-256"): row[2] for row in rows[1:]}
    assert told.pop(name) == say("summary.models.unknown")
    assert set(told.values()) == {say("status.calibrated")}


def test_nothing_is_said_of_uncalibrated_models(tmp_path: Path) -> None:
    ledger = scans.scan(tmp_path / "out", [scans.entry("a")], [scans.result(status="uncalibrated")])
    words = Page(render_summary(ledger, tmp_path / "out", scans.facts(), scans.RUN, "interrupted")).words
    ledger.close()
    assert say("summary.flagged.none_unweighed") in words
    assert say("summary.alarms.none") in words
    assert "1 in 1,000" not in words
    assert say("summary.quiet.unweighed", count=1) in words


def test_an_open_inventory_is_said_first(tmp_path: Path) -> None:
    ledger = scans.scan(tmp_path / "out", [], complete=False)
    words = Page(render_summary(ledger, tmp_path / "out", scans.facts(), scans.RUN, "interrupted")).words
    ledger.close()
    assert say("summary.whole.inventory_open") in words
    assert say("summary.whole.all_examined") not in words


def test_a_damaged_report_costs_its_picture_only(tmp_path: Path) -> None:
    out = tmp_path / "out"
    ledger = scans.every_state(out)
    for path in out.glob("reports/*/*/report.json"):
        path.write_bytes(path.read_bytes()[:1000])
    page = Page(render_summary(ledger, out, scans.facts(), scans.RUN, "interrupted"))
    ledger.close()
    assert not page.all("img")
    assert len([e for e in page.all("li") if e.attributes.get("class") == "hit"]) == 2


def test_a_picture_that_the_report_does_not_vouch_for_is_not_shown(tmp_path: Path) -> None:
    report = sample_reports.supports_manipulation()
    other = base64.b64encode(face_picture(999)).decode()
    forged = report.model_copy(update={"exhibits": dict.fromkeys(report.exhibits, other)})
    out = tmp_path / "out"
    ledger = scans.scan(out, [scans.entry("a")], [scans.result(face=3.0)], report=forged)
    assert "<img" not in render_summary(ledger, out, scans.facts(), scans.RUN, "interrupted")
    (path,) = out.glob("reports/*/*/report.json")
    path.write_text(report.to_json(), encoding="utf-8")
    assert "<img" in render_summary(ledger, out, scans.facts(), scans.RUN, "interrupted")
    ledger.close()


def test_a_hundred_thousand_files_open_at_once(large: Path) -> None:
    statement = "write_summary(ledger, out, scans.facts(), scans.RUN, 'interrupted')"
    assert grown_bytes(large, statement) < 150e6
    html = (large / "summary.html").read_text(encoding="utf-8")
    assert len(html.encode()) < 3e6
    page = Page(html)
    assert len([e for e in page.all("li") if e.attributes.get("class") == "hit"]) == MAX_FLAGGED
    assert say("summary.more_in_csv", count=1_200 - MAX_FLAGGED) in page.words
    assert 100 < len(page.all("img")) <= 200
    assert "100,000 files were found" in page.words


def test_the_strongest_of_many_are_kept(large: Path) -> None:
    ledger = SqliteLedger(large / "work" / "ledger.sqlite")
    total = tally(ledger, "interrupted")
    ledger.close()
    llrs = sorted(total.flagged_llrs, reverse=True)
    assert [row["llr"] for row in total.flagged] == pytest.approx(llrs[:MAX_FLAGGED])
    assert sum(group.count for group in total.states.values()) == total.found == 100_000
    assert total.num_flagged == 1_200
    assert sum(copies.count for copies in total.copies.values()) > 0


def test_long_hostile_names_and_containers_are_cut(tmp_path: Path) -> None:
    long = "x" * 60_000
    containers = [
        Container(chain=f"{long}{number}", kind="zip", state="damaged", num_members=0, detail=long)
        for number in range(400)
    ]
    entries = [scans.entry(f"{long}{number}") for number in range(40)]
    out = tmp_path / "out"
    ledger = scans.scan(out, entries, [scans.result(face=3.0) for _ in entries], containers=containers)
    html = render_summary(ledger, out, scans.facts(), scans.RUN, "interrupted")
    ledger.close()
    assert len(html) < 400_000
    assert say("summary.containers.more", count=300) in Page(html).words


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.04, "under 0.1"), (0.25, "0.2"), (3.04, "3"), (37.4, "37"), (1234, "1,200"), (98765, "99,000")],
)
def test_expected_numbers_have_two_digits(value: float, text: str) -> None:
    assert about(value) == text


def _keys(table: dict[str, object], path: str) -> list[str]:
    keys = []
    for name, value in table.items():
        is_sentence = not isinstance(value, dict) or set(value) == {"one", "other"}
        keys += [f"{path}{name}"] if is_sentence else _keys(value, f"{path}{name}.")  # type: ignore[arg-type]  # TOML
    return keys


def test_no_sentence_is_left_over_or_missing() -> None:
    built = set(re.findall(r"""['"](summary\.[\w.]*[._])(?:['"] ~|\{)""", SOURCES))
    for key in _keys(TABLE, "summary."):
        assert re.search(rf"""['"]{re.escape(key)}['"]""", SOURCES) or any(key.startswith(b) for b in built), key
    asked = re.findall(r"""(?:say|sentences|rows|known)\(\s*['"](summary\.[\w.]+)['"]\s*[,)]""", SOURCES)
    assert len(asked) > 80
    assert [key for key in asked if not known(key)] == []
