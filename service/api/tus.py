"""Resumable uploads as tus 1.0.0 has them (https://tus.io/protocols/resumable-upload), for any client that speaks it.

    POST /v1/uploads                 begin: Upload-Length, and Upload-Metadata with filename, case, priority, sha256
    HEAD /v1/uploads/upload_...      how far it is
    PATCH /v1/uploads/upload_...     go on
    DELETE /v1/uploads/upload_...    give up

When the last byte is there the upload becomes evidence and a job; that answer, and each later one to HEAD, has the
job's id in `Unmask-Job`. Offsets that were answered are on the disk.
"""

from __future__ import annotations

import base64
import binascii
import re
from email.utils import formatdate
from functools import partial
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from service.api import receive
from service.api.access import Submitter
from service.api.answers import refusals
from service.api.arriving import Body, announced, copy
from service.api.resumable import (
    Standing,
    expire_uploads,
    in_turn,
    look,
    note_what_is_there,
    own_upload,
    receiving,
)
from service.api.schemas.common import UploadId
from service.api.views import NUMBERS, PRIORITIES
from service.problems import Conflict, Malformed, Problem, TooLarge
from service.state import Service, TheService
from service.store.row import AnyRow
from service.vault.digests import ALGORITHMS, Checksum, parse_checksum
from service.vault.errors import UploadSealed

__all__ = ["expire_uploads", "router"]

