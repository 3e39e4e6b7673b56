"""How problems are answered: `application/problem+json` (RFC 9457), and what OpenAPI says of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from detect.errors import ConfigError, DeviceError, WeightsError
from service import problems
from service.problems import Problem
from service.vault import errors as vault

_log = structlog.get_logger("unmask.api")
TYPE = "https://unmask.invalid/problems/"
"""Problem types are names, not addresses: `.invalid` never resolves (RFC 2606), and nobody is sent anywhere."""
_RETRY_SECONDS = 5


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    where: str
    """`body.name`, `query.limit`, ..."""
    why: str


class ProblemDetails(BaseModel):
    """Why a request was refused (RFC 9457)."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {"type": f"{TYPE}not-found", "title": problems.NotFound.title, "status": 404, "detail": "No such job."}
            ]
        },
    )

    type: str
    title: str
    status: int
    detail: str
    faults: list[Fault] = Field(default_factory=list)
    """Only where the request is malformed."""


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says an endpoint may refuse; every endpoint may answer 401, 403, 422, 429, 500 and 503."""
    return {
        status: {
            "description": _TITLES[status],
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
        }
        for status in sorted({401, 403, 422, 429, 500, 503, *statuses})
    }


_TITLES: Mapping[int, str] = {problem.status: problem.title for problem in problems.ALL} | {
    400: "The request is no proper HTTP",
    405: "This address has no such method",
    408: "The client was too slow",
    415: "The body is of another kind",
    423: "Somebody else writes to it",
    460: "The checksum does not match",
    412: "Another version of the protocol",
    416: "There are no such bytes",
    500: Problem.title,
}


def answer(
    status: int,
    slug: str,
    title: str,
    detail: str,
    *,
    faults: list[Fault] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A problem, as it is sent."""
    details = ProblemDetails(type=TYPE + slug, title=title, status=status, detail=detail, faults=faults or [])
    return JSONResponse(
        details.model_dump(exclude_defaults=True), status, headers, media_type="application/problem+json"
    )


def answer_problem(problem: Problem) -> JSONResponse:
    """See `answer`."""
    headers = {}
    if problem.retry_after_seconds is not None:
        headers["Retry-After"] = str(problem.retry_after_seconds)
    if isinstance(problem, problems.Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="unmask"'
    return answer(problem.status, problem.slug, problem.title, problem.detail, headers=headers)


def add_handlers(app: FastAPI) -> None:
    """Answer every exception that is foreseen as a problem; `service.api.guard` answers the others."""

    def problem(_request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)  # noqa: S101 - registered for it
        return answer_problem(error)

    def malformed(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
        faults = [
            Fault(where=".".join(map(str, entry["loc"]))[:200], why=str(entry["msg"])[:300])
            for entry in error.errors()[:20]
        ]
        kind = problems.Malformed
        return answer(kind.status, kind.slug, kind.title, "See `faults`.", faults=faults)

    def http(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
        title = _TITLES.get(error.status_code, "Refused")
        return answer(error.status_code, f"http-{error.status_code}", title, title + ".", headers=error.headers)

    def storage(_request: Request, error: Exception) -> Response:
        assert isinstance(error, vault.VaultError)  # noqa: S101 - registered for it
        return answer_problem(of_vault(error))

    def not_now(_request: Request, error: Exception) -> Response:
        _log.error("unavailable", kind=type(error).__name__, error=str(error))
        return answer_problem(
            problems.Unavailable("Something that the service needs is not there.", retry_after_seconds=_RETRY_SECONDS)
        )

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(vault.VaultError, storage)
    for kind in (ConfigError, DeviceError, WeightsError):
        app.add_exception_handler(kind, not_now)


class Locked(Problem):
    """Another request writes to it."""

    status, slug, title = 423, "locked", _TITLES[423]


class ChecksumMismatch(Problem):
    """As tus 1.0 names it."""

    status, slug, title = 460, "checksum-mismatch", _TITLES[460]


def of_vault(error: vault.VaultError) -> Problem:  # noqa: PLR0911 - a table
    """What a client is told of trouble with bytes."""
    match error:
        case vault.StorageFull():
            return problems.StorageFull(
                "The disk is full; a resumable upload keeps what had arrived.", retry_after_seconds=60
            )
        case vault.TooLarge():
            return problems.TooLarge(f"More than the {error.limit_bytes} bytes that it may have.")
        case vault.Busy():
            return Locked("Another request writes to this upload.", retry_after_seconds=1)
        case vault.OffsetConflict():
            return problems.Conflict(f"The upload goes on at byte {error.offset}.")
        case vault.UploadSealed():
            return problems.Conflict("The upload is being finished.")
        case vault.ChecksumMismatch():
            return ChecksumMismatch("Other bytes arrived than were announced.")
        case vault.ChecksumUnknown():
            return problems.Malformed("No such kind of checksum.")
        case vault.UploadUnknown() | vault.NotStored():
            return problems.NotFound("No such upload, or its bytes are gone.")
        case _:
            _log.error("storage", kind=type(error).__name__, error=str(error))
            return problems.Unavailable("The evidence store cannot be used.", retry_after_seconds=_RETRY_SECONDS)
