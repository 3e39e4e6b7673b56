"""A partial copy in ASVspoof's layout, whose FLAC files say nothing of their length: libsndfile refuses them."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from benchmarks.datasets import data_set
from benchmarks.runs.plan import plan
from benchmarks.runs.run import run
from benchmarks.scorefile import MISSING, read
from tests.benchmarks.datasets.real import RealMedia
from tests.benchmarks.datasets.test_contract import TREES
from tests.benchmarks.runs.test_trees import asked, watching


class Streamed(RealMedia):
    """FLAC as an encoder leaves it that writes into a pipe: 0 samples in all, for "unknown" (RFC 9639, 8.2)."""

    def content(self, suffix: str, number: int) -> bytes:
        flac = bytearray(super().content(suffix, number))
        flac[21] &= 0xF0
        flac[22:26] = bytes(4)
        return bytes(flac)


def test_files_that_libsndfile_refuses_are_heard(tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir()
    TREES["asvspoof2021-la"].make(root, Streamed())
    files = sorted(root.rglob("*.flac"))
    for file in files:
        with pytest.raises((soundfile.LibsndfileError, ValueError)):
            soundfile.read(str(file))

    request = asked("asvspoof2021-la", root, tmp_path / "run", split="all", in_domain=True, development=True)
    assert run(request, plan(request), watching()) == "done"
    scored = read(tmp_path / "run")
    assert scored.record.partial
    assert scored.record.num_missing == len(data_set("asvspoof2021-la").read(root).trials) - len(files) > 0
    for row in scored.rows:
        assert row.state in (MISSING, "examined")
        assert ("lfb-resnet.unmask1" in row.llrs) == (row.state == "examined")
