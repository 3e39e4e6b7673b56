"""Results over HTTP: the report in each of its forms, its pictures, the bundle, and who may read what when."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import time
import tracemalloc
import zipfile
from pathlib import Path

import httpx
import pytest

from detect.report import Report, StreamFacts
from detect.types import ItemState
from service.api.playing import timeline_of, upright_size
from service.results.manifest import verify_folder
from service.store.events import readers
from tests.service import sample_reports
from tests.service.api.bench import Bench
from tests.service.api.ended import CONTENT, end, examined, hand_in, new_case, recorded
from tests.service.rendered import every, rendered_report

FORMS = ("report", "report.html", "report.pdf", "timeline", "bundle", "exhibits/exhibit-1")


def test_what_an_examination_found_can_be_read_in_every_form(live: Bench, demo: Path, tmp_path: Path) -> None:
    with live.client() as client:
        case = new_case(client)
        job = client.post(
            f"/v1/cases/{case}/recordings", params={"name": "dämmerung.mp4", "wait": 60}, content=demo.read_bytes()
        ).json()
        place = f"/v1/jobs/{job['id']}"
        report = Report.model_validate_json(client.get(f"{place}/report").content)
        assert (report.body.recording.name, report.body.recording.chain) == ("dämmerung.mp4", "dämmerung.mp4")
        assert report.body.recording.sha256 == job["sha256"]
        assert "dämmerung.mp4" in client.get(f"{place}/report.html").text
        assert client.get(f"{place}/report.pdf").content.startswith(b"%PDF-")
        timeline = client.get(f"{place}/timeline").json()
        assert timeline["tracks"][0]["scores"][0]["scale"] == "llr"
        for exhibit in timeline["exhibits"]:
            assert client.get(f"{place}/exhibits/{exhibit['id']}").headers["content-type"].startswith("image/")
        bundle = client.get(f"{place}/bundle", params={"evidence": True})
        folder = unpacked(bundle.content, tmp_path)
        assert verify_folder(folder).good
        assert (folder / "evidence" / "recording.bin").read_bytes() == demo.read_bytes()
        assert list((folder / "sound").iterdir())


def test_each_job_has_its_own_name_in_the_report_that_several_share(at: Bench, client: httpx.Client) -> None:
    case = new_case(client)
    first, second = (hand_in(client, case, name=name) for name in ("one.mp4", "two.mp4"))
    end(at, sample_reports.supports_manipulation())
    for job, name in ((first, "one.mp4"), (second, "two.mp4")):
        document = client.get(f"/v1/jobs/{job['id']}/report").json()
        assert document["body"]["recording"]["name"] == name
        assert ("one.mp4" in json.dumps(document)) == (name == "one.mp4")


def test_nothing_is_read_before_the_end_nor_by_others_nor_after_deletion(at: Bench, client: httpx.Client) -> None:
    place = f"/v1/jobs/{hand_in(client, new_case(client))['id']}"
    assert {client.get(f"{place}/{form}").status_code for form in FORMS} == {409}
    end(at, sample_reports.supports_manipulation())
    with at.client(at.key_for("somebody else")) as other:
        for form in FORMS:
            foreign, absent = other.get(f"{place}/{form}"), other.get(f"/v1/jobs/job_{'0' * 32}/{form}")
            assert (foreign.status_code, foreign.json()) == (404, absent.json())
    assert recorded(at, "read_report") == recorded(at, "export") == []
    client.post(f"{place}/delete", json={"reason": "by order"})
    assert {client.get(f"{place}/{form}").status_code for form in FORMS} == {410}


def test_a_job_without_a_result_says_so(at: Bench, client: httpx.Client) -> None:
    case = new_case(client)
    crashed = hand_in(client, case, b"\0one")
    end(at, None, ItemState.CRASHED)
    cancelled = hand_in(client, case, b"\0two")
    client.post(f"/v1/jobs/{cancelled['id']}/cancel")
    assert client.get(f"/v1/jobs/{crashed['id']}/report").status_code == 404
    assert "cancelled" in client.get(f"/v1/jobs/{cancelled['id']}/report").json()["detail"]


def test_a_report_that_is_lost_or_of_another_recording_is_not_delivered(at: Bench, client: httpx.Client) -> None:
    job = examined(at, client)
    (path,) = at.settings.results.rglob("report.json")
    good = path.read_text()
    for bad in (good.replace(job["sha256"], "0" * 64), good[:-20], ""):
        path.write_text(bad)
        answer = client.get(f"/v1/jobs/{job['id']}/report")
        assert (answer.status_code, answer.json()["type"][-11:]) == (503, "unavailable")
        assert str(path.parent) not in answer.text


def test_who_has_the_report_is_not_sent_it_again(at: Bench, client: httpx.Client) -> None:
    place = f"/v1/jobs/{examined(at, client)['id']}/report"
    answer = client.get(place)
    tag = answer.headers["etag"]
    assert answer.headers["cache-control"] == "no-store"
    for given, status in ((tag, 304), (f'"x", W/{tag}', 304), ("*", 304), ('"x"', 200)):
        again = client.get(place, headers={"If-None-Match": given})
        assert (again.status_code, again.headers["etag"], bool(again.content)) == (status, tag, status == 200)


def test_every_reading_is_recorded_and_its_reader_known(at: Bench, client: httpx.Client) -> None:
    job = examined(at, client)
    place = f"/v1/jobs/{job['id']}"
    for form in FORMS:
        assert client.get(f"{place}/{form}").status_code == 200
    read, taken = recorded(at, "read_report"), recorded(at, "export")
    assert [entry.facts["form"] for entry in read] == ["json", "html", "timeline", "exhibits"]
    assert [entry.facts["form"] for entry in taken] == ["pdf", "bundle"]
    assert {(entry.object, entry.case_id) for entry in (*read, *taken)} == {(job["id"], job["case"])}
    assert all(entry.person_id and entry.key_id for entry in (*read, *taken))
    with at.service.store.read() as db:
        assert readers(db, job["id"]) == [read[0].person_id]


# The page.


def test_the_page_may_use_its_own_style_sheet_and_nothing_else(at: Bench, client: httpx.Client) -> None:
    job = examined(at, client, sample_reports.hostile(1_000), name="</style><script>alert(1)</script>.mp4")
    answer = client.get(f"/v1/jobs/{job['id']}/report.html")
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert f"style-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert policy.endswith("; sandbox")
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith("inline;")


def test_a_browser_shows_the_page_under_its_policy(at: Bench, client: httpx.Client) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    chromium = Path("/usr/bin/chromium")
    if not chromium.is_file():
        pytest.skip("no Chromium here")
    job = examined(at, client)
    said = list[str]()
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(extra_http_headers={"Authorization": f"Bearer {at.key}"})
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"{at.base}/v1/jobs/{job['id']}/report.html")
        widths = page.eval_on_selector_all("img", "all => all.map(one => one.naturalWidth)")
        position = page.eval_on_selector(".skip", "one => getComputedStyle(one).position")
        browser.close()
    assert widths
    assert all(widths)
    assert position == "absolute"
    assert said == []


# Paper and pictures.


def test_faces_on_paper_are_unrecognisable_unless_asked_for(at: Bench, client: httpx.Client) -> None:
    place = f"/v1/jobs/{examined(at, client)['id']}/report.pdf"
    blurred, clear = client.get(place), client.get(place, params={"blur_faces": False})
    assert blurred.content != clear.content
    assert blurred.headers["content-disposition"].startswith("attachment;")
    assert [entry.facts["blur_faces"] for entry in recorded(at, "export")] == [True, False]


def test_a_picture_is_the_one_that_the_report_names(at: Bench, client: httpx.Client) -> None:
    report = sample_reports.supports_manipulation()
    first, second = report.body.exhibits[:2]
    swapped = report.model_copy(update={"exhibits": {**report.exhibits, second.id: report.exhibits[first.id]}})
    place = f"/v1/jobs/{examined(at, client, swapped)['id']}/exhibits"
    answer = client.get(f"{place}/{first.id}")
    assert hashlib.sha256(answer.content).hexdigest() == first.sha256 == answer.headers["etag"].strip('"')
    assert answer.headers["content-type"] == first.media_type
    assert client.get(f"{place}/{first.id}", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    assert client.get(f"{place}/{second.id}").status_code == 404
    assert client.get(f"{place}/%2e%2e%2freport.json").status_code == 404


# The timeline.


@every
def test_the_timeline_has_a_place_for_everything_a_player_shows(name: str) -> None:
    report = rendered_report(name)
    timeline = timeline_of("job_x", report)
    assert [track.id for track in timeline.tracks] == [track.id for track in report.body.tracks]
    for track in timeline.tracks:
        columns = (track.boxes, track.detected, track.not_scored, *(scores.values for scores in track.scores))
        assert {len(column) for column in columns} == {len(track.times)}
    for voice in timeline.voices:
        assert {len(scores.values) for scores in voice.scores} <= {len(voice.windows)}
    for entry, subject in zip(
        (*report.body.tracks, *report.body.voices), (*timeline.tracks, *timeline.voices), strict=True
    ):
        assert [scores.scale for scores in subject.scores] == [
            "logit" if score.llr is None else "llr" for score in entry.scores
        ]
    assert len(timeline.abstentions) == len(report.body.abstentions)
    assert len(timeline.model_dump_json()) < len(report.to_json())


@pytest.mark.parametrize(
    ("aspect", "turned", "size"),
    [(None, 0, (720, 576)), ("16:15", None, (768, 576)), ("16:15", 90, (576, 768)), ("1:2", 180, (720, 1152)),
     ("0:1", 0, (720, 576)), ("1:99", 0, (720, 576)), ("nonsense", 270, (576, 720))],
)  # fmt: skip
def test_boxes_are_given_in_frames_as_a_player_shows_them(
    aspect: str | None, turned: int | None, size: tuple[int, int]
) -> None:
    facts = StreamFacts(
        index=0, kind="video", codec="h264", width_px=720, height_px=576, sample_aspect_ratio=aspect,
        rotation_degrees=turned,
    )  # fmt: skip
    assert upright_size(facts) == size


# The bundle.


def unpacked(data: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(folder)
    (out,) = folder.iterdir()
    return out


def test_a_bundle_verifies_with_python_alone_and_tells_the_custody(
    at: Bench, client: httpx.Client, tmp_path: Path
) -> None:
    job = examined(at, client)
    client.get(f"/v1/jobs/{job['id']}/report")
    answer = client.get(f"/v1/jobs/{job['id']}/bundle")
    assert answer.headers["content-type"] == "application/zip"
    out = unpacked(answer.content, tmp_path / "out")
    command = [sys.executable, "-I", "-S", str(out / "verify.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert at.service.signing_key.fingerprint in done.stdout
    assert not (out / "evidence").exists()
    events = [json.loads(line)["event"] for line in (out / "run.jsonl").read_text().splitlines()]
    assert events == ["upload", "examined", "read_report", "bundled"]
    readme = (out / "README.txt").read_text()
    assert "evening.mp4" in readme
    assert "administrator" in readme


def test_a_large_recording_takes_no_memory_alone_or_in_a_bundle(at: Bench, client: httpx.Client) -> None:
    content = CONTENT * (3 << 20)
    place = f"/v1/jobs/{examined(at, client, content=content)['id']}"
    client.get(f"{place}/bundle", params={"sound": False})  # what is loaded once is not the download's
    for form in ("bundle?evidence=true&sound=false", "evidence", "evidence?verify=true"):
        size = 0
        tracemalloc.start()
        with client.stream("GET", f"{place}/{form}") as answer:
            for block in answer.iter_raw():
                size += len(block)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert size >= len(content) > 60e6
        assert most < 30e6


def test_nothing_is_written_on_for_a_client_that_is_gone(at: Bench, client: httpx.Client) -> None:
    job = examined(at, client, content=CONTENT * (2 << 20))
    path = at.service.vault.path(job["sha256"])
    for form in ("bundle?evidence=true&sound=false", "evidence"):
        with client.stream("GET", f"/v1/jobs/{job['id']}/{form}") as answer:
            blocks, size = answer.iter_raw(), 0
            while size < 5 << 20:
                size += len(next(blocks))
            assert is_open(path)
        until = time.monotonic() + 10
        while is_open(path) and time.monotonic() < until:
            time.sleep(0.05)
        assert not is_open(path)


def is_open(path: Path) -> bool:
    """Whether this process, in which the server is as well, has a file open."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - `Path` would follow what may be closed by now
        with contextlib.suppress(FileNotFoundError):  # closed since it was listed, by a thread of the service
            if os.readlink(f"/proc/self/fd/{name}") == str(path.resolve()):  # noqa: PTH115 - as above
                return True
    return False
