"""The application put together: middleware, routers, and what OpenAPI says of it all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from detect.version import VERSION
from service.api import (
    audit_log,
    cases,
    health,
    jobs,
    keys,
    media,
    models,
    pages,
    recordings,
    results,
    reviews,
    tus,
)
from service.api.answers import Fault, ProblemDetails, add_handlers
from service.api.guard import Guard
from service.api.notices import router as notices
from service.api.schemas.report import report_schemas
from service.api.streams import Streams
from service.api.watching import router as watching
from service.state import Service

_DESCRIPTION = """\
Hand in recordings; learn which parts of them show traces of manipulation, how strong the evidence is, and what could
not be examined.

A recording belongs to a *case*, and a case to people. Each one handed in becomes a *job*. Keys are sent as
`Authorization: Bearer unmask_...`. Refusals are `application/problem+json` (RFC 9457).
"""
_ROUTERS = (
    recordings.router,
    tus.router,
    jobs.router,
    results.router,
    media.router,
    reviews.router,
    cases.router,
    keys.router,
    watching,
    notices,
    models.router,
    audit_log.router,
    health.router,
    pages.router,
)


def make_app(service: Service) -> FastAPI:
    """The application, for one process."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        service.store.close()

    app = FastAPI(
        title="unmask",
        version=VERSION,
        description=_DESCRIPTION,
        openapi_url="/v1/openapi.json",
        docs_url=None,  # its page fetches scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # an address is right or wrong; a client that follows would send its key once more
        lifespan=lifespan,
        generate_unique_id_function=_operation,
        separate_input_output_schemas=False,
    )
    app.state.service = service
    app.state.streams = Streams(service)
    for router in _ROUTERS:
        app.include_router(router)
    add_handlers(app)
    app.add_middleware(Guard, service=service)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]  # FastAPI's own way to extend the document
    return app


def _operation(route: APIRoute) -> str:
    """An operation's name, for whoever generates clients: the function's."""
    return route.name


def _document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the problems that every endpoint may answer."""
    if app.openapi_schema is None:
        document = FastAPI.openapi(app)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for model in (Fault, ProblemDetails):
            schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schema.pop("$defs", None)
            schemas[model.__name__] = schema
        schemas.update(report_schemas())
        app.openapi_schema = document
    return app.openapi_schema
