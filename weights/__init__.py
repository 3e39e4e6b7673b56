"""Checkpoints: which there are, where they lie, how they get here. Knows no torch; `detect.models` loads them.

load_manifest() -> Manifest -> checkpoint(name) -> locate() -> a verified file
                                                   fetch()  -> brings it here
                                                   verify() -> says whether it is here
"""

from __future__ import annotations

from weights.errors import WeightsError, WeightsMismatch, WeightsNotFound, WeightsUnavailable
from weights.fetching import fetch
from weights.manifest import Checkpoint, Conversion, Defaults, Manifest, Published, load_manifest
from weights.search import Presence, cache_folder, locate, search_folders, verify

__all__ = [
    "Checkpoint",
    "Conversion",
    "Defaults",
    "Manifest",
    "Presence",
    "Published",
    "WeightsError",
    "WeightsMismatch",
    "WeightsNotFound",
    "WeightsUnavailable",
    "cache_folder",
    "fetch",
    "load_manifest",
    "locate",
    "search_folders",
    "verify",
]
