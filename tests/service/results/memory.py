"""How much memory it takes to write the results of a large scan, measured in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

_SCRIPT = """
import sys, tempfile
from pathlib import Path
from pipelines.ledger.sqlite import SqliteLedger
from service.results.summary import write_summary
from service.results.tables import write_tables
from tests.service.results import scans

def high_water():
    (line,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
    return 1024 * int(line.split()[1])

out = Path(sys.argv[1])
warm = Path(tempfile.mkdtemp()) / "out"
ledger = scans.every_state(warm)
write_tables(ledger, warm, "interrupted")
write_summary(ledger, warm, scans.facts(), scans.RUN, "interrupted")
ledger.close()
ledger = SqliteLedger(out / "work" / "ledger.sqlite")
before = high_water()
{statement}
print(high_water() - before)
"""


def grown_bytes(out: Path, statement: str) -> int:
    """By how much a statement on `ledger` and `out` raises the peak of a process that has done it with a small scan."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT.replace("{statement}", statement), str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)
