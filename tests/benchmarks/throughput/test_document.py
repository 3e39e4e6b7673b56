"""The document is all there is: it reads back as written, and page and plots follow from it alone."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks.throughput import cold, memory, stages
from benchmarks.throughput.batches import OURS, TOGETHER
from benchmarks.throughput.child import STEPS
from benchmarks.throughput.contestants import PLAIN_VOICE
from benchmarks.throughput.document import JSON, Crew, Document, Workers, read, write
from benchmarks.throughput.pages import page
from benchmarks.throughput.plots import draw
from benchmarks.throughput.run import measure
from benchmarks.throughput.samples import alternate, ratios, spread
from benchmarks.throughput.stages import DECODING, WHOLE
from benchmarks.throughput.workers import crews
from benchmarks.throughput.workers import measure as measure_workers
from detect.errors import ConfigError
from tests.recipes import write_picture

pytestmark = pytest.mark.filterwarnings("ignore:'.*' is deprecated and slated for removal:DeprecationWarning")
"""Of modules of Python's own library that librosa's reader of last resort imports."""


@pytest.fixture(scope="module")
def whole(measured: Document, sound: Path) -> Document:
    """With fresh processes: of a sound file, which is the least that they can be given."""
    rows = (
        Crew(way="local engine", workers=1, num_recordings=5, per_minute=(30.0, 33.0)),
        Crew(way="Ray", workers=2, num_recordings=10, per_minute=(45.0, 33.0)),
    )
    parts = {
        "cold": cold.measure(sound, 1),
        "workers": Workers(about="Made up.", rows=rows),
        "memory": memory.measure([(PLAIN_VOICE, sound)], "Sound.", 1),
    }
    return measured.model_copy(update=parts)


def test_it_reads_back_as_written(whole: Document, tmp_path: Path) -> None:
    write(whole, tmp_path / JSON)
    assert read(tmp_path / JSON) == whole
    (tmp_path / JSON).write_text((tmp_path / JSON).read_text().replace('"repeats"', '"repeat"'))
    with pytest.raises(ConfigError, match="no measurement of this version"):
        read(tmp_path / JSON)
    with pytest.raises(ConfigError, match="not there"):
        read(tmp_path / "other.json")


def test_plots_have_the_same_bytes_for_the_same_numbers(whole: Document, tmp_path: Path) -> None:
    write(whole, tmp_path / JSON)
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, document in ((first, whole), (second, read(tmp_path / JSON))):
        folder.mkdir()
        draw(document, folder)
    names = sorted(path.name for path in first.iterdir())
    assert names == [f"throughput-{part}.svg" for part in sorted(_HEADINGS)]
    for name in names:
        content = (first / name).read_bytes()
        assert content == (second / name).read_bytes()
        assert ET.fromstring(content).tag.endswith("svg")  # noqa: S314 - written just now
    assert DECODING in (first / "throughput-stages.svg").read_text()


_HEADINGS = {
    "stages": "## Stages",
    "baselines": "## Against what a user would write instead",
    "batches": "## Batch sizes",
    "workers": "## Workers",
    "cold": "## Cold and warm",
    "memory": "## Memory",
}


def test_the_page_names_the_machine_and_has_every_section(whole: Document, tmp_path: Path) -> None:
    text = page(whole, draw(whole, tmp_path))
    assert whole.machine.processor in text
    assert "torch" in text
    assert [line for line in text.splitlines() if line.startswith("## ")] == list(_HEADINGS.values())
    for name in _HEADINGS:
        assert text.count(f"](throughput-{name}.svg)") == 1
    assert "| Ray | 2 | 10 | 39.0 [33.0, 45.0] | 1.25 [1.00, 1.50] |" in text
    assert "\n\n\n" not in text


def test_without_a_gpu_the_page_says_so(whole: Document) -> None:
    on_cpu = whole.model_copy(update={"machine": whole.machine.model_copy(update={"device": "cpu"})})
    on_gpu = whole.model_copy(update={"machine": whole.machine.model_copy(update={"device": "A100"})})
    assert page(on_cpu).count("No CUDA device on this machine") == 2
    assert "No CUDA device" not in page(on_gpu)
    assert "GPU A100" in page(on_gpu)


def test_parts_that_were_not_measured_are_left_out(whole: Document, tmp_path: Path) -> None:
    bare = whole.model_copy(update={"stages": (), "batches": None, "workers": None, "cold": None, "memory": None})
    assert [path.name for path in draw(bare, tmp_path)] == ["throughput-baselines.svg"]
    assert page(bare).count("\n## ") == 1


def test_every_part_has_positive_numbers(whole: Document) -> None:
    assert {DECODING, WHOLE, "stage: find faces", "stage: score faces"} <= {row.name for row in whole.stages[0].rows}
    assert whole.cold is not None
    assert whole.memory is not None
    assert whole.batches is not None
    assert [row.name for row in whole.cold.rows] == list(STEPS)
    for row in (*whole.stages[0].rows[:2], *whole.cold.rows, *whole.memory.rows):
        assert all(value > 0 for value in row.values)
    assert {(row.way, row.size) for row in whole.batches.rows} == {(w, s) for w in (OURS, TOGETHER) for s in (1, 2)}
    assert {row.items for row in whole.batches.rows} == {"face crops", "voice windows"}
    assert all(row.per_second[0] > 0 for row in whole.batches.rows)
    assert whole.memory.rows[0].values[0] > 2**26


def test_a_scan_is_timed_by_its_ends(clip: Path) -> None:
    (row,) = measure_workers(clip, [("local", 1)], 1, 1.5).rows
    assert (row.way, row.workers, row.num_recordings) == ("local engine", 1, 4)
    assert 0 < row.per_minute[0] < 60_000


def test_workers_double_up_to_one_a_cpu() -> None:
    assert crews(1) == [("local", 1), ("ray", 1)]
    assert crews(2) == [("local", 1), ("ray", 1), ("ray", 2)]
    assert crews(6) == [("local", 1), ("ray", 1), ("ray", 2), ("ray", 4), ("ray", 6)]


def test_rounds_alternate() -> None:
    order: list[str] = []
    works = {name: lambda name=name: order.append(name) or len(order) for name in "ab"}  # type: ignore[func-returns-value, misc]
    seconds, results = alternate(works, 3)
    assert "".join(order) == "ababab"
    assert {name: len(values) for name, values in seconds.items()} == {"a": 3, "b": 3}
    assert results == {"a": 5, "b": 6}


def test_a_ratio_is_taken_within_its_round() -> None:
    assert ratios((2.0, 9.0), (1.0, 3.0)) == (2.0, 3.0)
    assert spread((2.0, 3.0, 1.0)) == "2.00 [1.00, 3.00]"
    assert spread((2.0,), 1) == "2.0"
    with pytest.raises(ValueError, match="shorter"):
        ratios((1.0, 2.0), (1.0,))


def test_what_cannot_be_measured_is_said_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such part: speed"):
        measure(None, 1, tmp_path, only=["stages", "speed"])
    with pytest.raises(ConfigError, match="0 runs measure nothing"):
        measure(None, 0, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_still_picture_is_no_clip(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no video that can be examined"):
        stages.measure(write_picture(tmp_path / "picture.png"), "cpu", 1)
