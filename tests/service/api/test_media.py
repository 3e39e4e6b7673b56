"""The recording over HTTP: in parts for a player, whole as evidence, and never as something that a browser runs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import httpx
import pytest

from service.api.conditional import Part, disposition, part_of
from service.api.media_types import media_type
from service.looks import Looks
from tests.service.api.bench import Bench
from tests.service.api.ended import hand_in, new_case, recorded

WEBM = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm\x42\x87"
PLAYED = {
    "image/jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/gif": b"GIF89a\x01\0\x01\0<script>alert(1)</script>",
    "image/webp": b"RIFF\x1a\0\0\0WEBPVP8L",
    "image/avif": b"\0\0\0\x1cftypavif\0\0\0\0",
    "video/mp4": b"\0\0\0\x20ftypisom\0\0\2\0",
    "video/quicktime": b"\0\0\0\x14ftypqt  \0\0\2\0",
    "audio/mp4": b"\0\0\0\x20ftypM4A \0\0\2\0",
    "video/webm": WEBM,
    "video/matroska": WEBM.replace(b"\x84webm", b"\x88matroska"),
    "video/ogg": b"OggS\0\2" + bytes(22) + b"\x80theora",
    "audio/ogg": b"OggS\0\2" + bytes(22) + b"OpusHead",
    "audio/wav": b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0",
    "audio/flac": b"fLaC\0\0\0\x22",
    "audio/mpeg": b"ID3\x04\0\0\0\0\0\0",
    "audio/aac": b"\xff\xf1\x50\x80",
}
NOT_PLAYED = {
    "a page": b"<!DOCTYPE html><script>alert(1)</script>",
    "a drawing": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "a playlist": b"#EXTM3U\nhttp://127.0.0.1/\n",
    "a document": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3",
    "an archive": b"PK\x03\x04\x14\0\0\0",
    "an AVI": b"RIFF\x24\0\0\0AVI LIST",
    "a TIFF": b"II*\0\x08\0\0\0",
    "a HEIC": b"\0\0\0\x1cftypheic\0\0\0\0",
    "Matroska of another kind": WEBM.replace(b"\x84webm", b"\x84html"),
    "Matroska that is cut off": WEBM[: WEBM.index(b"\x42\x82") + 2],
    "a program": b"\x7fELF\x02\x01\x01",
    "text": b"nothing but text",
    "noise": bytes(range(7, 250)),
}


def test_types_are_decided_by_content() -> None:
    assert {kind: media_type(head + bytes(5_000)) for kind, head in PLAYED.items()} == {kind: kind for kind in PLAYED}
    assert media_type(b"\xff\xfb\x90\x64" + bytes(400)) == "audio/mpeg"
    assert {why for why, head in NOT_PLAYED.items() if media_type(head) is not None} == set()
    assert media_type(b"") is None


def test_a_player_gets_a_type_of_ours_whatever_the_name_says(client: httpx.Client) -> None:
    case = new_case(client)
    for kind, inline, shown in (
        ("image/gif", False, "attachment"),
        ("video/webm", True, "inline"),
        ("audio/mpeg", False, "attachment"),
    ):
        job = hand_in(client, case, PLAYED[kind], name='x";evil.html')
        answer = client.get(f"/v1/jobs/{job['id']}/media", params={"inline": inline})
        assert (answer.status_code, answer.content) == (200, PLAYED[kind])
        assert answer.headers["content-type"] == kind
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-disposition"].startswith(f'{shown}; filename="x__evil.html.')


def test_what_is_no_media_is_given_as_evidence_only(client: httpx.Client) -> None:
    case = new_case(client)
    for why in ("a page", "a drawing", "an archive"):
        place = f"/v1/jobs/{hand_in(client, case, NOT_PLAYED[why], name='clip.mp4')['id']}"
        for answer in (client.get(f"{place}/media?inline=true"), client.head(f"{place}/media")):
            assert answer.status_code == 415
            assert answer.headers["content-type"] == "application/problem+json"
        answer = client.get(f"{place}/evidence")
        assert answer.content == NOT_PLAYED[why]
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment;")
        assert answer.headers["content-security-policy"].startswith("sandbox;")


# Parts.

CONTENT = PLAYED["video/mp4"] + bytes(number % 251 for number in range(1_000_000))


def test_a_player_seeks(client: httpx.Client) -> None:
    job = hand_in(client, new_case(client), CONTENT)
    for form, wanted, start, end in (
        ("media", "bytes=0-", 0, len(CONTENT)),
        ("media", "bytes=0-0", 0, 1),
        ("evidence", "bytes=500000-500099", 500_000, 500_100),
        ("media", "bytes=-100", len(CONTENT) - 100, len(CONTENT)),
        ("evidence", "bytes=-99999999", 0, len(CONTENT)),
        ("media", f"bytes={len(CONTENT) - 1}-99999999", len(CONTENT) - 1, len(CONTENT)),
    ):
        answer = client.get(f"/v1/jobs/{job['id']}/{form}", headers={"Range": wanted})
        assert (answer.status_code, answer.content) == (206, CONTENT[start:end])
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"
        assert answer.headers["content-length"] == str(end - start)


def test_what_is_no_range_is_ignored_and_what_is_not_there_refused(client: httpx.Client) -> None:
    place = f"/v1/jobs/{hand_in(client, new_case(client), CONTENT)['id']}/media"
    for wanted in (
        "bytes=5-3",
        "bytes=-",
        "bytes=a-b",
        "lines=1-2",
        "bytes=0-1,5-6",
        "bytes=٣-٤",
        f"bytes={'9' * 30}-",
    ):
        answer = client.get(place, headers={"Range": wanted.encode()})
        assert (answer.status_code, len(answer.content)) == (200, len(CONTENT)), wanted
    for wanted in (f"bytes={len(CONTENT)}-", "bytes=99999999-999999999", "bytes=-0"):
        answer = client.get(place, headers={"Range": wanted})
        assert answer.status_code == 416
        assert answer.headers["content-range"] == f"bytes */{len(CONTENT)}"
        assert answer.json()["status"] == 416


def test_a_part_is_of_the_version_that_the_client_began_with(client: httpx.Client) -> None:
    job = hand_in(client, new_case(client), CONTENT)
    place, tag = f"/v1/jobs/{job['id']}/evidence", f'"{job["sha256"]}"'
    assert client.get(place).headers["etag"] == tag
    for given, status in ((tag, 206), ('"other"', 200), (f"W/{tag}", 200), ("Tue, 24 Nov 2026 20:00:00 GMT", 200)):
        answer = client.get(place, headers={"Range": "bytes=1-2", "If-Range": given})
        assert answer.status_code == status, given
    assert client.get(place, headers={"If-None-Match": tag}).status_code == 304


def test_the_size_is_told_without_the_bytes(at: Bench, client: httpx.Client) -> None:
    job = hand_in(client, new_case(client), CONTENT)
    for form in ("media", "evidence"):
        answer = client.head(f"/v1/jobs/{job['id']}/{form}")
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-length"] == str(len(CONTENT))
        assert answer.headers["accept-ranges"] == "bytes"
    assert recorded(at, "media") == recorded(at, "export") == []


def test_parts_of_nothing_and_names_of_every_kind() -> None:
    assert part_of(0, None, None, "t") is None
    assert part_of(5, "bytes=2-", None, "t") == Part(2, 5)
    with pytest.raises(IndexError):
        part_of(0, "bytes=0-", None, "t")
    assert disposition("inline", "späße; x.mp4") == (
        "inline; filename=\"sp__e_ x.mp4\"; filename*=UTF-8''sp%C3%A4%C3%9Fe%3B%20x.mp4"
    )


# Evidence.


def test_evidence_is_held_against_its_digest_if_asked(at: Bench, client: httpx.Client) -> None:
    job = hand_in(client, new_case(client), CONTENT)
    place = f"/v1/jobs/{job['id']}/evidence"
    answer = client.get(place, params={"verify": True})
    assert hashlib.sha256(answer.content).hexdigest() == job["sha256"]
    _damage(at.service.vault.path(job["sha256"]))
    assert client.get(place).status_code == 200
    for refused in (client.get(place, params={"verify": True}), client.head(place, params={"verify": True})):
        assert refused.status_code == 500
    assert client.get(place, params={"verify": True}).json()["type"].endswith("/evidence-damaged")
    assert [entry.facts["verified"] for entry in recorded(at, "export")] == [True, False]


def _damage(path: Path) -> None:
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(700_000)
        file.write(b"!")


def test_others_and_the_absent_and_the_deleted(at: Bench, client: httpx.Client) -> None:
    job = hand_in(client, new_case(client), CONTENT)
    for form in ("media", "evidence"):
        with at.client(at.key_for("somebody else")) as other:
            foreign, absent = (other.get(f"/v1/jobs/{name}/{form}") for name in (job["id"], f"job_{'0' * 32}"))
            assert (foreign.status_code, foreign.json()) == (404, absent.json())
    client.post(f"/v1/jobs/{job['id']}/delete", json={"reason": "by order"})
    assert [client.get(f"/v1/jobs/{job['id']}/{form}").status_code for form in ("media", "evidence")] == [410, 410]


def test_a_look_in_a_hundred_pieces_is_recorded_once_and_every_copy_each_time(at: Bench, client: httpx.Client) -> None:
    job = hand_in(client, new_case(client), CONTENT)
    for start in range(0, 1_000_000, 50_000):
        client.get(f"/v1/jobs/{job['id']}/media", headers={"Range": f"bytes={start}-{start + 9}"})
    (look,) = recorded(at, "media")
    assert (look.object, look.case_id, look.facts) == (job["id"], job["case"], {"form": "video/mp4"})
    for _ in range(3):
        client.get(f"/v1/jobs/{job['id']}/evidence")
    assert [entry.facts["sha256"] for entry in recorded(at, "export")] == [job["sha256"]] * 3


def test_a_look_of_another_is_another() -> None:
    looks = Looks()
    assert not looks.goes_on("ada", "key", "job", "media")
    looks.recorded("ada", "key", "job", "media")
    assert looks.goes_on("ada", "key", "job", "media")
    assert not looks.goes_on("ada", "other key", "job", "media")
    assert not looks.goes_on("bob", None, "job", "media")
