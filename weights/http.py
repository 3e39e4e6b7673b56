"""One file over HTTPS, taken up again where it was cut. The only file that uses requests."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

import requests

from weights.errors import WeightsMismatch, WeightsUnavailable

Progress = Callable[[int, int], None]
"""Called with the bytes that are there and the bytes there will be."""

_ATTEMPTS = 5
_BACKOFF_SECONDS = 0.5
"""Wait after the first failure; doubled each time, so five attempts wait 7.5 s in all."""
_CONNECT_SECONDS, _SILENCE_SECONDS = 10.0, 30.0
_FLOOR_SECONDS, _FLOOR_BYTES_PER_SECOND = 120.0, 16 * 1024
"""A server that sends, but slower than this, is given up."""
_CHUNK_BYTES = 16 * 1024
_MAX_REDIRECTS = 5
_WORTH_REPEATING = (408, 425, 429, 500, 502, 503, 504)
"""RFC 9110 section 15, RFC 6585 section 4, RFC 8470 section 5.2: states that pass."""


class _Interrupted(Exception):
    """This attempt failed; the next may not."""


def download(url: str, file: BinaryIO, num_bytes: int, progress: Progress | None = None) -> None:
    """Fill a file from an address, keeping what it already holds where the server can go on from there.

    Args:
        url: https, or http on this machine.
        file: Open for reading and writing; may hold the beginning of an earlier attempt. Never grows over `num_bytes`.
        num_bytes: How long the whole is.
        progress: Told about every chunk.

    Raises:
        WeightsUnavailable: the server does not have it or cannot be reached; what has arrived stays in the file.
        WeightsMismatch: the server has a file of another size.
    """
    deadline = time.monotonic() + _FLOOR_SECONDS + num_bytes / _FLOOR_BYTES_PER_SECOND
    failure = ""
    with requests.Session() as session:
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(_BACKOFF_SECONDS * 2 ** (attempt - 1))
            try:
                _transfer(session, url, file, num_bytes, deadline, progress)
            except _Interrupted as error:
                failure = str(error)
            except requests.RequestException as error:
                failure = _in_words(error)
            else:
                return
    raise WeightsUnavailable(
        f"{url} could not be fetched in {_ATTEMPTS} attempts ({failure}). Try again: what has arrived is kept. "
        "Without a network, copy the file here and use `unmask weights fetch NAME --from DIR`"
    )


def _in_words(error: requests.RequestException) -> str:
    """Short: the text of these exceptions is the chain of their causes."""
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "the server's certificate is not trusted"
    if isinstance(error, requests.ConnectionError):
        return "no connection, or it was lost"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the transfer was cut"
    return type(error).__name__


def _transfer(
    session: requests.Session, url: str, file: BinaryIO, num_bytes: int, deadline: float, progress: Progress | None
) -> None:
    have = file.seek(0, 2)
    if have > num_bytes:
        have = _empty(file)
    if have == num_bytes:
        return
    with _open(session, url, have) as response:
        have = _agree(response, url, file, have, num_bytes)
        for chunk in response.iter_content(_CHUNK_BYTES):
            if have + len(chunk) > num_bytes:
                raise WeightsMismatch(f"{url} sends more than the {num_bytes:,} bytes that the manifest says")
            file.write(chunk)
            have += len(chunk)
            if progress is not None:
                progress(have, num_bytes)
            if time.monotonic() > deadline:
                raise WeightsUnavailable(f"{url} sends too slowly: {have:,} of {num_bytes:,} bytes. Try again later")
    if have < num_bytes:
        raise _Interrupted(f"cut at {have:,} of {num_bytes:,} bytes")


def _open(session: requests.Session, url: str, have: int) -> requests.Response:
    """Ask, and follow redirects only to where the answer cannot be changed on its way."""
    headers = {"Accept-Encoding": "identity"}  # a compressed answer could not be taken up in the middle
    if have:
        headers["Range"] = f"bytes={have}-"
    for _ in range(_MAX_REDIRECTS + 1):
        _check_address(url)
        response = session.get(
            url, headers=headers, stream=True, allow_redirects=False, timeout=(_CONNECT_SECONDS, _SILENCE_SECONDS)
        )
        if not response.is_redirect:
            return response
        response.close()
        url = urljoin(url, response.headers["Location"])
    raise WeightsUnavailable(f"{url}: more than {_MAX_REDIRECTS} redirects")


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and _is_this_machine(parts.hostname or "")):
        return
    raise WeightsUnavailable(f"{url} is refused: only https addresses are fetched from")


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _agree(response: requests.Response, url: str, file: BinaryIO, have: int, num_bytes: int) -> int:
    """Settle where the body goes; returns the offset at which it begins."""
    status = response.status_code
    if status in _WORTH_REPEATING:
        raise _Interrupted(f"the server says {status}")
    if status == 416 or (status == 206 and not _continues(response, have, num_bytes)):
        _empty(file)
        raise _Interrupted(f"the server cannot go on from byte {have:,}")
    if status not in (200, 206):
        raise WeightsUnavailable(f"{url}: the server says {status} {response.reason}")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise WeightsUnavailable(f"{url}: the server compresses although it was asked not to")
    if status == 206:
        return have
    length = response.headers.get("Content-Length", str(num_bytes))
    if length != str(num_bytes):
        raise WeightsMismatch(f"{url} has {length} bytes; the manifest says {num_bytes}")
    return _empty(file)


def _continues(response: requests.Response, have: int, num_bytes: int) -> bool:
    """Whether a partial answer is the rest of this file: RFC 9110 section 14.4."""
    return have > 0 and response.headers.get("Content-Range", "") == f"bytes {have}-{num_bytes - 1}/{num_bytes}"


def _empty(file: BinaryIO) -> int:
    file.seek(0)
    file.truncate()
    return 0
