"""A program whose parent is process 1, as in a container: it starts Ray, kills Ray's node process, and goes on.

`tests.pipelines.test_ray` starts it. Each line that it writes to the file it is given was reached.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from pipelines.ray_settings import set_up_ray


def main(out: Path) -> None:
    until = time.monotonic() + 10
    while os.getppid() != 1 and time.monotonic() < until:
        time.sleep(0.02)
    set_up_ray()
    from pipelines.cluster import Cluster  # noqa: PLC0415 - Ray reads its settings when it is imported

    with out.open("w", buffering=1) as lines:
        lines.write(f"parent {os.getppid()}\n")
        cluster = Cluster(num_cpus=1)
        for process in cluster._processes:
            if Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")[0].endswith(b"raylet"):
                os.kill(process, signal.SIGKILL)
                lines.write("killed\n")
        while cluster.alive():
            time.sleep(0.02)
        cluster.close()
        lines.write("closed\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
