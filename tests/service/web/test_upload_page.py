"""Handing recordings in: several at once, cut off and gone on with, and names that try to be something else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.service.api.bench import Bench
from tests.service.web.browsing import Reader

Visit = Callable[..., Reader]
MEGABYTE = 1 << 20


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """12 MB that nothing compresses."""
    path = tmp_path / "long interview.mp4"
    path.write_bytes(os.urandom(12 * MEGABYTE))
    return path


def slow(reader: Reader, bytes_per_second: int) -> None:
    """As over a poor line; -1 is the loopback network again."""
    session = reader.page.context.new_cdp_session(reader.page)
    session.send("Network.enable")
    session.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_second},
    )


def sent(reader: Reader) -> float:
    """Share that the page says is sent."""
    return float(
        reader.page.evaluate("() => { const p = document.querySelector('.transfer progress'); return p.value / p.max }")
    )


def wait_until_sent(reader: Reader, share: float) -> None:
    for _ in range(100):
        if sent(reader) > share:
            return
        reader.page.wait_for_timeout(100)
    raise AssertionError(f"only {sent(reader):.0%} were sent")


def test_a_wrong_key_is_refused_and_a_session_ended(taking: Bench, visit: Visit) -> None:
    reader = visit(taking)
    reader.go("/")
    reader.page.fill("input[name=key]", "unmask_wrong")
    reader.page.keyboard.press("Enter")
    reader.page.wait_for_selector("[role=alert]:has-text('not valid here')")
    reader.log_in()
    reader.page.click("text=Log out")
    reader.page.wait_for_selector("input[name=key]")
    reader.go("/cases")
    reader.page.wait_for_selector("input[name=key]")


def test_several_files_are_dropped_on_the_page(taking: Bench, visit: Visit) -> None:
    reader = visit(taking)
    reader.log_in()
    reader.open_case("Dropped")
    reader.page.evaluate(
        """() => {
          const data = new DataTransfer();
          for (const name of ["one.wav", "two.wav", "three.wav"]) data.items.add(new File([name], name));
          for (const kind of ["dragover", "drop"])
            document.body.dispatchEvent(
              new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
        }"""
    )
    for name in ("one.wav", "two.wav", "three.wav"):
        reader.page.wait_for_selector(f".transfer-done:has-text('{name}')")
        reader.page.wait_for_selector(f".jobs a:has-text('{name}')")
    assert reader.page.locator("text=The service received exactly these bytes.").count() == 3


def test_an_upload_is_paused_cut_off_by_a_new_start_and_gone_on_with(taking: Bench, visit: Visit, large: Path) -> None:
    reader = visit(taking)
    reader.log_in()
    case = reader.open_case("A poor line")
    slow(reader, 3 * MEGABYTE)
    page = reader.page
    page.set_input_files("#files", large)
    wait_until_sent(reader, 0.3)
    page.click("text=Pause")
    page.wait_for_selector(".transfer-paused")
    reader.go(case)  # the tab is closed and opened again: the page has forgotten the file
    page.wait_for_selector("text=is not finished. Choose the same file again")
    assert large.name in page.inner_text(".uploads .notice")
    slow(reader, -1)
    reader.hand_in(large)
    assert int(reader.uploads[-1]["upload-offset"]) > MEGABYTE
    page.wait_for_selector("text=The service received exactly these bytes.")
    assert page.locator("text=is not finished").count() == 0


def test_an_upload_waits_while_there_is_no_network(taking: Bench, visit: Visit, large: Path) -> None:
    reader = visit(taking)
    reader.log_in()
    reader.open_case("On a train")
    slow(reader, 3 * MEGABYTE)
    page = reader.page
    page.set_input_files("#files", large)
    wait_until_sent(reader, 0.2)
    page.context.set_offline(True)
    page.wait_for_selector(".transfer-offline")
    page.context.set_offline(False)
    slow(reader, -1)
    page.wait_for_selector(".transfer-done")
    page.wait_for_selector("text=The service received exactly these bytes.")
    reader.complaints[:] = [text for text in reader.complaints if "net::ERR_" not in text]


def test_what_is_refused_is_said(taking: Bench, visit: Visit, tmp_path: Path) -> None:
    reader = visit(taking)
    reader.log_in()
    case = reader.open_case("Closed meanwhile")
    with taking.client() as client:
        client.patch(f"/v1{case}", json={"closed": True})
    late = tmp_path / "late.mp4"
    late.write_bytes(b"late")
    reader.page.set_input_files("#files", late)
    reader.page.wait_for_selector(".transfer-failed:has-text('The case is closed')")
    reader.page.wait_for_timeout(1500)
    assert ["409 (Conflict)" in text for text in reader.complaints] == [True]  # asked once: it will not be open soon
    reader.complaints.clear()


def test_a_name_is_shown_and_never_obeyed(taking: Bench, visit: Visit, tmp_path: Path) -> None:
    name = "<img src=x onerror=document.title='taken'>\N{RIGHT-TO-LEFT OVERRIDE}4pm.exe"
    hostile = tmp_path / name
    hostile.write_bytes(b"anything")
    reader = visit(taking)
    reader.log_in()
    reader.open_case("<script>document.title='taken'</script>")
    page = reader.page
    page.set_input_files("#files", hostile)
    page.wait_for_selector(".transfer-done")
    page.wait_for_selector(".jobs .line a")
    shown = page.inner_text(".jobs .line a")
    assert shown.startswith("<img src=x onerror=")
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in shown
    page.click(".jobs .line a")
    page.wait_for_selector("h1.filename")
    assert page.title() != "taken"
    assert page.locator("main img").count() == 0


def test_the_page_speaks_german_where_the_browser_or_the_reader_wants_it(taking: Bench, visit: Visit) -> None:
    reader = visit(taking, language="de-AT")
    reader.go("/")
    reader.page.wait_for_selector("h1:has-text('Anmelden')")
    assert reader.page.get_attribute("html", "lang") == "de"
    reader.log_in()
    reader.page.select_option("header select", "en")
    reader.page.wait_for_selector("h1:has-text('Cases')")
    reader.go("/jobs")
    reader.page.wait_for_selector("h1:has-text('Recordings')")
    assert reader.page.get_attribute("html", "lang") == "en"


def test_keys_are_made_shown_once_and_revoked(taking: Bench, visit: Visit) -> None:
    reader = visit(taking)
    reader.log_in(address="/people")
    page = reader.page
    page.click("text=Add a person")
    page.fill("#persons input[name=name]", "Ada Lovelace")
    page.click("#persons button[type=submit]")
    page.wait_for_selector("#persons li:has-text('Ada Lovelace')")
    page.click("text=Make a key")
    page.select_option("#keys select", label="Ada Lovelace")
    page.fill("#keys input[name=label]", "laptop")
    page.click("#keys button[type=submit]")
    secret = page.inner_text(".secret")
    with taking.client(secret) as client:
        assert client.get("/v1/me").json()["scopes"] == ["read", "review", "submit"]
        reader.go("/people")
        page.click("tr:has-text('laptop') summary")
        page.click("tr:has-text('laptop') >> text=Revoke for good")
        page.wait_for_selector("tr:has-text('laptop'):has-text('revoked')")
        assert client.get("/v1/me").status_code == 401
    assert secret not in page.content()


def test_an_administrator_verifies_the_log(taking: Bench, visit: Visit) -> None:
    reader = visit(taking)
    reader.log_in(address="/audit")
    page = reader.page
    page.click("text=Verify now")
    page.wait_for_selector("text=all as they were written")
    page.select_option("#entries select", "login")
    page.wait_for_selector("td:has-text('logged in')")
    with page.expect_download() as download:
        page.click("text=Signed checkpoint")
    assert download.value.path().stat().st_size > 100
