"""A form with one file, read as it arrives: nothing of it is kept in memory, and nothing goes to a temporary file."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import AsyncIterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from service.problems import Malformed

_MAX_HEADER_BYTES = 16_384
"""Of one part: a name of 4,000 characters, each written as `%xx` in three bytes, and what goes with it."""
_MAX_OTHERS_BYTES = 65_536
"""Of parts that are no file, and of what comes behind the form's end, all together."""
_MAX_PARTS = 16


async def only_file(content_type: str, blocks: AsyncIterator[bytes]) -> tuple[str, AsyncIterator[bytes]]:
    """The name of a form's file, and its bytes.

    Raises:
        Malformed: it is no form, or has not exactly one file; of what comes behind the file only when that is read.
    """
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if not re.fullmatch(rb"[ -~]{1,70}", boundary):  # RFC 2046, 5.1.1
        raise Malformed("The form has no boundary.")
    form = _Form(boundary)
    async for block in blocks:
        form.feed(block)
        if form.filename is not None:
            return form.filename, _rest(form, blocks)
    form.end()
    raise Malformed("The form has no file.")


async def _rest(form: _Form, blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    while form.ready:
        yield form.ready.popleft()
    async for block in blocks:
        form.feed(block)
        while form.ready:
            yield form.ready.popleft()
    form.end()


class _Form:
    """What is known of a form as far as it has arrived."""

    def __init__(self, boundary: bytes) -> None:
        self.filename: str | None = None
        self.ready: deque[bytes] = deque()
        """Bytes of the file that nobody has taken yet."""
        self._headers: dict[bytes, bytes] = {}
        self._name, self._value = b"", b""
        self._in_file = self._complete = False
        self._header_bytes = self._num_others = self._num_parts = 0
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_part_data": self._data,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_end": self._end,
            },
            max_header_size=_MAX_HEADER_BYTES,
        )

    def feed(self, block: bytes) -> None:
        """Read on."""
        if self._complete:
            self._count_others(len(block))
        try:
            self._parser.write(block)
        except FormParserError as error:
            raise Malformed("The form cannot be read.") from error

    def end(self) -> None:
        """See that it was whole."""
        if not self._complete:
            raise Malformed("The form was cut off.")

    def _begin_part(self) -> None:
        self._headers, self._header_bytes, self._in_file = {}, 0, False
        self._num_parts += 1
        if self._num_parts > _MAX_PARTS:
            raise Malformed(f"The form has more than {_MAX_PARTS} parts.")

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]
        self._count(end - start)

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._count(end - start)

    def _count(self, num_bytes: int) -> None:
        self._header_bytes += num_bytes
        if self._header_bytes > _MAX_HEADER_BYTES:
            raise Malformed(f"A part of the form has more than {_MAX_HEADER_BYTES} bytes of headers.")

    def _end_header(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name, self._value = b"", b""

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._in_file = b"filename" in options or options.get(b"name") == b"file"
        if not self._in_file:
            return
        if self.filename is not None:
            raise Malformed("The form has more than one file.")
        self.filename = options.get(b"filename", b"").decode("utf-8", "replace")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self.ready.append(data[start:end])
            return
        self._count_others(end - start)

    def _count_others(self, num_bytes: int) -> None:
        self._num_others += num_bytes
        if self._num_others > _MAX_OTHERS_BYTES:
            raise Malformed("The form has more beside its file than a form needs.")

    def _end(self) -> None:
        self._complete = True
