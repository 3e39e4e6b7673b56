"""A recording to try the program on, made on the spot: a portrait in gentle motion and a voice that never lived.

The picture is NASA's official portrait of Eileen Collins (public domain), which comes with scikit-image: panned,
zoomed, turned a little, lit unevenly. The voice is computed: harmonics of a glottal pulse weighted by the resonances of
a vocal tract, noise for consonants, in the rhythm of syllables. The same libraries make the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from detect.errors import ConfigError

TITLE = "Synthetic demonstration recording: a NASA portrait set in motion, with computed speech"

_PACKAGE = "skimage"
_SECONDS, _FPS = 10, 25
_WIDTH, _HEIGHT = 1280, 720
_ENLARGED = 3
"""Once, smoothly; moving it then takes no more than straight interpolation."""
_RATE = 24_000
_COUNT = _SECONDS * _RATE
_STEP = _RATE // 200
"""Samples between the points at which resonances are computed: 5 ms, far quicker than a tongue."""
_AAC_SAMPLES = 1024

Signal = NDArray[np.float64]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Phone:
    """How one speech sound is made."""

    formants: tuple[int, int, int]
    """Hz."""
    voice: float
    noise: float
    band: tuple[int, int]
    """Hz of the noise."""
    milliseconds: int


_SILENCE = ((500, 1500, 2500), 0.0, 0.0, (500, 4_000))
_PHONES = {
    # Vowels: formants of men, Peterson and Barney, JASA 1952, table II.
    "i": _Phone((270, 2290, 3010), 0.8, 0, (500, 4_000), 110),
    "I": _Phone((390, 1990, 2550), 0.9, 0, (500, 4_000), 80),
    "e": _Phone((530, 1840, 2480), 1.0, 0, (500, 4_000), 120),
    "a": _Phone((730, 1090, 2440), 1.0, 0, (500, 4_000), 150),
    "o": _Phone((570, 840, 2410), 1.0, 0, (500, 4_000), 130),
    "u": _Phone((300, 870, 2240), 0.8, 0, (500, 4_000), 100),
    "@": _Phone((500, 1350, 2450), 0.8, 0, (500, 4_000), 60),
    # Consonants: after the places of articulation in Stevens, Acoustic Phonetics, 1998; levels set by ear.
    "m": _Phone((250, 1000, 2200), 0.4, 0, (500, 4_000), 65),
    "n": _Phone((250, 1500, 2500), 0.4, 0, (500, 4_000), 65),
    "r": _Phone((420, 1250, 1650), 0.6, 0, (500, 4_000), 65),
    "v": _Phone((300, 1100, 2300), 0.4, 0.02, (1_500, 9_000), 60),
    "D": _Phone((300, 1600, 2600), 0.4, 0.02, (3_000, 9_000), 50),
    "z": _Phone((300, 1600, 2600), 0.3, 0.05, (4_500, 9_000), 75),
    "s": _Phone((300, 1600, 2600), 0.0, 0.08, (4_500, 9_000), 100),
    "S": _Phone((300, 1800, 2600), 0.0, 0.09, (2_300, 6_000), 100),
    "h": _Phone((500, 1500, 2500), 0.1, 0.04, (500, 4_000), 60),
    "t": _Phone((300, 1700, 2600), 0.0, 0.10, (3_000, 7_000), 25),
    "k": _Phone((300, 1900, 2400), 0.0, 0.10, (1_500, 3_500), 30),
    "d": _Phone((300, 1700, 2600), 0.4, 0.05, (2_500, 6_000), 25),
    "p": _Phone((300, 900, 2200), 0.0, 0.06, (500, 4_000), 20),
    "-": _Phone(*_SILENCE, 40),
    " ": _Phone(*_SILENCE, 15),
    ".": _Phone(*_SILENCE, 700),
}
_TEXT = "DIs Iz @ -demon-streIS@n r@-ko-dIn. DI vois an-d DI mouS@n ar k@m-piu-t@-d. nou -p@rs@n se-d eni ov DIs."


def make_demo(path: Path) -> None:
    """Write the demonstration recording: 10 s, 1280 x 720, H.264 and AAC in MP4.

    Raises:
        ConfigError: scikit-image, which carries the portrait, is not installed.
    """
    portrait = _portrait()
    options = {"preset": "superfast", "crf": "21", "threads": "1"}
    with av.open(str(path), "w", format="mp4", container_options={"fflags": "+bitexact"}) as container:
        container.metadata["title"] = TITLE
        video = container.add_stream("libx264", rate=_FPS, options=options)
        video.width, video.height, video.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
        audio = container.add_stream("aac", rate=_RATE)
        audio.bit_rate, audio.layout = 64_000, "mono"
        packets = []
        for number in range(_SECONDS * _FPS):
            packets += video.encode(av.VideoFrame.from_ndarray(_picture(portrait, number / _FPS), format="rgb24"))
        packets += video.encode(None)
        sound = _speech().astype(np.float32)
        for start in range(0, len(sound), _AAC_SAMPLES):
            frame = av.AudioFrame.from_ndarray(sound[None, start : start + _AAC_SAMPLES], format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = _RATE, start, Fraction(1, _RATE)
            packets += audio.encode(frame)
        packets += audio.encode(None)
        for packet in sorted(packets, key=lambda packet: (packet.dts or 0) * packet.time_base):
            container.mux(packet)


def _portrait() -> Pixels:
    spec = find_spec(_PACKAGE)  # its file is read without importing it, which takes seconds
    folders = spec.submodule_search_locations if spec is not None else None
    path = Path(folders[0]) / "data" / "astronaut.png" if folders else None
    if path is None or not path.is_file():
        raise ConfigError("the demonstration needs a picture from scikit-image: pip install 'unmask[demo]'")
    with Image.open(path) as picture:
        width, height = picture.width * _ENLARGED, picture.height * _ENLARGED
        return np.asarray(picture.convert("RGB").resize((width, height), Image.Resampling.BICUBIC))


def _picture(portrait: Pixels, time: float) -> Pixels:
    """One frame: a hand-held camera on a portrait. (720, 1280, 3) uint8 RGB."""
    zoom = 2.95 + 0.18 * np.sin(0.55 * time) + 0.01 * np.sin(3.1 * time)
    angle = np.radians(1.2 * np.sin(0.8 * time) + 0.2 * np.sin(2.3 * time))
    centre = 246 + 8 * np.sin(0.7 * time) + 0.6 * np.sin(2.9 * time), 143 + 4 * np.cos(0.6 * time)
    turn = zoom / _ENLARGED * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = np.array([_WIDTH / 2, _HEIGHT / 2]) - turn @ (np.array(centre) * _ENLARGED)
    affine = np.column_stack([turn, shift])
    moved = cv2.warpAffine(portrait, affine, (_WIDTH, _HEIGHT), borderMode=cv2.BORDER_REFLECT)
    across = np.linspace(-1, 1, _WIDTH, dtype=np.float32)[None, :, None]
    light = across * np.float32(0.06 * np.sin(0.5 * time + 1)) + np.float32(1 + 0.05 * np.sin(0.9 * time))
    return np.asarray(cv2.multiply(moved, np.broadcast_to(light, moved.shape).copy(), dtype=cv2.CV_8U), np.uint8)


def _speech() -> Signal:
    """The voice, (n,) in [-1, 1]."""
    pitch, formants, voice, noises = _gestures()
    phase = 2 * np.pi * np.cumsum(pitch) / _RATE
    points = np.arange(0, _COUNT, _STEP)
    resonances = [*(curve[points] for curve in formants), np.full(len(points), 3500.0), np.full(len(points), 4500.0)]
    sound = np.zeros(_COUNT)
    for harmonic in range(1, 80):
        frequency = harmonic * pitch[points]
        # A glottal pulse falls by 12 dB an octave, radiation from the lips gives 6 dB back.
        level = np.where(frequency < 8_000, 1 / harmonic, 0)
        for centre, bandwidth in zip(resonances, (80, 100, 140, 220, 300), strict=True):
            level = level * centre**2 / np.hypot(centre**2 - frequency**2, bandwidth * frequency)
        sound += np.interp(np.arange(_COUNT), points, level) * np.sin(harmonic * phase)
    sound *= voice / np.abs(sound).max()
    sound += sum(noises) + np.random.default_rng(1).normal(0, 3e-4, _COUNT)
    return np.asarray(0.6 * sound / np.abs(sound).max(), np.float64)


def _gestures() -> tuple[Signal, list[Signal], Signal, list[Signal]]:
    """Pitch, three formants, loudness of the voice, and the noises, all over time."""
    pitch, voice = np.full(_COUNT, 120.0), np.zeros(_COUNT)
    formants = [np.full(_COUNT, hertz) for hertz in (500.0, 1500.0, 2500.0)]
    bands: dict[tuple[int, int], Signal] = {}
    place = phrase_start = _RATE // 4
    for sign in _TEXT:
        phone = _PHONES[sign]
        end = place + phone.milliseconds * _RATE // 1000
        for curve, hertz in zip(formants, phone.formants, strict=True):
            curve[place:] = hertz
        voice[place:end] = phone.voice
        bands.setdefault(phone.band, np.zeros(_COUNT))[place:end] = phone.noise
        pitch[place:] = max(88, 132 - 14 * (place - phrase_start) / _RATE) + (14 if sign in "aeo" else 0)
        place = end
        phrase_start = end if sign == "." else phrase_start
    wobble = 1.5 * np.sin(2 * np.pi * 5.3 * np.arange(_COUNT) / _RATE)
    noises = [_smooth(envelope, 8) * _hiss(band) for band, envelope in sorted(bands.items())]
    return _smooth(pitch, 60) + wobble, [_smooth(curve, 35) for curve in formants], _smooth(voice, 20), noises


def _smooth(curve: Signal, milliseconds: int) -> Signal:
    """Average over a moving window, twice: speech organs do not jump."""
    half = milliseconds * _RATE // 2000
    for _ in range(2):
        sums = np.cumsum(np.pad(curve, (half + 1, half), mode="edge"))
        curve = (sums[2 * half + 1 :] - sums[: -2 * half - 1]) / (2 * half + 1)
    return curve


def _hiss(band: tuple[int, int]) -> Signal:
    """Noise of unit power within a band, the same each time."""
    low, high = band
    spectrum = np.fft.rfft(np.random.default_rng(low + high).standard_normal(_COUNT))
    frequency = np.maximum(np.fft.rfftfreq(_COUNT, 1 / _RATE), 1)
    shaped = np.fft.irfft(spectrum / (1 + (low / frequency) ** 6) / (1 + (frequency / high) ** 6), _COUNT)
    return np.asarray(shaped / shaped.std(), np.float64)
