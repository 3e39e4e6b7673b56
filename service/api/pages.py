"""The web page: one document for every address that people see, what it is made of, and its texts in two languages.

service/web/app/            what `make web` bundles (TypeScript, style sheet, icon)
service/web/static/         the bundle; without it the page says how it is made, and the API works all the same
service/web/texts.*.toml    what the page says
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from functools import cache
from pathlib import Path
from string import Template
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Cookie, Request, Response
from fastapi import Path as InPath

from service.problems import NotFound
from service.state import TheService

router = APIRouter(include_in_schema=False)

Language = Literal["en", "de"]
LANGUAGES: tuple[Language, ...] = ("en", "de")
LANGUAGE_COOKIE = "unmask_language"
ADDRESSES = (
    "/",
    "/login",
    "/cases",
    "/cases/{case}",
    "/jobs",
    "/jobs/{job}",
    "/notices",
    "/models",
    "/audit",
    "/people",
)
"""Of the page; what stands behind `/cases/` and `/jobs/` only the page's script reads."""
SHARED_TEXTS = ("examination", "media", "proposition", "decoder", "conclusion", "limits", "reason", "defect", "caveat")
"""Tables of `texts.toml`, the report's, that the page says in the same words."""

_WEB = Path(__file__).parents[1] / "web"
STATIC = _WEB / "static"
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_REVALIDATE = "no-cache"
"""Kept by browsers, and asked about each time: after an upgrade nobody runs the script of yesterday."""


def show_page(
    service: TheService, request: Request, unmask_language: Annotated[str | None, Cookie(max_length=10)] = None
) -> Response:
    """The document; its script does the rest."""
    language = language_for(unmask_language, request.headers.get("accept-language", ""), service.settings.language)
    table = texts(language)["shell"]
    built = (STATIC / "main.js").is_file() and (STATIC / "app.css").is_file()
    name = "page.html" if built else "page_missing.html"
    values = {key: value for key, value in table.items() if isinstance(value, str)}
    text = Template((_WEB / name).read_text(encoding="utf-8")).substitute(values, language=language)
    headers = {"Vary": "Accept-Language, Cookie", "Content-Language": language}
    return Response(text, 200 if built else 503, headers, media_type="text/html; charset=utf-8")


for address in ADDRESSES:
    router.add_api_route(address, show_page, methods=["GET", "HEAD"])


@router.api_route("/static/{name}", methods=["GET", "HEAD"])
def give_part(
    request: Request, name: Annotated[str, InPath(pattern=r"^[a-z_]+(\.[a-z]+)+$", max_length=60)]
) -> Response:
    """A script, a style sheet, a picture."""
    path = STATIC / name
    kind = _TYPES.get(path.suffix)
    if kind is None or not path.is_file():
        raise NotFound("The page has no such part.")
    return _cached(request, path.read_bytes(), kind)


@router.api_route("/texts/{language}.json", methods=["GET", "HEAD"])
def give_texts(request: Request, language: Language) -> Response:
    """What the page says."""
    return _cached(request, json.dumps(texts(language), ensure_ascii=False).encode(), "application/json")


@router.api_route("/favicon.ico", methods=["GET", "HEAD"])
def give_icon() -> Response:
    """The page names its icon; browsers that ask here are sent on."""
    return Response(status_code=308, headers={"Location": "/static/icon.svg"})


@cache
def texts(language: Language) -> dict[str, Any]:
    """Every text of the page in one language.

    In English the tables that the report has, too, are the report's: a word is changed in one place.
    """
    own = _read(f"texts.{language}.toml")
    if language != "en":
        return own
    report = _read("texts.toml")
    return {name: report[name] for name in SHARED_TEXTS} | own


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_WEB / name).read_text(encoding="utf-8"))


def language_for(chosen: str | None, accepted: str, otherwise: Language) -> Language:
    """The language to answer in.

    Args:
        chosen: With the page's switch.
        accepted: `Accept-Language` (RFC 9110, 12.5.4).
        otherwise: The service's setting, where the browser names none of ours.
    """
    for language in LANGUAGES:
        if language == chosen:
            return language
    wanted: list[tuple[float, int, Language]] = []
    for position, entry in enumerate(accepted[:500].split(",")):
        tag, _, parameters = entry.partition(";")
        primary = tag.strip().lower().partition("-")[0]
        weight = _weight(parameters)
        wanted += [(-weight, position, language) for language in LANGUAGES if language == primary and weight > 0]
    return min(wanted)[2] if wanted else otherwise


def _weight(parameters: str) -> float:
    """A `q` of `Accept-Language`; what is malformed counts as not wanted."""
    name, _, value = parameters.strip().partition("=")
    if not name:
        return 1.0
    digits = value.strip()
    well_formed = name.strip().lower() == "q" and digits.replace(".", "", 1).isdecimal() and digits.isascii()
    return float(digits) if well_formed else 0.0


def _cached(request: Request, content: bytes, kind: str) -> Response:
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": _REVALIDATE}
    known = {entry.strip().removeprefix("W/") for entry in request.headers.get("if-none-match", "").split(",")}
    if tag in known:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=kind)
