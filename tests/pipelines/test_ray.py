"""The Ray executor: the same bodies as in the process, whatever dies, on one host and on two."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from detect.config import Config, Limits, Sampling
from detect.types import ItemState
from pipelines.dispatcher import Policy
from pipelines.evidence.options import Options
from pipelines.items import Item
from pipelines.job import Done, Request, run_job
from pipelines.ray_settings import set_up_ray
from service.demo import make_demo
from tests.pipelines.conftest import FAULTY
from tests.pipelines.evidence.small import picture, sound

set_up_ray()  # before anything imports Ray

_ROOT = Path(__file__).parents[2]

CONFIG = Config(
    sampling=Sampling(min_frames=4),
    limits=Limits(deadline_floor_seconds=4, deadline_seconds_per_megabyte=10, decoder_memory_bytes=2**30),
)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording with a face and a voice, small ones beside it, and some that break their decoder."""
    folder = tmp_path_factory.mktemp("evidence") / "case"
    folder.mkdir()
    make_demo(folder / "demo.mp4")
    for seed in range(4):
        (folder / f"{seed}.png").write_bytes(picture(seed))
        (folder / f"{seed}.wav").write_bytes(sound(seed, 0.5))
    for fault in ("segfault", "hang", "memory", "raise"):
        (folder / f"{fault}.mp4").write_bytes(f"FAULT {fault} \n\0".encode())
    return folder


EXPECTED = {"segfault": "crashed", "hang": "timeout", "memory": "limit", "raise": "crashed", "demo": "examined"}


def _run(case: Path, out: Path, *, meddle: Callable[[], None] | None = None, **more: object) -> list[Item]:
    values = {
        "roots": (case,), "out": out, "config": CONFIG, "options": Options(), "entry": FAULTY, "workers": 2,
    } | more  # fmt: skip
    thread = threading.Thread(target=meddle) if meddle is not None else None
    if thread is not None:
        thread.start()
    with run_job(
        Request(**values),  # type: ignore[arg-type]
        tell=lambda _standing: None,
        stop=threading.Event(),
        prepare=lambda: None,
    ) as done:
        _check(done)
        items = list(done.ledger.items())
    if thread is not None:
        thread.join()
    return items


def _check(done: Done) -> None:
    counts = done.ledger.counts()
    assert done.ending == "done"
    assert sum(counts.final.values()) == counts.found
    assert (counts.pending, counts.leased) == (0, 0)


def _states(items: list[Item]) -> dict[str, str]:
    return {Path(item.entry.chain).stem: str(item.entry.state) for item in items if item.entry.chain.endswith(".mp4")}


def _bodies(items: list[Item], out: Path) -> dict[str, str]:
    return {
        item.entry.chain: json.dumps(json.loads((out / item.result.report / "report.json").read_text())["body"])
        for item in items
        if item.result is not None and item.result.report is not None
    }


