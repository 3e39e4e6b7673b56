"""A PostgreSQL server of the machine's own binaries: loopback only, gone with the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

_START_SECONDS = 30.0


def binaries() -> Path | None:
    """Folder of the newest PostgreSQL on this machine (Debian's layout, else what PATH finds)."""
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if packaged:
        return packaged[-1].parent
    found = shutil.which("postgres")
    return Path(found).resolve().parent if found else None


class Server:
    """One server, with one superuser `unmask` who needs no password."""

    def __init__(self, folder: Path) -> None:
        # Not under pytest's folder: that one only root may enter, and PostgreSQL refuses to run as root.
        self._home = Path(tempfile.mkdtemp(prefix="pg-"))
        self._programs = folder
        self.port = free_port()
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self._home, nobody.pw_uid, nobody.pw_gid)
        self._data = self._home / "data"
        done = subprocess.run(
            [*self._call("initdb"), "-D", self._data, "-U", "unmask", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"],
            capture_output=True,
            text=True,
            cwd=self._home,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def _call(self, program: str) -> Sequence[str]:
        """How to run a program: without root's rights, and ended when the tests are killed."""
        call = ["setpriv", "--pdeathsig", "INT"]
        if os.geteuid() == 0:
            call += ["--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
        return [*call, str(self._programs / program)]

    def url(self, database: str = "postgres", port: int | None = None) -> str:
        return f"postgresql://unmask@127.0.0.1:{port or self.port}/{database}"

    def start(self) -> None:
        """Start it; from the main thread, because it ends with the thread that started it."""
        # Nothing here cuts the power, so nothing is waited for to reach the disk.
        settings = ["listen_addresses=127.0.0.1", f"unix_socket_directories={self._home}", "fsync=off"]
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *self._call("postgres"),
                    *("-D", self._data, "-p", str(self.port)),
                    *(word for setting in settings for word in ("-c", setting)),
                ],
                stdout=log,
                stderr=log,
                cwd=self._home,
            )
        deadline = time.monotonic() + _START_SECONDS
        while subprocess.run(
            [self._programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False
        ).returncode:
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError((self._home / "log").read_text())
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End all connections and the server; SIGQUIT as a crash does."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_START_SECONDS)
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._home)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def running_server() -> Iterator[Server]:
    """A server with nothing in it; where this machine cannot run one, the test skips."""
    folder = binaries()
    if folder is None or shutil.which("setpriv") is None:
        pytest.skip("no PostgreSQL server on this machine, or no setpriv to run it without root's rights")
    server = Server(folder)
    yield server
    server.remove()


@contextmanager
def fresh_database(server: Server) -> Iterator[str]:
    """The name of a database with nothing in it."""
    name = f"d{uuid.uuid4().hex}"
    with psycopg.connect(server.url(), autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}".encode())
    yield name
    with psycopg.connect(server.url(), autocommit=True) as db:
        db.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def drop_connections(server: Server) -> int:
    """End all connections but the one that asks."""
    with psycopg.connect(server.url(), autocommit=True) as db:
        return len(
            db.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            ).fetchall()
        )
