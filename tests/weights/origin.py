"""A real HTTP server on this machine that serves one file, well or badly."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from weights import Checkpoint

CONTENT = np.random.default_rng(7).bytes(200_000)
OTHER = np.random.default_rng(8).bytes(200_000)


def a_checkpoint(content: bytes = CONTENT, file: str = "Net.pth", **fields: object) -> Checkpoint:
    """A manifest entry for a file with this content."""
    return Checkpoint.model_validate(
        {
            "name": "net.corpus",
            "modality": "voice",
            "architecture": "net",
            "kind": "upstream",
            "file": file,
            "sha256": hashlib.sha256(content).hexdigest(),
            "num_bytes": len(content),
            "url": "https://example.org/Net.pth",
            "repository": "https://example.org",
            "commit": "0" * 40,
            "licence": "MIT",
            "paper": "none",
            "training_data": ("corpus",),
            "corpora": ("corpus",),
            "card": "net.md",
            "known_limits": "none",
            **fields,
        }
    )


@dataclass(slots=True)
class Origin:
    """What the server was asked, and how it answers: one behaviour a request, the last one for all that follow."""

    url: str
    behaviours: list[Callable[[BaseHTTPRequestHandler], None]]
    ranges: list[str | None] = field(default_factory=list)
    """The Range header of each request."""


@contextmanager
def serving(*behaviours: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[Origin]:
    """Serve on a free port of the loopback address until the block ends."""
    origin = Origin(url="", behaviours=list(behaviours))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            origin.ranges.append(self.headers.get("Range"))
            behaviour = origin.behaviours.pop(0) if len(origin.behaviours) > 1 else origin.behaviours[0]
            self.close_connection = True
            try:
                behaviour(self)
            except ConnectionError:  # the client has heard enough
                return

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
            """Keep the test output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    origin.url = f"http://127.0.0.1:{server.server_address[1]}/Net.pth"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield origin
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def whole(content: bytes = CONTENT) -> Callable[[BaseHTTPRequestHandler], None]:
    """The file from its beginning, whatever was asked."""
    return answer(200, {"Content-Length": str(len(content))}, content)


def ranged(content: bytes = CONTENT) -> Callable[[BaseHTTPRequestHandler], None]:
    """What a good server does."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        asked = handler.headers.get("Range")
        if asked is None:
            return whole(content)(handler)
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        rest = content[start:]
        place = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return answer(206, {"Content-Length": str(len(rest)), "Content-Range": place}, rest)(handler)

    return behave


def cut(num_bytes: int, content: bytes = CONTENT) -> Callable[[BaseHTTPRequestHandler], None]:
    """Promise the whole, send only so much, hang up."""
    return answer(200, {"Content-Length": str(len(content))}, content[:num_bytes])


def answer(status: int, headers: dict[str, str], body: bytes = b"") -> Callable[[BaseHTTPRequestHandler], None]:
    """A status, headers, a body; nothing is put right."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Connection": "close", **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return behave
