"""A recording cannot make us open anything else: watched with inotify and with a server that counts."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from detect.errors import InputError
from detect.types import ItemState
from tests.looking import refused, surveyed
from tests.recipes import write_video


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", num_frames=5, size=(120, 160))


class _Watch:
    """Counts opens and reads of one file, with inotify."""

    _OPEN_OR_READ = 0x20 | 0x01

    def __init__(self, path: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._libc.inotify_init1(os.O_NONBLOCK)
        assert self._libc.inotify_add_watch(self._descriptor, os.fsencode(path), self._OPEN_OR_READ) >= 0

    def count(self) -> int:
        try:
            return len(os.read(self._descriptor, 4096)) // 16
        except BlockingIOError:
            return 0


class _Counting(BaseHTTPRequestHandler):
    hits = 0

    def do_GET(self) -> None:  # http.server's own name
        type(self).hits += 1
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's own name
        """Say nothing."""


@contextmanager
def _server() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Counting)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


SCRIPTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{file}\n#EXTINF:1,\n{address}/a.ts\n#EXT-X-ENDLIST\n",
    "hls_key": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{file}"\n#EXTINF:1,\n{address}/a.ts\n#EXT-X-ENDLIST\n',
    "ffconcat": "ffconcat version 1.0\nfile {file}\nfile {address}/a.mp4\n",
    "svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="{file}"/><image href="{address}/a.png"/></svg>',
    "xml": '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file://{file}">]><a>&x;</a>',
    "dash": '<?xml version="1.0"?><MPD><Period><BaseURL>{address}/</BaseURL></Period></MPD>',
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    "mvg": "push graphic-context\nimage over 0,0 0,0 '{file}'\npop graphic-context\n",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_are_refused_and_nothing_is_opened(name: str, clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.mp4"
    target.write_bytes(clip.read_bytes())
    with _server() as address:
        script = tmp_path / "script.mp4"
        script.write_text(SCRIPTS[name].format(file=target, address=address))
        watch, before = _Watch(target), _Counting.hits
        error = refused(script)
        assert error.state is ItemState.UNSUPPORTED
        assert watch.count() == 0
        assert _Counting.hits == before


def test_the_proof_itself(tmp_path: Path) -> None:
    """Both counters do count: otherwise the test above could not fail."""
    target = tmp_path / "target"
    target.write_bytes(b"x")
    watch = _Watch(target)
    target.read_bytes()
    assert watch.count() > 0
    with _server() as address:
        before = _Counting.hits
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            connection.recv(100)
        assert _Counting.hits == before + 1


def test_a_track_that_lies_in_another_file_is_not_fetched(clip: Path, tmp_path: Path) -> None:
    """QuickTime data references name files; FFmpeg follows them where it may."""
    target = tmp_path / "target.mp4"
    target.write_bytes(clip.read_bytes())
    data = clip.read_bytes()
    place = data.index(b"url \x00\x00\x00\x01")
    reference = tmp_path / "reference.mp4"
    reference.write_bytes(data[:place] + b"alis\x00\x00\x00\x00" + data[place + 8 :])
    watch = _Watch(target)
    with suppress(InputError):
        surveyed(reference)
    assert watch.count() == 0
