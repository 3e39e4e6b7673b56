"""The run log: every later change is found, and a torn end is taken over, not lost."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from detect.types import ItemState
from pipelines.names import unescape
from pipelines.runlog import ChainBroken, Head, RunLog, verify_log

JOB = "job-7"
NUM_LINES = 12
Edit = Callable[[list[bytes]], list[bytes]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


@pytest.fixture
def head(path: Path, tmp_path: Path) -> Head:
    """Write a log of `NUM_LINES` lines."""
    report = tmp_path / "report.json"
    report.write_bytes(b"{}")
    with RunLog.open(path, JOB) as log:
        log.append("begin", tool="unmask")
        for number in range(1, NUM_LINES - 1):
            log.item(number, f"case.zip!/{number}.mov", ItemState.EXAMINED, None, report)
        log.append("end")
        return log.head


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def rewrite(path: Path, edit: Edit) -> None:
    path.write_bytes(b"".join(edit(path.read_bytes().splitlines(keepends=True))))


def test_an_untouched_log_verifies_to_its_head(path: Path, head: Head) -> None:
    assert head.num_lines == NUM_LINES
    assert verify_log(path, JOB) == head == verify_log(path, JOB, head)


def test_the_chain_is_what_the_documentation_says(path: Path, head: Head) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    first, *rest = records(path)
    assert first["prev"] == "0" * 64 + JOB
    assert [record["prev"] for record in rest] == [hashlib.sha256(line).hexdigest() for line in lines[:-1]]
    assert [record["seq"] for record in (first, *rest)] == list(range(1, NUM_LINES + 1))
    assert head.sha256 == hashlib.sha256(lines[-1]).hexdigest()


def test_an_item_is_named_by_digests_only(path: Path, head: Head) -> None:
    item = records(path)[1]
    assert item["chain_sha256"] == hashlib.sha256(b"case.zip!/1.mov").hexdigest()
    assert item["report_sha256"] == hashlib.sha256(b"{}").hexdigest()
    assert (item["item"], item["state"], item["reason"]) == (1, "examined", None)
    assert b"mov" not in path.read_bytes()


def _edited(lines: list[bytes]) -> list[bytes]:
    return [*lines[:4], lines[4].replace(b"examined", b"no_face_"), *lines[5:]]


@pytest.mark.parametrize(
    ("edit", "index"),
    [
        pytest.param(_edited, 6, id="edited: the next line's digest does not fit"),
        pytest.param(lambda lines: [*lines[:4], *lines[5:]], 5, id="deleted"),
        pytest.param(lambda lines: lines[1:], 1, id="first deleted"),
        pytest.param(lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]], 5, id="two swapped"),
        pytest.param(lambda lines: [*lines[:4], lines[3], *lines[4:]], 5, id="repeated"),
        pytest.param(lambda lines: [*lines[:4], b"{}\n", *lines[4:]], 5, id="foreign line"),
        pytest.param(lambda lines: [*lines[:4], b'{"seq":1e999}\n', *lines[4:]], 5, id="no event"),
        pytest.param(lambda lines: [*lines[:4], b"[" * 100_000 + b"\n", *lines[4:]], 5, id="deep nesting"),
        pytest.param(lambda lines: [*lines[:-1], lines[-1][:-1]], NUM_LINES, id="last newline cut"),
    ],
)
def test_a_change_is_found_at_its_line(path: Path, head: Head, edit: Edit, index: int) -> None:
    rewrite(path, edit)
    for signed in (None, head):
        with pytest.raises(ChainBroken) as broken:
            verify_log(path, JOB, signed)
        assert broken.value.index == index


@pytest.mark.parametrize("num_cut", [1, 5, NUM_LINES])
def test_lines_cut_off_at_the_end_are_found_by_the_head_alone(path: Path, head: Head, num_cut: int) -> None:
    rewrite(path, lambda lines: lines[:-num_cut])
    assert verify_log(path, JOB).num_lines == NUM_LINES - num_cut
    with pytest.raises(ChainBroken) as broken:
        verify_log(path, JOB, head)
    assert broken.value.index == NUM_LINES - num_cut + 1


def test_a_last_line_that_was_edited_is_found_by_the_head_alone(path: Path, head: Head) -> None:
    rewrite(path, lambda lines: [*lines[:-1], lines[-1].replace(b'"end"', b'"END"')])
    verify_log(path, JOB)
    with pytest.raises(ChainBroken) as broken:
        verify_log(path, JOB, head)
    assert broken.value.index == NUM_LINES


def test_lines_written_after_signing_are_found(path: Path, head: Head) -> None:
    with RunLog.open(path, JOB) as log:
        log.append("resume")
    verify_log(path, JOB)
    with pytest.raises(ChainBroken) as broken:
        verify_log(path, JOB, head)
    assert broken.value.index == NUM_LINES + 1


def test_a_log_of_another_job_is_found(path: Path, head: Head) -> None:
    with pytest.raises(ChainBroken) as broken:
        verify_log(path, "job-8", head)
    assert broken.value.index == 1


def test_opening_again_goes_on_with_the_chain(path: Path, head: Head) -> None:
    with RunLog.open(path, JOB) as log:
        assert log.head == head
        assert log.append("resume") == NUM_LINES + 1
        assert verify_log(path, JOB) == log.head


@pytest.mark.parametrize(
    "torn", [b"{", b'{"seq":13,"ev', b"\0" * 5000, b'\xff\xfe "\\"\r\n\xe2\x80\xae', "é\U0001f600".encode()]
)
def test_a_torn_end_becomes_an_event_that_says_all_of_it(path: Path, head: Head, torn: bytes) -> None:
    with path.open("ab") as file:
        file.write(torn)
    with RunLog.open(path, JOB) as log:
        log.append("resume")
        assert verify_log(path, JOB) == log.head
    recovered = records(path)[NUM_LINES]
    assert recovered["event"] == "recovered"
    assert unescape(recovered["torn"]) == torn
    assert recovered["num_bytes"] == len(torn)


def test_a_log_that_is_torn_in_its_first_line_begins_again(path: Path) -> None:
    path.write_bytes(b'{"at":')
    with RunLog.open(path, JOB) as log:
        log.append("begin")
    assert [record["event"] for record in records(path)] == ["recovered", "begin"]
    verify_log(path, JOB)


@pytest.mark.parametrize("num_bytes", [0, 100, 100_000])
def test_a_tail_in_the_middle_of_a_long_log_is_enough_to_go_on(path: Path, num_bytes: int) -> None:
    with RunLog.open(path, JOB) as log:
        for number in range(8000):
            log.append("container", chain_sha256="0" * 64, number=number)
    assert path.stat().st_size > 1 << 20
    with path.open("ab") as file:
        file.write(b"\0" * num_bytes)
    for _ in range(2):
        with RunLog.open(path, JOB) as log:
            log.append("resume")
            assert verify_log(path, JOB) == log.head


def test_a_change_in_the_tail_stops_the_opening(path: Path, head: Head) -> None:
    rewrite(path, _edited)
    with pytest.raises(ChainBroken) as broken:
        RunLog.open(path, JOB)
    assert broken.value.index == 6


def test_garbage_too_long_to_be_a_torn_line_stops_the_opening(path: Path, head: Head) -> None:
    with path.open("ab") as file:
        file.write(b"\0" * (1 << 21))
    before = path.read_bytes()
    with pytest.raises(ChainBroken) as broken:
        RunLog.open(path, JOB)
    assert broken.value.index == NUM_LINES + 1
    assert path.read_bytes() == before


def test_two_writers_are_noticed(path: Path, head: Head) -> None:
    with RunLog.open(path, JOB) as one, RunLog.open(path, JOB) as other:
        one.append("resume")
        with pytest.raises(ChainBroken, match="another process"):
            other.append("resume")
        assert verify_log(path, JOB) == one.head


def test_a_full_disk_leaves_the_log_as_it_was(path: Path, head: Head) -> None:
    program = (
        "import resource, signal, sys; from pathlib import Path; from pipelines.runlog import RunLog\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "path = Path(sys.argv[1]); log = RunLog.open(path, sys.argv[2])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50,) * 2)\n"
        "try: log.append('interrupt')\n"
        "except OSError: sys.exit(7)"
    )
    result = subprocess.run([sys.executable, "-c", program, str(path), JOB], check=False)
    assert result.returncode == 7
    assert verify_log(path, JOB) == head


def test_the_log_is_no_link(tmp_path: Path, path: Path) -> None:
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        RunLog.open(path, JOB)


def test_its_own_words_cannot_be_overwritten(path: Path) -> None:
    with RunLog.open(path, JOB) as log, pytest.raises(ValueError, match="seq"):
        log.append("item", seq=3)


def test_what_was_appended_survives_kill_9(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from pipelines.runlog import RunLog\n"
        "log = RunLog.open(Path(sys.argv[1]), sys.argv[2])\n"
        "while True: print(log.append('worker_died', reason='x'), flush=True)"
    )
    told = 0
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", program, str(path), JOB], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(50):
                told = int(process.stdout.readline())
            os.kill(process.pid, signal.SIGKILL)
        assert verify_log(path, JOB).num_lines >= told
    with RunLog.open(path, JOB) as log:
        assert log.append("resume") > told
        verify_log(path, JOB)
