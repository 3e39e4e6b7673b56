"""Checkpoints: what a chain alone cannot show, and that others can check them without this tool."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detect.errors import ConfigError
from service.audit.checkpoint import Checkpoint, read_checkpoint
from service.results.signing import SigningKey, load_or_create_key
from service.results.verifier import canonical
from service.store.database import Store
from service.store.schema import audit
from tests.service.audit.logs import change, fill, judge, mark, put, read, rows, seal


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return load_or_create_key(tmp_path / "key.pem")


@pytest.fixture(scope="session")
def signed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A checkpoint's file."""
    key = load_or_create_key(tmp_path_factory.mktemp("signed") / "key.pem")
    log = "log_00112233445566778899aabbccddeeff"
    mark = Checkpoint(log=log, seq=7, digest="a" * 64, at=1_764_012_501.25, public_key=key.public_bytes, signature=b"")
    return replace(mark, signature=key.sign(mark.statement())).encode()


def test_a_log_goes_through_its_checkpoints(store: Store, key: SigningKey) -> None:
    fill(store, 6)
    one = mark(store, key)
    assert judge(store, one).good
    fill(store, 12, start=7)
    two = mark(store, key)
    fill(store, 15, start=13)
    verdict = judge(store, two, one, one, key=key.public_bytes)
    assert verdict.good
    assert verdict.num_checkpoints == 3
    assert verdict.remarks == ("the last checkpoint is at entry 12; for the 3 behind it there is only the chain",)


def test_entries_that_were_cut_off_are_missed(store: Store, key: SigningKey) -> None:
    fill(store, 12)
    checkpoint = mark(store, key)
    with store.write() as db:
        db.execute(audit.delete().where(audit.c.seq > 9))
    assert judge(store).good
    (problem,) = judge(store, checkpoint).problems
    assert (problem.kind, problem.index) == ("truncated", 10)
    assert "the log had 12 entries" in problem.why


def test_a_log_that_is_gone_is_missed(store: Store, key: SigningKey) -> None:
    fill(store, 12)
    checkpoint = mark(store, key)
    put(store, [])
    (problem,) = judge(store, checkpoint).problems
    assert (problem.kind, problem.index) == ("empty", 1)


@pytest.mark.parametrize(("num_after", "kind", "index"), [(0, "truncated", 7), (2, "restored", 7), (9, "restored", 7)])
def test_an_old_copy_that_was_put_back_is_found(
    path: Path, tmp_path: Path, key: SigningKey, num_after: int, kind: str, index: int
) -> None:
    """Whether the log stayed as it was, went on for a little, or is longer now than it was."""
    copy = tmp_path / "copy.sqlite"
    with closing(Store.open(path)) as store:
        fill(store, 6)
        one = mark(store, key)
    shutil.copy(path, copy)
    with closing(Store.open(path)) as store:
        fill(store, 12, start=7)
        two = mark(store, key)
    shutil.copy(copy, path)
    with closing(Store.open(path)) as store:
        fill(store, 0)
        for number in range(num_after):
            fill(store, 100 + number, start=100 + number)  # the clock went on
        assert judge(store, one).good
        (problem,) = judge(store, one, two).problems
    assert (problem.kind, problem.index) == (kind, index)
    assert "older copy" in problem.why


@pytest.mark.parametrize("start", [2, 8, 12])
def test_a_log_that_was_made_anew_is_found(store: Store, key: SigningKey, start: int) -> None:
    """By somebody who knows how digests are made, with all times as they were."""
    fill(store, 6)
    one = mark(store, key)
    fill(store, 12, start=7)
    two = mark(store, key)
    fill(store, 15, start=13)
    made = rows(store)
    made[start - 1] = {**made[start - 1], "object": "other"}
    for number in range(start - 1, len(made)):
        made[number] = seal(made[number], made[number - 1]["digest"])
    put(store, made)
    assert judge(store).good
    (problem,) = judge(store, one, two).problems
    assert (problem.kind, problem.index) == ("rewritten", 6 if start < 6 else 12)


def test_what_is_wrong_before_the_checkpoint_is_named_first(store: Store, key: SigningKey) -> None:
    fill(store, 12)
    checkpoint = mark(store, key)
    change(store, 4, object="other")
    (problem,) = judge(store, checkpoint).problems
    assert (problem.kind, problem.index) == ("edited", 4)


def test_what_is_behind_the_last_checkpoint_has_only_the_chain(store: Store, key: SigningKey) -> None:
    fill(store, 6)
    checkpoint = mark(store, key)
    fill(store, 9, start=7)
    with store.write() as db:
        db.execute(audit.delete().where(audit.c.seq > 7))
    verdict = judge(store, checkpoint)
    assert verdict.good
    assert "for the 1 behind it" in verdict.text()


def test_a_checkpoint_of_another_log_is_none_of_this(store: Store, key: SigningKey) -> None:
    fill(store, 6)
    foreign = mark(store, key)
    put(store, [])
    fill(store, 9)
    (problem,) = judge(store, mark(store, key), foreign).problems
    assert (problem.kind, problem.index) == ("foreign_checkpoint", None)
    assert foreign.log in problem.why


