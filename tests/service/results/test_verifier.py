"""The stand-alone verifier: its Ed25519 against the standard and another library, and that it stands alone."""

from __future__ import annotations

import ast
import base64
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.items import JobFacts
from pipelines.runlog import RunLog
from service.results import signing
from service.results.ed25519 import public_key_of, verify_signature
from service.results.manifest import verify_script, write_manifest
from service.results.verifier import visible

ORDER = 2**252 + 27742317777372353535851937790883648493
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
            "d25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
            "387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
            "4a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        (
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
            "454d4423643ce80e2a9ac94fa54ca49f"
        ),
        (
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e030"
            "3dca179c138ac17ad9bef1177331a704"
        ),
    ),
]
"""Tests 1, 2, 3 and SHA(abc) of RFC 8032, section 7.1: public key, message, signature."""

SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
]
"""Points of order 1, 2, 4 and 8."""


@pytest.mark.parametrize(("public_key", "message", "signature"), VECTORS)
def test_the_standards_vectors(public_key: str, message: str, signature: str) -> None:
    key, text, signed = (bytes.fromhex(value) for value in (public_key, message, signature))
    assert verify_signature(key, signed, text)
    assert signing.verify_signature(key, signed, text)
    assert not verify_signature(key, signed, text + b"\0")


@settings(max_examples=60, deadline=None)
@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=300), flip=st.integers(0, 96 * 8 - 1))
def test_it_agrees_with_another_library(seed: bytes, message: bytes, flip: int) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public = private.public_key().public_bytes_raw()
    signature = private.sign(message)
    assert verify_signature(public, signature, message)
    both = bytearray(public + signature)
    both[flip // 8] ^= 1 << flip % 8
    changed_key, changed_signature = bytes(both[:32]), bytes(both[32:])
    assert not verify_signature(changed_key, changed_signature, message)
    assert not signing.verify_signature(changed_key, changed_signature, message)


def test_a_second_form_of_a_signature_is_refused() -> None:
    private = Ed25519PrivateKey.from_private_bytes(bytes(32))
    public, signature = private.public_key().public_bytes_raw(), private.sign(b"m")
    scalar = int.from_bytes(signature[32:], "little") + ORDER
    assert not verify_signature(public, signature[:32] + scalar.to_bytes(32, "little"), b"m")


@pytest.mark.parametrize("public_key", SMALL_ORDER)
def test_a_key_that_signs_anything_is_refused(public_key: str) -> None:
    key = bytes.fromhex(public_key)
    neutral = bytes.fromhex(SMALL_ORDER[0])
    assert not any(verify_signature(key, neutral + bytes(32), bytes([number])) for number in range(20))
    with pytest.raises(ValueError, match="no Ed25519 public key"):
        public_key_of(_pem(key))


@pytest.mark.parametrize("number", [2**255 - 19, 2**255 - 1, 2**255 - 18, 2])
def test_what_encodes_no_point_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="no Ed25519 public key"):
        public_key_of(_pem(number.to_bytes(32, "little")))


@pytest.mark.parametrize(("key_bytes", "signature_bytes"), [(31, 64), (33, 64), (32, 63), (32, 65), (0, 0)])
def test_wrong_lengths_are_refused(key_bytes: int, signature_bytes: int) -> None:
    assert not verify_signature(b"\1" * key_bytes, b"\1" * signature_bytes, b"")
    assert not signing.verify_signature(b"\1" * key_bytes, b"\1" * signature_bytes, b"")


def _pem(key: bytes) -> bytes:
    body = base64.b64encode(bytes.fromhex("302a300506032b6570032100") + key)
    return b"-----BEGIN PUBLIC KEY-----\n" + body + b"\n-----END PUBLIC KEY-----\n"


def test_the_script_imports_the_standard_library_alone() -> None:
    tree = ast.parse(verify_script(), feature_version=(3, 8))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names


def test_the_script_needs_nothing_newer_than_python_3_8() -> None:
    tree = ast.parse(verify_script(), feature_version=(3, 8))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Subscript) and _is_new(node, tree)]
    newer = {"removeprefix", "removesuffix", "file_digest", "is_relative_to", "batched", "pairwise"}
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not used & newer


def _is_new(node: ast.Subscript, tree: ast.Module) -> bool:
    """Whether `list[...]` and the like stand where Python 3.8 would evaluate them."""
    unevaluated = {
        id(inner)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for line in ast.walk(function)
        if isinstance(line, ast.AnnAssign)
        for inner in ast.walk(line.annotation)
    }
    return (
        isinstance(node.value, ast.Name) and node.value.id in {"list", "dict", "tuple"} and id(node) not in unevaluated
    )


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Write and sign the smallest folder of results."""
    out = tmp_path / "out"
    out.mkdir()
    job = JobFacts(id="7", tool="t", config_digest="", config={}, models={}, roots=(), options={}, created_at="")
    with RunLog.open(out / "run.jsonl", job.id) as log:
        log.append("begin")
        write_manifest(out, job, log.head, signing.load_or_create_key(tmp_path / "key.pem"))
    return out


def run(results: Path, *flags: str, folder: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *flags, str(results / "verify.py"), *([] if folder is None else [folder])]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=results)


@pytest.mark.parametrize("flags", [("-I", "-S"), (), ("-P",)])
def test_it_runs_in_the_folder_that_it_checks(results: Path, flags: tuple[str, ...]) -> None:
    result = run(results, *flags)
    assert (result.returncode, result.stderr) == (0, "")
    assert "GOOD: all is as it was signed" in result.stdout
    assert not (results / "__pycache__").exists()


@pytest.mark.parametrize("module", ["json", "hashlib", "argparse", "__future__", "typing", "os", "concurrent", "stat"])
def test_a_module_planted_beside_it_is_not_run(results: Path, module: str) -> None:
    (results / f"{module}.py").write_text("import sys; print('GOOD'); sys.exit(0)")
    for flags in ((), ("-I", "-S")):
        result = run(results, *flags)
        assert result.returncode == 1
        assert f"problem (extra): {module}.py" in result.stdout


def test_a_folder_that_is_none_is_a_problem(results: Path, tmp_path: Path) -> None:
    for folder in (tmp_path / "nowhere", results / "run.jsonl"):
        result = run(results, folder=str(folder))
        assert (result.returncode, result.stderr) == (1, "")


def test_a_wrong_call_is_told_from_a_problem(results: Path) -> None:
    assert run(results, folder="--nonsense").returncode == 2


def test_nothing_that_a_terminal_obeys_is_printed() -> None:
    assert visible("a\x1b[2J\u202eb\u2028\udcff é") == "a\\x1b[2J\\u202eb\\u2028\\udcff é"
