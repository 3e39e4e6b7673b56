"""Resumable uploads, with a tus client that others wrote, and with one that does what none should."""

from __future__ import annotations

import base64
import hashlib
import io
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError, TusUploadFailed

from service.store.schema import evidence
from service.vault.errors import Busy
from tests.service.api.bench import Bench, bench, serving
from tests.service.api.test_jobs import new_case

MOVIE = hashlib.shake_128(b"movie").digest(3_000_000)
DIGEST = hashlib.sha256(MOVIE).hexdigest()
PIECE = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
TUS = {"Tus-Resumable": "1.0.0"}


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Somebody at a service for all tests that leave nothing behind."""
    with bench(tmp_path_factory.mktemp("house")) as made, serving(made), made.client() as client:
        made.announce()
        yield client


def said(**values: str) -> str:
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in values.items())


def begin(client: httpx.Client, case: str, num_bytes: int = len(MOVIE), **values: str) -> str:
    answer = client.post(
        "/v1/uploads",
        headers=TUS | {"Upload-Length": str(num_bytes), "Upload-Metadata": said(case=case, **values)},
    )
    assert answer.status_code == 201, answer.text
    assert answer.headers["Upload-Offset"] == "0"
    return answer.headers["Location"]


def send(client: httpx.Client, url: str, offset: int, piece: bytes, **headers: str) -> httpx.Response:
    return client.patch(url, headers=PIECE | {"Upload-Offset": str(offset)} | headers, content=piece)


def offset_of(client: httpx.Client, url: str) -> int:
    answer = client.head(url, headers=TUS)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    return int(answer.headers["Upload-Offset"])


def tus_client(at: Bench) -> TusClient:
    return TusClient(f"{at.base}/v1/uploads", headers={"Authorization": f"Bearer {at.key}"})


def raw_patch(at: Bench, url: str, offset: int, num_bytes: int) -> socket.socket:
    """A client that has announced bytes, and sent none yet."""
    host, _, port = at.base.removeprefix("http://").partition(":")
    raw = socket.create_connection((host, int(port)), timeout=20)
    raw.sendall(
        f"PATCH {url} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {at.key}\r\nTus-Resumable: 1.0.0\r\n"
        f"Content-Type: application/offset+octet-stream\r\nUpload-Offset: {offset}\r\n"
        f"Content-Length: {num_bytes}\r\n\r\n".encode()
    )
    return raw


def wait_until_it_is_written_to(at: Bench, url: str) -> None:
    until = time.monotonic() + 10
    with suppress(Busy):
        while time.monotonic() < until:
            at.service.incoming.offset(url.rpartition("/")[2])
            time.sleep(0.02)


def test_a_tus_client_uploads_in_pieces_with_checksums(at: Bench, client: httpx.Client) -> None:
    case = new_case(client)
    uploader = tus_client(at).uploader(
        file_stream=io.BytesIO(MOVIE),
        chunk_size=700_000,
        metadata={"filename": "../../Zürich 1.mp4", "case": case, "priority": "batch", "sha256": DIGEST},
        upload_checksum=True,
    )
    uploader.upload()
    job_id = uploader.request.response_headers["unmask-job"]
    job = client.get(f"/v1/jobs/{job_id}").json()
    assert (job["sha256"], job["num_bytes"], job["filename"]) == (DIGEST, len(MOVIE), "Zürich 1.mp4")
    assert (job["priority"], job["case"], job["status"]) == ("batch", case, "queued")
    later = client.head(uploader.url, headers=TUS)
    assert later.headers["Unmask-Job"] == job_id
    assert later.headers["Upload-Offset"] == later.headers["Upload-Length"] == str(len(MOVIE))
    assert "Upload-Expires" not in later.headers
    assert send(client, uploader.url, len(MOVIE), b"").headers["Unmask-Job"] == job_id
    assert send(client, uploader.url, len(MOVIE), b"more").status_code == 409
    assert client.delete(uploader.url, headers=TUS).status_code == 409
    assert at.service.vault.verify(DIGEST) == len(MOVIE)


def test_a_client_that_died_at_60_percent_goes_on(at: Bench, client: httpx.Client) -> None:
    """Case 49: it had announced all of it in one request, and knows nothing but the address."""
    url = begin(client, new_case(client), sha256=DIGEST)
    there = len(MOVIE) * 6 // 10
    with raw_patch(at, url, 0, len(MOVIE)) as raw:
        raw.sendall(MOVIE[:there])
    until = time.monotonic() + 10
    while offset_of(client, url) != there and time.monotonic() < until:
        time.sleep(0.02)  # its death takes a moment to arrive
    uploader = tus_client(at).uploader(file_stream=io.BytesIO(MOVIE), url=f"{at.base}{url}", chunk_size=10**6)
    assert uploader.offset == there
    uploader.upload()
    job = client.get(f"/v1/jobs/{uploader.request.response_headers['unmask-job']}").json()
    assert job["sha256"] == DIGEST
    with at.service.store.read() as db:
        assert len(db.execute(select(evidence)).all()) == 1
    assert list(at.service.vault.digests()) == [DIGEST]
    assert list(at.service.incoming.uploads()) == []


def test_a_client_that_is_silent_gives_way_to_itself(at: Bench, client: httpx.Client) -> None:
    """Its old connection never broke, as when a laptop is closed and opened elsewhere."""
    url = begin(client, new_case(client))
    with raw_patch(at, url, 0, len(MOVIE)) as raw:
        raw.sendall(MOVIE[:1_000_000])
        wait_until_it_is_written_to(at, url)
        began = time.monotonic()
        assert offset_of(client, url) == 1_000_000
        assert time.monotonic() - began < 3
        assert b"409" in raw.recv(100)
    answer = send(client, url, 1_000_000, MOVIE[1_000_000:])
    assert answer.status_code == 204
    assert "Unmask-Job" in answer.headers


def test_an_active_client_is_not_disturbed_but_may_give_up(at: Bench, client: httpx.Client) -> None:
    url = begin(client, new_case(client), 100_000_000)
    raw = raw_patch(at, url, 0, 100_000_000)
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(0.1):
            try:
                raw.sendall(b"x" * 10_000)
            except OSError:
                return

    sender = threading.Thread(target=drip)
    sender.start()
    try:
        wait_until_it_is_written_to(at, url)
        busy = client.head(url, headers=TUS)
        assert busy.status_code == 423
        assert busy.headers["Retry-After"] == "1"
        assert busy.headers["Tus-Resumable"] == "1.0.0"
        assert client.delete(url, headers=TUS).status_code == 204
        assert client.head(url, headers=TUS).status_code == 410
    finally:
        stop.set()
        sender.join()
        raw.close()
    assert list(at.service.incoming.uploads()) == []


def test_two_at_the_same_offset_are_one_and_a_conflict(at: Bench, client: httpx.Client) -> None:
    """Case 50."""
    url = begin(client, new_case(client), sha256=DIGEST)
    piece = MOVIE[:2_000_000]
    with at.client() as other, ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda each: send(each, url, 0, piece).status_code, (client, other)))
    assert sorted(answers) == [204, 409]
    assert offset_of(client, url) == len(piece)
    assert "Unmask-Job" in send(client, url, len(piece), MOVIE[len(piece) :]).headers


def test_a_wrong_checksum_leaves_the_offset(at: Bench, client: httpx.Client) -> None:
    """Case 51."""
    url = begin(client, new_case(client))
    sha1 = base64.b64encode(hashlib.sha1(MOVIE[:1000], usedforsecurity=False).digest()).decode()
    assert send(client, url, 0, MOVIE[:1000], **{"Upload-Checksum": f"sha1 {sha1}"}).status_code == 204
    wrong = send(client, url, 1000, MOVIE[1001:2001], **{"Upload-Checksum": f"sha1 {sha1}"})
    assert wrong.status_code == 460
    assert offset_of(client, url) == 1000
    for odd in ("crc32 AAAA", "sha1", "sha1 !!!", "sha1 " + "A" * 300):
        assert send(client, url, 1000, MOVIE[1000:2000], **{"Upload-Checksum": odd}).status_code == 422
    assert offset_of(client, url) == 1000


def test_another_recording_than_was_announced_is_refused(at: Bench, client: httpx.Client) -> None:
    case = new_case(client)
    url = begin(client, case, sha256="0" * 64)
    assert send(client, url, 0, MOVIE).status_code == 460
    assert client.head(url, headers=TUS).status_code == 410
    assert list(at.service.incoming.uploads()) == []
    assert list(at.service.vault.digests()) == []
    assert client.get("/v1/jobs", params={"case": case}).json()["jobs"] == []


def test_the_protocol(guest: httpx.Client) -> None:
    options = guest.options("/v1/uploads")
    assert options.status_code == 204
    assert options.headers["Tus-Version"] == "1.0.0"
    assert options.headers["Tus-Extension"] == "creation,creation-with-upload,expiration,checksum,termination"
    assert int(options.headers["Tus-Max-Size"]) == 20 << 30
    assert options.headers["Tus-Checksum-Algorithm"] == "sha1,sha256,md5"
    url = begin(guest, new_case(guest), filename="a.mp4", filetype="video/mp4")
    assert base64.b64encode(b"a.mp4").decode() in guest.head(url, headers=TUS).headers["Upload-Metadata"]
    for method in ("POST", "HEAD", "PATCH", "DELETE"):
        for version in ({}, {"Tus-Resumable": "0.2.2"}):
            answer = guest.request(method, "/v1/uploads" if method == "POST" else url, headers=version)
            assert answer.status_code == 412
            assert answer.headers["Tus-Version"] == answer.headers["Tus-Resumable"] == "1.0.0"
    assert send(guest, url, 5, b"x").status_code == 409
    assert send(guest, url, 0, b"x", **{"Content-Type": "video/mp4"}).status_code == 415
    assert send(guest, url, 0, b"x" * (len(MOVIE) + 1)).status_code == 413
    assert send(guest, url, 0, b"x", **{"Upload-Offset": "-1"}).status_code == 422
    nobody = httpx.Client(base_url=guest.base_url)
    refused = nobody.head(url, headers=TUS)
    nobody.close()
    assert (refused.status_code, refused.headers["Tus-Resumable"]) == (401, "1.0.0")
    first = send(guest, url, 0, b"x" * 10)
    assert (first.status_code, first.headers["Upload-Offset"]) == (204, "10")
    assert parsedate_to_datetime(first.headers["Upload-Expires"]).timestamp() > time.time() + 23 * 3600
    posted = guest.post(
        url, headers=PIECE | {"Upload-Offset": "10", "X-HTTP-Method-Override": "PATCH"}, content=b"y" * 5
    )
    assert (posted.status_code, posted.headers["Upload-Offset"]) == (204, "15")
    assert guest.post(url, headers=TUS | {"X-HTTP-Method-Override": "DELETE"}).status_code == 204
    assert guest.head(url, headers=TUS).status_code == 410
    assert guest.delete(url, headers=TUS).status_code == 410
    assert guest.head("/v1/uploads/upload_" + "0" * 32, headers=TUS).status_code == 404


@pytest.mark.parametrize(
    ("length", "metadata", "status"),
    [
        (None, None, 422),
        ("0", None, 422),
        ("-5", None, 422),
        ("many", None, 422),
        ("99999999999999999999999", None, 422),
        (str(21 << 30), None, 413),
        ("5", "", 422),
        ("5", "case", 422),
        ("5", "case !!!", 422),
        ("5", "case é", 422),
        ("5", said(case="case_1"), 422),
        ("5", said(case="case_" + "0" * 32), 404),
        ("5", "filename YQ==,filename YQ==", 422),
    ],
)
def test_a_beginning_that_is_none(guest: httpx.Client, length: str | None, metadata: str | None, status: int) -> None:
    case = new_case(guest)
    headers = TUS | {"Upload-Metadata": said(case=case) if metadata is None else metadata}
    if length is not None:
        headers["Upload-Length"] = length
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    assert guest.post("/v1/uploads", headers=raw).status_code == status


@pytest.mark.parametrize("values", [{"priority": "urgent"}, {"sha256": "abc"}, {"sha256": "é" * 64}])
def test_metadata_that_is_not_understood(guest: httpx.Client, values: dict[str, str]) -> None:
    headers = TUS | {"Upload-Length": "5", "Upload-Metadata": said(case=new_case(guest), **values)}
    assert guest.post("/v1/uploads", headers=headers).status_code == 422


def test_the_first_bytes_come_along(at: Bench, client: httpx.Client) -> None:
    headers = PIECE | {"Upload-Length": "10", "Upload-Metadata": said(case=new_case(client), filename="x.wav")}
    some = client.post("/v1/uploads", headers=headers, content=b"01234")
    assert (some.status_code, some.headers["Upload-Offset"]) == (201, "5")
    assert "Unmask-Job" in send(client, some.headers["Location"], 5, b"56789").headers
    everything = client.post("/v1/uploads", headers=headers, content=b"0123456789")
    assert (everything.status_code, everything.headers["Upload-Offset"]) == (201, "10")
    assert client.get(f"/v1/jobs/{everything.headers['Unmask-Job']}").json()["filename"] == "x.wav"
    chunked = client.post("/v1/uploads", headers=headers, content=iter([b"01", b"23"]))
    assert (chunked.status_code, chunked.headers["Upload-Offset"]) == (201, "4")
    for wrong, status in (({"Content-Type": "video/mp4"}, 415), ({"Upload-Checksum": "md5 " + "A" * 22 + "=="}, 460)):
        assert client.post("/v1/uploads", headers=headers | wrong, content=b"01234").status_code == status
    assert client.post("/v1/uploads", headers=headers, content=b"01234567890").status_code == 413
    assert len(list(at.service.incoming.uploads())) == 1


def test_more_than_was_announced_stops_where_it_should(guest: httpx.Client) -> None:
    url = begin(guest, new_case(guest), 10)
    assert send(guest, url, 0, b"0123").status_code == 204
    answer = guest.patch(url, headers=PIECE | {"Upload-Offset": "4"}, content=iter([b"45", b"6789", b"more"]))
    assert answer.status_code == 413
    assert offset_of(guest, url) == 4


def test_nobody_else_sees_an_upload(at: Bench, client: httpx.Client) -> None:
    case = new_case(client)
    url = begin(client, case)
    with at.client(at.key_for("Ada")) as ada:
        person = ada.get("/v1/me").json()["person"]
        assert client.post(f"/v1/cases/{case}/members", json={"person": person}).status_code < 300
        absent = ada.head("/v1/uploads/upload_" + "0" * 32, headers=TUS).status_code
        assert ada.head(url, headers=TUS).status_code == absent == 404
        assert send(ada, url, 0, b"x").status_code == 404
        assert ada.delete(url, headers=TUS).status_code == 404
    assert offset_of(client, url) == 0


def test_a_case_that_was_closed_meanwhile_takes_no_evidence(at: Bench, client: httpx.Client) -> None:
    case = new_case(client)
    url = begin(client, case)
    assert client.patch(f"/v1/cases/{case}", json={"closed": True}).status_code == 200
    assert send(client, url, 0, MOVIE).status_code == 409
    assert list(at.service.vault.digests()) == []
    assert client.patch(f"/v1/cases/{case}", json={"closed": False}).status_code == 200
    assert "Unmask-Job" in client.head(url, headers=TUS).headers


@pytest.fixture
def hasty(tmp_path: Path) -> Iterator[Bench]:
    """A service that waits half a second for a client."""
    with bench(tmp_path, idle_seconds=0.5) as made, serving(made):
        made.announce()
        yield made


def test_a_client_that_sends_nothing_keeps_nobody_out_for_long(hasty: Bench) -> None:
    with hasty.client() as client:
        url = begin(client, new_case(client))
        with raw_patch(hasty, url, 0, len(MOVIE)) as raw:
            raw.sendall(MOVIE[:1000])
            assert b"408" in raw.recv(100)
        assert offset_of(client, url) == 1000


def test_a_tus_client_is_told_what_is_wrong(at: Bench, client: httpx.Client) -> None:
    case = new_case(client)
    stranger = TusClient(f"{at.base}/v1/uploads", headers={"Authorization": "Bearer unmask_" + "0" * 64})
    with pytest.raises(TusCommunicationError) as refused:
        stranger.uploader(file_stream=io.BytesIO(b"x"), metadata={"case": case}).upload()
    assert refused.value.status_code == 401
    url = begin(client, case)
    uploader = tus_client(at).uploader(file_stream=io.BytesIO(MOVIE), url=f"{at.base}{url}")
    uploader.offset = 7
    with pytest.raises(TusUploadFailed) as conflict:
        uploader.upload()
    assert conflict.value.status_code == 409
