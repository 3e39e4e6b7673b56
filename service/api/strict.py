"""Requests whose JSON is what it seems: no key twice, no NaN, no number beyond all numbers, no bottomless nesting.

Parsers differ in what they make of such documents, and whoever checked one reading may have signed another.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from service.problems import Malformed

_MAX_BYTES = 1 << 20
"""Of a JSON document: a thousand times what any endpoint needs."""
_MAX_DEPTH = 64


class StrictRequest(Request):
    """A request whose `json` refuses what `json.loads` lets through."""

    async def json(self) -> Any:
        """The body's document.

        Raises:
            JSONDecodeError: it is none, or ambiguous; FastAPI makes a 422 of this one, and a 400 of others.
            HTTPException: it is too long.
        """
        if not hasattr(self, "_document"):
            data = await self.body()
            try:
                self._document = parse(data)
            except Malformed as error:
                raise json.JSONDecodeError(error.detail, "", 0) from error
        return self._document

    async def body(self) -> bytes:
        """The body, bounded: it is read before anybody has looked at who sends it.

        Raises:
            HTTPException: it is too long, or takes too long to arrive.
        """
        if not hasattr(self, "_body"):
            chunks, size = list[bytes](), 0
            try:
                async with asyncio.timeout(self.app.state.service.settings.idle_seconds):
                    async for chunk in self.stream():
                        chunks.append(chunk)
                        size += len(chunk)
                        if size > _MAX_BYTES:
                            raise HTTPException(413)
            except TimeoutError:
                raise HTTPException(408) from None
            self._body = b"".join(chunks)
        return self._body


class StrictRoute(APIRoute):
    """A route that reads JSON strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See FastAPI, "Custom Request and APIRoute class"."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handler(StrictRequest(request.scope, request.receive))

        return handle


def parse(data: bytes) -> Any:
    """A JSON document, strictly.

    Raises:
        Malformed: it is none, or ambiguous.
    """
    try:
        document = json.loads(
            data.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant, parse_float=_number
        )
        _measure(document)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"The body is no JSON document as RFC 8259 has it: {_why(error)}") from error
    return document


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply."
    return f"{error}."[:200] if type(error) is _Refusal else "it cannot be read."


class _Refusal(ValueError):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    for key, _ in pairs:
        _check_text(key)
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Refusal("a key stands in it twice")
    return found


def _constant(_text: str) -> NoReturn:
    raise _Refusal("NaN and Infinity are no numbers in JSON")


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _Refusal("a number is too large")
    return number


def _check_text(text: str) -> None:
    if "\0" in text or (not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text)):
        raise _Refusal("a text holds what no text may hold: NUL, or half of a character")


def _measure(document: Any) -> None:
    """Refuse what is nested too deeply, without nesting oneself, and texts that no database takes."""
    level, depth = [document], 0
    while level:
        depth += 1
        if depth > _MAX_DEPTH:
            raise _Refusal("it is nested too deeply")
        below: list[Any] = []
        for value in level:
            if isinstance(value, str):
                _check_text(value)
            below += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        level = below
