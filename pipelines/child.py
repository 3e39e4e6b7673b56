"""One job, in the confined child: decode what was asked for and answer.

Nothing can be opened any more when `run` is called, so everything that decoding might need is imported here, once, in
the zygote.
"""

from __future__ import annotations

import codecs
from typing import BinaryIO

from PIL import Image

from detect.audio import read_audio
from detect.errors import DecoderCrashed
from detect.media import survey
from detect.video import read_frames
from pipelines.wire import AnswerWriter, Request

# Picture formats and text encodings load lazily, from files.
Image.init()
for _encoding in ("ascii", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "shift_jis"):
    codecs.lookup(_encoding)


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
