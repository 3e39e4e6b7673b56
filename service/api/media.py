"""The recording itself: for the page's player, and as it was handed in.

These bytes may have been made to attack whoever opens them. So a player gets them only as a type of a short list, which
our own look at the content decides, and never as something that belongs to this site: `nosniff`, a policy of nothing in
a sandbox, and as a download unless the page asks otherwise. The original is a download of no type at all.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response

from service.api.access import Reader
from service.api.answers import answer, refusals
from service.api.conditional import Part, disposition, has, part_of, quoted
from service.api.media_types import HEAD_BYTES, download_name, media_type
from service.api.schemas.common import JobId
from service.api.sending import FileResponse
from service.problems import Gone, Problem
from service.reading import record_look
from service.state import Service, TheService
from service.store.jobs import job_of
from service.store.keys import Caller
from service.store.row import AnyRow
from service.vault.errors import VaultDamaged

router = APIRouter(prefix="/v1/jobs/{job}", tags=["results"])

_POLICY = "sandbox; default-src 'none'"
_ORIGINAL = "application/octet-stream"

RangeHeader = Annotated[str | None, Header(alias="Range", max_length=200, examples=["bytes=0-1023"])]
IfRange = Annotated[str | None, Header(max_length=200)]
IfNoneMatch = Annotated[str | None, Header(max_length=1000)]
Inline = Annotated[bool, Query(description="For a player on a page; else it is offered as a download.")]
Verify = Annotated[bool, Query(description="Whether all of it is read and held against its SHA-256 first.")]


class NotPlayable(Problem):
    """The content is of no type that is sent to players."""

    status, slug, title = 415, "not-playable", "Not a type that is sent to players"


class EvidenceDamaged(Problem):
    """The bytes on the disk are not those that were handed in."""

    status, slug, title = 500, "evidence-damaged", "The evidence is damaged"


def _parts(kind: str) -> dict[int | str, dict[str, Any]]:
    body = {"content": {kind: {"schema": {"type": "string", "format": "binary"}}}}
    return {
        200: {"description": "All of it", **body},
        206: {"description": "The part that was asked for", **body},
        304: {"description": "You have it already"},
    }


_HEAD: dict[int | str, dict[str, Any]] = {200: {"description": "What would be sent"}}


@router.get("/media", response_class=Response, responses={**_parts("*/*"), **refusals(404, 410, 415, 416)})
def give_media(
    service: TheService,
    caller: Reader,
    job: JobId,
    inline: Inline = False,
    range_: RangeHeader = None,
    if_range: IfRange = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Give the recording to a player, whole or in parts."""
    row = _job(service, caller, job)
    kind = _kind(service, row)
    record_look(service, caller, row, "media", kind, lasting=True, of_result=False)
    return _send(service, row, _media_headers(row, kind, inline=inline), (range_, if_range, if_none_match))


@router.head("/media", response_class=Response, responses={**_HEAD, **refusals(404, 410, 415)})
def describe_media(service: TheService, caller: Reader, job: JobId, inline: Inline = False) -> Response:
    """Say how large the recording is, and of what type."""
    row = _job(service, caller, job)
    return _described(row, _media_headers(row, _kind(service, row), inline=inline))


@router.get("/evidence", response_class=Response, responses={**_parts(_ORIGINAL), **refusals(404, 410, 416)})
def give_evidence(
    service: TheService,
    caller: Reader,
    job: JobId,
    verify: Verify = False,
    range_: RangeHeader = None,
    if_range: IfRange = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Give the recording as it was handed in, byte for byte; its ETag is its SHA-256."""
    row = _job(service, caller, job)
    if verify:
        _verify(service, row)
    # A download that is resumed is one; each that begins anew is another.
    details = {"sha256": row.sha256, "verified": verify}
    record_look(
        service, caller, row, "export", "evidence", details=details, lasting=range_ is not None, of_result=False
    )
    return _send(service, row, _original_headers(row), (range_, if_range, if_none_match))


@router.head("/evidence", response_class=Response, responses={**_HEAD, **refusals(404, 410)})
def describe_evidence(service: TheService, caller: Reader, job: JobId, verify: Verify = False) -> Response:
    """Say how large the recording is, and whether it is still what was handed in."""
    row = _job(service, caller, job)
    if verify:
        _verify(service, row)
    return _described(row, _original_headers(row))


def _job(service: Service, caller: Caller, job: str) -> AnyRow:
    with service.store.read() as db:
        row = job_of(db, job, caller.person_id)
    if row.purged_at is not None:
        raise Gone("The recording was deleted; the audit log has the record.")
    return row


def _kind(service: Service, row: AnyRow) -> str:
    with service.vault.open(row.sha256) as file:
        kind = media_type(file.read(HEAD_BYTES))
    if kind is None:
        raise NotPlayable("Its content is of no type on the list; the pictures of the report can be seen, if any.")
    return kind


def _verify(service: Service, row: AnyRow) -> None:
    try:
        service.vault.verify(row.sha256)
    except VaultDamaged as error:
        raise EvidenceDamaged("The bytes on the disk have another SHA-256 than those that were handed in.") from error


def _media_headers(row: AnyRow, kind: str, *, inline: bool) -> dict[str, str]:
    name = download_name(row.filename, kind)
    return _headers(row, kind, disposition("inline" if inline else "attachment", name))


def _original_headers(row: AnyRow) -> dict[str, str]:
    return _headers(row, _ORIGINAL, disposition("attachment", row.filename))


def _headers(row: AnyRow, kind: str, shown: str) -> dict[str, str]:
    return {
        "Content-Type": kind,
        "Content-Disposition": shown,
        "Content-Security-Policy": _POLICY,
        "X-Content-Type-Options": "nosniff",
        "Accept-Ranges": "bytes",
        "ETag": quoted(row.sha256),
    }


def _described(row: AnyRow, headers: dict[str, str]) -> Response:
    return Response(headers=headers | {"Content-Length": str(row.num_bytes)})


def _send(
    service: Service, row: AnyRow, headers: dict[str, str], asked: tuple[str | None, str | None, str | None]
) -> Response:
    wanted, if_range, if_none_match = asked
    if has(if_none_match, row.sha256):
        return Response(status_code=304, headers=headers)
    with ExitStack() as stack:
        file = stack.enter_context(service.vault.open(row.sha256))
        num_bytes = file.seek(0, 2)
        try:
            part = part_of(num_bytes, wanted, if_range, row.sha256)
        except IndexError:
            range_of = {"Content-Range": f"bytes */{num_bytes}", "Accept-Ranges": "bytes"}
            return answer(416, "range", "There are no such bytes", f"It has {num_bytes} bytes.", headers=range_of)
        if part is None:
            response = FileResponse(file, Part(0, num_bytes), 200, headers)
        else:
            headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{num_bytes}"
            response = FileResponse(file, part, 206, headers)
        stack.pop_all()  # the answer closes it
        return response
