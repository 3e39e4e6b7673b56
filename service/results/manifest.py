"""The signed manifest: what the results of a scan consist of, so that every later change of them can be found.

`manifest.json` names every file of the folder, but for the scan's own `work/` and the manifest itself, with its size
and SHA-256, and where the run log ends. It is JSON in canonical form (RFC 8785). `manifest.sig` is the Ed25519
signature of its exact bytes, base64. `public_key.pem` and the stand-alone `verify.py` lie beside them for the reader's
convenience, not as proof: see `service.results.signing` for what a signature proves.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NoReturn

from detect.errors import ConfigError
from pipelines.items import JobFacts
from pipelines.names import escape
from pipelines.runlog import Head
from service.results import signing, verifier
from service.results.signing import SigningKey
from service.results.verifier import MANIFEST, PUBLIC_KEY, SCHEMA_VERSION, SIGNATURE, Verification, canonical

VERIFY_SCRIPT = "verify.py"
RUN_LOG = "run.jsonl"
_PART = ".part"


def write_manifest(out: Path, job: JobFacts, head: Head, key: SigningKey, *, run_log: str = RUN_LOG) -> None:
    """Write the manifest, its signature, the public key and the verifier. Nothing in `out` may change afterwards.

    The files are hashed in parallel, and the manifest is written as they come.

    Args:
        out: Folder of the results.
        job: The job's facts.
        head: Where the run log ends; its last line is written.
        key: What signs.
        run_log: Name of the run log in `out`.

    Raises:
        ConfigError: the folder holds a link, something else that is no plain file, or a name that is not Unicode.
        OSError: a file cannot be read or written.
    """
    for name in (MANIFEST, SIGNATURE):  # of an earlier run: it is not true any more
        (out / name).unlink(missing_ok=True)
        (out / f"{name}{_PART}").unlink(missing_ok=True)
    _write_whole(out / PUBLIC_KEY, key.public_pem)
    _write_whole(out / VERIFY_SCRIPT, verify_script().encode())
    before, after = _frame(job.id, job.tool, datetime.now(UTC), head, key, run_log)
    part = out / f"{MANIFEST}{_PART}"
    with part.open("wb") as file:
        file.write(before)
        _write_files(out, file)
        file.write(after)
        file.flush()
        os.fsync(file.fileno())
    _write_whole(out / SIGNATURE, _signature(part.read_bytes(), key))
    part.rename(out / MANIFEST)


def seal(
    files: Iterable[tuple[str, int, str]], *, job: str, tool: str, created: datetime, head: Head, key: SigningKey,
    run_log: str = RUN_LOG,
) -> tuple[bytes, bytes]:  # fmt: skip
    """The manifest of files that lie elsewhere than in a folder, and its signature.

    Args:
        files: Path, size and SHA-256 of each; the run log, the key and the verifier among them.
        job: What the run log's chain begins with.
        tool: Name and version.
        created: When it is signed.
        head: Where the run log ends.
        key: What signs.
        run_log: Path of the run log.

    Raises:
        ConfigError: a name is not Unicode.
    """
    ordered = sorted(files, key=lambda file: file[0].split("/"))
    before, after = _frame(job, tool, created, head, key, run_log)
    manifest = before + b",".join(_entry(path, size, digest) for path, size, digest in ordered) + after
    return manifest, _signature(manifest, key)


def verify_script() -> str:
    """The stand-alone verifier: one file that needs nothing but Python."""
    own, part = (Path(__file__).with_name(name).read_text("utf-8") for name in ("verifier.py", "ed25519.py"))
    line = next(line for line in own.splitlines(keepends=True) if line.startswith("from service.results.ed25519 "))
    return own.replace(line, part)


def verify_folder(out: Path, public_key: Path | None = None) -> Verification:
    """Check a folder of results; every problem is listed. The same checks as `verify.py`, by another Ed25519.

    Raises:
        ConfigError: `public_key` cannot be read, or is no Ed25519 key.
    """
    given = None if public_key is None else str(public_key)
    try:
        return verifier.verify_folder(str(out), given, signing.verify_signature)
    except (OSError, ValueError) as error:
        raise ConfigError(f"the public key {public_key} cannot be used: {error}") from error


def _frame(
    job: str, tool: str, created: datetime, head: Head, key: SigningKey, run_log: str
) -> tuple[bytes, bytes]:  # fmt: skip
    """What stands before and after the entries of a manifest."""
    fields = {
        "created": created.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "files": [],
        "fingerprint": key.fingerprint,
        "job": job,
        "public_key": key.public_bytes.hex(),
        "run_log": {"num_lines": head.num_lines, "path": run_log, "sha256": head.sha256},
        "schema_version": SCHEMA_VERSION,
        "tool": tool,
    }
    before, after = canonical(fields).split(b'"files":[]', 1)
    return before + b'"files":[', b"]" + after


def _entry(path: str, size: int, digest: str) -> bytes:
    try:
        return canonical({"bytes": size, "path": path, "sha256": digest})
    except UnicodeEncodeError:
        _refuse("name", path, "has a name that is not Unicode")


def _refuse(kind: str, where: str, what: str) -> NoReturn:
    raise ConfigError(f"{escape(os.fsencode(where))} in the results {what} ({kind}): they cannot be signed")


def _signature(manifest: bytes, key: SigningKey) -> bytes:
    return base64.b64encode(key.sign(manifest)) + b"\n"


def _write_files(out: Path, file: BinaryIO) -> None:
    comma = b""
    for path, size, digest in verifier.hash_files(str(out), _refuse):
        if path in (f"{MANIFEST}{_PART}", f"{SIGNATURE}{_PART}"):
            continue
        file.write(comma + _entry(path, size, digest))
        comma = b","


def _write_whole(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + _PART)
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
