"""The machine that numbers are from, by name: without it no time means anything."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import av
import cv2
import numpy as np
import torch

from benchmarks.scorefile import Machine


def this_machine() -> Machine:
    """Processor, memory, system, GPU and versions, as far as Linux says them; `unknown` is said where it does not."""
    versions = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "pyav": av.__version__,
        "opencv": cv2.__version__,
        "numpy": np.__version__,
    }
    if torch.version.cuda is not None and torch.cuda.is_available():
        versions["cuda"] = torch.version.cuda
    return Machine(
        platform=f"{_system()}, {platform.platform()}",
        processor=_field(Path("/proc/cpuinfo"), "model name") or platform.processor() or "unknown",
        num_cpus=os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        device=torch.cuda.get_device_name(0) if torch.cuda.is_available() else "cpu",
        versions=versions,
    )


def devices() -> tuple[str, ...]:
    """The CPU, and CUDA where it is there."""
    return ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)


def described(machine: Machine) -> str:
    """The machine in one paragraph."""
    gpu = "no CUDA device" if machine.device == "cpu" else f"GPU {machine.device}"
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    return (
        f"{machine.processor}, {machine.num_cpus} CPUs, {machine.memory_bytes / 2**30:.1f} GiB of memory, {gpu}; "
        f"{machine.platform}; {versions}."
    )


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:  # systems without /etc/os-release
        return platform.system()


def _field(path: Path, name: str) -> str:
    """The first value of `name : value`; empty where there is none."""
    if not path.is_file():
        return ""
    lines = (line.partition(":") for line in path.read_text(encoding="utf-8", errors="replace").splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == name), "")
