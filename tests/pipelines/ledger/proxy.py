"""A connection to PostgreSQL that can be cut at a chosen moment."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

_BYTES = 65_536
_COMMIT = b"COMMIT\0"
"""The statement with its end: transactions begin with `ISOLATION LEVEL READ COMMITTED`."""


class Proxy:
    """Passes bytes on between loopback and a server; armed, it cuts the first connection that says COMMIT."""

    def __init__(self, port: int) -> None:
        self._server = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._admits = True
        self._arrives = False
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.armed = False
        self.num_cuts = 0

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        self._cut_all()
        for thread in self._threads:
            thread.join()

    def refuse(self) -> None:
        """Cut all connections, and every new one."""
        self._admits = False
        self._cut_all()

    def admit(self) -> None:
        self._admits = True

    def cut_at_commit(self, *, arrives: bool) -> None:
        """Arm it. With `arrives` the server commits, and only its answer is lost."""
        self._arrives = arrives
        self.armed = True

    def _cut_all(self) -> None:
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if not self._admits:
                client.close()
                continue
            server = socket.create_connection(("127.0.0.1", self._server))
            self._open += [client, server]
            thread = threading.Thread(target=self._serve, args=(client, server))
            thread.start()
            self._threads.append(thread)

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        answers = threading.Thread(target=self._pass_answers, args=(client, server))
        answers.start()
        with contextlib.suppress(OSError):
            while said := client.recv(_BYTES):
                if self.armed and _COMMIT in said:
                    # Nothing more reaches the client: its connection ends instead of an answer.
                    client.shutdown(socket.SHUT_WR)
                    self.armed = False
                    self.num_cuts += 1
                    if self._arrives:
                        server.sendall(said)
                    break
                server.sendall(said)
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_WR)  # what was sent before is read and done first
        answers.join()
        client.close()
        server.close()

    def _pass_answers(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while answer := server.recv(_BYTES):
                with contextlib.suppress(OSError):
                    client.sendall(answer)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
