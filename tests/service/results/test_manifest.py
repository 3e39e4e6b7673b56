"""The manifest and its signature: whatever is changed afterwards is found, by both verifiers alike."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from detect.errors import ConfigError
from pipelines.items import JobFacts
from pipelines.runlog import RunLog
from service.results.manifest import verify_folder, write_manifest
from service.results.signing import SigningKey, load_or_create_key
from service.results.verifier import Verification, canonical

JOB = JobFacts(
    id="8a3e1c", tool="unmask 0.1.0", config_digest="", config={}, models={}, roots=(), options={}, created_at=""
)
NUM_SIGNED = 8
"""`items.csv`, two reports, the run log, an empty file, a name that is not ASCII, the key, the script."""
Tamper = Callable[[Path], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A folder of results with its manifest, and what signed it."""

    out: Path
    key: SigningKey
    public_key: Path

    def verify(self, **options: Any) -> Verification:
        return verify_folder(self.out, options.get("public_key", self.public_key))

    def sign_again(self, edit: Callable[[dict[str, Any]], object]) -> None:
        """Do what the signer alone can: sign an edited manifest."""
        manifest = json.loads((self.out / "manifest.json").read_bytes())
        edit(manifest)
        self.sign(canonical(manifest))

    def sign(self, data: bytes) -> None:
        (self.out / "manifest.json").write_bytes(data)
        (self.out / "manifest.sig").write_bytes(base64.b64encode(self.key.sign(data)))


@pytest.fixture
def signed(tmp_path: Path) -> Signed:
    out = tmp_path / "out"
    for number in (1, 2):
        report = out / "reports" / f"{number}" / "report.json"
        report.parent.mkdir(parents=True)
        report.write_text(f'{{"number":{number}}}')
    (out / "items.csv").write_text("seq\n1\n2\n")
    (out / "reports-é\u202e.txt").write_text("sorted behind reports/ by its components")
    (out / "empty").touch()
    (out / "work").mkdir()
    (out / "work" / "ledger.sqlite").write_text("scratch")
    key = load_or_create_key(tmp_path / "keys" / "key.pem")
    public_key = tmp_path / "public.pem"
    public_key.write_bytes(key.public_pem)
    with RunLog.open(out / "run.jsonl", JOB.id) as log:
        log.append("begin")
        for number in range(1, 11):
            log.append("worker_died", item=number)
        log.append("end")
        write_manifest(out, JOB, log.head, key)
    return Signed(out=out, key=key, public_key=public_key)


def run_script(signed: Signed, *arguments: str, isolated: bool = True) -> subprocess.CompletedProcess[str]:
    flags = ["-I", "-S"] if isolated else []
    script = str(signed.out / "verify.py")
    return subprocess.run([sys.executable, *flags, script, *arguments], capture_output=True, text=True, check=False)


def test_an_untouched_folder_is_good(signed: Signed) -> None:
    verification = signed.verify()
    assert verification.good
    assert verification.problems == ()
    assert verification.num_files == NUM_SIGNED
    assert (verification.job, verification.tool) == (JOB.id, JOB.tool)
    assert verification.fingerprint == signed.key.fingerprint
    assert verification.text().endswith("GOOD: all is as it was signed")