VERSION = "1.0.0"
_EXTENSIONS = "creation,creation-with-upload,expiration,checksum,termination"
_KIND = "application/offset+octet-stream"
_CASE = re.compile(r"case_[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MAX_BYTES = 2**63 - 1
"""What the database's column holds."""


class OtherVersion(Problem):
    """The client speaks another version of tus, or does not say which."""

    status, slug, title = 412, "other-version", "Another version of the protocol"


class OtherKind(Problem):
    """A piece of an upload has a type of its own."""

    status, slug, title = 415, "other-kind", "The body is of another kind"


class _Route(APIRoute):
    """Every answer names the version, refusals too (tus 1.0.0, "Tus-Resumable")."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Tus-Resumable"] = VERSION
                if message["status"] == OtherVersion.status:
                    headers["Tus-Version"] = VERSION
            await send(message)

        await super().handle(scope, receive, sending)


def _speaks_tus(
    tus_resumable: Annotated[str | None, Header(description=f"Always `{VERSION}`.", examples=[VERSION])] = None,
) -> None:
    if tus_resumable != VERSION:
        raise OtherVersion(f"Send `Tus-Resumable: {VERSION}`.")


_TUS = [Depends(_speaks_tus)]
_DESCRIPTIONS = {
    "Tus-Resumable": "Version of the protocol.",
    "Tus-Version": "Versions of the protocol.",
    "Tus-Extension": "Extensions of the protocol.",
    "Tus-Max-Size": "Bytes that an upload may have.",
    "Tus-Checksum-Algorithm": "What `Upload-Checksum` may be made with.",
    "Location": "The upload.",
    "Upload-Offset": "Bytes that are on the disk: where the upload goes on.",
    "Upload-Length": "Bytes of the whole upload.",
    "Upload-Metadata": "Filename, case, priority and SHA-256, each in Base64.",
    "Upload-Expires": "Until when the upload can be gone on with.",
    "Unmask-Job": "The job that the upload has become, once it is whole.",
}


def _answers(description: str, *headers: str) -> dict[str, Any]:
    """What OpenAPI says of an answer without a body."""
    return {
        "description": description,
        "headers": {
            name: {"description": _DESCRIPTIONS[name], "schema": {"type": "string"}}
            for name in ("Tus-Resumable", *headers)
        },
    }


_PIECE: dict[str, Any] = {"content": {_KIND: {"schema": {"type": "string", "format": "binary"}}}}
_Checksum = Annotated[
    str | None,
    Header(
        max_length=200,
        description=f"Of this piece: one of {', '.join(ALGORITHMS)}, a space, and the digest in Base64.",
        examples=["sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="],
    ),
]
_ContentType = Annotated[str, Header(description=f"`{_KIND}`, with bytes of the upload.")]

router = APIRouter(prefix="/v1/uploads", tags=["uploads"], route_class=_Route, default_response_class=Response)


@router.options(
    "",
    status_code=204,
    responses={
        204: _answers(
            "What is possible", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm"
        )
    },
)  # fmt: skip
def describe_uploads(service: TheService) -> Response:
    """Say what this server can do of tus."""
    return Response(
        status_code=204,
        headers={
            "Tus-Version": VERSION,
            "Tus-Extension": _EXTENSIONS,
            "Tus-Max-Size": str(service.settings.max_upload_bytes),
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        },
    )


@router.post(
    "",
    status_code=201,
    dependencies=_TUS,
    openapi_extra={"requestBody": {"description": "The first bytes, if you like.", "required": False} | _PIECE},
    responses={
        201: _answers("Begun", "Location", "Upload-Offset", "Upload-Expires", "Unmask-Job"),
        **refusals(400, 404, 408, 409, 412, 413, 415, 423, 460, 507),
    },
)
async def begin_upload(
    service: TheService,
    caller: Submitter,
    request: Request,
    upload_length: Annotated[int, Header(ge=1, le=_MAX_BYTES, description=_DESCRIPTIONS["Upload-Length"])],
    upload_metadata: Annotated[
        str,
        Header(
            description="Pairs of a name and a text in Base64, with commas between: `case` is needed; `filename`, "
            "`priority` (`live` or `batch`) and `sha256` (64 hexadecimal digits) are understood; others are not kept.",
            examples=["filename aW50ZXJ2aWV3Lm1wNA==,case Y2FzZV8wMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg=="],
        ),
    ] = "",
    upload_checksum: _Checksum = None,
    content_type: _ContentType = "",
) -> Response:
    """Begin an upload; its first bytes, or all of them, may come along."""
    checksum = None if upload_checksum is None else parse_checksum(upload_checksum)
    delivery = _delivery(_metadata(upload_metadata), upload_length)
    carries = announced(request) != 0 if "content-length" in request.headers else _is_chunked(request)
    if carries:
        _see_kind(content_type)
    upload = await run_sync(receive.begin, service, caller, delivery)
    try:
        if carries:
            await _receive(service, request, upload, 0, upload_length, checksum)
        standing = await in_turn(upload, partial(look, service, caller, upload, touched=False))
    except BaseException:
        # The client does not know where to go on.
        await in_turn(upload, partial(receive.discard, service, upload, "terminated", caller=caller))
        raise
    return Response(status_code=201, headers={"Location": f"/v1/uploads/{upload}"} | _headers(standing))


@router.head(
    "/{upload}",
    dependencies=_TUS,
    responses={
        200: _answers(
            "Where it stands", "Upload-Offset", "Upload-Length", "Upload-Metadata", "Upload-Expires", "Unmask-Job"
        ),
        **refusals(404, 409, 410, 412, 423, 460, 507),
    },
)
async def read_upload(service: TheService, caller: Submitter, upload: UploadId) -> Response:
    """Say how far an upload of yours is."""
    standing = await in_turn(upload, partial(look, service, caller, upload, touched=False))
    told = {"Upload-Length": str(standing.row.num_bytes), "Upload-Metadata": _said(standing.row)}
    return Response(status_code=200, headers=_headers(standing) | told | {"Cache-Control": "no-store"})


@router.patch(
    "/{upload}",
    status_code=204,
    dependencies=_TUS,
    openapi_extra={"requestBody": {"description": "The next bytes.", "required": True} | _PIECE},
    responses={
        204: _answers("These bytes are on the disk", "Upload-Offset", "Upload-Expires", "Unmask-Job"),
        **refusals(400, 404, 408, 409, 410, 412, 413, 415, 423, 460, 507),
    },
)
async def continue_upload(
    service: TheService,
    caller: Submitter,
    request: Request,
    upload: UploadId,
    upload_offset: Annotated[int, Header(ge=0, le=_MAX_BYTES, description="Where these bytes belong.")],
    upload_checksum: _Checksum = None,
    content_type: _ContentType = "",
) -> Response:
    """Add the next bytes. What arrives before the connection breaks counts, unless the piece has a checksum."""
    _see_kind(content_type)
    checksum = None if upload_checksum is None else parse_checksum(upload_checksum)
    row = await run_sync(own_upload, service, caller, upload)
    if row.job_id is None:
        try:
            await _receive(service, request, upload, upload_offset, row.num_bytes, checksum)
        except UploadSealed:
            _see_it_is_the_end(request, row, upload_offset)
    else:
        _see_it_is_the_end(request, row, upload_offset)
    standing = await in_turn(upload, partial(look, service, caller, upload, touched=True))
    return Response(status_code=204, headers=_headers(standing))


@router.delete(
    "/{upload}",
    status_code=204,
    dependencies=_TUS,
    responses={204: _answers("Ended, and its bytes are gone"), **refusals(404, 409, 410, 412, 423)},
)
async def end_upload(service: TheService, caller: Submitter, upload: UploadId) -> Response:
    """Give an upload up. One that has become a job is evidence; delete the job."""
    row = await run_sync(own_upload, service, caller, upload)
    discard = partial(receive.discard, service, upload, "terminated", caller=caller)
    if row.job_id is not None or not await in_turn(upload, discard, at_once=True):
        raise Conflict("The upload has become a job, or was ended just now.")
    return Response(status_code=204)


@router.post(
    "/{upload}",
    status_code=204,
    dependencies=_TUS,
    openapi_extra={"requestBody": {"description": "As for PATCH.", "required": False} | _PIECE},
    responses={
        204: _answers("As the method in its place", "Upload-Offset", "Upload-Expires", "Unmask-Job"),
        **refusals(400, 404, 405, 408, 409, 410, 412, 413, 415, 423, 460, 507),
    },
)
async def override_method(
    service: TheService,
    caller: Submitter,
    request: Request,
    upload: UploadId,
    x_http_method_override: Annotated[str, Header(description="`PATCH` or `DELETE`.", examples=["PATCH"])],
    upload_offset: Annotated[int, Header(ge=0, le=_MAX_BYTES, description="Where these bytes belong.")] = 0,
    upload_checksum: _Checksum = None,
    content_type: _ContentType = "",
) -> Response:
    """PATCH or DELETE for clients that cannot send them (tus 1.0.0, "X-HTTP-Method-Override")."""
    match x_http_method_override:
        case "PATCH":
            return await continue_upload(
                service, caller, request, upload, upload_offset, upload_checksum, content_type
            )  # fmt: skip
        case "DELETE":
            return await end_upload(service, caller, upload)
        case _:
            raise HTTPException(405)


async def _receive(
    service: Service, request: Request, upload: str, offset: int, num_bytes: int, checksum: Checksum | None
) -> None:
    """Take one piece."""
    if (announced(request) or 0) > max(0, num_bytes - offset):
        raise TooLarge(f"The upload has {num_bytes} bytes, and more would arrive.")
    body = Body(request, service, resumable=True)
    writer = await in_turn(
        upload, partial(service.incoming.writer, upload, offset, checksum=checksum, max_bytes=num_bytes)
    )
    try:
        with receiving(upload, body):
            await copy(body.blocks(), writer, num_bytes - offset, partial(receive.note_on_the_way, service, upload))
    except BaseException:
        await run_sync(note_what_is_there, service, upload)
        raise


def _see_it_is_the_end(request: Request, row: AnyRow, offset: int) -> None:
    """Of an upload that is whole nothing more is taken."""
    if offset != row.num_bytes or announced(request):
        raise Conflict(f"The upload is whole, with {row.num_bytes} bytes.")


def _see_kind(content_type: str) -> None:
    if content_type.partition(";")[0].strip().lower() != _KIND:
        raise OtherKind(f"Send bytes of an upload as `Content-Type: {_KIND}`.")


def _is_chunked(request: Request) -> bool:
    return "transfer-encoding" in request.headers


def _headers(standing: Standing) -> dict[str, str]:
    headers = {"Upload-Offset": str(standing.offset)}
    if standing.expires_at is not None:
        headers["Upload-Expires"] = formatdate(standing.expires_at, usegmt=True)
    if standing.job is not None:
        headers["Unmask-Job"] = standing.job
    return headers


def _delivery(said: dict[str, bytes], num_bytes: int) -> receive.Delivery:
    """What a client wants to hand in.

    Raises:
        Malformed: it says so in a form that is not understood.
    """
    case = _text(said, "case")
    if not _CASE.fullmatch(case):
        raise Malformed("Upload-Metadata has no `case`, or not the id of one.")
    priority = _text(said, "priority") or "live"
    if priority not in NUMBERS:
        raise Malformed(f"`priority` in Upload-Metadata is one of {', '.join(NUMBERS)}.")
    sha256 = _text(said, "sha256").lower()
    if sha256 and not _SHA256.fullmatch(sha256):
        raise Malformed("`sha256` in Upload-Metadata is 64 hexadecimal digits, in Base64.")
    return receive.Delivery(
        case_id=case,
        # Bytes that are no text are for `display_name` to show.
        filename=said.get("filename", b"").decode("utf-8", "surrogateescape"),
        priority=NUMBERS[priority],
        num_bytes=num_bytes,
        sha256=sha256 or None,
        resumable=True,
    )


def _text(said: dict[str, bytes], name: str) -> str:
    return said.get(name, b"").decode("utf-8", "replace").strip()


def _metadata(text: str) -> dict[str, bytes]:
    """Names and values of an `Upload-Metadata`.

    Raises:
        Malformed: it is none.
    """
    said: dict[str, bytes] = {}
    for pair in filter(None, map(str.strip, text.split(","))):
        name, _, encoded = pair.partition(" ")
        if name in said:
            raise Malformed("A name stands in Upload-Metadata twice.")
        try:
            said[name] = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError):  # the latter where it is no ASCII
            raise Malformed("A value in Upload-Metadata is no Base64.") from None
    return said


def _said(row: AnyRow) -> str:
    """An `Upload-Metadata` of what was kept of it."""
    said = {"filename": row.filename, "case": row.case_id, "priority": PRIORITIES[row.priority], "sha256": row.sha256}
    return ",".join(f"{name} {base64.b64encode(text.encode()).decode()}" for name, text in said.items() if text)
