"""The facts of a run: when, where, with what versions. Apart from the body, since they differ at every run."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from datetime import datetime

import av
import cv2
import numpy as np
import torch

from detect.report import Run


def run_facts(started: datetime, seconds: Mapping[str, float], device: str, decoder: Mapping[str, str]) -> Run:
    """When an examination ran, how long each stage took, on which machine and libraries.

    Args:
        started: UTC.
        seconds: Wall time by stage.
        device: Where the models ran.
        decoder: How decoding was isolated.
    """
    ffmpeg = {name: ".".join(map(str, version)) for name, version in sorted(av.library_versions.items())}
    return Run(
        started_at=started.isoformat(timespec="seconds"),
        seconds={name: round(value, 3) for name, value in sorted(seconds.items())},
        device=device,
        decoder=dict(decoder),
        versions={
            "python": platform.python_version(),
            "torch": torch.__version__,
            "pyav": av.__version__,
            "opencv": cv2.__version__,
            "numpy": np.__version__,
            **ffmpeg,
        },
        host={
            "system": platform.platform(),
            "machine": platform.machine(),
            "cpus": str(os.cpu_count()),
            "byte_order": sys.byteorder,
        },
    )
