"""A fault storm: a scan whose evidence breaks decoders, whose workers are killed, and whose dispatcher dies at random.

What must come out of it: every item has one final row, none has two, and the good items are examined.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from benchmarks.tables import table
from detect.config import Config, Limits
from detect.version import VERSION
from pipelines.evidence.options import Options
from pipelines.job import WORK, Request, run_job
from pipelines.ledger.sqlite import SqliteLedger

ENTRY = "tests.pipelines.faulty_child"
"""Decoding children that break as a file tells them to, and decode every other file as they should."""
FAULTS = ("segfault", "hang", "memory", "raise", "abort")
EXPECTED = {
    "segfault": "crashed:signal 11",
    "hang": "timeout:deadline",
    "memory": "limit:memory",
    "raise": "crashed:exception",
    "abort": "crashed:signal 6",
}
"""What an undisturbed scan makes of each; under fire some end as `crashed:orphaned`."""
_DEADLINE_SECONDS = 4.0
"""Of a decoder here: short, or hanging items alone would take the benchmark's time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """What came of it."""

    found: int
    final: int
    """Items with a final state."""
    rows: int
    """Rows in the ledger."""
    good: int
    good_examined: int
    states: dict[str, int]
    """`state:reason` of the bad items."""
    kills: int
    worker_kills: int
    runs: int
    doubled: int
    """Items that the run log ends more than once."""
    seconds: float


def make_evidence(folder: Path, number: int) -> tuple[int, int]:
    """Write `number` files, a tenth of them bad; how many are good and bad.

    A bad file looks like no known format, so its name says that it is a recording; small pictures stand for the good.
    """
    folder.mkdir()
    noise = np.random.default_rng(5)
    bad = 0
    for index in range(number):
        if index % 10 == 7:
            fault = FAULTS[index // 10 % len(FAULTS)]
            # A NUL, and a number that makes each file its own: equal ones would be duplicates.
            (folder / f"{index:04d}.mp4").write_bytes(f"FAULT {fault} \n\0{index}".encode())
            bad += 1
        else:
            picture = noise.integers(0, 256, (48, 64, 3), dtype=np.uint8)
            Image.fromarray(picture).save(folder / f"{index:04d}.png")
    return number - bad, bad


def storm(
    number: int, kills: int, *, engine: str = "ray", seed: int = 1, pause: tuple[float, float] = (8, 20)
) -> Storm:
    """Run a storm.

    Args:
        number: Items.
        kills: Times that the dispatcher is killed.
        engine: `local` or `ray`; with Ray a media worker is killed now and then as well.
        seed: Of the moments.
        pause: Seconds between kills, least and most.
    """
    chance = random.Random(seed)  # noqa: S311 - moments, no secrets
    began = time.monotonic()
    with TemporaryDirectory(prefix="unmask-storm-") as place:
        evidence, out = Path(place) / "evidence", Path(place) / "out"
        good, _ = make_evidence(evidence, number)
        runs = killed = worker_kills = 0
        while True:
            process = _start(evidence, out, engine)
            runs += 1
            if killed < kills:
                moment = time.monotonic() + chance.uniform(*pause)
                while process.poll() is None and time.monotonic() < moment:
                    time.sleep(0.05)
                if engine == "ray" and killed % 3 == 1:
                    worker_kills += _kill_a_worker(process.pid, chance)
                    time.sleep(chance.uniform(0, 1))
                if process.poll() is None:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    killed += 1
                    continue
            if process.wait() == 0:
                break
            if process.returncode > 0:
                raise RuntimeError(f"the scan failed with exit code {process.returncode}")
        return _judge(out, good=good, kills=killed, worker_kills=worker_kills, runs=runs, began=began)


def _start(evidence: Path, out: Path, engine: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "benchmarks.storm", str(evidence), str(out), engine]
    return subprocess.Popen(command, cwd=Path(__file__).parent.parent, stdout=subprocess.DEVNULL)


def _kill_a_worker(parent: int, chance: random.Random) -> int:
    """Kill one of the media workers of a scan's Ray, which are children of its raylet."""
    workers = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                if b"ray::MediaWorker" in (folder / "cmdline").read_bytes() and parent in _ancestors(int(folder.name)):
                    workers.append(int(folder.name))
    if not workers:
        return 0
    with suppress(ProcessLookupError):
        os.kill(chance.choice(sorted(workers)), signal.SIGKILL)
    return 1


def _ancestors(process: int) -> set[int]:
    found: set[int] = set()
    with suppress(OSError):
        while process > 1 and process not in found:
            found.add(process)
            process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    return found


def _judge(out: Path, *, good: int, kills: int, worker_kills: int, runs: int, began: float) -> Storm:
    ledger = SqliteLedger(out / WORK / "ledger.sqlite")
    items = list(ledger.items())
    counts = ledger.counts()
    ledger.close()
    ended = Counter(
        line["item"]
        for line in map(json.loads, (out / "run.jsonl").read_text().splitlines())
        if line["event"] == "item"
    )
    bad = Counter(
        f"{item.entry.state}:{item.result.reason if item.result else item.entry.reason}"
        for item in items
        if item.entry.chain.endswith(".mp4")
    )
    return Storm(
        found=counts.found,
        final=sum(counts.final.values()),
        rows=len({item.entry.chain for item in items}),
        good=good,
        good_examined=sum(
            item.result is not None and item.result.report is not None
            for item in items
            if item.entry.chain.endswith(".png")
        ),
        states=dict(sorted(bad.items())),
        kills=kills,
        worker_kills=worker_kills,
        runs=runs,
        doubled=sum(number > 1 for number in ended.values()),
        seconds=time.monotonic() - began,
    )


def _scan(evidence: Path, out: Path, engine: str) -> None:
    """One run of the scan, begun or resumed: what the storm starts and kills."""
    limits = Limits(
        deadline_floor_seconds=_DEADLINE_SECONDS, deadline_seconds_per_megabyte=0, decoder_memory_bytes=2**29
    )
    request = Request(
        roots=(evidence,),
        out=out,
        config=Config(limits=limits),
        options=Options(exclude=(out,)),
        engine="ray" if engine == "ray" else "local",
        workers=2,
        resume=True,
        entry=ENTRY,
    )
    with run_job(request, tell=lambda _standing: None, stop=threading.Event(), prepare=lambda: None) as done:
        if done.ending != "done":
            raise SystemExit(3)


def measure(number: int, kills: int, out: Path) -> None:
    """Run the storm and file its account as `storm.md`."""
    result = storm(number, kills)
    rows = [
        ["items found", str(result.found)],
        ["items with one final row", str(result.rows if result.final == result.found else result.final)],
        ["items that ended twice", str(result.doubled)],
        ["good items, examined", f"{result.good_examined} of {result.good}"],
        ["dispatcher killed (SIGKILL)", f"{result.kills} times"],
        ["media worker killed (SIGKILL)", f"{result.worker_kills} times"],
        ["runs", str(result.runs)],
        ["seconds", f"{result.seconds:.0f}"],
    ]
    rows += [[f"bad items ended as `{state}`", str(count)] for state, count in result.states.items()]
    command = f"python -m benchmarks storm --items {number} --kills {kills}"
    lines = [
        "# Fault storm",
        "",
        f"Made by `{command}` with unmask {VERSION} on {os.cpu_count()} CPU cores.",
        "",
        "A tenth of the items make their decoder segfault, hang, allocate without end, raise, or abort.",
        "",
        *table(["", ""], rows),
    ]
    text = "\n".join(lines)
    (out / "storm.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    _scan(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
