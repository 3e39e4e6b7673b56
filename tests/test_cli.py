"""The command line: help that answers at once, mistakes that end in a sentence, codes as documented."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from detect.version import VERSION
from service.scan import read_config


def unmask(*words: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "service.cli", *words],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **(env or {})},
        cwd=cwd or Path(__file__).parent.parent,
        check=False,
    )


def test_help_loads_neither_torch_nor_av() -> None:
    code = "import sys, service.cli; sys.exit(any(name in sys.modules for name in ('torch', 'av', 'cv2', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_version() -> None:
    assert VERSION in unmask("--version").stdout


@pytest.mark.parametrize(
    "command", [(), ("scan",), ("weights",), ("weights", "fetch"), ("demo",), ("render",), ("verify",), ("compare",)]
)
def test_every_command_has_help_that_says_what_it_does(command: tuple[str, ...]) -> None:
    result = unmask(*command, "--help")
    assert result.returncode == 0
    assert len(result.stdout.splitlines()) > 5


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("scan",), "EVIDENCE"),
        (("scan", "/nowhere/clip.mp4"), "/nowhere/clip.mp4: no such file"),
        (("scan", "/dev/null"), "neither a file nor a folder"),
        (("scan", "/tmp", "--json"), "are for one recording"),
        (("scan", "/tmp", "--time-limit", "soon"), "soon is no duration"),
        (("scan", "/tmp", "--limit", "depth"), "NAME=VALUE"),
        (("scan", "/tmp", "--ray-address", "127.0.0.1:1", "--out", "/dev/null/x"), "/dev/null/x"),
        (("verify", "/nowhere"), "/nowhere"),
        (("compare", "/tmp", "/tmp"), "/tmp/job.json"),
        (("scan", __file__, "--model", "xception"), "no model is named xception"),
        (("scan", __file__, "--set", "min_frames"), "SECTION.NAME=VALUE"),
        (("scan", __file__, "--set", "sampling.min_frames=0"), "sampling.min_frames"),
        (("scan", __file__, "--set", "sampling.colour=red"), "sampling.colour"),
        (("scan", __file__, "--device", "tpu"), "no device"),
        (("weights", "fetch"), "name the checkpoints"),
        (("weights", "fetch", "nothing.here"), "no checkpoint is named nothing.here"),
        (("render", __file__), "no report that this version can read"),
        (("frobnicate",), "No such command"),
    ],
)
def test_a_mistake_ends_in_a_sentence_and_code_2(words: tuple[str, ...], says: str) -> None:
    result = unmask(*words)
    assert result.returncode == 2
    assert says in result.stderr
    assert "Traceback" not in result.stderr


def test_settings_that_are_printed_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(unmask("settings").stdout)
    assert read_config(file, (), ()) == read_config(None, (), ())


def test_a_word_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[sampling]\nmin_frames = 8\nmax_frames = 9\n")
    config = read_config(file, ("sampling.min_frames=16",), ())
    assert (config.sampling.min_frames, config.sampling.max_frames) == (16, 9)


def test_models_asked_for_switch_the_other_modality_off() -> None:
    config = read_config(None, (), ("aasist.asvspoof5",))
    assert config.scoring.voice_models == ("aasist.asvspoof5",)
    assert config.scoring.face_models == ()


def test_schema_is_json() -> None:
    assert json.loads(unmask("schema").stdout)["title"] == "Report"


@pytest.mark.shared
def test_all_upstream_checkpoints_are_fetched_and_the_default_ones_are_here_already(
    shared: Path, tmp_path: Path
) -> None:
    nowhere = {"UNMASK_CACHE": str(tmp_path / "cache"), "UNMASK_WEIGHTS": ""}
    fetched = unmask("weights", "fetch", "--all", "--from", str(shared / "weights" / "upstream"), env=nowhere)
    assert fetched.returncode == 0, fetched.stderr
    verified = unmask("weights", "verify", env=nowhere)
    assert verified.returncode == 0, verified.stderr
    assert {line.split()[0] for line in verified.stdout.splitlines()} == {"present"}
