"""Verify the results of a scan with nothing but Python 3.8 or newer: run `python -I verify.py` in their folder.

Checked are the signature of manifest.json, the hash and size of every file that it names, that no file is missing or
added, and every line of the run log. `--public-key FILE` names the signer's key; without it the key is taken from the
folder, and then the check shows only that the folder is as somebody signed it, not who: compare the fingerprint with
one that reached you by another way. A script that lies among the files it checks can be changed with them: take it from
a place that you trust, or compare its SHA-256, and name the folder: `python -I /trusted/verify.py DIR`.

The signature is Ed25519 (RFC 8032), verified here in plain integers; the manifest is JSON in canonical form (RFC 8785).
It is copied into every folder of results, with `ed25519.py` in place of the one import that is not of the standard
library, and so must not import anything else that is not.
"""
# No `__future__` import, and quoted annotations: modules that lie beside this file must not be imported in place of the
# standard library's, so nothing is imported before the folder is off the path. Paths are texts: `os` takes any name.
# ruff: noqa: PTH100, PTH118, PTH120

import sys

if __name__ == "__main__" and not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
    del sys.path[0]

import argparse
import base64
import binascii
import hashlib
import io
import json
import os
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, Callable, Iterator, NamedTuple, NoReturn  # noqa: UP035 - for Python 3.8

from service.results.ed25519 import fingerprint_of, public_key_of, verify_signature

SCHEMA_VERSION = "1.0"
MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
PUBLIC_KEY = "public_key.pem"
SCRATCH = "work"
"""Folder at the top that belongs to the scan, not to its results."""
_CHUNK_BYTES = 1 << 20
_DEPTH = 100
"""Folders within folders; results have three."""
_WINDOW = 4096
"""Files that are hashed at a time."""
_LINE_BYTES = 1 << 20
"""Longest line of a run log that is read."""
_MANIFEST_BYTES = 2 << 30
"""Longest manifest that is read: that of some ten million files."""
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]+\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")

Verify = Callable[[bytes, bytes, bytes], bool]
"""Public key, signature, message: whether the signature is the key's."""


class Problem(NamedTuple):
    """One thing that is not as it was signed."""

    kind: str
    """`signature`, `key`, `manifest`, `changed`, `missing`, `extra`, `link`, `special`, `unreadable` or `run_log`."""
    where: str
    """Path in the folder, or empty."""
    what: str


class Verification(NamedTuple):
    """What came of checking a folder."""

    problems: "tuple[Problem, ...]"
    remarks: "tuple[str, ...]"
    """What a reader has to know even where there is no problem."""
    fingerprint: str
    """SHA-256 of the key that the signature was checked with (of its DER form); empty where there was none."""
    job: str
    tool: str
    created: str
    num_files: int
    """Files that were compared and are as they were signed."""
    num_bytes: int

    @property
    def good(self) -> bool:
        """Whether everything is as it was signed."""
        return not self.problems

    def text(self) -> str:
        """For a person."""
        lines = [f"job: {self.job}", f"tool: {self.tool}", f"signed at: {self.created}"] if self.job else []
        lines += [f"fingerprint of the key: {self.fingerprint}"] if self.fingerprint else []
        lines += [f"files as they were signed: {self.num_files}, {self.num_bytes} bytes"]
        lines += [f"problem ({kind}): {where} {what}" for kind, where, what in self.problems]
        lines += [f"note: {remark}" for remark in self.remarks]
        lines += [f"NOT GOOD: {len(self.problems)} problems" if self.problems else "GOOD: all is as it was signed"]
        return "\n".join(map(visible, lines))


