"""`unmask scan` as a user runs it: files written, lines printed, codes returned."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from detect.report import Report
from service.demo import make_demo
from tests.test_cli import unmask
from weights import load_manifest

COMPACT = ("--model", "meso4.df", "--model", "aasist-l.asvspoof2019", "--set", "sampling.min_frames=8")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "demo.mp4"
    make_demo(path)
    return path


@pytest.mark.shared
def test_a_scan_prints_findings_and_writes_both_reports(demo: Path, shared: Path, tmp_path: Path) -> None:
    result = unmask(
        "scan", str(demo), "--out", str(tmp_path), "--weights", str(shared / "weights" / "upstream"), *COMPACT
    )
    assert result.returncode == 0, result.stderr
    assert "Complete examination" in result.stdout
    (folder,) = tmp_path.iterdir()
    report = Report.model_validate_json((folder / "report.json").read_bytes())
    assert folder.name == f"demo.mp4-{report.body.recording.sha256[:12]}"
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert report.body.recording.sha256 in page
    assert str(folder / "report.html") in result.stdout.replace("\n", "")
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "report.json"]
    # The page can be made again from the document, byte for byte.
    assert unmask("render", str(folder / "report.json"), "--out", str(tmp_path / "again.html")).returncode == 0
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_a_scan_needs_nothing_but_the_repository(demo: Path, tmp_path: Path) -> None:
    nowhere = {"UNMASK_CACHE": str(tmp_path / "empty"), "UNMASK_WEIGHTS": "", "UNMASK_SHARED": str(tmp_path)}
    result = unmask("scan", str(demo), "--out", str(tmp_path / "out"), env=nowhere)
    assert result.returncode in (0, 1), result.stderr
    (folder,) = (tmp_path / "out").iterdir()
    body = Report.model_validate_json((folder / "report.json").read_bytes()).body
    manifest = load_manifest()
    assert {model.name for model in body.models} == {*manifest.defaults.face, *manifest.defaults.voice}
    assert {finding.subject for finding in body.findings} == {"recording", "face", "voice"}
    assert {finding.status for finding in body.findings} == {"calibrated"}
    assert all(finding.llr is not None and finding.verbal for finding in body.findings)


@pytest.mark.shared
def test_checkpoints_with_windows_of_different_lengths_run_side_by_side(
    demo: Path, shared: Path, tmp_path: Path
) -> None:
    names = [*load_manifest().defaults.voice, "aasist-l.asvspoof2019"]
    models = [word for name in names for word in ("--model", name)]
    upstream = str(shared / "weights" / "upstream")
    result = unmask("scan", str(demo), "--out", str(tmp_path), "--weights", upstream, *models)
    assert result.returncode in (0, 1), result.stderr
    (folder,) = tmp_path.iterdir()
    body = Report.model_validate_json((folder / "report.json").read_bytes()).body
    (voice,) = (finding for finding in body.findings if finding.subject == "voice")
    assert [score.model for score in voice.scores] == names
    assert len({score.num_windows for score in voice.scores}) == 1


def test_json_prints_reports_and_nothing_else(tmp_path: Path) -> None:
    empty = tmp_path / "=cmd|evil\u202e.mp4"
    empty.write_bytes(b"")
    result = unmask("scan", str(empty), "--json", "--out", str(tmp_path / "out"))
    assert result.returncode == 3
    (line,) = result.stdout.splitlines()
    outcome = json.loads(line)["body"]["outcome"]
    assert (outcome["state"], outcome["reason"]) == ("unreadable", "empty")
    (folder,) = (tmp_path / "out").iterdir()
    assert folder.name.isascii()


def test_a_place_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"")
    (tmp_path / "out").write_text("a file")
    result = unmask("scan", str(empty), "--out", str(tmp_path / "out" / "below"))
    assert result.returncode == 2
    assert "cannot write the report" in result.stderr
