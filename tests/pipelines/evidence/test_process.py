"""The lister: the same as a walk, in a process that may die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from detect.errors import ConfigError, DeviceError, InputError
from pipelines.evidence import Lister, Options, fetch_in_child
from pipelines.items import Container, Entry
from tests.conftest import ROOT
from tests.pipelines.evidence.archives import PICTURE, listing, stored, tar_bytes, tar_member, zip_bytes
from tests.pipelines.processes import alive, children_of, gone, until

MEGABYTE = 1 << 20


@pytest.fixture
def case(tmp_path: Path) -> Path:
    folder = tmp_path / "case"
    folder.mkdir()
    inner = zip_bytes([stored(b"x.jpg", PICTURE), stored(b"\xff\n.txt", b"text")])
    (folder / "a.jpg").write_bytes(PICTURE)
    (folder / "b.tar").write_bytes(tar_bytes([(tar_member("in.zip"), inner), (tar_member("y.jpg"), PICTURE)]))
    (folder / "c.txt").write_text("text")
    (folder / "link").symlink_to("c.txt")
    return folder


@pytest.fixture
def crowd(tmp_path: Path) -> Path:
    """More files than a pipe holds rows of: the lister is still there when its first rows have been read."""
    folder = tmp_path / "crowd"
    folder.mkdir()
    for number in range(3_000):
        (folder / f"{number}.txt").write_text("text")
    return folder


def _pid(lister: Lister) -> int:
    assert lister._child is not None
    return lister._child._process.pid


def _rows(lister: Lister) -> Iterator[Entry | Container]:
    for batch in lister:
        yield from batch


def test_it_finds_what_a_walk_finds(case: Path, tmp_path: Path) -> None:
    expected = listing(case, tmp_path / "one")
    with Lister([case], Options(), tmp_path / "two", MEGABYTE) as lister:
        rows = list(_rows(lister))
    assert [row.chain for row in rows] == expected.order
    for row in rows:
        if isinstance(row, Container):
            assert row == expected.containers[row.chain]
            continue
        other = expected.entries[row.chain]
        assert (row.locator, row.num_bytes, row.modified, row.sha256, row.state, row.reason, row.message) == (
            other.locator, other.num_bytes, other.modified, other.sha256, other.state, other.reason, other.message,
        )  # fmt: skip
        if row.spool is not None:
            assert (tmp_path / "two" / row.spool).read_bytes() == PICTURE


def test_batches_are_bounded(tmp_path: Path) -> None:
    folder = tmp_path / "case"
    folder.mkdir()
    for index in range(2_500):
        (folder / f"{index}.txt").write_text("text")
    with Lister([folder], Options(), tmp_path / "scratch", MEGABYTE) as lister:
        sizes = [len(batch) for batch in lister]
    assert sum(sizes) == 2_501
    assert max(sizes) <= 1_000


def test_a_death_costs_the_container_it_was_in(tmp_path: Path) -> None:
    """The scratch folder has room for one copy, so the process waits within the container and can be hit there."""
    folder = tmp_path / "case"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(PICTURE)
    inner = zip_bytes([stored(b"%d.jpg" % index, PICTURE + b"%d" % index) for index in range(3)])
    members = [stored(b"t.txt", b"text"), stored(b"in.zip", inner), stored(b"z.jpg", PICTURE)]
    (folder / "b.zip").write_bytes(zip_bytes(members))
    (folder / "c.zip").write_bytes(zip_bytes([stored(b"1.jpg", PICTURE), stored(b"2.txt", b"text")]))
    scratch = tmp_path / "scratch"
    rows: list[Entry | Container] = []
    with Lister([folder], Options(), scratch, len(inner) + len(PICTURE) + 100) as lister:
        for row in _rows(lister):
            rows.append(row)
            if row.chain == "case/b.zip!/in.zip!/0.jpg":
                process = _pid(lister)
                os.kill(process, signal.SIGSEGV)
            if isinstance(row, Entry) and row.spool is not None:
                assert (scratch / row.spool).is_file()
                (scratch / row.spool).unlink()
    chains = [row.chain for row in rows]
    assert chains == [
        "case/a.jpg", "case/b.zip!/t.txt", "case/b.zip!/in.zip!/0.jpg", "case/b.zip!/in.zip", "case/b.zip!/in.zip",
        "case/b.zip!/z.jpg", "case/b.zip", "case/c.zip!/1.jpg", "case/c.zip!/2.txt", "case/c.zip", "case",
    ]  # fmt: skip
    crashed, container = rows[3], rows[4]
    assert isinstance(crashed, Entry)
    assert isinstance(container, Container)
    assert (crashed.state, crashed.reason) == ("crashed", "signal 11")
    assert container.state == "unreadable"
    assert isinstance(rows[-1], Container)
    assert (rows[-1].state, rows[-1].num_members) == ("listed", 3)
    assert not list(scratch.iterdir()), "nothing that the dead process had begun is left"


def test_a_death_between_archives_is_made_good(tmp_path: Path) -> None:
    folder = tmp_path / "case"
    folder.mkdir()
    for index in range(5_000):
        (folder / f"{index:04d}.txt").write_text("text")
    killed: set[int] = set()
    rows: list[Entry | Container] = []
    with Lister([folder], Options(), tmp_path / "scratch", MEGABYTE) as lister:
        for batch in lister:
            rows += batch
            if len(killed) < 2 and _pid(lister) not in killed:
                killed.add(_pid(lister))
                os.kill(_pid(lister), signal.SIGKILL)
    assert len(killed) == 2
    assert {row.chain for row in rows} == {f"case/{index:04d}.txt" for index in range(5_000)} | {"case"}
    assert isinstance(rows[-1], Container)
    assert rows[-1].num_members == 5_000


def test_a_root_that_kills_each_process_ends_as_crashed(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zip_bytes([stored(b"1.jpg", PICTURE), stored(b"2.jpg", PICTURE)]))
    rows: list[Entry | Container] = []
    with Lister([path], Options(), tmp_path / "scratch", len(PICTURE)) as lister:
        for row in _rows(lister):
            rows.append(row)
            if row.chain == "a.zip!/1.jpg":
                os.kill(_pid(lister), signal.SIGBUS)
    assert [row.chain for row in rows] == ["a.zip!/1.jpg", "a.zip", "a.zip"]
    assert isinstance(rows[1], Entry)
    assert (rows[1].state, rows[1].reason, rows[1].locator[0].kind) == ("crashed", "signal 7", "file")


def test_closing_ends_the_process_and_the_iteration(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zip_bytes([stored(b"%d.jpg" % index, PICTURE) for index in range(3)]))
    lister = Lister([path], Options(), tmp_path / "scratch", len(PICTURE))
    rows: list[Entry | Container] = []
    first = threading.Event()

    def consume() -> None:
        for row in _rows(lister):
            rows.append(row)
            first.set()

    thread = threading.Thread(target=consume)
    thread.start()
    assert first.wait(30)
    process = _pid(lister)
    assert alive(process)
    lister.close()
    thread.join(10)
    assert not thread.is_alive()
    assert not alive(process)
    assert [row.chain for row in rows] == ["a.zip!/0.jpg"]


WAITING = """
import sys
from pathlib import Path
from pipelines.evidence import Lister, Options
lister = Lister([Path(sys.argv[1])], Options(), Path(sys.argv[2]), int(sys.argv[3]))
for batch in lister:
    print(len(batch), flush=True)