def test_the_manifest_is_what_the_documentation_says(signed: Signed) -> None:
    data = (signed.out / "manifest.json").read_bytes()
    manifest = json.loads(data)
    assert canonical(manifest) == data
    files = {file["path"]: file for file in manifest["files"]}
    there = {path.relative_to(signed.out).as_posix() for path in signed.out.rglob("*") if path.is_file()}
    assert set(files) == there - {"manifest.json", "manifest.sig", "work/ledger.sqlite"}
    for path, file in files.items():
        content = (signed.out / path).read_bytes()
        assert file == {"path": path, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert manifest["run_log"]["num_lines"] == 12
    assert len(base64.b64decode((signed.out / "manifest.sig").read_bytes())) == 64


def test_openssl_accepts_the_signature_and_prints_the_fingerprint(signed: Signed, tmp_path: Path) -> None:
    raw = tmp_path / "signature"
    raw.write_bytes(base64.b64decode((signed.out / "manifest.sig").read_bytes()))
    verify = ["openssl", "pkeyutl", "-verify", "-pubin", "-rawin"]
    files = ["-inkey", str(signed.public_key), "-in", str(signed.out / "manifest.json"), "-sigfile", str(raw)]
    assert b"Success" in subprocess.check_output(verify + files)
    der = subprocess.check_output(["openssl", "pkey", "-pubin", "-in", str(signed.public_key), "-outform", "DER"])
    assert hashlib.sha256(der).hexdigest() == signed.key.fingerprint


def test_a_key_from_the_folder_itself_is_remarked_on(signed: Signed) -> None:
    verification = signed.verify(public_key=None)
    assert verification.good
    assert any("not who signed" in remark for remark in verification.remarks)
    assert not any("not who signed" in remark for remark in signed.verify().remarks)


def test_what_is_not_signed_is_remarked_on(signed: Signed) -> None:
    assert any("work/" in remark for remark in signed.verify().remarks)


def _replace(path: str, old: bytes, new: bytes) -> Tamper:
    def tamper(out: Path) -> None:
        before = (out / path).read_bytes()
        assert old in before
        (out / path).write_bytes(before.replace(old, new, 1))

    return tamper


def _lines(edit: Callable[[list[bytes]], list[bytes]]) -> Tamper:
    def tamper(out: Path) -> None:
        path = out / "run.jsonl"
        path.write_bytes(b"".join(edit(path.read_bytes().splitlines(keepends=True))))

    return tamper


def _link(out: Path) -> None:
    (out / "items.csv").rename(out.parent / "items.csv")
    (out / "items.csv").symlink_to(out.parent / "items.csv")


def _link_folder(out: Path) -> None:
    (out / "reports").rename(out.parent / "reports")
    (out / "reports").symlink_to(out.parent / "reports")


def _deep(out: Path) -> None:
    (out / "/".join(["d"] * 300)).mkdir(parents=True)


TAMPERS = [
    pytest.param(_replace("items.csv", b"1", b"3"), {("changed", "items.csv")}, id="changed"),
    pytest.param(_replace("items.csv", b"2\n", b""), {("changed", "items.csv")}, id="cut"),
    pytest.param(_replace("verify.py", b"return", b"return "), {("changed", "verify.py")}, id="the script"),
    pytest.param(lambda out: (out / "empty").unlink(), {("missing", "empty")}, id="missing"),
    pytest.param(lambda out: (out / "reports/1/x").touch(), {("extra", "reports/1/x")}, id="extra"),
    pytest.param(lambda out: (out / "~last").touch(), {("extra", "~last")}, id="extra at the end"),
    pytest.param(
        lambda out: (out / "empty").rename(out / "full"), {("missing", "empty"), ("extra", "full")}, id="renamed"
    ),
    pytest.param(lambda out: (out / os.fsdecode(b"\xff\x1b[2J")).touch(), {("extra", "\udcff\x1b[2J")}, id="raw name"),
    pytest.param(_link, {("link", "items.csv"), ("missing", "items.csv")}, id="link"),
    pytest.param(
        _link_folder,
        {("link", "reports"), ("missing", "reports/1/report.json"), ("missing", "reports/2/report.json")},
        id="link to a folder",
    ),
    pytest.param(lambda out: (out / "dangling").symlink_to("/nowhere"), {("link", "dangling")}, id="dangling link"),
    pytest.param(lambda out: os.mkfifo(out / "pipe"), {("special", "pipe")}, id="named pipe"),
    pytest.param(_deep, {("special", "/".join(["d"] * 101))}, id="deep folders"),
    pytest.param(_replace("manifest.json", b"0.1.0", b"0.1.1"), {("signature", "manifest.sig")}, id="manifest changed"),
    pytest.param(
        _replace("manifest.json", b"{", b"{ "),
        {("signature", "manifest.sig"), ("manifest", "manifest.json")},
        id="manifest not canonical",
    ),
    pytest.param(lambda out: (out / "manifest.json").unlink(), {("missing", "manifest.json")}, id="no manifest"),
    pytest.param(lambda out: (out / "manifest.sig").unlink(), {("missing", "manifest.sig")}, id="no signature"),
    pytest.param(
        lambda out: (out / "manifest.sig").write_bytes(b"\xff not base64"),
        {("signature", "manifest.sig")},
        id="no base64",
    ),
    pytest.param(
        lambda out: (out / "manifest.sig").write_bytes(base64.b64encode(bytes(64))),
        {("signature", "manifest.sig")},
        id="signature of zeros",
    ),
    pytest.param(
        _replace("public_key.pem", b"PUBLIC", b"PRIVATE"),
        {("changed", "public_key.pem"), ("key", "public_key.pem")},
        id="no key",
    ),
    pytest.param(
        _lines(lambda lines: [*lines[:4], *lines[5:]]),
        {("changed", "run.jsonl"), ("run_log", "run.jsonl", "line 5 ")},
        id="log: line deleted",
    ),
    pytest.param(
        _lines(lambda lines: [*lines[:4], lines[4].replace(b"died", b"DIED"), *lines[5:]]),
        {("changed", "run.jsonl"), ("run_log", "run.jsonl", "line 6 ")},
        id="log: line edited",
    ),
    pytest.param(
        _lines(lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]]),
        {("changed", "run.jsonl"), ("run_log", "run.jsonl", "line 5 ")},
        id="log: swapped",
    ),
    pytest.param(
        _lines(lambda lines: lines[:-5]),
        {("changed", "run.jsonl"), ("run_log", "run.jsonl", "line 8 ")},
        id="log: end cut off",
    ),
    pytest.param(
        _lines(lambda lines: [*lines[:-1], lines[-1].replace(b'"end"', b'"END"')]),
        {("changed", "run.jsonl"), ("run_log", "run.jsonl", "line 12 ")},
        id="log: last line edited",
    ),
    pytest.param(
        _lines(lambda lines: [*lines, b"[" * 100_000]),
        {("changed", "run.jsonl"), ("run_log", "run.jsonl", "line 13 ")},
        id="log: garbage behind",
    ),
    pytest.param(
        lambda out: (out / "run.jsonl").unlink(),
        {("missing", "run.jsonl"), ("run_log", "run.jsonl", "line 1 ")},
        id="log: missing",
    ),
]


