"""A recording to try the program on, made on the spot: a portrait in gentle motion and a voice that never lived.

The picture is NASA's official portrait of Eileen Collins (public domain), which comes with scikit-image, panned, zoomed,
turned a little and lit unevenly. The voice is computed: harmonics of a glottal pulse weighted by the resonances of a
vocal tract, noise for consonants, in the rhythm of syllables. The same version of the libraries makes the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from detect.errors import ConfigError

TITLE = "Synthetic demonstration recording: a NASA portrait set in motion, with computed speech"

_SECONDS, _FPS = 10, 25
_SIZE = (1280, 720)
_RATE = 48_000
_AAC_SAMPLES = 1024

Signal = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Phone:
    """How one speech sound is made."""

    formants: tuple[int, int, int] = (500, 1500, 2500)
    """Hz."""
    voice: float = 0.0
    noise: float = 0.0
    band: tuple[int, int] = (2_000, 6_000)
    """Hz of the noise."""
    milliseconds: int = 90


_PHONES = {
    # Vowels: formants of men, Peterson and Barney, JASA 1952, table II.
    "i": _Phone((270, 2290, 3010), 0.8, milliseconds=120),
    "I": _Phone((390, 1990, 2550), 0.9),
    "e": _Phone((530, 1840, 2480), 1.0, milliseconds=130),
    "a": _Phone((730, 1090, 2440), 1.0, milliseconds=150),
    "o": _Phone((570, 840, 2410), 1.0, milliseconds=140),
    "u": _Phone((300, 870, 2240), 0.8, milliseconds=120),
    "@": _Phone((640, 1190, 2390), 0.8, milliseconds=70),
    # Consonants: places of articulation as in Stevens, Acoustic Phonetics, 1998, set by ear.
    "m": _Phone((250, 1000, 2200), 0.4, milliseconds=70),
    "n": _Phone((250, 1500, 2500), 0.4, milliseconds=70),
    "l": _Phone((360, 1050, 2700), 0.6, milliseconds=70),
    "r": _Phone((420, 1250, 1650), 0.6, milliseconds=70),
    "s": _Phone(noise=0.16, band=(4_500, 9_000), milliseconds=110),
    "S": _Phone(noise=0.18, band=(2_300, 6_000), milliseconds=110),
    "f": _Phone(noise=0.06, band=(1_500, 9_000), milliseconds=80),
    "z": _Phone((300, 1600, 2600), 0.3, 0.08, (4_500, 9_000), 80),
    "h": _Phone((500, 1500, 2500), 0.05, 0.06, (500, 4_000), 60),
    "-": _Phone(milliseconds=45),
    "t": _Phone(noise=0.25, band=(3_000, 7_000), milliseconds=25),
    "k": _Phone(noise=0.22, band=(1_500, 3_500), milliseconds=30),
    "d": _Phone((300, 1700, 2600), 0.3, 0.12, (2_500, 6_000), 25),
    "p": _Phone(noise=0.15, band=(400, 2_000), milliseconds=20),
    " ": _Phone(milliseconds=500),
}
_TEXT = (
    "h@lou DIs Iz @ -demon-streIS@n r@-ko-dIn   DI voIs @n-d DI mouS@n ar k@m-pju-t@-d   n@TIn hir waz s@-d bai eni -p@s@n   "
    "-plis li-z@n -t@ DI -p@uz@z"
).replace("D", "z").replace("T", "s").replace("w", "u").replace("v", "f").replace("j", "i").replace("b", "-p")  # fmt: skip
"""Near enough to "this is a demonstration recording, the voice and the motion are computed, nothing here was said"."""


def make_demo(path: Path) -> None:
    """Write the demonstration recording: 10 s, 1280 x 720, H.264 and AAC in MP4.

    Raises:
        ConfigError: scikit-image is not installed.
    """
    portrait = _portrait()
    options = {"preset": "veryfast", "crf": "20", "threads": "1"}
    with av.open(str(path), "w", format="mp4", container_options={"fflags": "+bitexact"}) as container:
        container.metadata["title"] = TITLE
        video = container.add_stream("libx264", rate=_FPS, options=options)
        video.width, video.height = _SIZE
        video.pix_fmt = "yuv420p"
        audio = container.add_stream("aac", rate=_RATE, options={"threads": "1"})
        audio.bit_rate = 96_000
        audio.layout = "mono"
        packets = []
        for number in range(_SECONDS * _FPS):
            packets += video.encode(av.VideoFrame.from_ndarray(_picture(portrait, number), format="rgb24"))
        packets += video.encode(None)
        sound = _speech().astype(np.float32)
        for start in range(0, len(sound), _AAC_SAMPLES):
            frame = av.AudioFrame.from_ndarray(sound[None, start : start + _AAC_SAMPLES], format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = _RATE, start, Fraction(1, _RATE)
            packets += audio.encode(frame)
        packets += audio.encode(None)
        for packet in sorted(packets, key=lambda packet: (packet.dts or 0) * packet.time_base):
            container.mux(packet)


def _portrait() -> NDArray[np.uint8]:
    try:
        from skimage import data  # noqa: PLC0415  # an extra, and slow to import
    except ImportError as error:
        raise ConfigError("the demonstration needs scikit-image: pip install 'unmask[demo]'") from error
    portrait: NDArray[np.uint8] = data.astronaut()
    return portrait


def _picture(portrait: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
    """One frame: a hand-held camera on a portrait. (720, 1280, 3) uint8 RGB."""
    time = number / _FPS
    width, height = _SIZE
    zoom = 2.75 + 0.22 * np.sin(0.55 * time) + 0.01 * np.sin(3.1 * time)
    angle = np.radians(1.6 * np.sin(0.8 * time) + 0.3 * np.sin(2.3 * time))
    centre = 226 + 9 * np.sin(0.7 * time) + np.sin(2.9 * time), 132 + 6 * np.cos(0.6 * time) + np.cos(3.7 * time)
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = np.array([width / 2, height / 2]) - turn @ np.array(centre)
    moved = cv2.warpAffine(
        portrait, np.column_stack([turn, shift]), _SIZE, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    across = np.linspace(-1, 1, width)[None, :, None]
    light = 1 + 0.05 * np.sin(0.9 * time) + 0.06 * across * np.sin(0.5 * time + 1)
    grain = np.random.default_rng(number).normal(0, 1.2, (height, width, 1))
    return (moved * light + grain).clip(0, 255).round().astype(np.uint8)


def _speech() -> Signal:
    """The voice, (n,) in [-1, 1], at 48 kHz."""
    count = _SECONDS * _RATE
    pitch, formants, voice, noises = _gestures(count)
    phase = 2 * np.pi * np.cumsum(pitch) / _RATE
    sound = np.zeros(count)
    for harmonic in range(1, 56):
        frequency = harmonic * pitch
        # A glottal pulse falls by 12 dB an octave, radiation from the lips gives 6 dB back.
        level = np.where(frequency < 7_000, 1 / harmonic, 0)
        for formant, bandwidth in zip(formants, (80, 100, 140, 220, 300), strict=True):
            level = level * _resonance(frequency, formant, bandwidth)
        sound += level * np.sin(harmonic * phase)
    sound *= voice / np.abs(sound).max()
    for noise in noises:
        sound += noise
    sound += np.random.default_rng(1).normal(0, 5e-4, count)
    return 0.6 * sound / np.abs(sound).max()


def _resonance(frequency: Signal, centre: Signal, bandwidth: float) -> Signal:
    """Gain of a second-order resonance, 1 at 0 Hz."""
    gain: Signal = centre**2 / np.hypot(centre**2 - frequency**2, bandwidth * frequency)
    return gain


def _gestures(count: int) -> tuple[Signal, list[Signal], Signal, list[Signal]]:
    """Pitch, five formants, loudness of the voice, and the noises, all over time."""
    pitch, voice = np.zeros(count), np.zeros(count)
    formants = [np.full(count, float(hertz)) for hertz in (500, 1500, 2500, 3500, 4500)]
    bands: dict[tuple[int, int], Signal] = {}
    place, phrase_start = _RATE // 4, 0
    for sign in _TEXT:
        phone = _PHONES[sign]
        end = min(count, place + phone.milliseconds * _RATE // 1000)
        for curve, hertz in zip(formants[:3], phone.formants, strict=True):
            curve[place:] = hertz
        voice[place:end] = phone.voice
        bands.setdefault(phone.band, np.zeros(count))[place:end] = phone.noise
        phrase_start = end if sign == " " else phrase_start
        stress = 14 if sign in "aeo" else 0
        pitch[place:] = max(88, 132 - 14 * (place - phrase_start) / _RATE) + stress
        place = end
    pitch[: _RATE // 4] = 120
    wobble = 1.5 * np.sin(2 * np.pi * 5.3 * np.arange(count) / _RATE)
    noises = [_smooth(envelope, 8) * _hiss(band, count) for band, envelope in sorted(bands.items())]
    return _smooth(pitch, 60) + wobble, [_smooth(curve, 35) for curve in formants], _smooth(voice, 20), noises


def _smooth(curve: Signal, milliseconds: int) -> Signal:
    """Average over a moving window, twice: speech organs do not jump."""
    half = milliseconds * _RATE // 2000
    for _ in range(2):
        sums = np.cumsum(np.pad(curve, (half + 1, half), mode="edge"))
        curve = (sums[2 * half + 1 :] - sums[: -2 * half - 1]) / (2 * half + 1)
    return curve


def _hiss(band: tuple[int, int], count: int) -> Signal:
    """Noise of unit power within a band, the same each time."""
    spectrum = np.fft.rfft(np.random.default_rng(band[0] + band[1]).standard_normal(count))
    frequency = np.fft.rfftfreq(count, 1 / _RATE)
    low, high = band
    shaped: Signal = np.fft.irfft(
        spectrum / (1 + (low / np.maximum(frequency, 1)) ** 6) / (1 + (frequency / high) ** 6), count
    )
    return shaped / shaped.std()
