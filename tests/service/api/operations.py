"""What the interface's own document says there is, so that tests cover also what is added later."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import httpx

_METHODS = frozenset({"get", "head", "post", "put", "patch", "delete", "options"})
ABSENT = "0123456789abcdef" * 2
"""The random part of ids that nothing has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A method at an address."""

    method: str
    path: str
    secured: bool
    takes: frozenset[str]
    """Media types of its body."""
    parameters: tuple[dict[str, Any], ...]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def url(self, **ids: str) -> str:
        """Its address, with ids put in by the names of the parameters; others are such that nothing has them."""
        return re.sub(r"{(\w+)(:\w+)?}", lambda match: ids.get(match[1], f"{match[1]}_{ABSENT}"), self.path)


def operations(client: httpx.Client) -> list[Operation]:
    """All operations."""
    document = client.get("/v1/openapi.json").json()
    return [
        Operation(
            method=method.upper(),
            path=path,
            secured=bool(operation.get("security", document.get("security"))),
            takes=frozenset(operation.get("requestBody", {}).get("content", {})),
            parameters=tuple(operation.get("parameters", ())),
        )
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in _METHODS
    ]
