"""An upload in a process of its own that ends at any point: `python -m tests.service.vault.uploading`.

Reads a line `FOLDER POINT` on its standard input, forks, and lets the child upload; the child kills itself as `kill -9`
does before its call number POINT to the system, halfway through it where that is a write. Answers with one line of
JSON: what the upload had answered until then, and whether the child was killed. POINT 0: nobody kills it but others;
its process id is answered first.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from service.vault.digests import Checksum, parse_checksum
from service.vault.incoming import Incoming
from service.vault.vault import Stored, Vault

ID = "upload_" + "5" * 32
MOVIE = hashlib.shake_128(b"movie").digest(400_000)
DIGEST = hashlib.sha256(MOVIE).hexdigest()
PIECES = ((0, 100_000, False), (100_000, 250_000, True), (250_000, 300_000, False), (300_000, 400_000, True))
"""Beginning, end, and whether it has a checksum."""
_CALLS = ("open", "pwrite", "fsync", "link", "unlink", "ftruncate", "fchmod", "mkdir", "close")


def checksum(piece: bytes) -> Checksum:
    """As a client announces it."""
    digest = hashlib.sha1(piece, usedforsecurity=False).digest()
    return parse_checksum(f"sha1 {base64.b64encode(digest).decode()}")


def upload(folder: Path, said: Callable[[str, int], None], *, chunk: int = 40_000) -> None:
    """All of an upload; `said` hears each answer."""
    incoming = Incoming(folder, Vault(folder, reserve_bytes=0))
    incoming.create(ID, len(MOVIE))
    said("offset", 0)
    for start, end, checked in PIECES:
        piece = MOVIE[start:end]
        offset = incoming.append(
            ID,
            start,
            (piece[at : at + chunk] for at in range(0, len(piece), chunk)),
            checksum=checksum(piece) if checked else None,
        )
        said("offset", offset)

    def record(stored: Stored) -> None:
        said("stored", stored.num_bytes)
        write_down(folder, stored)

    said("finished", incoming.finish(ID, DIGEST, record=record).num_bytes)


def write_down(folder: Path, stored: Stored) -> None:
    """What a database would do."""
    with (folder / "recorded").open("w") as file:
        file.write(stored.sha256)
        file.flush()
        os.fsync(file.fileno())
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def _kill_at(point: int) -> None:
    left = point

    def watched(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def before(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                if name == "pwrite":
                    call(args[0], args[1][: len(args[1]) // 2], args[2])
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return before

    for name in _CALLS:
        setattr(os, name, watched(name, getattr(os, name)))


def main() -> None:
    for line in sys.stdin:
        folder, point = line.split()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)

            def said(what: str, value: int, writing: int = writing, write: Any = os.write) -> None:
                write(writing, json.dumps([what, value]).encode() + b"\n")

            if int(point):
                _kill_at(int(point))
            try:
                upload(Path(folder), said, chunk=40_000 if int(point) else 500)
            except Exception:  # noqa: BLE001 - it is told, and this process must not go on
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(0)
        os.close(writing)
        if not int(point):
            sys.stdout.write(f"{child}\n")
            sys.stdout.flush()
        with os.fdopen(reading, "rb") as file:
            answers = [json.loads(answer) for answer in file]
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(json.dumps({"answers": answers, "status": status}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