"""


def test_the_process_dies_with_whoever_ordered_it(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zip_bytes([stored(b"%d.jpg" % index, PICTURE) for index in range(3)]))
    arguments = [str(path), str(tmp_path / "scratch"), str(len(PICTURE))]
    with subprocess.Popen([sys.executable, "-c", WAITING, *arguments], cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        children = list(children_of(parent.pid))
        assert len(children) == 1
        parent.kill()
        assert gone(children, 5)


def test_roots_and_machine_are_their_own_faults(case: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not there"):
        Lister([tmp_path / "nowhere"], Options(), tmp_path / "scratch", MEGABYTE)
    (tmp_path / "file").touch()
    with pytest.raises(DeviceError):
        Lister([case], Options(), tmp_path / "file" / "scratch", MEGABYTE)


def test_a_set_that_cannot_be_read_is_the_requests_fault(case: Path, tmp_path: Path) -> None:
    options = Options(known_ok=(tmp_path / "nowhere.txt",), known_cache=tmp_path / "cache")
    with Lister([case], options, tmp_path / "scratch", MEGABYTE) as lister, pytest.raises(ConfigError):
        list(lister)


def test_passwords_and_secrets_do_not_show_in_the_process_list(crowd: Path, tmp_path: Path) -> None:
    os.environ["UNMASK_TEST_KEY"] = "secret"
    try:
        with Lister([crowd], Options(passwords=("sesame",)), tmp_path / "scratch", MEGABYTE) as lister:
            rows = iter(lister)
            next(rows)
            folder = Path(f"/proc/{_pid(lister)}")
            command, environment = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        assert command
        assert environment
        assert b"sesame" not in command
        assert b"UNMASK_TEST_KEY" not in environment
    finally:
        del os.environ["UNMASK_TEST_KEY"]


def test_the_process_has_no_new_privileges_and_few_capabilities(crowd: Path, tmp_path: Path) -> None:
    with Lister([crowd], Options(), tmp_path / "scratch", MEGABYTE) as lister:
        rows = iter(lister)
        next(rows)
        status = (Path(f"/proc/{_pid(lister)}") / "status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["NoNewPrivs"] == "1"
    assert int(fields["CapEff"], 16) & ~0b1110 == 0


def test_one_file_again(case: Path, tmp_path: Path) -> None:
    found = listing(case, tmp_path / "scratch")
    fetch_in_child(found.entries["case/b.tar!/in.zip!/x.jpg"].locator, Options(), tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == PICTURE
    (case / "b.tar").unlink()
    with pytest.raises(InputError) as caught:
        fetch_in_child(found.entries["case/b.tar!/in.zip!/x.jpg"].locator, Options(), tmp_path / "out")
    assert (caught.value.state, caught.value.reason) == ("unreadable", "vanished")
    with pytest.raises(DeviceError):
        fetch_in_child(found.entries["case/a.jpg"].locator, Options(), tmp_path / "no" / "folder")


def test_nothing_is_left_running(case: Path, tmp_path: Path) -> None:
    with Lister([case], Options(), tmp_path / "scratch", MEGABYTE) as lister:
        next(iter(lister))
        process = _pid(lister)
    assert until(lambda: not alive(process), 5)
