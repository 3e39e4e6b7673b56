"""A child gives what `LocalDecoder` gives, byte for byte: results, defects and refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from detect.config import Config
from detect.decode import Decoder, LocalDecoder
from detect.decoded import AudioOutcome, VideoOutcome
from detect.errors import InputError, UnsupportedMedia
from detect.types import Frame, Waveform
from pipelines.sandbox import Sandbox
from tests import recipes

CONFIG = Config()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def everything(decoder: Decoder, path: Path, num_threads: int = 1) -> list[object]:
    """All that a decoder says of a recording, in comparable form; an error as its class, reason and message."""
    said: list[object] = []
    try:
        media = decoder.survey(path, CONFIG)
        said.append(media)
        for stream in media.streams:
            if stream.plan is not None:
                said += map(
                    comparable, decoder.frames(path, media, stream.facts.index, CONFIG, num_threads=num_threads)
                )
            elif stream.facts.kind == "audio":
                said += map(comparable, decoder.audio(path, media, stream.facts.index, CONFIG))
    except InputError as error:
        said.append((type(error), error.reason, error.message))
    return said


def comparable(answer: Frame | Waveform | VideoOutcome | AudioOutcome) -> object:
    if isinstance(answer, Frame):
        place = (answer.stream, answer.index, answer.time, answer.pts, answer.key_frame)
        return (*place, answer.pixels.shape, answer.pixels.tobytes())
    if isinstance(answer, Waveform):
        return answer.stream, answer.channel, answer.rate, answer.start, answer.samples.tobytes()
    return answer


def clip(path: Path, **settings: object) -> Path:
    return recipes.write_video(path, audio=recipes.tone(1.0), **settings)  # type: ignore[arg-type]  # passed on


def half(path: Path) -> Path:
    """Matroska cut in the middle: damage that only counting shows."""
    return recipes.cut(clip(path.with_stem("whole")), path)


def flipped(path: Path) -> Path:
    return recipes.flip_bytes(clip(path.with_stem("whole")), path, 200)


def noise(path: Path) -> Path:
    path.write_bytes(recipes.noise(3).tobytes())
    return path


def empty(path: Path) -> Path:
    path.touch()
    return path


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("clip.mp4", clip),
        ("rotated.mp4", lambda path: clip(path, rotation=90)),
        ("clip.webm", lambda path: clip(path, codec="libvpx-vp9")),
        ("hevc.mp4", lambda path: clip(path, codec="libx265")),
        ("clip.ts", lambda path: clip(path, codec="mpeg2video")),
        ("half.mkv", half),
        ("flipped.mp4", flipped),
        ("sound.wav", lambda path: recipes.write_wav(path, recipes.tone(12.0, 44_100), 44_100)),
        ("sound.mp3", lambda path: recipes.write_audio(path, recipes.tone(1.5))),
        ("picture.png", recipes.write_picture),
        ("picture.jpg", lambda path: recipes.write_picture(path, exif=recipes.exif_oriented(6))),
        ("noise.mp4", noise),
        ("empty.mp4", empty),
    ],
)
def test_a_child_gives_what_this_process_gives(
    sandbox: Sandbox, tmp_path: Path, name: str, make: Callable[[Path], Path]
) -> None:
    path = make(tmp_path / name)
    expected = everything(LocalDecoder(), path)
    assert len(expected) >= 2 or isinstance(expected[0], tuple)
    assert everything(sandbox, path) == expected


def test_decoder_threads_work_under_the_filter(sandbox: Sandbox, tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4")
    assert everything(sandbox, path, num_threads=4) == everything(LocalDecoder(), path)


def test_picture_and_sound_at_the_same_time(sandbox: Sandbox, tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4")
    media = sandbox.survey(path, CONFIG)
    (video,) = [s.facts.index for s in media.streams if s.facts.kind == "video"]
    (audio,) = [s.facts.index for s in media.streams if s.facts.kind == "audio"]
    frames = sandbox.frames(path, media, video, CONFIG, num_threads=1)
    with ThreadPoolExecutor() as pool:
        first = comparable(next(frames))
        sound = pool.submit(lambda: [comparable(a) for a in sandbox.audio(path, media, audio, CONFIG)]).result()
        pictures = [first, *map(comparable, frames)]
    local = LocalDecoder()
    assert pictures == [comparable(a) for a in local.frames(path, media, video, CONFIG, num_threads=1)]
    assert sound == [comparable(a) for a in local.audio(path, media, audio, CONFIG)]


@pytest.mark.parametrize("target", ["file:///etc/passwd", "http://127.0.0.1:9/x.ts", "/etc/passwd"])
def test_a_playlist_is_refused(sandbox: Sandbox, tmp_path: Path, target: str) -> None:
    path = tmp_path / "recording.mp4"
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n")
    with pytest.raises(UnsupportedMedia):
        sandbox.survey(path, CONFIG)
