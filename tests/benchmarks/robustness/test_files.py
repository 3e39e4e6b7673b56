"""Files of trials are laundered, examined again, and stand beside the clear ones in a report."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.robustness.files import CLEAR, applicable, measure
from benchmarks.robustness.laundering import Kind
from benchmarks.robustness.launderings import laundering
from benchmarks.robustness.report import write_report
from benchmarks.runs.plan import plan
from benchmarks.scorefile import MISSING, read
from detect.errors import ConfigError
from tests.benchmarks.datasets.real import RealMedia
from tests.benchmarks.runs.test_trees import asked, watching

CODEC = laundering("g711_mulaw")
UNAVAILABLE = laundering("gsm")
PICTURES = laundering("jpeg_50")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four sounds of two people, and one that is listed and lost."""
    root = tmp_path_factory.mktemp("sounds")
    media = RealMedia()
    for number in range(4):
        media.write(root / f"{number}.wav")
    rows = [f"{number}.wav,{('bonafide', 'spoof')[number % 2]},x,g{number // 2},test" for number in range(5)]
    (root / "protocol.csv").write_text("path,label,attack,group,split\n" + "\n".join(rows) + "\n")
    return root


@pytest.fixture(scope="module")
def measured(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], list[str]]:
    """Folders of the runs, and what was said."""
    request = asked("protocol", root, tmp_path_factory.mktemp("out") / "robust")
    said: list[str] = []
    folders = measure(request, plan(request), [CODEC, UNAVAILABLE, PICTURES], watching(), said.append)
    assert folders is not None
    return folders, said


def test_there_is_a_run_for_each_laundering_that_can_be_done(measured: tuple[list[Path], list[str]]) -> None:
    folders, said = measured
    assert [folder.name for folder in folders] == [CLEAR, CODEC.name, PICTURES.name]
    assert [read(folder).record.condition for folder in folders] == ["as it is", CODEC.name, PICTURES.name]
    assert any(UNAVAILABLE.name in words and UNAVAILABLE.missing in words for words in said)


def test_laundered_trials_are_the_same_trials_with_other_scores(measured: tuple[list[Path], list[str]]) -> None:
    clear, coded, _ = (read(folder) for folder in measured[0])
    assert coded.record.split_sha256 == clear.record.split_sha256
    assert coded.record.data_sha256 != clear.record.data_sha256
    for before, after in zip(clear.rows, coded.rows, strict=True):
        assert before.id == after.id
        assert before.logits.keys() == after.logits.keys()
        assert before.state == MISSING or before.logits != after.logits
        assert "loudness_db" not in after.shortcuts, "of a copy it would be the laundering's"


def test_what_a_laundering_does_not_apply_to_says_so(measured: tuple[list[Path], list[str]]) -> None:
    rows = {row.id: row for row in read(measured[0][2]).rows}
    assert {row.state for row in rows.values()} == {MISSING}
    assert "does not apply" in rows["0.wav"].reason
    assert rows["4.wav"].reason == ""


def test_copies_are_gone_and_what_is_done_is_not_done_again(measured: tuple[list[Path], list[str]], root: Path) -> None:
    folders, _ = measured
    assert not list(folders[0].parent.glob("*/copies"))
    times = {folder: (folder / "run.json").stat().st_mtime_ns for folder in folders}
    request, said = asked("protocol", root, folders[0].parent), list[str]()
    assert measure(request, plan(request), [CODEC, PICTURES], watching(), said.append) == folders
    assert said == []
    assert times == {folder: (folder / "run.json").stat().st_mtime_ns for folder in folders}


def test_other_trials_are_not_mixed_in(measured: tuple[list[Path], list[str]], root: Path) -> None:
    request = asked("protocol", root, measured[0][0].parent, limit=2)
    with pytest.raises(ConfigError, match="other trials"):
        measure(request, plan(request), [CODEC], watching(), print)


def test_the_report_holds_the_runs_beside_each_other(measured: tuple[list[Path], list[str]], tmp_path: Path) -> None:
    report, *plots = write_report(measured[0], [], tmp_path)
    text = report.read_text(encoding="utf-8")
    assert CODEC.name in text
    assert all(plot.suffix == ".svg" and plot.name in text for plot in plots)


def test_only_what_fits_the_trials_is_applied(root: Path, tmp_path: Path) -> None:
    request = asked("protocol", root, tmp_path / "out")
    found = applicable(plan(request))
    assert CODEC in found
    assert all(Kind.SOUND in one.kinds for one in found)
