"""`unmask scan` of many, as an examiner runs it: results, resuming, signals, verifying, comparing."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from detect.report import Report
from tests.pipelines.evidence.small import EXPECTED, make_case, picture
from tests.test_cli import unmask

LOCAL = ("--engine", "local", "--set", "sampling.min_frames=4")


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_case(tmp_path_factory.mktemp("evidence"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An installation of its own, with a signing key of its own."""
    return {"XDG_DATA_HOME": str(tmp_path_factory.mktemp("home"))}


@pytest.fixture(scope="module")
def out(case: Path, home: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results") / "out"
    result = unmask("scan", str(case), "--out", str(folder), *LOCAL, env=home)
    assert result.returncode == 3, result.stderr  # something is unreadable
    assert "8 files found: 3 no_subject, 2 duplicate, 2 unsupported, 1 unreadable" in result.stdout
    assert str(folder / "summary.html") in result.stdout
    return folder


def _items(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / "items.jsonl").read_text().splitlines()]


def test_every_file_ends_in_one_state(out: Path) -> None:
    assert {str(item["chain"]): item["state"] for item in _items(out)} == EXPECTED


def test_all_results_are_there_and_tell_the_same(out: Path) -> None:
    with (out / "items.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["chain"] for row in rows] == [item["chain"] for item in _items(out)]
    page = (out / "summary.html").read_text(encoding="utf-8")
    assert all(word in page for word in ("no_subject", "unreadable", "case/broken.mp4"))
    assert json.loads((out / "case.jsonld").read_text())["@context"]


def test_each_recording_that_was_examined_has_a_report_under_its_chain(out: Path) -> None:
    examined = [item for item in _items(out) if item["report"]]
    assert {item["state"] for item in examined} == {"no_subject", "unreadable"}
    for item in examined:
        body = Report.model_validate_json((out / str(item["report"]) / "report.json").read_bytes()).body
        assert (body.recording.chain, body.recording.sha256) == (item["chain"], item["sha256"])
        assert (out / str(item["report"]) / "report.html").is_file()


def test_no_copy_of_evidence_is_left(out: Path) -> None:
    assert not list((out / "work" / "copies").iterdir())


def test_the_results_verify_with_unmask_and_without(out: Path) -> None:
    assert unmask("verify", str(out)).returncode == 0
    alone = subprocess.run([sys.executable, "-I", "-S", str(out / "verify.py")], capture_output=True, check=False)
    assert alone.returncode == 0, alone.stdout


def test_a_changed_result_does_not_verify(out: Path) -> None:
    csv_file = out / "items.csv"
    before = csv_file.read_bytes()
    csv_file.write_bytes(before.replace(b"unreadable", b"no_subject"))
    result = unmask("verify", str(out))
    csv_file.write_bytes(before)
    assert result.returncode == 1
    assert "items.csv" in result.stdout


def test_a_finished_scan_is_not_begun_again_by_mistake(case: Path, out: Path, home: dict[str, str]) -> None:
    result = unmask("scan", str(case), "--out", str(out), *LOCAL, env=home)
    assert result.returncode == 2
    assert "--resume goes on with it" in result.stderr


def test_other_settings_do_not_come_to_lie_in_one_folder(case: Path, out: Path, home: dict[str, str]) -> None:
    result = unmask("scan", str(case), "--out", str(out), "--resume", "--engine", "local", env=home)
    assert result.returncode == 2
    assert "config_digest differs" in result.stderr


def test_resuming_what_is_done_writes_the_same_results(case: Path, out: Path, home: dict[str, str]) -> None:
    before = _items(out)
    result = unmask("scan", str(case), "--out", str(out), *LOCAL, "--resume", env=home)
    assert result.returncode == 3, result.stderr
    assert _items(out) == before
    assert unmask("verify", str(out)).returncode == 0


def test_two_scans_of_the_same_are_the_same_and_a_change_is_named(
    case: Path, out: Path, home: dict[str, str], tmp_path: Path
) -> None:
    other = tmp_path / "other" / "case"
    other.parent.mkdir()
    subprocess.run(["cp", "-r", str(case), str(other)], check=True)
    again = unmask("scan", str(other), "--out", str(tmp_path / "again"), *LOCAL, env=home)
    assert again.returncode == 3, again.stderr
    (other / "a.png").write_bytes(picture(9))
    changed = unmask("scan", str(other), "--out", str(tmp_path / "changed"), *LOCAL, env=home)
    assert changed.returncode == 3, changed.stderr
    result = unmask("compare", str(tmp_path / "again"), str(tmp_path / "changed"))
    assert result.returncode == 1
    assert "case/a.png" in result.stdout
    result = unmask("compare", str(out), str(tmp_path / "again"), "--json")
    assert json.loads(result.stdout)


def test_known_files_are_skipped_or_raise_an_alert(case: Path, home: dict[str, str], tmp_path: Path) -> None:
    ok, alert = tmp_path / "ok.txt", tmp_path / "alert.txt"
    ok.write_text(hashlib.md5((case / "a.png").read_bytes(), usedforsecurity=False).hexdigest() + "\n")
    alert.write_text(hashlib.sha256((case / "notes.txt").read_bytes()).hexdigest() + "\n")
    words = ("--known-ok", str(ok), "--known-alert", str(alert))
    result = unmask("scan", str(case), "--out", str(tmp_path / "out"), *LOCAL, *words, env=home)
    assert result.returncode == 3, result.stderr
    items = {str(item["chain"]): item for item in _items(tmp_path / "out")}
    known = [chain for chain, item in items.items() if item["state"] == "known"]
    assert sorted(known) == ["case/a.png", "case/again.png", "case/archive.zip!/same.png"]
    assert [chain for chain, item in items.items() if item["alert"]] == ["case/notes.txt"]
    assert "1 known-file alert" in result.stdout


def test_with_triage_the_states_are_the_same(case: Path, out: Path, home: dict[str, str], tmp_path: Path) -> None:
    result = unmask("scan", str(case), "--out", str(tmp_path / "out"), *LOCAL, "--triage", env=home)
    assert result.returncode == 3, result.stderr
    assert [item["state"] for item in _items(tmp_path / "out")] == [item["state"] for item in _items(out)]


def test_the_result_folder_within_the_evidence_is_not_evidence(home: dict[str, str], tmp_path: Path) -> None:
    case = make_case(tmp_path)
    unmask("scan", str(case), "--out", str(case / "results"), *LOCAL, env=home)
    assert {item["chain"] for item in _items(case / "results")} == set(EXPECTED)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_scan_in_good_order_and_it_goes_on(
    number: signal.Signals, home: dict[str, str], tmp_path: Path
) -> None:
    case = tmp_path / "case"
    case.mkdir()
    for seed in range(60):
        (case / f"{seed:02d}.png").write_bytes(picture(seed))
    out = tmp_path / "out"
    command = [sys.executable, "-m", "service.cli", "scan", str(case), "--out", str(out), *LOCAL, "--progress", "json"]
    environment = {**os.environ, **home}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("{") and json.loads(line)["done"]:
            break
    process.send_signal(number)
    began = time.monotonic()
    stdout, _ = process.communicate(timeout=60)
    assert time.monotonic() - began < 30
    assert process.returncode == 130
    assert "--resume goes on" in stdout
    states = [item["state"] for item in _items(out)]
    assert set(states) == {"no_subject", "cancelled"}
    assert unmask("verify", str(out)).returncode == 0
    again = unmask("scan", str(case), "--out", str(out), *LOCAL, "--resume", env=home)
    assert again.returncode == 0, again.stderr
    assert [item["state"] for item in _items(out)] == ["no_subject"] * 60
    events = [json.loads(line)["event"] for line in (out / "run.jsonl").read_text().splitlines()]
    assert events.count("item") == 60
    assert [event for event in events if event not in ("item", "container")][-3:] == ["end", "resume", "end"]
