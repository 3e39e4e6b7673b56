"""Fetching from servers that behave and from servers that do not."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.weights.origin import CONTENT, OTHER, a_checkpoint, answer, cut, ranged, serving, whole
from weights import WeightsError, WeightsMismatch, WeightsNotFound, WeightsUnavailable, fetch, http, locate

NET = a_checkpoint()


def nothing_left(cache: Path) -> bool:
    return not list(cache.iterdir())


def test_a_fetched_file_is_whole_and_is_found(cache: Path) -> None:
    seen: list[tuple[int, int]] = []
    with serving(ranged()) as origin:
        path = fetch(NET, url=origin.url, progress=lambda done, total: seen.append((done, total)))
    assert path == cache / "Net.pth"
    assert path.read_bytes() == CONTENT
    assert locate(NET) == path
    assert [entry.name for entry in cache.iterdir()] == ["Net.pth"]
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert seen == sorted(seen)
    assert len(seen) > 3


def test_a_file_that_is_there_is_not_fetched_again(cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "Net.pth").write_bytes(CONTENT)
    with serving(answer(500, {})) as origin:
        fetch(NET, url=origin.url)
    assert origin.ranges == []


def test_an_altered_file_that_is_there_is_replaced(cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "Net.pth").write_bytes(OTHER)
    with serving(ranged()) as origin:
        assert fetch(NET, url=origin.url).read_bytes() == CONTENT


def test_a_cut_transfer_goes_on_where_it_was_cut() -> None:
    with serving(cut(80_000), ranged()) as origin:
        assert fetch(NET, url=origin.url).read_bytes() == CONTENT
    assert origin.ranges[0] is None
    assert origin.ranges[1] is not None
    assert 0 < int(origin.ranges[1].removeprefix("bytes=").removesuffix("-")) <= 80_000


def test_a_later_call_goes_on_with_what_an_earlier_one_left(cache: Path) -> None:
    with serving(cut(80_000), answer(503, {})) as origin, pytest.raises(WeightsUnavailable, match="503"):
        fetch(NET, url=origin.url)
    kept = (cache / "Net.pth.part").stat().st_size
    assert 0 < kept <= 80_000
    assert not (cache / "Net.pth").exists()
    with serving(ranged()) as origin:
        assert fetch(NET, url=origin.url).read_bytes() == CONTENT
    assert origin.ranges == [f"bytes={kept}-"]


def test_a_transfer_that_is_cut_every_time_ends_in_an_error(cache: Path) -> None:
    with serving(cut(80_000)) as origin, pytest.raises(WeightsUnavailable, match="5 attempts"):
        fetch(NET, url=origin.url)
    assert len(origin.ranges) == 5
    assert (cache / "Net.pth.part").stat().st_size <= 80_000


def test_a_body_that_ends_early_without_a_length_is_not_taken_for_whole() -> None:
    with serving(answer(200, {}, CONTENT[:1_000])) as origin, pytest.raises(WeightsUnavailable, match="cut at"):
        fetch(NET, url=origin.url)


@pytest.mark.parametrize(
    "no_resume",
    [
        pytest.param(whole(), id="ignores Range"),
        pytest.param(answer(416, {"Content-Length": "0"}), id="416"),
        pytest.param(answer(206, {"Content-Range": "bytes 0-9/200000"}, CONTENT[:10]), id="another range"),
        pytest.param(answer(206, {}, CONTENT[50_000:]), id="no Content-Range"),
        pytest.param(answer(206, {"Content-Range": "bytes 50000-199999/300000"}, CONTENT), id="another total"),
    ],
)
def test_a_server_that_cannot_go_on_is_asked_for_the_whole(
    cache: Path, no_resume: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    cache.mkdir(parents=True)
    (cache / "Net.pth.part").write_bytes(CONTENT[:50_000])
    with serving(no_resume, ranged()) as origin:
        assert fetch(NET, url=origin.url).read_bytes() == CONTENT
    assert origin.ranges[0] == "bytes=50000-"
    assert set(origin.ranges[1:]) <= {None}


@pytest.mark.parametrize("length", [50_000, len(CONTENT), len(CONTENT) + 5])
def test_a_damaged_beginning_does_not_spoil_the_rest(cache: Path, length: int) -> None:
    cache.mkdir(parents=True)
    (cache / "Net.pth.part").write_bytes((OTHER * 2)[:length])
    with serving(ranged()) as origin:
        assert fetch(NET, url=origin.url).read_bytes() == CONTENT


def test_altered_bytes_are_refused_and_not_kept(cache: Path) -> None:
    with serving(ranged(OTHER)) as origin, pytest.raises(WeightsMismatch) as caught:
        fetch(NET, url=origin.url)
    assert NET.sha256 in str(caught.value)
    assert origin.url in str(caught.value)
    assert nothing_left(cache)


@pytest.mark.parametrize("length", [len(CONTENT) - 1, len(CONTENT) + 1])
def test_a_file_of_another_size_is_refused_before_it_is_read(cache: Path, length: int) -> None:
    with (
        serving(answer(200, {"Content-Length": str(length)}, (CONTENT + b"x")[:length])) as origin,
        pytest.raises(WeightsMismatch, match=str(length)),
    ):
        fetch(NET, url=origin.url)
    assert nothing_left(cache)


def test_a_stream_without_end_is_cut_off(cache: Path) -> None:
    sent = 0

    def endless(handler: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        answer(200, {})(handler)
        while sent < 200_000_000:
            handler.wfile.write(b"\0" * 100_000)
            sent += 100_000

    with serving(endless) as origin, pytest.raises(WeightsMismatch, match="more than"):
        fetch(NET, url=origin.url)
    assert sent < 50_000_000  # what fits into the sockets' buffers
    assert nothing_left(cache)


def test_a_missing_file_is_not_asked_for_twice() -> None:
    with serving(answer(404, {"Content-Length": "0"})) as origin, pytest.raises(WeightsUnavailable, match="404"):
        fetch(NET, url=origin.url)
    assert len(origin.ranges) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_state_that_passes_is_waited_for(status: int) -> None:
    with serving(answer(status, {"Content-Length": "0"}), ranged()) as origin:
        assert fetch(NET, url=origin.url).read_bytes() == CONTENT


def test_compressed_answers_are_refused() -> None:
    with (
        serving(answer(200, {"Content-Encoding": "gzip"}, b"")) as origin,
        pytest.raises(WeightsUnavailable, match="compresses"),
    ):
        fetch(NET, url=origin.url)


def test_a_redirect_on_this_machine_is_followed() -> None:
    with serving(ranged()) as goal, serving(answer(302, {"Location": goal.url, "Content-Length": "0"})) as origin:
        assert fetch(NET, url=origin.url).read_bytes() == CONTENT
    assert len(origin.ranges) == 1


@pytest.mark.parametrize("location", ["http://198.51.100.7/Net.pth", "ftp://127.0.0.1/Net.pth", "file:///etc/passwd"])
def test_a_redirect_to_an_open_line_is_refused(location: str) -> None:
    with (
        serving(answer(302, {"Location": location, "Content-Length": "0"})) as origin,
        pytest.raises(WeightsUnavailable, match="only https"),
    ):
        fetch(NET, url=origin.url)
    assert len(origin.ranges) == 1


def test_redirects_in_a_circle_end() -> None:
    with (
        serving(answer(302, {"Location": "/again", "Content-Length": "0"})) as origin,
        pytest.raises(WeightsUnavailable, match="redirects"),
    ):
        fetch(NET, url=origin.url)
    assert len(origin.ranges) == 6


def test_an_open_line_is_refused_at_once() -> None:
    with pytest.raises(WeightsUnavailable, match="only https"):
        fetch(NET, url="http://198.51.100.7/Net.pth")


def test_nobody_listening_is_an_error_with_advice() -> None:
    with serving(ranged()) as origin:
        url = origin.url
    with pytest.raises(WeightsUnavailable, match="--from DIR"):
        fetch(NET, url=url)


def test_a_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_SILENCE_SECONDS", 0.1)

    def silent(handler: BaseHTTPRequestHandler) -> None:
        answer(200, {"Content-Length": str(len(CONTENT))}, CONTENT[:1_000])(handler)
        time.sleep(0.4)

    with serving(silent) as origin, pytest.raises(WeightsUnavailable):
        fetch(NET, url=origin.url)


def test_a_slow_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_FLOOR_SECONDS", -1e9)
    with serving(ranged()) as origin, pytest.raises(WeightsUnavailable, match="too slowly"):
        fetch(NET, url=origin.url)


def test_two_at_once_do_not_write_one_file(cache: Path) -> None:
    cache.mkdir(parents=True)
    with (cache / "Net.pth.part").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with serving(ranged()) as origin, pytest.raises(WeightsUnavailable, match="another process"):
            fetch(NET, url=origin.url)
    assert origin.ranges == []


def test_a_link_in_place_of_the_part_is_not_followed(cache: Path, tmp_path: Path) -> None:
    cache.mkdir(parents=True)
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (cache / "Net.pth.part").symlink_to(victim)
    with serving(ranged()) as origin, pytest.raises(WeightsError):
        fetch(NET, url=origin.url)
    assert victim.read_text() == "precious"


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with serving(ranged()) as origin, pytest.raises(WeightsError, match="cannot be written"):
        fetch(NET, into=tmp_path / "file" / "weights", url=origin.url)


def test_from_a_folder(tmp_path: Path) -> None:
    (tmp_path / "Net.pth").write_bytes(CONTENT)
    into = tmp_path / "into"
    seen: list[tuple[int, int]] = []
    path = fetch(NET, into=into, source=tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert path == into / "Net.pth"
    assert path.read_bytes() == CONTENT
    assert seen == [(len(CONTENT), len(CONTENT))]


@pytest.mark.parametrize("content", [OTHER, CONTENT[:-1], CONTENT + b"x", b""])
def test_from_a_folder_with_an_altered_file(cache: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "Net.pth").write_bytes(content)
    with pytest.raises(WeightsMismatch, match=str(tmp_path / "Net.pth")):
        fetch(NET, source=tmp_path)
    assert nothing_left(cache)


def test_from_a_folder_without_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "Net.pth")  # not a file either, and opening it would wait for ever
    with pytest.raises(WeightsNotFound, match=r"Net\.pth"):
        fetch(NET, source=tmp_path)


def test_a_checkpoint_without_an_address_is_not_fetched() -> None:
    shipped = a_checkpoint(kind="default", url=None, repository=None, commit=None)
    with pytest.raises(WeightsNotFound, match="part of the installation"):
        fetch(shipped)
