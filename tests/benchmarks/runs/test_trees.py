"""Every layout through the whole: a made copy of each data set with recordings in it is validated, run and scored."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.datasets import data_set
from benchmarks.results_page.run_section import score
from benchmarks.runs.choice import EVERY_SPLIT
from benchmarks.runs.plan import Request, plan, request_of
from benchmarks.runs.run import Watching, run
from benchmarks.scorefile import MISSING, read
from benchmarks.validation import validate
from pipelines.sandbox import Sandbox
from tests.benchmarks.datasets.real import RealMedia
from tests.benchmarks.datasets.test_contract import TREES

pytestmark = pytest.mark.slow


def watching() -> Watching:
    @contextlib.contextmanager
    def scan() -> Iterator:
        yield lambda _standing: None

    return Watching(scan=scan, features=lambda _done, _all: None, stop=threading.Event(), prepare=lambda: None)


def asked(name: str, root: Path, out: Path, **others: object) -> Request:
    few = out.with_suffix(".toml")
    few.write_text("[sampling]\nmin_frames = 4\nmax_frames = 4\n")
    defaults = {"split": None, "filters": (), "limit": None, "models": (), "config_file": few, "engine": "local"}
    return request_of(name, root, out, **defaults | others)


@pytest.mark.parametrize("name", sorted(TREES))
def test_a_made_copy_is_validated_run_and_scored(name: str, tmp_path: Path) -> None:
    tree, root, out = TREES[name], tmp_path / "data", tmp_path / "run"
    root.mkdir()
    tree.make(root, RealMedia())
    with Sandbox() as sandbox:
        found = validate(data_set(name), root, sandbox, every_file=True)
    assert found.errors == 0, found.text
    assert not any(row.missing for row in tree.rows) or found.partial

    request = asked(name, root, out, split=EVERY_SPLIT, in_domain=True, development=True)
    assert run(request, plan(request), watching()) == "done"

    scored = read(out)
    states = {row.id: row.state for row in scored.rows}
    assert states.keys() == {row.id for row in tree.rows}
    assert {name for name, state in states.items() if state == MISSING} == {row.id for row in tree.rows if row.missing}
    assert set(states.values()) <= {MISSING, "examined", "no_subject"}
    assert any(row.logits for row in scored.rows), "nothing has a score"
    for row in scored.rows:
        for subject in row.labels:
            heard = any(system.subject == subject and system.name in row.llrs for system in scored.record.systems)
            assert heard or subject in row.abstentions, (row.id, subject)
    assert scored.record.title in score(out)
