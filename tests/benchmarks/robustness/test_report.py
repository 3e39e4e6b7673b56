"""The report against runs whose scores are known."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from statistics import NormalDist
from xml.etree import ElementTree as ET

import pytest

from benchmarks.robustness import attempts
from benchmarks.robustness.attempts import Attempt, Record, Victim
from benchmarks.robustness.report import REPORT, listing, write_report
from benchmarks.scorefile import System
from detect.errors import ConfigError
from detect.types import Modality
from tests.benchmarks.results_page.recipes import OURS, SYSTEMS, cells, gaussian, run, silent

NUMBER = 300
OTHER_WEIGHTS = SYSTEMS[0].model_copy(update={"weights_sha256": "0" * 64})
DISTANCES = {"as it is": 2.0, "opus_32k": 1.6, "opus_8k": 0.8, "telephone": 1.0}


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """Clear trials, two strengths of one curve and a preset, each a little worse; after the last a third is silent."""
    folders = []
    for condition, distance in DISTANCES.items():
        rows = gaussian(NUMBER, distance=distance)
        if condition == "telephone":
            rows = [silent(one) if place % 3 == 0 else one for place, one in enumerate(rows)]
        folders.append(run(tmp_path, rows, name=f"made-{condition.replace(' ', '-')}", condition=condition))
    return folders


def test_conditions_stand_beside_the_clear_one(runs: list[Path], tmp_path: Path) -> None:
    report, *plots = write_report(runs[::-1], (), tmp_path / "out")
    rows = {row["condition"]: row for row in cells(report.read_text(), OURS)}
    assert list(rows) == list(DISTANCES), "in the table's order, whatever the order of the folders"
    for condition, distance in DISTANCES.items():
        expected = NormalDist().cdf(distance / 2**0.5)
        assert float(rows[condition]["AUC"].split()[0]) == pytest.approx(expected, abs=0.05)
    assert rows["telephone"]["scored"] == "200 of 300 = 66.7%"
    assert rows["opus_8k"]["family"] == "audio codec"
    clear, worse = (float(rows[name]["AUC"].split()[0]) for name in ("as it is", "opus_8k"))
    change, low, high = (float(one) for one in re.findall(r"[-+]\d\.\d+", rows["opus_8k"]["AUC less that as it is"]))
    assert change == pytest.approx(worse - clear, abs=0.0011)
    assert low < change < high < 0
    assert float(rows["opus_8k"]["Cllr"]) > float(rows["as it is"]["Cllr"])
    assert [path.name for path in plots] == ["made-as-it-is-utterances-audio-codec-opus.svg"], "no curve of one point"


def test_what_has_no_run_is_named(runs: list[Path], tmp_path: Path) -> None:
    text = write_report(runs, (), tmp_path / "out")[0].read_text()
    left = text[text.index("Launderings without a run") :].splitlines()[0]
    assert "opus_16k" in left
    assert "av1" in left
    assert "opus_8k" not in left
    assert "h264_crf40" not in left, "which no utterance goes through"


def test_the_difference_is_of_trials_scored_in_both(tmp_path: Path) -> None:
    clear = gaussian(NUMBER)
    # Whoever is hard to tell is silent after the laundering: the AUC rises, and not because the laundering helps.
    changed = [silent(one) if abs(one.logits[OURS]) < 0.7 else one for one in clear]
    folders = [run(tmp_path, clear, name="clear"), run(tmp_path, changed, name="noisy", condition="white_0db")]
    row = cells(write_report(folders, (), tmp_path / "out")[0].read_text(), OURS)[1]
    assert row["AUC less that as it is"] == "+0.000 [+0.000, +0.000]"
    assert not row["scored"].startswith(str(NUMBER))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"condition": "as it is"}, "one run has to be of files as they are, not 2"),
        ({"condition": "boiled"}, "no laundering is named boiled"),
        ({"condition": "opus_8k"}, "after the same laundering"),
        ({"condition": "opus_16k", "split_sha256": "0" * 64}, "files as they are, not 0"),
        ({"condition": "opus_16k", "development": True}, "served for development"),
        (
            {"condition": "opus_16k", "systems": (OTHER_WEIGHTS, *SYSTEMS[1:])},
            "other weights",
        ),
    ],
)  # fmt: skip
def test_what_does_not_belong_together_is_refused(
    changes: dict[str, object], message: str, runs: list[Path], tmp_path: Path
) -> None:
    other = run(tmp_path, gaussian(NUMBER), name="other", **changes)
    with pytest.raises(ConfigError, match=message):
        write_report([*runs, other], (), tmp_path / "out")
    with pytest.raises(ConfigError, match="nothing to report"):
        write_report((), (), tmp_path / "out")


def test_a_system_that_knows_the_trials_is_marked(tmp_path: Path) -> None:
    system = System(name=OURS, subject="voice", in_domain=("made-up",))
    folder = run(tmp_path, gaussian(40), systems=(system,))
    text = write_report([folder], (), tmp_path / "out")[0].read_text()
    assert f"**{OURS} †: " in text
    assert f"In-domain: {OURS} know made-up" in text


def _measured(folder: Path) -> Path:
    """Two checkpoints: against itself a perturbation moves logits by 2 a level, against the other by a tenth."""
    names = ("a.one", "b.two")
    rows = [
        Attempt(
            id=f"t{number}",
            group=f"g{number}",
            label="spoof" if number % 2 else "bonafide",
            modality=Modality.FACE,
            source=source,
            target=target,
            bound=bound,
            levels=bound,
            clean=clean,
            adversarial=clean + (-1 if number % 2 else 1) * bound * (2 if source == target else 0.1),
        )
        for number in range(40)
        for clean in [(1.5 if number % 2 else -1.5) + 0.01 * number]
        for source in names
        for target in names
        for bound in (1, 4)
    ]
    flags = {names[0]: (0.75, "calibration"), names[1]: (0.0, "clean EER")}
    victims = [
        Victim(name=name, modality=Modality.FACE, weights_sha256="a" * 64, flag_logit=flags[name][0],
               flag_basis=flags[name][1])  # type: ignore[arg-type]
        for name in names
    ]  # fmt: skip
    record = Record(
        victims=tuple(victims), protocol_sha256={Modality.FACE: "b" * 64}, split="test",
        num_trials={Modality.FACE: 40}, num_left_out={Modality.FACE: 3}, steps=10, seed=1, device="cpu",
        command="python -m benchmarks adversarial", tool="unmask 0", seconds=1.0,
    )  # fmt: skip
    attempts.write(folder, record, rows)
    return folder


def test_perturbations_in_the_report(tmp_path: Path) -> None:
    report, plot = write_report((), [_measured(tmp_path / "adversarial")], tmp_path / "out")
    text = report.read_text()
    first, last, *_ = cells(text, "Face, white box")
    assert first["AUC as it is"] == last["AUC as it is"] == "1.000 [1.000, 1.000]"
    assert last["AUC perturbed"] == "0.000 [0.000, 0.000]"
    assert first["evaded"] == "20 of 20 = 100.0%"
    assert first["false alarms"] == "7 of 20 = 35.0%", "-1.5 + 2 + n / 100 is 0.75 or more from n = 26 on"
    assert "Nothing is filed to calibrate b.two:" in text
    matrix = cells(text, "Face, transfer at 4")
    assert [row["made on"] for row in matrix] == ["a.one", "b.two"]
    assert [[row[f"scored by {name}"] for name in ("a.one", "b.two")] for row in matrix] == [
        ["0.000 (1.000)", "1.000 (1.000)"],
        ["1.000 (1.000)", "0.000 (1.000)"],
    ]
    assert "and 3 more in which no face was found" in text
    assert plot.name == "adversarial-face.svg"


def test_the_same_files_give_the_same_bytes_and_plots_stand_alone(runs: list[Path], tmp_path: Path) -> None:
    measured = _measured(tmp_path / "adversarial")
    first, second = (write_report(runs, [measured], tmp_path / name) for name in ("one", "two"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    text = first[0].read_text()
    for path in first[1:]:
        root = ET.parse(path).getroot()  # noqa: S314 - our own
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert root.attrib["aria-label"]
        assert not re.findall(r'(?:href|src)="(?!#)', path.read_text()), "no address"
        assert "var(--curve-1)" in path.read_text()
        assert "--curve-1:" in path.read_text(), "a file of its own brings its colours"
        assert f"({path.name})" in text
    assert first[0].name == REPORT


def test_a_measurement_that_is_not_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no finished adversarial measurement"):
        attempts.read(tmp_path)
    folder = _measured(tmp_path / "adversarial")
    record, rows = attempts.read(folder)
    attempts.write(folder, record, [replace(rows[0], label="fake")])  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="'fake' is no label"):
        attempts.read(folder)


def test_the_listing_names_every_laundering_and_what_is_missing() -> None:
    lines = listing().splitlines()
    assert any(line.startswith("| h264_crf40 | video codec | 40 CRF | video |") for line in lines)
    assert any(line.startswith("| av1 |") and "real-time priority" in line for line in lines)
