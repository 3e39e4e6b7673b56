"""One job, in the confined child: decode what was asked for and answer.

Nothing can be opened any more when `run` is called, and Python and its libraries load much of themselves from files
when it is first needed. So all of it is loaded here, at import, in the zygote: by name, and by a rehearsal.
"""

from __future__ import annotations

import codecs
import ctypes
import importlib
import io
import pkgutil
from fractions import Fraction
from typing import BinaryIO

import av
import numpy as np
from PIL import Image

from detect.audio import read_audio
from detect.config import Config
from detect.errors import DecoderCrashed
from detect.media import survey
from detect.video import read_frames
from pipelines.wire import AnswerWriter, Request

_LATE_MODULES = (
    "_strptime",
    "numpy.ctypeslib",
    "numpy.fft",
    "numpy.linalg",
    "numpy.ma",
    "numpy.polynomial",
    "numpy.random",
    "PIL.ImageCms",
    "PIL.ImageOps",
    "PIL.ImageSequence",
    "xml.etree.ElementTree",
    "xml.parsers.expat",
    *(module.name for module in pkgutil.walk_packages(av.__path__, "av.") if not module.name.endswith("__main__")),
)
_LATE_ENCODINGS = ("ascii", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "shift_jis", "idna")

_DVB_CHARSETS = (
    "ISO6937",
    "UCS-2BE",
    "KSC_5601",
    "GB2312",
    *(f"ISO-8859-{part}" for part in range(1, 16) if part != 12),
)
"""Character tables of service names in transport streams (ETSI EN 300 468, annex A), which FFmpeg takes from the C
library, which takes them from files."""


def run(request: Request, evidence: BinaryIO, answers: AnswerWriter) -> None:
    """Do one job of the closed table.

    Args:
        request: What to do.
        evidence: The recording, read-only.
        answers: Where results go.

    Raises:
        InputError: the verdict on the evidence; the zygote passes it on.
    """
    config, media, stream = request.config, request.media, request.stream
    if request.job == "survey":
        answers.answer(survey(evidence, config))
        return
    if media is None:
        raise DecoderCrashed("protocol", "a stream was asked for without what a survey says of the recording")
    if request.job == "frames":
        for frame in read_frames(evidence, media, stream, config, num_threads=request.num_threads):
            answers.answer(frame)
    else:
        for block in read_audio(evidence, media, stream, config):
            answers.answer(block)


def _load() -> None:
    for module in _LATE_MODULES:
        importlib.import_module(module)
    for encoding in _LATE_ENCODINGS:
        codecs.lookup(encoding)
    libc = ctypes.CDLL(None)
    for charset in _DVB_CHARSETS:
        libc.iconv_open(b"UTF-8", charset.encode())  # never closed: it would be unloaded
    Image.init()


def _rehearse() -> None:
    """Decode a clip with sound and a picture, made on the spot: whatever an ordinary job needs is then there."""
    config = Config()
    for file in (_clip(), _picture()):
        media = survey(file, config)
        for stream in media.streams:
            if stream.plan is not None:
                list(read_frames(file, media, stream.facts.index, config, num_threads=1))
            elif stream.facts.kind == "audio":
                list(read_audio(file, media, stream.facts.index, config))


def _clip() -> BinaryIO:
    """Four pictures and 0.16 s of sound, in codecs that every build of FFmpeg has."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        video.thread_count = 1
        audio = container.add_stream("pcm_s16le", rate=48_000, layout="mono")
        for index in range(4):
            picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 40 * index, np.uint8), format="rgb24")
            picture.pts, picture.time_base = index, Fraction(1, 25)
            container.mux(video.encode(picture))
            sound = av.AudioFrame.from_ndarray(np.zeros((1, 1920), np.int16), format="s16", layout="mono")
            sound.sample_rate, sound.pts, sound.time_base = 48_000, 1920 * index, Fraction(1, 48_000)
            container.mux(audio.encode(sound))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return file


def _picture() -> BinaryIO:
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "JPEG")
    return file


_load()
_rehearse()
