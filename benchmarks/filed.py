"""The runs that are filed with the project, and what is written from them: README, results page, robustness.

`results/runs/` holds runs of data sets, `results/robustness/NAME/` one run for each laundering of one, or an
adversarial measurement. Nothing else is needed to write the tables again, and `make check` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.results_page.page import page
from benchmarks.results_page.readme import problems, write_readme
from benchmarks.robustness.attempts import RECORD
from benchmarks.robustness.report import write_report
from benchmarks.scorefile import RUN
from detect.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
RUNS = RESULTS / "runs"
README = ROOT / "README.md"
PAGE = RESULTS / "index.html"
ROBUSTNESS = RESULTS / "robustness"


def filed_runs() -> list[Path]:
    """Folders of the filed runs, by name."""
    return sorted(folder.parent for folder in RUNS.glob(f"*/{RUN}"))


def write_results() -> None:
    """Write the README's results, the results page and the robustness report from what is filed."""
    write_readme(filed_runs(), README)
    write_page(filed_runs(), PAGE)
    laundered = sorted(path.parent for path in ROBUSTNESS.glob(f"*/*/{RUN}"))
    attacked = sorted(path.parent for path in ROBUSTNESS.glob(f"*/{RECORD}"))
    write_report(laundered, attacked, ROBUSTNESS)


def write_page(folders: Sequence[Path], out: Path) -> None:
    """Write a page of these runs.

    Raises:
        ConfigError: there are none, or one is not fit for a page.
    """
    if not folders:
        raise ConfigError("no runs to write a page of")
    page(folders, out)
    print(f"{out}: {len(folders)} runs")


def result_problems() -> list[str]:
    """What in the README is not what the filed runs give."""
    return problems(README, RUNS)