def visible(text: str) -> str:
    """Text from a folder that may be hostile, without what a terminal would obey."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def verify_folder(folder: str, public_key: "str | None" = None, verify: Verify = verify_signature) -> Verification:
    """Check a folder of results.

    Args:
        folder: The folder.
        public_key: File with the signer's key, PEM; None takes the key that lies in the folder.
        verify: What checks the signature.

    Raises:
        OSError, ValueError: `public_key` cannot be read, or is no key.
    """
    check = _Check(folder)
    given = public_key_of(_read(public_key, 1 << 16)) if public_key is not None else None
    manifest, key = check.signed_manifest(given, verify)
    if manifest is not None:
        check.files(manifest["files"])
        check.run_log(manifest["run_log"], manifest["job"])
    facts = {name: "" if manifest is None else manifest[name] for name in ("job", "tool", "created")}
    return Verification(
        problems=tuple(check.problems),
        remarks=tuple(check.remarks),
        fingerprint="" if key is None else fingerprint_of(key),
        num_files=check.num_files,
        num_bytes=check.num_bytes,
        **facts,
    )


class _Check:
    """A folder, and what was found in it."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.problems: list[Problem] = []
        self.remarks: list[str] = []
        self.num_files = self.num_bytes = 0

    def problem(self, kind: str, where: str, what: str) -> None:
        self.problems.append(Problem(kind, where, what))

    def signed_manifest(self, given: "bytes | None", verify: Verify) -> "tuple[dict[str, Any] | None, bytes | None]":
        """The manifest, and the key that it was checked with; a problem for whatever is wrong with them."""
        data, signature, pem = (self._read(name) for name in (MANIFEST, SIGNATURE, PUBLIC_KEY))
        enclosed = None
        if pem is not None:
            try:
                enclosed = public_key_of(pem)
            except ValueError as error:
                self.problem("key", PUBLIC_KEY, str(error))
        if given is None:
            self.remarks.append(
                "the key was taken from the folder itself: this shows that the folder is as it was signed, not who "
                "signed it; compare the fingerprint with one that reached you by another way"
            )
        elif enclosed is not None and enclosed != given:
            self.problem("key", PUBLIC_KEY, "is not the key that was given")
        key = enclosed if given is None else given
        if data is None:
            return None, key
        if key is None:
            self.problem("signature", SIGNATURE, "could not be checked: there is no key")
        elif signature is not None and not verify(key, _base64(signature), data):
            self.problem("signature", SIGNATURE, "is not the signature of manifest.json by this key")
        try:
            manifest = read_manifest(data)
        except (ValueError, RecursionError) as error:
            self.problem("manifest", MANIFEST, str(error))
            return None, key
        if key is not None and (manifest["public_key"], manifest["fingerprint"]) != (key.hex(), fingerprint_of(key)):
            self.problem("key", MANIFEST, "names another key than the one it was checked with")
        return manifest, key

    def files(self, signed: "list[dict[str, Any]]") -> None:
        """Hold what is there against what was signed. No name from the manifest is ever opened."""
        expected = iter(signed)
        want = next(expected, None)
        for path, size, digest in hash_files(self.folder, self.problem):
            while want is not None and want["path"].split("/") < path.split("/"):
                self.problem("missing", want["path"], "was signed and is not there")
                want = next(expected, None)
            if want is None or want["path"] != path:
                self.problem("extra", path, "is there and was not signed")
                continue
            if (want["bytes"], want["sha256"]) != (size, digest):
                self.problem("changed", path, f"has {size} bytes with the SHA-256 {digest}")
            else:
                self.num_files, self.num_bytes = self.num_files + 1, self.num_bytes + size
            want = next(expected, None)
        while want is not None:
            self.problem("missing", want["path"], "was signed and is not there")
            want = next(expected, None)
        if os.path.lexists(os.path.join(self.folder, SCRATCH)):
            self.remarks.append(f"the folder {SCRATCH}/ belongs to the scan, not to its results, and is not signed")

    def run_log(self, signed: "dict[str, Any]", job: str) -> None:
        """Follow the chain of digests from the first line to the signed last one."""
        index, digest, wrong = 0, "0" * 64 + job, ""
        try:
            with _open(os.path.join(self.folder, signed["path"])) as file:
                for index, line in enumerate(iter(lambda: file.readline(_LINE_BYTES), b""), start=1):
                    wrong = _misfit(line, index, digest)
                    digest = hashlib.sha256(line).hexdigest()
                    if index == signed["num_lines"] and digest != signed["sha256"]:
                        wrong = wrong or "is not the last line that was signed"
                    elif index > signed["num_lines"]:
                        wrong = wrong or f"stands behind the {signed['num_lines']} lines that were signed"
                    if wrong:
                        break
            if not wrong and index < signed["num_lines"]:
                index, wrong = index + 1, f"is missing, with all behind it: {signed['num_lines']} lines were signed"
        except OSError as error:
            index, wrong = index + 1, _why(error)
        if wrong:
            self.problem("run_log", signed["path"], f"line {index} {wrong}")

    def _read(self, name: str) -> "bytes | None":
        try:
            return _read(os.path.join(self.folder, name), _MANIFEST_BYTES)
        except OSError as error:
            self.problem("missing" if isinstance(error, FileNotFoundError) else "unreadable", name, _why(error))
            return None


def hash_files(folder: str, problem: "Callable[[str, str, str], None]") -> "Iterator[tuple[str, int, str]]":
    """Path, size and SHA-256 of every file that is or should be signed, ordered by the components of the path.

    Links are not followed and special files not opened; they are problems.
    """
    paths = _walk(folder, "", problem)
    with ThreadPoolExecutor(min(32, os.cpu_count() or 1)) as pool:
        while chunk := list(islice(paths, _WINDOW)):
            hashed = pool.map(_hash, (os.path.join(folder, path) for path in chunk))
            for index, (size, digest, wrong) in enumerate(hashed):
                if wrong:
                    problem("unreadable", chunk[index], wrong)
                else:
                    yield chunk[index], size, digest


