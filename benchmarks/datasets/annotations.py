"""Annotations that come as one JSON list with an object for each recording, and manipulated stretches in seconds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.datasets.json_file import json_of
from benchmarks.trials import Span
from detect.errors import ConfigError


def entries_of(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Objects of a JSON list, each with its place `file: entry number` (the first is 1).

    Raises:
        ConfigError: it is no list of objects.
    """
    entries = json_of(path)
    if not isinstance(entries, list):
        raise ConfigError(f"{path} holds no JSON list")
    for number, entry in enumerate(entries, 1):
        place = f"{path}: entry {number}"
        if not isinstance(entry, dict):
            raise ConfigError(f"{place} is no JSON object")
        yield place, entry


def text_of(entry: Mapping[str, Any], field: str, place: str) -> str:
    """A field that must hold text.

    Raises:
        ConfigError: it is missing, empty or something else.
    """
    value = entry.get(field)
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{place}: {field} should be text, not {value!r}")
    return value


def flag_of(entry: Mapping[str, Any], field: str, place: str) -> bool:
    """A field that must be true or false.

    Raises:
        ConfigError: it is missing or something else.
    """
    value = entry.get(field)
    if not isinstance(value, bool):
        raise ConfigError(f"{place}: {field} should be true or false, not {value!r}")
    return value


def spans_of(entry: Mapping[str, Any], field: str, place: str) -> tuple[tuple[Span, ...], int]:
    """A field's stretches that last any time, in seconds, and how many others there are.

    Raises:
        ConfigError: it is missing, or is not a list of pairs of seconds.
    """
    value = entry.get(field)
    if not isinstance(value, list):
        raise ConfigError(f"{place}: {field} should be a list of pairs of seconds, not {value!r}")
    if not value:
        return (), 0
    kept = []
    for pair in value:
        if not isinstance(pair, list) or len(pair) != 2 or not all(_is_seconds(second) for second in pair):
            raise ConfigError(f"{place}: {field} should be a list of pairs of seconds, but has {pair!r}")
        if pair[0] < pair[1]:
            kept.append((float(pair[0]), float(pair[1])))
    return tuple(kept), len(value) - len(kept)


def _is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
