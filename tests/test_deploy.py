"""What is in `Dockerfile.gpu` and `deploy/` fits the project: files, commands, settings, and the reverse proxy."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from service.cli import cli
from service.settings import PREFIX, ServiceSettings, load_settings
from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("unmask:")}
MANIFESTS = ("kuberay.yaml", "kuberay-service.yaml")
_FILE_SETTING = "UNMASK_SERVICE_SETTINGS"


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with their arguments, lines that go on joined."""
    text = (ROOT / "Dockerfile.gpu").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    whole = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in whole.splitlines() if line.strip()]


def copies() -> Iterator[tuple[str | None, list[str]]]:
    """Of each COPY the stage that it copies from, None for the project itself, and what it copies."""
    for name, rest in instructions():
        if name == "COPY":
            words = rest.split()
            stage = words[0].removeprefix("--from=") if words[0].startswith("--from=") else None
            yield stage, words[bool(stage) : -1]


def test_the_image_copies_only_what_is_there_and_what_reaches_the_builder() -> None:
    stages = {rest.split(" AS ")[1] for name, rest in instructions() if name == "FROM" and " AS " in rest}
    ignore = (ROOT / "Dockerfile.gpu.dockerignore").read_text(encoding="utf-8").splitlines()
    reaching = {line[1:] for line in ignore if line.startswith("!")}
    needed: set[str] = set()
    for stage, sources in copies():
        if stage is not None:
            assert stage in stages
            continue
        for source in sources:
            assert (ROOT / source).exists(), source
            needed.add(source.split("/")[0])
    assert needed == reaching
    assert "*" in ignore


def test_the_page_is_made_of_what_its_stage_copies(tmp_path: Path) -> None:
    modules = ROOT / "node_modules"
    if shutil.which("npm") is None or not modules.is_dir():
        pytest.skip("no npm, or nothing of it installed: make web")
    text = (ROOT / "Dockerfile.gpu").read_text(encoding="utf-8")
    stage = text[text.index(" AS page") : text.index("\nFROM ", text.index(" AS page"))]
    for copied in re.findall(r"^COPY (.*)$", stage, re.MULTILINE):
        for source in copied.split()[:-1]:
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, tmp_path / source, ignore=shutil.ignore_patterns("static"))
            else:
                shutil.copy(ROOT / source, tmp_path / source)
    (tmp_path / "node_modules").symlink_to(modules)
    done = subprocess.run(["npm", "run", "build"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "service" / "web" / "static" / "main.js").is_file()


def test_the_image_runs_as_nobody_in_particular_and_says_how_it_is() -> None:
    found = dict(instructions())
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", found["USER"])
    assert json.loads(found["ENTRYPOINT"])[-1] == "unmask"
    assert CliRunner().invoke(cli, json.loads(found["CMD"])).exit_code == 0
    assert ServiceSettings().port == int(found["EXPOSE"])
    assert {"PYTHON", "NODE", "VARIANT", "TORCH_INDEX"} <= {
        rest.split("=")[0] for name, rest in instructions() if name == "ARG"
    }
    _, _, command = found["HEALTHCHECK"].partition("CMD ")
    program = json.loads(command)
    assert program[0] == "python"
    assert f"http://127.0.0.1:{ServiceSettings().port}/health/live" in program[2]
    assert subprocess.run([sys.executable, "-c", program[2]], capture_output=True, check=False).returncode != 0


def test_the_image_installs_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    step = next(rest for name, rest in instructions() if name == "RUN" and "required.txt" in rest)
    program = shlex.split(step[step.index("python -c") : step.index(" > required.txt")])[2]
    printed = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert printed.stdout.splitlines() == [
        *project["dependencies"],
        *project["optional-dependencies"]["postgresql"],
    ]


def environment(service: dict[str, Any]) -> dict[str, str]:
    site = {"${UNMASK_SITE}": "unmask.example.org", "${UNMASK_GPUS:-1}": "1"}
    made = {}
    for name, value in service["environment"].items():
        for old, new in site.items():
            value = value.replace(old, new)  # noqa: PLW2901 - what an interpolation does
        made[name] = value
    return made


@pytest.mark.parametrize("name", list(OURS))
def test_a_container_of_ours_starts_with_a_command_and_settings_that_there_are(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = OURS[name]
    help_of = CliRunner().invoke(cli, [*service["command"], "--help"])
    assert help_of.exit_code == 0, help_of.output
    (tmp_path / "unmask.toml").write_text(toml_of_readme(), encoding="utf-8")
    given = environment(service) | {_FILE_SETTING: str(tmp_path / "unmask.toml")}
    for variable, value in given.items():
        if variable.startswith(PREFIX):
            assert variable == _FILE_SETTING or variable.removeprefix(PREFIX).lower() in ServiceSettings.model_fields
            monkeypatch.setenv(variable, value)
    settings = load_settings()
    assert settings.database == "postgresql://unmask:$password@postgresql/unmask"
    assert str(settings.data) == "/data"
    assert any(volume.startswith("data:") for volume in service.get("volumes", ())) or name == "migrate"


def toml_of_readme() -> str:
    """The file with secrets that the README has people write."""
    text = (DEPLOY / "README.md").read_text(encoding="utf-8")
    found = re.search(r"secrets/unmask\.toml <<END\n(.*?)\nEND\n", text, re.DOTALL)
    assert found is not None
    return found.group(1)


@pytest.mark.parametrize("name", list(SERVICES))
def test_every_container_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else [])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert ("ports" in service) == (name == "proxy")
    health = service.get("healthcheck", {})
    assert name in OURS or "test" in health
    for key in ("secrets", "networks"):
        assert set(service.get(key, ())) <= set(COMPOSE[key])
    for other, condition in service.get("depends_on", {}).items():
        assert other in SERVICES
        one_shot = condition["condition"] == "service_completed_successfully"
        assert one_shot == (SERVICES[other]["restart"] == "no")
    for volume in service.get("volumes", ()):
        if isinstance(volume, str):
            assert volume.split(":")[0] in COMPOSE["volumes"]


def test_nothing_but_the_proxy_reaches_out_and_the_api_believes_it_alone() -> None:
    open_networks = {name for name, network in COMPOSE["networks"].items() if not network.get("internal")}
    assert {name for name, service in SERVICES.items() if open_networks & set(service["networks"])} == {"proxy"}
    front = ipaddress.ip_network(COMPOSE["networks"]["front"]["ipam"]["config"][0]["subnet"])
    assert json.loads(environment(SERVICES["api"])["UNMASK_SERVICE_TRUSTED_PROXIES"]) == [str(front)]
    assert {name for name, service in SERVICES.items() if "front" in service["networks"]} == {"proxy", "api"}


def test_the_proxy_is_told_what_it_asks_for() -> None:
    asked = re.findall(r"\{\$([A-Z_]+)(:?)", (DEPLOY / "Caddyfile").read_text(encoding="utf-8"))
    assert all(default for _, default in asked)
    assert set(SERVICES["proxy"]["environment"]) <= {name for name, _ in asked}
    assert f"UNMASK_UPSTREAM:api:{ServiceSettings().port}" in (DEPLOY / "Caddyfile").read_text(encoding="utf-8")


def test_the_compose_file_is_one() -> None:
    if shutil.which("docker") is None or _docker("compose", "version").returncode != 0:
        pytest.skip("no Docker Compose on this machine")
    for profile in ("cpu", "gpu"):
        done = _docker("compose", "-f", str(DEPLOY / "compose.yaml"), "--profile", profile, "config", "--quiet")
        assert done.returncode == 0, done.stderr


def _docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    variables = os.environ | {"UNMASK_SITE": "unmask.example.org"}
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, env=variables)


