"""The report as OpenAPI describes it, under names of its own: the interface has an `Outcome` and a `Finding`, too."""

from __future__ import annotations

from typing import Any

from detect.report import Report

_PREFIX = "Report"
REFERENCE = {"$ref": f"#/components/schemas/{_PREFIX}"}


def report_schemas() -> dict[str, Any]:
    """Schemas of the report and of its parts, by name."""
    schema = Report.model_json_schema(
        mode="serialization", ref_template=f"#/components/schemas/{_PREFIX}{{model}}"
    )  # fmt: skip
    parts = schema.pop("$defs")
    return {_PREFIX: schema} | {f"{_PREFIX}{name}": part for name, part in parts.items()}
