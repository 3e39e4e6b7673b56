"""What `docs/service.md` says of the service is so."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from pathlib import Path
from typing import Any

import pytest

from detect.errors import ConfigError
from service.defaults import service_toml
from service.settings import ServiceSettings, load_settings
from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)\n```", TEXT, re.DOTALL)


def test_all_settings_are_documented_as_they_are() -> None:
    assert service_toml() in blocks("toml"), "docs/service.md does not hold what `unmask settings --service` prints"


def test_what_is_printed_is_a_file_that_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "unmask.toml"
    path.write_text(service_toml(), encoding="utf-8")
    monkeypatch.setenv("UNMASK_SERVICE_SETTINGS", str(path))
    assert load_settings() == ServiceSettings()
    named = set(re.findall(r"^#? ?\[?\[?([a-z_]+)", service_toml(), re.MULTILINE))
    assert set(ServiceSettings.model_fields) <= named


def test_examples_of_settings_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "unmask.toml"
    monkeypatch.setenv("UNMASK_SERVICE_SETTINGS", str(path))
    examples = [block for block in blocks("toml") if block != service_toml()]
    path.write_text("\n".join(examples), encoding="utf-8")
    settings = load_settings()
    assert settings.identity_provider is not None
    assert [hook.name for hook in settings.hooks] == ["newsdesk"]


def test_the_example_knows_a_true_signature_from_a_false_one() -> None:
    (program,) = blocks("python")
    made: dict[str, Any] = {}
    exec(program, made)  # noqa: S102 - our own documentation
    now = str(int(time.time()))
    mark = hmac.new(b"secret", f"delivery_1.{now}.".encode() + b"{}", hashlib.sha256).hexdigest()
    headers = {"Unmask-Id": "delivery_1", "Unmask-Timestamp": now, "Unmask-Signature": f"v1={mark}"}
    assert made["is_ours"]("secret", headers, b"{}")
    assert not made["is_ours"]("secret", headers, b"{ }")
    assert not made["is_ours"]("another", headers, b"{}")
    assert not made["is_ours"]("secret", headers | {"Unmask-Timestamp": "1"}, b"{}")


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({"UNMASK_SERVICE_PORTT": "8422"}, "UNMASK_SERVICE_PORTT is no setting"),
        ({"UNMASK_SERVICE_SETTINGS": "/not/there.toml"}, "which is not there"),
        ({"UNMASK_SERVICE_HOOKS": "["}, "JSON"),
        ({"UNMASK_SERVICE_PORT": "many"}, "port"),
        ({"UNMASK_SERVICE_IDENTITY_PROVIDER__ISSUER": "https://example.org"}, "audience"),
    ],
)
def test_a_setting_that_is_not_understood_is_refused(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], why: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=why):
        load_settings()
