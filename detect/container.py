"""Opens a container with FFmpeg so that nothing else can be opened, and counts what FFmpeg complains of.

FFmpeg's demuxers can follow references to other files and addresses (playlists, concat scripts, external tracks). Three
independent barriers stand here: formats come from an allow-list, no protocol is permitted, and the callback through
which FFmpeg opens anything refuses. The recording itself is read through the given file object, under no name.

Errors leave as `InputError`s. FFmpeg reports damage in its log only; `ErrorLog` counts its messages at error level.
"""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, BinaryIO, Self

import av
import av.error
import av.logging
import av.subtitles.stream  # PyAV looks for it at the first container, when files may be closed already
from av.container import InputContainer

from detect.config import Limits
from detect.errors import InputError, LimitExceeded, UnreadableMedia, UnsupportedMedia

FORMATS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,asf,au,avi,caf,dv,eac3,flac,flv,h264,hevc,ivf,m4v,matroska,mov,mp3,mpeg,mpegts,"
    "mpegvideo,mxf,obu,ogg,w64,wav,wv"
)
"""Demuxers that may run: recordings only. No playlist, script, subtitle, device or picture-sequence format."""

_BUFFER_BYTES = 1 << 18
"""Read size. Measured on a 1 GB file: 32 kB, PyAV's default, costs four times the calls for the same throughput."""

_INT_MAX = 2**31 - 1

_WEAK_PROBE_SCORE = 25
"""FFmpeg's AVPROBE_SCORE_RETRY (libavformat/avformat.h): up to this a guess from too little evidence."""


class _Refused(PermissionError):
    """FFmpeg tried to open something besides the recording."""


class _Nameless:
    """The recording's bytes without its name: FFmpeg would let the suffix weigh in on the format."""

    name = ""

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read
        self.seek = file.seek
        self.tell = file.tell


def open_container(file: BinaryIO, limits: Limits, log: ErrorLog | None = None) -> InputContainer:
    """Open a recording from its first byte.

    Args:
        file: Seekable.
        limits: `max_pixels` also binds the decoders that FFmpeg starts to probe the streams.
        log: Takes what FFmpeg complains of while it probes.

    Raises:
        InputError: no recording, damaged, or too large.
    """
    _listen()
    log = log if log is not None else ErrorLog()
    try:
        with translated("the container"), log:
            return _open(file, limits)
    except InputError as error:
        said = " ".join(log.lines)
        if "max_streams" in said:
            raise LimitExceeded("streams", "more streams than FFmpeg opens (1,000)") from error
        if "not on whitelist" in said:
            raise _not_on_list(file, limits) from error
        if isinstance(error, UnreadableMedia) and log.lines:
            raise UnreadableMedia(error.reason, f"{error.message} (FFmpeg: {log.lines[-1]})") from error
        raise


def _open(file: BinaryIO, limits: Limits) -> InputContainer:
    file.seek(0)
    return av.open(
        _Nameless(file),
        mode="r",
        container_options={"format_whitelist": FORMATS, "protocol_whitelist": "none"},
        options=decoder_options(limits),
        metadata_errors="backslashreplace",
        buffer_size=_BUFFER_BYTES,
        io_open=_refuse,
    )


def decoder_options(limits: Limits) -> dict[str, str]:
    """What every decoder is told, so that it allocates no picture beyond the limits."""
    return {"max_pixels": str(min(limits.max_pixels, _INT_MAX))}


def _refuse(url: str, flags: int, options: dict[str, str]) -> Any:  # noqa: ARG001  # the signature is FFmpeg's
    raise _Refused(url)


def _not_on_list(file: BinaryIO, limits: Limits) -> InputError:
    """Name the format that FFmpeg recognised, unless it only guessed."""
    lines: list[str] = []
    level = av.logging.get_level()
    av.logging.set_level(av.logging.DEBUG)
    try:
        with av.logging.Capture() as messages:
            try:
                _open(file, limits).close()
            except (av.error.FFmpegError, OSError):
                lines = [text for _, _, text in messages if text.startswith("Format ") and "score=" in text]
    finally:
        av.logging.set_level(level)
    name, score = "unknown", 0
    if lines:
        words = lines[-1].split()
        name, score = words[1], int(words[-1].removeprefix("score="))
    if score > _WEAK_PROBE_SCORE:
        return UnsupportedMedia("format", f"FFmpeg takes this for '{name}', which is not a format that is examined")
    return UnreadableMedia("unrecognised", "no format of a recording was recognised in these bytes")