@pytest.mark.parametrize(
    "forge",
    [
        lambda mark: replace(mark, signature=bytes(64)),
        lambda mark: replace(mark, signature=b""),
        lambda mark: replace(mark, seq=mark.seq - 1),
        lambda mark: replace(mark, digest="0" * 64),
        lambda mark: replace(mark, at=mark.at - 1),
        lambda mark: replace(mark, log="log_00000000000000000000000000000000"),
    ],
)
def test_a_checkpoint_that_was_forged_is_found(
    store: Store, key: SigningKey, forge: Callable[[Checkpoint], Checkpoint]
) -> None:
    fill(store, 6)
    verdict = judge(store, forge(mark(store, key)))
    assert [(problem.kind, problem.index) for problem in verdict.problems] == [("checkpoint_signature", None)]
    assert (verdict.num_entries, verdict.num_checkpoints) == (6, 0)


def test_anybody_can_sign_but_not_with_the_given_key(store: Store, key: SigningKey, tmp_path: Path) -> None:
    fill(store, 6)
    theirs = mark(store, load_or_create_key(tmp_path / "theirs.pem"))
    verdict = judge(store, theirs)
    assert verdict.good
    assert theirs.fingerprint in verdict.text()
    (problem,) = judge(store, theirs, key=key.public_bytes).problems
    assert problem.kind == "checkpoint_signature"
    assert judge(store, mark(store, key), key=key.public_bytes).remarks[1:] == ()


def test_log_and_checkpoint_can_both_be_wrong(store: Store, key: SigningKey) -> None:
    fill(store, 6)
    forged = replace(mark(store, key), digest="0" * 64)
    change(store, 3, action="login")
    verdict = judge(store, forged)
    assert [problem.kind for problem in verdict.problems] == ["edited", "checkpoint_signature"]


def test_a_checkpoint_is_read_as_it_was_written(store: Store, key: SigningKey) -> None:
    fill(store, 6)
    checkpoint = mark(store, key)
    assert read_checkpoint(checkpoint.encode()) == checkpoint
    statement = json.loads(checkpoint.encode().splitlines()[0])
    assert statement["seq"] == 6
    assert statement["digest"] == read(store)[5].digest
    assert statement["log"] == read(store)[0].object
    assert statement["fingerprint"] == key.fingerprint


def test_openssl_checks_a_checkpoint(signed: bytes, tmp_path: Path) -> None:
    """The steps in the documentation of `service.audit.checkpoint`."""
    (tmp_path / "CHECKPOINT").write_bytes(signed)
    steps = r"""
        set -e
        head -n 1 CHECKPOINT > statement
        tail -n 1 CHECKPOINT | base64 -d > signature
        sed -E 's/.*"public_key":"([^"]*)".*/\1/' statement | base64 -d > key.der
        sha256sum key.der
        openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in statement -sigfile signature
    """
    result = subprocess.run(["bash", "-c", steps], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert read_checkpoint(signed).fingerprint in result.stdout
    assert "Verified Successfully" in result.stdout
    forged = signed.replace(b'"seq":7', b'"seq":8')
    (tmp_path / "CHECKPOINT").write_bytes(forged)
    assert subprocess.run(["bash", "-c", steps], cwd=tmp_path, capture_output=True, check=False).returncode
    assert not read_checkpoint(forged).signed_by()


def refit(data: bytes, **fields: object) -> bytes:
    statement, signature = data.splitlines()
    return canonical(json.loads(statement) | fields) + b"\n" + signature + b"\n"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: b"",
        lambda _: b"\n\n",
        lambda _: b"{}\n\n",
        lambda _: b"[]\nAAAA\n",
        lambda data: data[:-1],
        lambda data: data + b"\n",
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data.replace(b",", b", ", 1),
        lambda data: data.replace(b'"seq":7', b'"seq":7,"seq":7'),
        lambda data: data + b" " * 5000,
        lambda _: b"[" * 4000 + b"\nAAAA\n",
        lambda data: refit(data, seq=0),
        lambda data: refit(data, seq=-1),
        lambda data: refit(data, seq="7"),
        lambda data: refit(data, seq=True),
        lambda data: refit(data, log="7"),
        lambda data: refit(data, log=7),
        lambda data: refit(data, digest="A" * 64),
        lambda data: refit(data, digest=None),
        lambda data: refit(data, at="nan"),
        lambda data: refit(data, at="inf"),
        lambda data: refit(data, at="1e300"),
        lambda data: refit(data, at="1764012501.250"),
        lambda data: refit(data, at=7),
        lambda data: refit(data, kind="unmask manifest"),
        lambda data: refit(data, fingerprint="0" * 64),
        lambda data: refit(data, public_key=base64.b64encode(bytes(44)).decode()),
        lambda data: refit(data, more=1),
    ],
)
def test_what_is_no_checkpoint_is_refused(signed: bytes, spoil: Callable[[bytes], bytes]) -> None:
    assert read_checkpoint(signed).signed_by()
    with pytest.raises(ConfigError, match="this is no checkpoint"):
        read_checkpoint(spoil(signed))


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_byte_of_a_checkpoint_can_be_changed(signed: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(signed) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != signed[place]))
    try:
        checkpoint = read_checkpoint(signed[:place] + bytes([byte]) + signed[place + 1 :])
    except ConfigError:
        return
    assert not checkpoint.signed_by()
