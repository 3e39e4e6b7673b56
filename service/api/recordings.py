"""Handing a recording in, in one request: the body is the recording, or a form with one file."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Query, Request, Response
from sqlalchemy import Connection

from service.api import arriving, receive, waiting
from service.api.access import Submitter
from service.api.answers import refusals
from service.api.form import only_file
from service.api.schemas.common import CaseId
from service.api.schemas.jobs import Job, Priority
from service.api.views import NUMBERS
from service.problems import Malformed
from service.state import Service, TheService
from service.store import idempotency
from service.store.keys import Caller
from weights.errors import UnmaskError

router = APIRouter(prefix="/v1")

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The recording itself, of whatever type; or a form with one file.",
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
        },
    }
}

IdempotencyKey = Annotated[str | None, Header(max_length=255, pattern=r"^[\x21-\x7e]+$")]
"""Of the same person within a day: the same request again gives the same job (IETF draft idempotency-key-header)."""
Sha256 = Annotated[str | None, Query(pattern="^[0-9a-f]{64}$")]


@router.post(
    "/cases/{case}/recordings",
    tags=["recordings"],
    status_code=202,
    openapi_extra=_BODY,
    responses={
        200: {"model": Job, "description": "The job has ended, or the same request was made before"},
        **refusals(400, 404, 408, 409, 413, 415, 423, 460, 507),
    },
)
async def hand_in(
    service: TheService,
    caller: Submitter,
    request: Request,
    response: Response,
    case: CaseId,
    name: Annotated[str, Query(max_length=1000, examples=["interview.mp4"])] = "",
    priority: Priority = "live",
    sha256: Sha256 = None,
    wait: Annotated[int, Query(ge=0, le=3600)] = 0,
    idempotency_key: IdempotencyKey = None,
) -> Job:
    """Hand in a recording; it becomes evidence of the case, and a job.

    `sha256` is compared with what arrives. With `wait` the answer comes when the job has ended, or after so many
    seconds, whichever is first.
    """
    blocks = arriving.Body(request, service, resumable=False).blocks()
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() == "multipart/form-data":
        named, blocks = await only_file(kind, blocks)
        name = name or named
    if idempotency_key is not None:
        earlier = await run_sync(_remembered, service, caller, idempotency_key, None)
        if earlier is not None:
            digest = await arriving.hash_of(blocks, service.settings.max_upload_bytes)
            await run_sync(_remembered, service, caller, idempotency_key, _fingerprint(case, name, priority, digest))
            response.status_code = 200
            return await waiting.ended(service, caller, earlier, wait)
    job = await _receive(service, caller, request, blocks, (case, name, priority), sha256, idempotency_key)
    response.headers["Location"] = f"/v1/jobs/{job}"
    view = await waiting.ended(service, caller, job, wait)
    response.status_code = 200 if view.status == "done" else 202
    return view


class _MadeMeanwhile(UnmaskError):
    """The same request came twice at a time, and the other one was quicker.

    Args:
        job: What it made.
    """

    def __init__(self, job: str) -> None:
        super().__init__("the same request made a job meanwhile")
        self.job = job


async def _receive(
    service: Service,
    caller: Caller,
    request: Request,
    blocks: AsyncIterator[bytes],
    what: tuple[str, str, Priority],
    sha256: str | None,
    idempotency_key: str | None,
) -> str:
    """Take the bytes and make the job; where it fails nothing of them is kept."""
    case, name, priority = what
    delivery = receive.Delivery(
        case_id=case, filename=name, priority=NUMBERS[priority], num_bytes=arriving.announced(request), sha256=sha256
    )
    upload = await run_sync(receive.begin, service, caller, delivery)
    try:
        writer = await run_sync(lambda: service.incoming.writer(upload, 0))
        note = partial(receive.note_on_the_way, service, upload)
        num_bytes = await arriving.copy(blocks, writer, service.settings.max_upload_bytes, note)
        _see_there_is_something(num_bytes)

        def claim(db: Connection, job: str, digest: str) -> None:
            if idempotency_key is not None:
                _claim(service, db, caller, idempotency_key, _fingerprint(case, name, priority, digest), job)

        return await run_sync(lambda: receive.finish(service, caller, upload, expected_sha256=sha256, also=claim))
    except _MadeMeanwhile as made:
        await run_sync(receive.discard, service, upload, "terminated")
        return made.job
    except BaseException:
        await run_sync(receive.discard, service, upload, "terminated")
        raise


def _see_there_is_something(num_bytes: int) -> None:
    if num_bytes == 0:
        raise Malformed("The recording is empty.")


def _claim(service: Service, db: Connection, caller: Caller, key: str, fingerprint: str, job: str) -> None:
    """Put a job under its key.

    Raises:
        Conflict: another request has the key.
        _MadeMeanwhile: the same request was made before.
    """
    there = idempotency.claim(db, caller.person_id, key, fingerprint, job, now=service.store.now(db))
    if there != job:
        raise _MadeMeanwhile(there)


def _remembered(service: Service, caller: Caller, key: str, fingerprint: str | None) -> str | None:
    """See `service.store.idempotency.remembered`."""
    with service.store.read() as db:
        return idempotency.remembered(db, caller.person_id, key, fingerprint, now=service.store.now(db))


def _fingerprint(case: str, name: str, priority: str, digest: str) -> str:
    return hashlib.sha256("\0".join((case, name, priority, digest)).encode("utf-8", "surrogatepass")).hexdigest()
