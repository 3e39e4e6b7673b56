"""Results: the report as data, as a page, on paper and as a bundle, its pictures, and what a player draws.

Whatever is read is written into the audit log before it is sent. A job that has not ended answers 409. Browsers store
nothing of it; entity tags serve programs that keep what they were given.
"""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import datetime
from typing import Annotated, Any, BinaryIO, cast

from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Path, Query, Response
from sqlalchemy import Connection, select

from detect.config import Config
from pipelines.sandbox import Sandbox
from service.api.access import Reader
from service.api.answers import refusals
from service.api.conditional import disposition, has, quoted
from service.api.playing import timeline_of
from service.api.schemas.common import JobId, moment
from service.api.schemas.report import REFERENCE
from service.api.schemas.timeline import Timeline
from service.api.sending import Target, WriterResponse
from service.audit.log import entries_of
from service.bundle.facts import Custody, EvidenceFacts
from service.bundle.sound import Sounds, decoded_sounds
from service.bundle.write import write_bundle
from service.pdf.render import render_pdf
from service.problems import NotFound
from service.reading import Reading, read_report, record_look
from service.render import render_html
from service.shown import picture_of
from service.state import Service, TheService
from service.store.cases import case_of
from service.store.keys import Caller, list_people
from service.store.row import AnyRow
from service.store.schema import setups

router = APIRouter(prefix="/v1/jobs/{job}", tags=["results"])

_PAGE_POLICY = (
    "default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)
"""The page is text from a hostile recording in our own words: its one style sheet by digest and its pictures, nothing
else. `sandbox` makes it a stranger to this site even where a browser is shown how to run something (CSP level 3)."""
_PICTURE_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)

IfNoneMatch = Annotated[str | None, Header(max_length=1000)]
BlurFaces = Annotated[bool, Query(description="Whether faces are made unrecognisable, for good, on paper.")]


def _file(kind: str) -> dict[str, Any]:
    return {"content": {kind: {"schema": {"type": "string", "format": "binary"}}}}


_UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "You have it already"}}


@router.get(
    "/report",
    response_class=Response,
    responses={
        200: {"description": "The report", "content": {"application/json": {"schema": REFERENCE}}},
        **_UNCHANGED,
        **refusals(404, 409, 410),
    },
)
def give_report(service: TheService, caller: Reader, job: JobId, if_none_match: IfNoneMatch = None) -> Response:
    """Give the report as data: everything that was found, and all that was not examined."""
    reading = read_report(service, caller, job)
    unchanged = has(if_none_match, reading.tag)
    record_look(service, caller, reading.row, "read_report", "json", details={"unchanged": unchanged})
    headers = {"ETag": quoted(reading.tag)}
    if unchanged:
        return Response(status_code=304, headers=headers)
    return Response(reading.report.to_json(), headers=headers, media_type="application/json")


@router.get(
    "/report.html",
    response_class=Response,
    responses={200: {"description": "The page", "content": {"text/html": {}}}, **refusals(404, 409, 410)},
)
def give_page(service: TheService, caller: Reader, job: JobId) -> Response:
    """Give the report as a page that needs nothing else."""
    reading = read_report(service, caller, job)
    page = render_html(reading.report)
    record_look(service, caller, reading.row, "read_report", "html")
    headers = {
        "Content-Security-Policy": _page_policy(page),
        "X-Frame-Options": "SAMEORIGIN",
        "Content-Disposition": disposition("inline", _named(reading, "html")),
    }
    return Response(page, headers=headers, media_type="text/html; charset=utf-8")


@router.get(
    "/report.pdf",
    response_class=Response,
    responses={200: {"description": "The document", **_file("application/pdf")}, **refusals(404, 409, 410)},
)
def give_document(service: TheService, caller: Reader, job: JobId, blur_faces: BlurFaces = True) -> Response:
    """Give the report as PDF/A, to be printed and filed."""
    reading = read_report(service, caller, job)
    document = render_pdf(reading.report, blur_faces=blur_faces)
    record_look(service, caller, reading.row, "export", "pdf", details={"blur_faces": blur_faces})
    headers = {
        "Content-Security-Policy": _PICTURE_POLICY,
        "Content-Disposition": disposition("attachment", _named(reading, "pdf")),
    }
    return Response(document, headers=headers, media_type="application/pdf")


@router.get("/timeline", responses=refusals(404, 409, 410))
def give_timeline(service: TheService, caller: Reader, job: JobId) -> Timeline:
    """Give what a player draws beside the recording: boxes, voices, scores and gaps, each with its time."""
    reading = read_report(service, caller, job)
    record_look(service, caller, reading.row, "read_report", "timeline", lasting=True)
    return timeline_of(job, reading.report)


