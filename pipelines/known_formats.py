"""Lists of digests as text: what tools and the NSRL write, recognised by content.

* one digest a line; MD5, SHA-1 or SHA-256 by its length;
* `sha256sum` and its kin: `digest  name`, `digest *name`, or with `--tag` `SHA256 (name) = digest`;
* CSV with a header that names the columns: `md5`, `SHA-1`, `sha256`, `Hash`, ... The NSRL's RDS up to version 2
  (`NSRLFile.txt`: "SHA-1","MD5","CRC32","FileName",...) is one.

Blank lines are passed over, and, but for a table's rows, lines that begin with `#`; anything else that names no digest
is an error with its line: a list that was cut or mixed up must not pass as a shorter one.
A row with several digests of a file counts with its strongest: whoever can collide MD5 shall not hide a file by it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from pipelines.known_index import DIGEST_BYTES, Digest

LINE_BYTES = 65_536
"""Longest line: a digest and a path, which Linux ends at 4,096 bytes, quoted and escaped many times over."""
_ALGORITHM_OF = {2 * width: name for name, width in DIGEST_BYTES.items()}
_STRONGEST_FIRST = tuple(reversed(DIGEST_BYTES))
_SUM = re.compile(r"\\?([0-9A-Fa-f]+)(?:[ \t]+.*)?", re.DOTALL)
"""Coreutils, "md5sum invocation": a backslash in front says that the name is escaped."""
_TAG = re.compile(r"\\?(MD5|SHA1|SHA256) \(.*\) = ([0-9A-Fa-f]+)", re.DOTALL)
_ANY = "any"
"""Column whose algorithm each cell's length tells."""
_ANY_NAMES = frozenset({"hash", "digest", "checksum", "hashvalue", "filehash"})
_NAMED = re.compile("(?:file)?(?:hash|digest|checksum)?(md5|sha1|sha256)(?:hash|digest|checksum|sum|value)?")
"""Names of columns without their case and signs."""
_DELIMITERS = ",;\t"
_SHOWN = 80
"""Characters of a malformed line in its message: the longest digest and some of what follows."""
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class UnusableSet(ValueError):
    """A set of known files that cannot be relied on."""


class Malformed(UnusableSet):
    """A line that names no digest.

    Args:
        line: From 1.
        message: What is wrong with it.
    """

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")


def text_digests(file: BinaryIO) -> Iterator[Digest]:
    """The digests of a list, in its order.

    Args:
        file: At its start.

    Raises:
        Malformed: a line that names no digest.
        OSError: reading fails.
    """
    lines = _lines(file)
    for number, line in lines:
        if _passed_over(line):
            continue
        header = _header(number, line)
        if header is not None:
            yield from _table(lines, number, *header)
        else:
            yield digest_of(_value(number, line), number)
            yield from (digest_of(_value(n, text), n) for n, text in lines if not _passed_over(text))


def digest_of(text: str, line: int, algorithm: str | None = None) -> Digest:
    """A digest from its hexadecimal digits.

    Raises:
        Malformed: it is none, or not one of the algorithm.
    """
    name = _ALGORITHM_OF.get(len(text))
    if name is None:
        raise Malformed(line, f"{_shown(text)} has not the length of an MD5, SHA-1 or SHA-256 digest")
    try:
        value = bytes.fromhex(text)
    except ValueError as error:
        raise Malformed(line, f"{_shown(text)} is not hexadecimal") from error
    if len(value) != DIGEST_BYTES[name]:  # `fromhex` passes over blanks.
        raise Malformed(line, f"{_shown(text)} is not hexadecimal")
    if algorithm not in (None, name):
        raise Malformed(line, f"{_shown(text)} is not a digest by {algorithm}")
    return name, value


def strongest(cells: Mapping[str, str | None], line: int) -> Digest:
    """The strongest digest of a row.

    Args:
        cells: By algorithm; those that are empty do not count.
        line: For the message.

    Raises:
        Malformed: there is none, or it is malformed.
    """
    for algorithm in _STRONGEST_FIRST:
        if cells.get(algorithm):
            return digest_of(str(cells[algorithm]), line, algorithm)
    if cells.get(_ANY):
        return digest_of(str(cells[_ANY]), line)
    raise Malformed(line, "no digest")


def _lines(file: BinaryIO) -> Iterator[tuple[int, str]]:
    """Lines with their numbers. Digests are ASCII, and names of any encoding pass through unread."""
    number = 0
    while data := file.readline(LINE_BYTES + 1):
        number += 1
        if number == 1:
            if data.startswith(_UTF16):
                raise Malformed(1, "the list is UTF-16; save it as UTF-8")
            data = data.removeprefix(b"\xef\xbb\xbf")
        if len(data) > LINE_BYTES:
            raise Malformed(number, f"longer than {LINE_BYTES} bytes; this is no list of digests")
        yield number, data.decode("latin-1")


def _passed_over(line: str) -> bool:
    return not line.strip() or line.startswith("#")


def _value(number: int, line: str) -> str:
    text = line.strip()
    tagged = _TAG.fullmatch(text)
    if tagged is not None:
        digest_of(tagged[2], number, tagged[1].lower())
        return tagged[2]
    plain = _SUM.fullmatch(text)
    if plain is None:
        raise Malformed(number, f"{_shown(text)} names no digest")
    return plain[1]


def _header(number: int, line: str) -> tuple[str, Sequence[str | None]] | None:
    """Delimiter and meaning of the columns, if a line is a header with a column of digests."""
    for delimiter in _DELIMITERS:
        names = next(csv.reader([line.strip("\r\n")], delimiter=delimiter), [])
        meanings = [_meaning(name) for name in names]
        wanted = [meaning for meaning in meanings if meaning]
        if len(wanted) != len(set(wanted)):
            raise Malformed(number, "two columns of digests by one algorithm")
        if wanted:
            return delimiter, meanings
    return None


def _meaning(name: str) -> str | None:
    word = re.sub(r"[^a-z0-9]", "", name.lower())
    named = _NAMED.fullmatch(word)
    if named is not None:
        return named[1]
    return _ANY if word in _ANY_NAMES else None


def _table(
    lines: Iterator[tuple[int, str]], header: int, delimiter: str, meanings: Sequence[str | None]
) -> Iterator[Digest]:
    reader = csv.reader((line for _, line in lines), delimiter=delimiter)
    try:
        for row in reader:
            number = header + reader.line_num
            if not any(row):
                continue
            if len(row) != len(meanings):
                raise Malformed(number, f"{len(row)} columns; the header has {len(meanings)}")
            cells = {meaning: cell.strip() for meaning, cell in zip(meanings, row, strict=True) if meaning}
            yield strongest(cells, number)
    except csv.Error as error:
        raise Malformed(header + reader.line_num, str(error)) from error


def _shown(text: str) -> str:
    return ascii(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")
