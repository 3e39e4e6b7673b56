"""Keys that sign results: Ed25519, one file on the examiner's machine. The only file that imports `cryptography`.

What a signature by a key that was made here proves: whoever holds this private key signed exactly these results, and
nobody else has changed them since. What it does not prove: who that is, and when it was. Nothing ties a key to a person
but what people do: its fingerprint must reach the other side by another way than the results (on paper, read out
on the telephone, in a register), before it is needed. Whoever can read the private key can sign anything in its name.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from platformdirs import user_data_path

from detect.errors import ConfigError

Password = Callable[[], str]
"""Asked when a key file is encrypted, or a new one is to be; an empty answer leaves a new one in the clear."""


class SigningKey:
    """A private key and what may be known of it."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private

    def sign(self, message: bytes) -> bytes:
        """Signature of 64 bytes, the same for the same message."""
        return self._private.sign(message)

    @property
    def public_bytes(self) -> bytes:
        """The public key: 32 bytes."""
        return self._private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)

    @property
    def public_pem(self) -> bytes:
        """The public key for others, PEM."""
        return self._private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the public key in DER form, as `openssl pkey -pubin -outform DER | sha256sum` prints it."""
        der = self._private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return hashlib.sha256(der).hexdigest()


def default_key_path() -> Path:
    """Where the key lies if nothing else is said."""
    return user_data_path("unmask") / "signing_key.pem"


def load_or_create_key(path: Path | None = None, *, password: Password | None = None) -> SigningKey:
    """Load a private key (PEM, PKCS #8, as `openssl genpkey -algorithm ed25519` makes it), or make it.

    A new file can be read by its owner only. Two processes that make it at once end up with the same one.

    Args:
        path: The key's file; None takes `default_key_path()`.
        password: See `Password`; None where there is nobody to ask.

    Raises:
        ConfigError: the file cannot be read or made, others may read it, it holds another kind of key, or the
            password is missing or wrong.
    """
    path = default_key_path() if path is None else path
    try:
        if not os.path.lexists(path):
            _create(path, password)
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            pem = file.read(65_536)
    except OSError as error:
        raise ConfigError(f"the signing key {path} cannot be read or made: {error.strerror}") from error
    if mode & 0o077:
        raise ConfigError(
            f"others may read the signing key {path} (mode {mode:04o}); `chmod 600` it, or make a new one"
        )
    return SigningKey(_parse(path, pem, password))


def verify_signature(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether an Ed25519 signature is the key's. All three are raw bytes; nothing of them is trusted."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _create(path: Path, password: Password | None) -> None:
    secret = password().encode() if password is not None else b""
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(secret) if secret else serialization.NoEncryption(),
    )
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was first: its key is the one
            os.link(part, path)
    finally:
        part.unlink(missing_ok=True)


def _parse(path: Path, pem: bytes, password: Password | None) -> Ed25519PrivateKey:
    secret = None
    if b"ENCRYPTED" in pem:
        if password is None:
            raise ConfigError(f"the signing key {path} is encrypted, and there is nobody to ask for its password")
        secret = password().encode() or None
    try:
        key = serialization.load_pem_private_key(pem, secret)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        cause = "the password is wrong, or it is damaged" if b"ENCRYPTED" in pem else "it is no private key in PEM"
        raise ConfigError(f"the signing key {path} cannot be used: {cause}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"the signing key {path} is of another kind than Ed25519")
    return key
