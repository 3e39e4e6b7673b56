"""Settings: where they come from, what is refused, and what a child process is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from detect.errors import ConfigError
from service.settings import FILE, as_environment, load_settings


def test_the_command_line_goes_before_the_environment_and_that_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "service.toml"
    file.write_text('port = 1\nhost = "127.0.0.2"\nmax_open_jobs = 7\n')
    monkeypatch.setenv(FILE, str(file))
    monkeypatch.setenv("UNMASK_SERVICE_PORT", "2")
    monkeypatch.setenv("UNMASK_SERVICE_HOST", "127.0.0.3")
    settings = load_settings(port=3, host=None)
    assert (settings.port, settings.host, settings.max_open_jobs) == (3, "127.0.0.3", 7)


def test_what_the_command_line_says_reaches_a_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values: dict[str, Any] = {"data": tmp_path, "port": 8500, "gpus": 0.5, "engine": "local", "host": None}
    for name, value in as_environment(values).items():
        monkeypatch.setenv(name, value)
    assert load_settings() == load_settings(**values)
    assert load_settings().data == tmp_path


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"host": "0.0.0.0"}, "needs public_url"),  # noqa: S104 - that is what is refused
        ({"host": "::"}, "needs public_url"),
        ({"host": "unmask.example.org"}, "needs public_url"),
        ({"public_url": "http://unmask.example.org"}, "https://"),
        ({"port": 65_536}, "port"),
        ({"max_open_jobs": 0}, "max_open_jobs"),
        ({"colour": "red"}, "colour"),
        ({"hooks": [{"name": "a", "url": "http://169.254.169.254/", "secret": "s" * 32}]}, "https://"),
        ({"hooks": [{"name": "a", "url": "file:///etc/passwd", "secret": "s" * 32}]}, "https://"),
        ({"hooks": [{"name": "a", "url": "https://a.example/", "secret": "s" * 32}] * 2}, "the same name"),
    ],
)
def test_what_is_refused_is_named(values: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        load_settings(**values)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "service.toml"
    monkeypatch.setenv(FILE, str(file))
    for content in ("port = ", "prot = 8422\n", "port = 'x'\n"):
        file.write_text(content)
        with pytest.raises(ConfigError):
            load_settings()


def test_a_secret_is_not_shown() -> None:
    hook = {"name": "a", "url": "https://a.example/", "secret": "correct horse battery staple, and more"}
    assert "horse" not in repr(load_settings(hooks=[hook]))


def test_loopback_needs_no_public_address() -> None:
    for host in ("127.0.0.1", "127.1.2.3", "::1", "localhost"):
        assert load_settings(host=host).is_loopback
    beyond = load_settings(host="0.0.0.0", public_url="https://unmask.example.org/")  # noqa: S104 - behind a proxy
    assert not beyond.is_loopback
    assert "unmask.example.org" in beyond.hosts