@pytest.fixture(scope="module")
def local(case: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Bodies of the in-process engine: the specification."""
    out = tmp_path_factory.mktemp("local") / "out"
    items = _run(case, out, engine="local")
    assert _states(items) == EXPECTED
    return _bodies(items, out)


@pytest.mark.parametrize("workers", [1, 2])
def test_bodies_are_those_of_the_process_byte_for_byte(
    case: Path, local: dict[str, str], workers: int, tmp_path: Path
) -> None:
    items = _run(case, tmp_path / "out", workers=workers)
    assert _states(items) == EXPECTED
    bodies = _bodies(items, tmp_path / "out")
    assert bodies.keys() == local.keys()
    assert {chain for chain, body in bodies.items() if body != local[chain]} <= {"case/segfault.mp4", "case/raise.mp4"}
    # What a killed child says names its attempt, and nothing else differs between two of them.
    assert bodies["case/demo.mp4"] == local["case/demo.mp4"]


def _ray_processes(name: bytes) -> list[int]:
    """Of this process's own Ray, by the start of their command line."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                program = (folder / "cmdline").read_bytes().split(b"\0")[0].rpartition(b"/")[2]
                if program.startswith(name) and os.getpid() in _ancestors(int(folder.name)):
                    found.append(int(folder.name))
    return sorted(found)


def _ancestors(process: int) -> Iterator[int]:
    with suppress(OSError):
        while process > 1:
            yield process
            process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def _killer(name: bytes, out: Path, killed: list[int]) -> Callable[[], None]:
    """Kills one such process when the first item has ended, and says which."""

    def kill() -> None:
        until = time.monotonic() + 90
        while time.monotonic() < until:
            log = out / "run.jsonl"
            if log.exists() and '"event":"item"' in log.read_text() and (found := _ray_processes(name)):
                os.kill(found[0], signal.SIGKILL)
                killed.append(found[0])
                return
            time.sleep(0.02)

    return kill


@pytest.mark.slow
@pytest.mark.parametrize("victim", [b"ray::MediaWorker", b"ray::ModelActor", b"raylet", b"gcs_server"])
def test_whatever_is_killed_nothing_is_lost_or_doubled(
    case: Path, local: dict[str, str], victim: bytes, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    killed: list[int] = []
    items = _run(case, out, meddle=_killer(victim, out, killed))
    assert len(killed) == 1
    assert _states(items) == EXPECTED
    assert len(items) == len({item.entry.chain for item in items}) == 13
    assert _bodies(items, out)["case/demo.mp4"] == local["case/demo.mp4"]
    events = [json.loads(line) for line in (out / "run.jsonl").read_text().splitlines()]
    ended = [event["item"] for event in events if event["event"] == "item"]
    assert sorted(ended) == [item.seq for item in items]


@pytest.mark.slow
def test_a_hung_examination_is_killed_at_the_items_own_deadline(tmp_path: Path) -> None:
    case = tmp_path / "case"
    case.mkdir()
    (case / "sleep.mp4").write_bytes(b"FAULT sleep \n\0")
    (case / "good.png").write_bytes(picture(1))
    config = CONFIG.model_copy(update={"limits": Limits(deadline_floor_seconds=3600)})
    policy = Policy(deadline_floor_seconds=3, deadline_seconds_per_megabyte=0)
    items = _run(case, tmp_path / "out", config=config, policy=policy)
    states = {item.entry.chain: (item.entry.state, item.result and item.result.reason) for item in items}
    assert states["case/sleep.mp4"] == (ItemState.TIMEOUT, "deadline")
    assert states["case/good.png"][0] is ItemState.NO_SUBJECT


@pytest.mark.slow
def test_two_hosts_share_the_work_and_one_may_go(case: Path, local: dict[str, str], tmp_path: Path) -> None:
    from ray.cluster_utils import Cluster as Hosts  # noqa: PLC0415 - Ray reads its settings at import

    hosts = Hosts(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}, shutdown_at_exit=False
    )
    first, second = (hosts.add_node(num_cpus=1) for _ in range(2))
    try:

        def leave() -> None:
            log = tmp_path / "out" / "run.jsonl"
            until = time.monotonic() + 90
            while time.monotonic() < until and not (log.exists() and '"event":"item"' in log.read_text()):
                time.sleep(0.05)
            hosts.remove_node(second, allow_graceful=False)
            hosts.add_node(num_cpus=1)

        items = _run(case, tmp_path / "out", ray_address=hosts.address, meddle=leave)
        assert _states(items) == EXPECTED
        assert _bodies(items, tmp_path / "out")["case/demo.mp4"] == local["case/demo.mp4"]
        del first
    finally:
        hosts.shutdown()


@pytest.mark.slow
def test_a_process_without_a_parent_outlives_its_ray(tmp_path: Path) -> None:
    """In a container, and as a service, the parent is process 1: Ray takes that for its own node's death."""
    out = tmp_path / "lines"
    command = ["setsid", "--fork", sys.executable, "-m", "tests.pipelines.orphan", str(out)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=_ROOT)
    until = time.monotonic() + 90
    while time.monotonic() < until and not (out.exists() and out.read_text().endswith("closed\n")):
        time.sleep(0.1)
    parent, *rest = out.read_text().splitlines()
    assert rest == ["killed", "closed"]
    if parent != "parent 1":
        pytest.skip(f"orphans are adopted by process {parent} here, not by process 1")