def describe(container: InputContainer, index: int) -> str:
    """FFmpeg's own line on a stream, for one whose codec has no decoder and so no name in PyAV."""
    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)
    try:
        text: str = container.dumps_format()  # type: ignore[attr-defined]  # missing from PyAV's stubs only
    finally:
        av.logging.set_level(level)
    for line in text.splitlines():
        head, found, rest = line.strip().partition(": ")
        if found and head.startswith("Stream #0:") and head[10:].split("[")[0].split("(")[0] == str(index):
            return rest[:120]
    return "unknown"


def translated(what: str) -> AbstractContextManager[None]:
    """Turn what FFmpeg and the file object raise inside a `with` block into `InputError`s.

    Args:
        what: Names the thing at fault in the message, for example `stream 0`.

    Raises:
        InputError: in place of the foreign exception.
    """
    return _Translation(what)


class _Translation(AbstractContextManager[None]):
    """A class, for it stands around every packet: a generator would take three times as long."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            translation = _translation(self._what, error)
            if translation is not None:
                raise translation from error


def _translation(what: str, error: BaseException) -> InputError | None:
    """The `InputError` for a foreign exception; None for one that is ours, or nobody's."""
    if isinstance(error, _Refused):
        return UnsupportedMedia("external_reference", f"{what} refers to something outside the file: refused")
    if isinstance(error, MemoryError):
        return LimitExceeded("memory", f"{what} asks for more memory than is allowed")
    if isinstance(error, av.error.DecoderNotFoundError | av.error.PatchWelcomeError):
        return UnsupportedMedia("codec", f"this build cannot decode {what}: {error.strerror}")
    if isinstance(error, av.error.FFmpegError):
        return UnreadableMedia("damaged", f"{what} cannot be read: {error.strerror}")
    if isinstance(error, OSError):
        return UnreadableMedia("io_error", f"reading the file failed: {error.strerror or error}")
    return None


class _Stray(logging.Handler):
    """Messages of FFmpeg's own threads, which belong to no `ErrorLog`."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += record.levelno >= logging.ERROR


_stray = _Stray()


def _listen() -> None:
    """Have FFmpeg's errors delivered, each one: repeated lines must count."""
    logger = logging.getLogger("libav")
    if _stray not in logger.handlers:
        logger.addHandler(_stray)
        logger.propagate = False
    if av.logging.get_level() != av.logging.ERROR:
        av.logging.set_level(av.logging.ERROR)
    av.logging.set_skip_repeated(False)


class ErrorLog:
    """Counts FFmpeg's messages at error level; use it as a context around each call into FFmpeg.

    Messages of the calling thread are this log's own, so that streams decoded at the same time are not mixed up. With
    one decoder thread that is all of them, and the count is repeatable. Messages of FFmpeg's worker threads cannot be
    assigned; `disturbed` says whether there were any.
    """

    _KEPT = 8
    """Lines kept for the report; the others only count."""

    def __init__(self) -> None:
        self.count = 0
        self.lines: list[str] = []
        self._stray = _stray.count
        self._capture: av.logging.Capture | None = None
        self._messages: list[tuple[int, str, str]] = []

    @property
    def disturbed(self) -> bool:
        """Whether any thread logged an error since this log began."""
        return self.count > 0 or _stray.count != self._stray

    def __enter__(self) -> Self:
        self._capture = av.logging.Capture()
        self._messages = self._capture.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._capture is not None  # noqa: S101  # __enter__ has set it
        self._capture.__exit__(None, None, None)
        self.drain()

    def drain(self) -> None:
        """Count what has come in so far; to be called now and then where the context stands around a loop."""
        for level, name, text in self._messages:
            if level <= av.logging.ERROR:
                self.count += 1
                if len(self.lines) < self._KEPT:
                    self.lines.append(f"{name}: {text.strip()}"[:200])
        self._messages.clear()
