"""What a taken-over decoder would try, tried."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from detect.config import Config
from detect.errors import UnreadableMedia
from pipelines import seccomp
from pipelines.sandbox import Sandbox
from tests.conftest import ROOT
from tests.pipelines.conftest import FAULTY

Evidence = Callable[[str], Path]


def test_facts_name_every_protection(sandbox: Sandbox, evidence: Evidence, brief: Config) -> None:
    sandbox.survey(evidence("SYNTHETIC 1 16 16"), brief)
    facts = sandbox.facts()
    assert facts["isolation"] == "child process"
    assert facts["memory_limit_bytes"] == str(2**28)
    for name in ("network_namespace", "no_new_privileges", "not_dumpable", "no_capabilities", "landlock", "seccomp"):
        assert facts[name].startswith(("yes", "no: ")), name
    # These do not depend on what the host's administrator allows.
    assert facts["no_new_privileges"] == facts["resource_limits"] == "yes"
    assert {facts[name] for name in ("opening_files", "starting_processes")} <= {"refused", "ALLOWED"}


def test_nothing_that_was_tried_is_allowed(sandbox: Sandbox, evidence: Evidence, brief: Config) -> None:
    if sandbox.facts()["seccomp"] != "yes":
        pytest.skip(f"this host allows no filter: {sandbox.facts()['seccomp']}")
    with pytest.raises(UnreadableMedia) as caught:
        sandbox.survey(evidence("FAULT escape"), brief)
    attempts = json.loads(caught.value.message)
    assert len(attempts) >= 16
    assert {name: answer for name, answer in attempts.items() if answer == "ALLOWED"} == {}


REFUSING_HOST = """
import ctypes, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
refused = [272, 444] if sys.argv[1] == "x86_64" else [97, 444]  # unshare, landlock_create_ruleset
code = [(0x20, 0, 0, 0)] + [i for n in refused for i in ((0x15, 0, 1, n), (6, 0, 0, 0x50001))] + [(6, 0, 0, 0x7FFF0000)]
program = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *i) for i in code))
filter = ctypes.create_string_buffer(struct.pack("@HP", len(code), ctypes.addressof(program)))
libc.prctl(38, 1, 0, 0, 0)
assert libc.prctl(22, 2, ctypes.c_void_p(ctypes.addressof(filter)), 0, 0) == 0
import json
from pathlib import Path
from detect.config import Config
from pipelines.sandbox import Sandbox
from tests.conftest import ROOT
from tests.pipelines.conftest import FAULTY
with Sandbox(entry=sys.argv[2]) as sandbox:
    sandbox.survey(Path(sys.argv[3]), Config())
    print(json.dumps(sandbox.facts()))
"""


def test_a_protection_that_the_host_refuses_is_named(evidence: Evidence) -> None:
    """As in a container whose own filter forbids namespaces and knows no Landlock: decoded, and said so."""
    machine = platform.machine()
    if seccomp.program(machine, 1) is None:
        pytest.skip(f"the test's filter does not know {machine}")
    arguments = [machine, FAULTY, str(evidence("SYNTHETIC 1 16 16"))]
    said = subprocess.run(
        [sys.executable, "-c", REFUSING_HOST, *arguments], cwd=ROOT, capture_output=True, check=True, timeout=60
    )
    facts = json.loads(said.stdout)
    assert facts["network_namespace"] == facts["landlock"] == "no: EPERM"
    assert facts["seccomp"] == "yes"
    assert facts["opening_files"] == facts["opening_sockets"] == "refused"


def test_secrets_of_the_parents_environment_do_not_reach_the_zygote(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNMASK_TEST_KEY", "secret")
    with Sandbox() as sandbox:
        sandbox.facts()
        environment = Path(f"/proc/{sandbox._zygote._process.pid}/environ").read_bytes()
    assert b"UNMASK_TEST_KEY" not in environment


def test_the_zygote_holds_no_descriptor_of_the_parents(sandbox: Sandbox, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    with secret.open() as file:
        os.set_inheritable(file.fileno(), True)  # noqa: FBT003 - it takes no keywords
        with Sandbox() as other:
            other.facts()
            folder = Path(f"/proc/{other._zygote._process.pid}/fd")
            opened = {str(entry.readlink()) for entry in folder.iterdir()}
    assert str(secret) not in opened


def test_the_zygote_is_small_and_has_one_thread() -> None:
    with Sandbox() as sandbox:
        sandbox.facts()
        folder = Path(f"/proc/{sandbox._zygote._process.pid}")
        libraries = (folder / "maps").read_text()
        assert len(list((folder / "task").iterdir())) == 1
    assert "libav" in libraries
    assert "torch" not in libraries


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_filters_are_well_formed(machine: str) -> None:
    program = seccomp.program(machine, 1234)
    assert program is not None
    assert len(program) % seccomp.INSTRUCTION_BYTES == 0
    assert len(program) // seccomp.INSTRUCTION_BYTES < 4096  # BPF_MAXINSNS


def test_there_is_no_filter_for_an_unknown_processor() -> None:
    assert seccomp.program("riscv64", 1) is None
