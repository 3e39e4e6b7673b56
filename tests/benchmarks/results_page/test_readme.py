"""The README's tables: written between the marks, and every digit that score files do not give is found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.results_page.readme import BEGIN, END, problems, readme_section, write_readme
from benchmarks.scorefile import System
from benchmarks.trials import Unit
from detect.errors import ConfigError
from tests.benchmarks.results_page.recipes import OURS, cells, gaussian, run

_AROUND = f"# A project\n\nWords before.\n\n{BEGIN}\nwhat was here\n{END}\n\nWords after.\n"


def _readme(folder: Path, text: str = _AROUND) -> Path:
    path = folder / "README.md"
    path.write_text(text, encoding="utf-8")
    return path


def test_tables_are_written_between_the_marks_and_are_current(tmp_path: Path) -> None:
    folders = [run(tmp_path, gaussian(100), name="one"), run(tmp_path, gaussian(80), name="two", partial=True)]
    readme = _readme(tmp_path)
    write_readme(folders, readme)
    text = readme.read_text(encoding="utf-8")
    assert text.startswith("# A project\n\nWords before.\n")
    assert text.endswith(f"{END}\n\nWords after.\n")
    assert "what was here" not in text
    assert problems(readme, tmp_path) == []
    write_readme(folders, readme)
    assert readme.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(("place", "by"), [(0, "1"), (4, "7")])
def test_an_altered_digit_is_found(tmp_path: Path, place: int, by: str) -> None:
    folder = run(tmp_path, gaussian(100), name="one")
    readme = _readme(tmp_path)
    write_readme([folder], readme)
    text = readme.read_text(encoding="utf-8")
    number = cells(text, "Made Up")[0]["AUC"]
    altered = number[:place] + (by if number[place] != by else "9") + number[place + 1 :]
    readme.write_text(text.replace(number, altered, 1), encoding="utf-8")
    (problem,) = problems(readme, tmp_path)
    assert altered in problem
    assert number in problem


def test_other_scores_a_lost_row_and_a_lost_run_are_found(tmp_path: Path) -> None:
    folder = run(tmp_path, gaussian(100), name="one")
    readme = _readme(tmp_path)
    write_readme([folder], readme)
    text = readme.read_text(encoding="utf-8")
    readme.write_text("\n".join(line for line in text.split("\n") if "finding.voice" not in line), encoding="utf-8")
    assert "lines of results" in problems(readme, tmp_path)[0]
    readme.write_text(text.replace("runs: one", "runs: one gone"), encoding="utf-8")
    assert "no finished run" in problems(readme, tmp_path)[0]
    readme.write_text(text, encoding="utf-8")
    run(tmp_path, gaussian(100, seed=2), name="one")
    assert problems(readme, tmp_path)


def test_a_readme_without_marks_is_refused_and_named(tmp_path: Path) -> None:
    folder = run(tmp_path, gaussian(40), name="one")
    for text in ("# A project\n", f"{END}\n{BEGIN}\n", f"{BEGIN}\n{BEGIN}\n{END}\n"):
        readme = _readme(tmp_path, text)
        assert "once each" in problems(readme, tmp_path)[0]
        with pytest.raises(ConfigError, match="once each"):
            write_readme([folder], readme)
        assert readme.read_text(encoding="utf-8") == text
    assert "does not name the runs" in problems(_readme(tmp_path), tmp_path)[0]


def test_a_development_run_is_refused(tmp_path: Path) -> None:
    folder = run(tmp_path, gaussian(40), name="dev", development=True)
    with pytest.raises(ConfigError, match="served for training, calibration or a choice"):
        readme_section([folder])
    readme = _readme(tmp_path)
    with pytest.raises(ConfigError, match="served for training"):
        write_readme([folder], readme)
    assert readme.read_text(encoding="utf-8") == _AROUND


def test_no_runs_are_an_empty_section(tmp_path: Path) -> None:
    readme = _readme(tmp_path)
    write_readme([], readme)
    assert "No results are filed yet." in readme.read_text(encoding="utf-8")
    assert problems(readme, tmp_path) == []


def test_marks_and_the_subset_stand_in_the_table(tmp_path: Path) -> None:
    known = System(name=OURS, subject="voice", in_domain=("vctk",))
    rows = [replace(one, unit=Unit.FRAME, sequence=f"s{place // 2}") for place, one in enumerate(gaussian(80))]
    text = readme_section([run(tmp_path, rows, systems=(known,), partial=True, condition="half size")])
    assert "**Made Up, split eval, after half size, partial copy, 80 of 3,000 published trials, frames**" in text
    assert "**Made Up, split eval, after half size, partial copy, 80 of 3,000 published trials, sequences**" in text
    assert cells(text, "Made Up")[0]["system"] == f"{OURS} †"
    assert "know vctk" in text
    assert "python -m benchmarks run made-up" in text


def test_two_runs_of_one_name_are_refused(tmp_path: Path) -> None:
    folders = [run(tmp_path / place, gaussian(40), name="same") for place in ("a", "b")]
    with pytest.raises(ConfigError, match="same name: same"):
        readme_section(folders)