def test_what_kubernetes_is_told_names_settings_commands_and_volumes_that_there_are() -> None:
    documents = [
        document for name in MANIFESTS for document in yaml.safe_load_all((DEPLOY / name).read_text(encoding="utf-8"))
    ]
    claims = {one["metadata"]["name"] for one in documents if one["kind"] == "PersistentVolumeClaim"}
    secrets = {one["metadata"]["name"] for one in documents if one["kind"] == "Secret"}
    for node in (part for document in documents for part in parts(document)):
        name = str(node.get("name", ""))
        if name.startswith(PREFIX) and "value" in node:
            assert name == _FILE_SETTING or name.removeprefix(PREFIX).lower() in ServiceSettings.model_fields, name
        if str(node.get("image", "")).startswith("unmask:") and "args" in node:
            assert CliRunner().invoke(cli, [*node["args"], "--help"]).exit_code == 0
        if "entrypoint" in node:
            assert CliRunner().invoke(cli, [*shlex.split(node["entrypoint"])[1:], "--help"]).exit_code == 0
        assert node.get("claimName", "unmask-results") in claims
        assert node.get("secretName", "unmask-service") in secrets
        if "volumeMounts" in node:
            mounted = [mount["mountPath"] for mount in node["volumeMounts"]]
            assert len(mounted) == len(set(mounted))


def parts(node: Any) -> Iterator[dict[str, Any]]:
    """Every mapping within a document."""
    if isinstance(node, dict):
        yield node
    for below in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from parts(below)


@pytest.mark.slow
def test_the_wheel_alone_serves(tmp_path: Path) -> None:
    if int(version("setuptools").split(".")[0]) < 77:
        pytest.skip("the project is built with setuptools 77 or newer")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    packages = ("detect/", "pipelines/", "service/", "weights/")
    for name in tracked.stdout.splitlines():
        if name.startswith(packages) or name in {"pyproject.toml", "README.md", "LICENSE"}:
            (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / "source" / name)
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", "wheels"]
    subprocess.run([*build, "./source"], cwd=tmp_path, capture_output=True, check=True)
    (wheel,) = (tmp_path / "wheels").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "prefix")
        held = set(archive.namelist())
    read = {name for name in tracked.stdout.splitlines() if name.startswith(packages) and needed_to_run(name)}
    assert read - held == set()
    for command in (["serve", "--help"], ["database", "migrate", "--data", str(tmp_path / "data")], ["schema"]):
        program = f"import sys; from service.cli import main; sys.argv = ['unmask', *{command!r}]; main()"
        done = subprocess.run(
            [sys.executable, "-P", "-c", program],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(tmp_path / "prefix")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    where = "import service; print(service.__file__)"
    found = subprocess.run(
        [sys.executable, "-P", "-c", where],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "prefix")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.startswith(str(tmp_path / "prefix"))


def needed_to_run(name: str) -> bool:
    """Whether a file of a package is read by the program: the page's sources are not, what is made of them is."""
    return not name.startswith("service/web/app/")


def test_what_the_readme_says_of_settings_is_so() -> None:
    text = (DEPLOY / "README.md").read_text(encoding="utf-8")
    for name in re.findall(rf"{PREFIX}([A-Z_]+)", text):
        assert name == "SETTINGS" or name.lower() in ServiceSettings.model_fields, name