def _walk(folder: str, inner: str, problem: "Callable[[str, str, str], None]") -> "Iterator[str]":
    try:
        with os.scandir(os.path.join(folder, inner)) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        problem("unreadable", inner, _why(error))
        return
    if inner.count("/") >= _DEPTH:
        problem("special", inner, "is nested deeper than results are")
        return
    for entry in entries:
        path = inner + "/" + entry.name if inner else entry.name
        if path in (MANIFEST, SIGNATURE):
            continue
        if entry.is_symlink():
            problem("link", path, "is a link; results hold none")
        elif entry.is_dir():
            if path != SCRATCH:
                yield from _walk(folder, path, problem)
        elif entry.is_file():
            yield path
        else:
            problem("special", path, "is neither a file nor a folder")


def _hash(path: str) -> "tuple[int, str, str]":
    digest, size = hashlib.sha256(), 0
    try:
        with _open(path) as file:
            for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""):
                digest.update(chunk)
                size += len(chunk)
    except OSError as error:
        return size, "", _why(error)
    return size, digest.hexdigest(), ""


def _open(path: str) -> Any:
    """Open a plain file; never a link, and never something that waits for another process."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "is no plain file")
    return os.fdopen(descriptor, "rb")


def _read(path: str, limit: int) -> bytes:
    with _open(path) as file:
        data: bytes = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(0, f"is larger than {limit} bytes")
    return data


def _why(error: OSError) -> str:
    return error.strerror or "cannot be read"


def _base64(data: bytes) -> bytes:
    try:
        return base64.b64decode(data.strip(), validate=True)
    except binascii.Error:
        return b""


def _misfit(line: bytes, index: int, previous: str) -> str:
    """What is wrong with a line of a run log; empty where nothing is."""
    try:
        record = json.loads(line) if line.endswith(b"\n") else None
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        return "is no event"
    if record.get("prev") != previous:
        return "does not carry the digest of what is before it"
    return "" if record.get("seq") == index else "has another number"


def read_manifest(data: bytes) -> "dict[str, Any]":
    """A manifest that is of this schema, in canonical form, and names only files inside.

    Raises:
        ValueError, RecursionError: it is not.
    """
    manifest = json.loads(data, parse_float=_refuse, parse_constant=_refuse)
    if not isinstance(manifest, dict) or manifest.get("schema_version") != SCHEMA_VERSION:
        raise ValueError("this is no manifest of schema version " + SCHEMA_VERSION)
    if canonical(manifest) != data:  # or two readers might read two things
        raise ValueError("is not in canonical form")
    texts = ("created", "fingerprint", "job", "public_key", "tool")
    if not all(isinstance(manifest.get(name), str) for name in texts):
        raise ValueError("one of its texts is missing")
    log: Any = manifest.get("run_log")
    files: Any = manifest.get("files")
    if not _is_record(log, "num_lines") or not _PLAIN_NAME.match(log["path"]):
        raise ValueError("run_log is malformed")
    if not isinstance(files, list) or not all(_is_record(file, "bytes") for file in files):
        raise ValueError("files is malformed, or names something outside of the folder")
    keys = [file["path"].split("/") for file in files]
    if any(keys[at] <= keys[at - 1] for at in range(1, len(keys))):
        raise ValueError("its files are not in order, or one is named twice")
    if [log["path"]] not in keys:
        raise ValueError("the run log is not among the files")
    return manifest


def _is_record(value: Any, number: str) -> bool:
    if not isinstance(value, dict) or set(value) != {"path", "sha256", number} or type(value[number]) is not int:
        return False
    path, digest = value["path"], value["sha256"]
    if not isinstance(path, str) or not isinstance(digest, str) or value[number] < 0 or not _DIGEST.match(digest):
        return False
    return not {"", ".", ".."} & set(path.split("/"))


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} has no place in a manifest")


def canonical(value: Any) -> bytes:
    """JSON in the form of RFC 8785, for values without floats whose keys are ASCII.

    Raises:
        ValueError: a text is not Unicode.
    """
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def main() -> int:
    """The command line: 0 where all is as it was signed, 1 where not, 2 for a wrong call."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("folder", nargs="?", default=here, help="the results; without it the folder of this script")
    parser.add_argument("--public-key", metavar="FILE", help="the signer's key, PEM")
    arguments = parser.parse_args()
    try:
        verification = verify_folder(arguments.folder, arguments.public_key)
    except (OSError, ValueError) as error:
        parser.error(f"{arguments.public_key}: {error}")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that cannot show a name
    sys.stdout.write(verification.text() + "\n")
    return 0 if verification.good else 1


if __name__ == "__main__":
    sys.exit(main())
