"""Ray itself: started on this machine and for this process alone, or joined where it runs.

A Ray that is started here has no dashboard, and its parts talk over the loopback network, so that a laptop may change
its address meanwhile. It still listens on every interface, as Ray does; a token made for this run turns everybody else
away (`pipelines.ray_settings`).
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import ray

from detect.errors import ConfigError, DeviceError
from pipelines.ray_settings import set_up_ray

_LOOPBACK = "127.0.0.2"
"""All of 127.0.0.0/8 is loopback (RFC 1122); Ray replaces 127.0.0.1 by the address that the outside sees."""
_STORE_BYTES = 512 * 2**20
"""Shared memory for what actors exchange: crops and windows on their way, some megabytes a worker."""


class Cluster:
    """A connection to Ray; one in a process.

    Args:
        address: Of a cluster that runs; None starts one here.
        num_cpus: Workers that a cluster started here has room for.
        num_gpus: Its GPUs; None takes what Ray finds.

    Raises:
        ConfigError: no cluster answers at `address`, or it refuses the token.
        DeviceError: Ray does not start on this machine.
    """

    def __init__(self, *, address: str | None = None, num_cpus: int = 1, num_gpus: int | None = None) -> None:
        set_up_ray(joining=address is not None)
        self.address = address
        self._folder: Path | None = None
        options: dict[str, Any] = {
            "include_dashboard": False,
            "log_to_driver": False,
            "configure_logging": True,
            "logging_level": logging.ERROR,
            "namespace": f"unmask-{secrets.token_hex(8)}",
        }
        if address is not None:
            del options["include_dashboard"]
        else:
            _clear_leftovers()
            self._folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-"))
            options |= {
                "num_cpus": num_cpus,
                "object_store_memory": _STORE_BYTES,
                "_node_ip_address": _LOOPBACK,
                "_temp_dir": str(self._folder),
            }
            if num_gpus is not None:
                options["num_gpus"] = num_gpus
        try:
            ray.init(address=address or "local", **options)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            self.close()
            if address is not None:
                raise ConfigError(f"no Ray cluster can be joined at {address}: {error}") from error
            raise DeviceError(f"Ray does not start on this machine: {error}") from error
        self._processes = _processes() if address is None else {}

    def alive(self) -> bool:
        """Whether its head, where it was started here, still runs."""
        return all(_lives(pid, started) for pid, started in self._processes.items())

    def nodes(self) -> set[str]:
        """Identifiers of the machines that are there."""
        return {node["NodeID"] for node in ray.nodes() if node["Alive"]}  # type: ignore[no-untyped-call]

    def resources(self) -> dict[str, float]:
        """CPUs, GPUs and the like of all machines together."""
        total: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        return total

    def close(self) -> None:
        """Disconnect; a cluster that was started here ends."""
        ray.shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


_FOLDER = "unmask-ray-"
"""Ray's own files, logs for the most part, in a folder with the process's number in its name. It lies with the
temporary files and not with the results, for the path of a socket has room for 107 bytes (unix(7))."""


def _clear_leftovers() -> None:
    """Delete the folders of processes that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*-*"):
        number = folder.name.removeprefix(_FOLDER).partition("-")[0]
        if number.isdecimal() and not Path(f"/proc/{number}").exists():
            shutil.rmtree(folder, ignore_errors=True)  # another user's stays


_HEAD = (b"gcs_server", b"raylet")
"""Ray's own processes, without which nothing works. Its calls only hang or fail minutes later when one is gone."""


def _processes() -> dict[int, str]:
    """The head's processes, children of this one: identifier and start."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            program = (folder / "cmdline").read_bytes().split(b"\0")[0].rpartition(b"/")[2]
            if int(fields[1]) == os.getpid() and program in _HEAD:
                found[int(folder.name)] = fields[19]
    return found


def _lives(pid: int, started: str) -> bool:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] != "Z" and fields[19] == started
