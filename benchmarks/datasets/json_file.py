"""Protocols that are JSON files: what is in them, or a sentence that says where they are not what they should be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from detect.errors import ConfigError


def json_of(path: Path) -> object:
    """What a JSON file holds.

    Raises:
        ConfigError: it is no JSON.
    """
    try:
        content: object = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise ConfigError(f"{path}: this is no JSON file: {error}") from error
    return content


def records_of(path: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Records of a file that holds one object: the place for messages, the name and the record of each.

    Raises:
        ConfigError: it holds something else, or a record is no object.
    """
    content = json_of(path)
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: one object with a record for each file is expected")
    for name, record in content.items():
        place = f"{path}: {name}"
        if not isinstance(record, dict):
            raise ConfigError(f"{place}: the record is no object")
        yield place, name, record


def field_of(record: dict[str, Any], field: str, place: str) -> Any:
    """A field of a record.

    Raises:
        ConfigError: the record has none of that name.
    """
    if field not in record:
        raise ConfigError(f"{place}: the field {field} is missing")
    return record[field]
