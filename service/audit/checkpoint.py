r"""Signed statements of where the audit log stands, to be kept where nobody who can write to the log can write.

Whoever can write to the database can make the whole log anew; then only what was kept elsewhere shows it. A checkpoint
is small enough to be printed, sent to another department or put into a file of the case. It is two lines of text:

    {"at":"1764012501.25","digest":"…","fingerprint":"…","kind":"unmask audit checkpoint 1","log":"log_…",
     "public_key":"…","seq":7}                          (in one line, in canonical form, RFC 8785)
    the Ed25519 signature of the exact bytes of the first line with its newline, base64

`public_key` is the key in DER form, base64, as between the lines of a PEM file; `fingerprint` is the SHA-256 of that
form. To check one without this tool, with the key's fingerprint at hand that reached you by another way:

    head -n 1 CHECKPOINT > statement
    tail -n 1 CHECKPOINT | base64 -d > signature
    sed -E 's/.*"public_key":"([^"]*)".*/\1/' statement | base64 -d > key.der
    sha256sum key.der                                                    # is it the fingerprint that you know?
    openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in statement -sigfile signature

The entry of this number in the log must then have this digest (`service.audit.entry`, `service.audit.export`).
What a signature proves, and what not, says `service.results.signing`.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any, NoReturn

from detect.errors import ConfigError
from service.audit.entry import Entry, is_digest, is_log_id
from service.results.ed25519 import fingerprint_of, public_key_of
from service.results.signing import SigningKey, verify_signature
from service.results.verifier import canonical

_END_OF_TIME = 253_402_300_800
"""The first second of the year 10000, which `datetime` has not."""
KIND = "unmask audit checkpoint 1"
"""Says what was signed: the same key signs manifests."""
MAX_BYTES = 4096
"""Longest checkpoint that is read; they have some 550."""
_PREFIX = bytes.fromhex("302a300506032b6570032100")
"""What precedes the 32 bytes of an Ed25519 key in its DER form (RFC 8410, section 4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Where a log stood, and who says so."""

    log: str
    seq: int
    digest: str
    """Of the entry with that number."""
    at: float
    """When, by the database's clock."""
    public_key: bytes
    """32 bytes."""
    signature: bytes

    @property
    def fingerprint(self) -> str:
        """Of the key that it names."""
        return fingerprint_of(self.public_key)

    def signed_by(self, key: bytes | None = None) -> bool:
        """Whether the signature is that of a key; of the one that it names where none is given."""
        if key is not None and key != self.public_key:
            return False
        return verify_signature(self.public_key, self.signature, self.statement())

    def statement(self) -> bytes:
        """What is signed: the first line."""
        fields = {
            "at": repr(self.at),
            "digest": self.digest,
            "fingerprint": self.fingerprint,
            "kind": KIND,
            "log": self.log,
            "public_key": _der(self.public_key),
            "seq": self.seq,
        }
        return canonical(fields) + b"\n"

    def encode(self) -> bytes:
        """The whole file."""
        return self.statement() + base64.b64encode(self.signature) + b"\n"


def make_checkpoint(log: str, last: Entry, key: SigningKey, *, now: float) -> Checkpoint:
    """Sign where a log stands.

    Args:
        log: Its id.
        last: Its last entry.
        key: What signs.
        now: Seconds by the database's clock, in the transaction that read the entry.
    """
    values: dict[str, Any] = {"log": log, "seq": last.seq, "digest": last.digest, "at": now}
    unsigned = Checkpoint(**values, public_key=key.public_bytes, signature=b"")
    return Checkpoint(**values, public_key=key.public_bytes, signature=key.sign(unsigned.statement()))


def read_checkpoint(data: bytes) -> Checkpoint:
    """Read one that may come from anywhere. Its signature is checked by `verify`, not here.

    Raises:
        ConfigError: it is no checkpoint.
    """
    if len(data) > MAX_BYTES or data.count(b"\n") != 2:
        raise ConfigError("this is no checkpoint: one has two lines, a statement and its signature")
    statement, signature, _ = data.split(b"\n")
    try:
        fields = json.loads(statement, parse_float=_refuse, parse_constant=_refuse)
        checkpoint = Checkpoint(
            log=fields["log"],
            seq=fields["seq"],
            digest=fields["digest"],
            at=float(fields["at"]),
            public_key=public_key_of(_pem(fields["public_key"])),
            signature=base64.b64decode(signature, validate=True),
        )
        good = is_log_id(checkpoint.log) and is_digest(checkpoint.digest) and 0 <= checkpoint.at < _END_OF_TIME
        exact = checkpoint.encode() == data  # or two readers might read two things
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ConfigError("this is no checkpoint: its statement or its signature cannot be read") from error
    if not (good and exact and type(checkpoint.seq) is int and checkpoint.seq > 0):
        raise ConfigError("this is no checkpoint: its statement is not in the form that is signed")
    return checkpoint


def _der(public_key: bytes) -> str:
    return base64.b64encode(_PREFIX + public_key).decode()


def _pem(der: str) -> bytes:
    return f"-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n".encode()


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} has no place in a checkpoint")