@router.get(
    "/exhibits/{exhibit:path}",
    response_class=Response,
    responses={
        200: {"description": "The picture", "content": _file("image/png")["content"] | _file("image/jpeg")["content"]},
        **_UNCHANGED,
        **refusals(404, 409, 410),
    },
)
def give_exhibit(
    service: TheService,
    caller: Reader,
    job: JobId,
    exhibit: Annotated[str, Path(max_length=200, examples=["face-1/crop-1"])],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Give a picture of the report."""
    reading = read_report(service, caller, job)
    entry = next((each for each in reading.report.body.exhibits if each.id == exhibit), None)
    data = picture_of(reading.report, entry)
    if entry is None or data is None:
        raise NotFound("The report has no such picture.")
    record_look(service, caller, reading.row, "read_report", "exhibits", lasting=True)
    headers = {"ETag": quoted(entry.sha256)}
    if has(if_none_match, entry.sha256):
        return Response(status_code=304, headers=headers)
    return Response(data, headers=headers | {"Content-Security-Policy": _PICTURE_POLICY}, media_type=entry.media_type)


@router.get(
    "/bundle",
    response_class=Response,
    responses={200: {"description": "The bundle", **_file("application/zip")}, **refusals(404, 409, 410)},
)
async def give_bundle(
    service: TheService,
    caller: Reader,
    job: JobId,
    evidence: Annotated[bool, Query(description="Whether the recording itself goes in.")] = False,
    sound: Annotated[bool, Query(description="Whether the stretches of speech behind the scores go in.")] = True,
    blur_faces: BlurFaces = True,
) -> Response:
    """Give the report with what it rests on, signed, as a zip file that can be checked without this program.

    It is sent while it is made. One that was cut off is no zip file.
    """
    reading = await run_sync(read_report, service, caller, job)
    facts, created, config = await run_sync(_facts, service, caller, reading)
    details = {"evidence": evidence, "sound": sound, "blur_faces": blur_faces}
    await run_sync(lambda: record_look(service, caller, reading.row, "export", "bundle", details=details))

    def write(target: Target) -> None:
        def make(sounds: Sounds | None) -> None:
            write_bundle(
                cast("BinaryIO", target),  # it is only written to
                reading.report,
                facts=facts,
                created=created,
                key=service.signing_key,
                sounds=sounds,
                evidence=(lambda: service.vault.open(facts.sha256)) if evidence else None,
                blur_faces=blur_faces,
            )

        if not sound or not reading.report.body.voices or not service.vault.contains(facts.sha256):
            make(None)
            return
        with Sandbox() as sandbox:
            make(decoded_sounds(sandbox, service.vault.path(facts.sha256), config))

    headers = {
        "Content-Type": "application/zip",
        "Content-Security-Policy": _PICTURE_POLICY,
        "Content-Disposition": disposition("attachment", f"unmask-{facts.sha256[:12]}.zip"),
    }
    return await WriterResponse.begin(write, headers, idle_seconds=service.settings.idle_seconds)


def _page_policy(page: str) -> str:
    style = _STYLE.search(page)
    assert style is not None  # noqa: S101 - the template has one
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    return _PAGE_POLICY.format(digest=digest)


def _named(reading: Reading, ending: str) -> str:
    return f"unmask-{reading.row.sha256[:12]}.{ending}"


def _facts(service: Service, caller: Caller, reading: Reading) -> tuple[EvidenceFacts, datetime, Config]:
    """What the bundle says of the recording, its time, and the settings of the examination."""
    row = reading.row
    with service.store.read() as db:
        case = case_of(db, row.case_id, caller.person_id)
        facts = EvidenceFacts(
            job=row.id,
            case=case.name,
            name=row.filename,
            sha256=row.sha256,
            num_bytes=row.num_bytes,
            custody=_custody(db, row),
        )
        return facts, moment(service.store.now(db)), _config(db, row)


def _config(db: Connection, row: AnyRow) -> Config:
    """The settings that a job was examined with."""
    return Config.model_validate_json(
        db.execute(select(setups.c.config).where(setups.c.id == row.setup_id)).scalar_one()
    )


def _custody(db: Connection, row: AnyRow) -> tuple[Custody, ...]:
    """What the audit log says of a job and its evidence, and when it was examined."""
    names = {person.id: person.name for person in list_people(db)}
    events = [
        Custody(at=moment(entry.at), what=entry.action, who=names.get(entry.person_id or "", ""))
        for entry in entries_of(db, row.case_id, (row.id, row.evidence_id))
    ]
    events.append(Custody(at=moment(row.finished_at), what="examined", who=""))
    return tuple(sorted(events, key=lambda event: event.at))