@pytest.mark.parametrize(("tamper", "problems"), TAMPERS)
def test_every_kind_of_tampering_is_found_by_both_verifiers(
    signed: Signed, tamper: Tamper, problems: set[tuple[str, ...]]
) -> None:
    script = (signed.out / "verify.py").read_bytes()
    tamper(signed.out)
    trusted = signed.out.parent / "verify.py"
    trusted.write_bytes(script)
    verification = signed.verify()
    assert not verification.good
    assert {problem[:2] for problem in verification.problems} == {problem[:2] for problem in problems}
    for kind, where, what in (problem for problem in problems if len(problem) == 3):
        assert any(found[:2] == (kind, where) and found.what.startswith(what) for found in verification.problems)
    command = [sys.executable, "-I", "-S", str(trusted), str(signed.out), "--public-key", str(signed.public_key)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stdout == verification.text() + "\n"
    assert "\x1b" not in result.stdout


def test_a_folder_that_another_key_signed_is_found_by_the_right_key_only(signed: Signed, tmp_path: Path) -> None:
    other = load_or_create_key(tmp_path / "other.pem")
    with RunLog.open(signed.out / "run.jsonl", JOB.id) as log:
        write_manifest(signed.out, JOB, log.head, other)
    assert signed.verify(public_key=None).good
    assert {problem.kind for problem in signed.verify().problems} == {"key", "signature"}
    assert run_script(signed).returncode == 0
    assert run_script(signed, "--public-key", str(signed.public_key)).returncode == 1


@pytest.mark.parametrize(
    "edit",
    [
        lambda manifest: manifest["files"].insert(0, {"path": "../secret", "bytes": 0, "sha256": "0" * 64}),
        lambda manifest: manifest["files"].append({"path": "/etc/passwd", "bytes": 0, "sha256": "0" * 64}),
        lambda manifest: manifest["files"].append({"path": "x/../../y", "bytes": 0, "sha256": "0" * 64}),
        lambda manifest: manifest["files"].append(manifest["files"][0]),
        lambda manifest: manifest["files"].reverse(),
        lambda manifest: manifest["files"][0].update(bytes=True),
        lambda manifest: manifest["files"][0].update(bytes=-1),
        lambda manifest: manifest["files"][0].update(sha256="0" * 63),
        lambda manifest: manifest["files"][0].update(path=7),
        lambda manifest: manifest["files"][0].update(more=7),
        lambda manifest: manifest["files"].append([]),
        lambda manifest: manifest.update(files={}),
        lambda manifest: manifest.update(job=None),
        lambda manifest: manifest.update(schema_version="2.0"),
        lambda manifest: manifest["run_log"].update(path="../run.jsonl"),
        lambda manifest: manifest["run_log"].update(path="reports/1/report.json"),
        lambda manifest: manifest["run_log"].update(path="other.jsonl"),
        lambda manifest: manifest.pop("run_log"),
    ],
)
def test_a_hostile_manifest_is_refused_even_with_its_signature(
    signed: Signed, edit: Callable[[dict[str, Any]], object]
) -> None:
    signed.sign_again(edit)
    assert [problem.kind for problem in signed.verify().problems] == ["manifest"]
    result = run_script(signed, "--public-key", str(signed.public_key))
    assert (result.returncode, result.stderr) == (1, "")


@pytest.mark.parametrize("data", [b"", b"[]", b"[" * 200_000, b"\xff", b'{"a":1e5}', b'{"a":NaN}', b"9" * 5000])
def test_a_signed_manifest_that_is_none_is_refused(signed: Signed, data: bytes) -> None:
    signed.sign(data)
    assert [problem.kind for problem in signed.verify().problems] == ["manifest"]
    result = run_script(signed, "--public-key", str(signed.public_key))
    assert (result.returncode, result.stderr) == (1, "")


def test_signing_again_replaces_the_manifest(signed: Signed) -> None:
    (signed.out / "items.csv").write_text("seq\n")
    assert not signed.verify().good
    with RunLog.open(signed.out / "run.jsonl", JOB.id) as log:
        log.append("resume")
        write_manifest(signed.out, JOB, log.head, signed.key)
    assert signed.verify().good
    assert not list(signed.out.rglob("*.part"))


@pytest.mark.parametrize("tamper", [_link, _link_folder, lambda out: os.mkfifo(out / "pipe"), _deep])
def test_what_cannot_be_signed_leaves_no_manifest(signed: Signed, tamper: Tamper) -> None:
    tamper(signed.out)
    with RunLog.open(signed.out / "run.jsonl", JOB.id) as log, pytest.raises(ConfigError, match="cannot be signed"):
        write_manifest(signed.out, JOB, log.head, signed.key)
    assert not (signed.out / "manifest.json").exists()


def test_a_name_that_is_not_unicode_cannot_be_signed(signed: Signed) -> None:
    (signed.out / os.fsdecode(b"\xff.txt")).touch()
    with RunLog.open(signed.out / "run.jsonl", JOB.id) as log, pytest.raises(ConfigError, match=r"\\xff\.txt"):
        write_manifest(signed.out, JOB, log.head, signed.key)


def test_many_files_are_all_signed_in_order(signed: Signed) -> None:
    for number in range(10_000):
        (signed.out / "reports" / f"{number:05}").write_bytes(b"x" * (number % 7))
    with RunLog.open(signed.out / "run.jsonl", JOB.id) as log:
        write_manifest(signed.out, JOB, log.head, signed.key)
    assert signed.verify().num_files == NUM_SIGNED + 10_000
    (signed.out / "reports" / "07777").write_bytes(b"y")
    assert [problem[:2] for problem in signed.verify().problems] == [("changed", "reports/07777")]


@pytest.mark.parametrize(
    "content", [b"", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", b"\xff" * 99]
)
def test_a_public_key_that_is_none_is_the_callers_fault(signed: Signed, tmp_path: Path, content: bytes) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_bytes(content)
    with pytest.raises(ConfigError, match="Ed25519"):
        signed.verify(public_key=wrong)
    with pytest.raises(ConfigError, match="cannot be used"):
        signed.verify(public_key=tmp_path / "nowhere.pem")
    assert run_script(signed, "--public-key", str(wrong)).returncode == 2
