"""Where, with what and by which words something was run."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import torch

from benchmarks.scorefile import Machine
from detect.version import VERSION

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("torch", "av", "opencv-python-headless", "numpy", "ray", "soxr", "facenet-pytorch", "onnxruntime")
"""Those whose versions can move a score."""


def this_machine(device: str) -> Machine:
    """The machine that this process runs on.

    Args:
        device: Where the models ran: `cpu`, or `cuda`, for which the device is named where it is on this machine.
    """
    return Machine(
        platform=f"{_system()}, {platform.platform()}",
        processor=_processor(),
        num_cpus=os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        device=torch.cuda.get_device_name() if device == "cuda" and torch.cuda.is_available() else device,
        versions={"python": platform.python_version(), "unmask": VERSION}
        | {name: metadata.version(name) for name in _PACKAGES},
    )


def _processor() -> str:
    """Model name of the processor, as Linux tells it; its architecture where it does not."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def commit() -> str:
    """Commit of the source tree, with `+` where files differ from it; `unknown` outside of one."""
    try:
        head = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if changed else "")


def typed() -> str:
    """The command by which this process was started."""
    return shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])


def _system() -> str:
    """Name of the distribution; of the kernel where none says its name."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _git(*words: str) -> str:
    done = subprocess.run(["git", "-C", str(_ROOT), *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()
