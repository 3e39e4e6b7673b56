"""The classifiers: one architecture a file, and the table of the checkpoints this project can run."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from detect.models import aasist, lfb_resnet, mesonet, mobilenet_hf
from detect.models.load import load_model
from detect.models.spec import FaceInput, FaceSpec, Spec, VoiceInput, VoiceSpec, spoof_logit

__all__ = [
    "CATALOGUE",
    "FaceInput",
    "FaceSpec",
    "Spec",
    "VoiceInput",
    "VoiceSpec",
    "load_model",
    "spoof_logit",
]

_ALL: tuple[Spec, ...] = (*mobilenet_hf.SPECS, *lfb_resnet.SPECS, *aasist.SPECS, *mesonet.SPECS)

CATALOGUE: Mapping[str, Spec] = MappingProxyType({spec.name: spec for spec in _ALL})
"""Checkpoint name to spec; the manifest in `weights` says where each checkpoint's file comes from."""
