"""The interface against its own OpenAPI document, by Schemathesis: one request at a time, and one after another."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.service.api.bench import Bench

_SEED = 20
_EXAMPLES = 4
"""For each operation; the whole takes under a minute and a half."""
_SETTINGS = """
hooks = "tests.service.api.schemathesis_hooks"

[[operations]]
include-path = "/health/ready"
checks.not_a_server_error.expected-statuses = ["2xx", "4xx", 503]
"""
"""Nobody examines here, and the document says how that is told."""
_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
)


@pytest.mark.slow
def test_every_answer_is_one_that_the_document_has(at: Bench, tmp_path: Path) -> None:
    with at.client() as client:
        case = client.post("/v1/cases", json={"name": "a case"}).json()["id"]
        client.post(f"/v1/cases/{case}/recordings", params={"name": "a.mov"}, content=b"anything")
    (tmp_path / "schemathesis.toml").write_text(_SETTINGS)
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run"),
            *(f"{at.base}/v1/openapi.json", "--header", f"Authorization: Bearer {at.key}"),
            *("--phases", "examples,coverage,fuzzing,stateful", "--checks", ",".join(_CHECKS)),
            *("--max-examples", str(_EXAMPLES), "--seed", str(_SEED), "--no-shrink", "--max-time", "75"),
            *("--continue-on-failure", "--request-timeout", "20", "--warnings", "off", "--no-color"),
            *("--exclude-path-regex", "/events$"),  # never ends; its own tests read it
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONWARNINGS": "ignore", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
