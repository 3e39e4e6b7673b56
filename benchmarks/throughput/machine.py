"""What a page of times says of the machine: without it no time means anything."""

from __future__ import annotations

import torch

from benchmarks.scorefile import Machine


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
