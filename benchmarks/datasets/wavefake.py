"""WaveFake: the sentences of LJSpeech and JSUT said again by seven vocoders, and new sentences by text-to-speech.

Frank and Schoenherr, WaveFake: A Data Set to Facilitate Audio Deepfake Detection, NeurIPS 2021. It has spoofed speech
only; what it was made from is a download of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.datasets.dataset import Counts, DataSet, Listing, names_below, need
from benchmarks.trials import Trial, Unit, labels_of
from detect.errors import ConfigError
from detect.types import Modality


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """Recordings from which voices were made."""

    name: str
    language: str
    folder: str
    """Where its bona fide recordings lie, below the data set's folder."""


_LJSPEECH = _Source(name="ljspeech", language="en", folder="LJSpeech-1.1/wavs")
_JSUT = _Source(name="jsut", language="ja", folder="jsut_ver1.1/basic5000/wav")
_TTS = "common_voices_prompts_from_conformer_fastspeech2_pwg_ljspeech"
_METHODS: dict[str, tuple[str, _Source]] = {
    "ljspeech_melgan": ("melgan", _LJSPEECH),
    "ljspeech_melgan_large": ("melgan_large", _LJSPEECH),
    "ljspeech_full_band_melgan": ("full_band_melgan", _LJSPEECH),
    "ljspeech_multi_band_melgan": ("multi_band_melgan", _LJSPEECH),
    "ljspeech_parallel_wavegan": ("parallel_wavegan", _LJSPEECH),
    "ljspeech_waveglow": ("waveglow", _LJSPEECH),
    "ljspeech_hifiGAN": ("hifiGAN", _LJSPEECH),
    "jsut_multi_band_melgan": ("multi_band_melgan", _JSUT),
    "jsut_parallel_wavegan": ("parallel_wavegan", _JSUT),
    _TTS: ("parallel_wavegan", _LJSPEECH),
}
"""Folder to vocoder, and whose voice it is. All that version 1.2.0 has."""
_AGAIN = "generated/"
"""A folder in `_TTS` that holds its files a second time."""


def _read(root: Path) -> Listing:
    need(root, "WaveFake is the folder generated_audio, or the one that holds it")
    inside = "generated_audio/" if (root / "generated_audio").is_dir() else ""
    methods = _methods(root / inside)
    notes: list[str] = []
    if absent := [name for name in _METHODS if name not in methods]:
        notes.append(f"Methods that are not there: {', '.join(absent)}.")
    trials: list[Trial] = []
    for source in (_LJSPEECH, _JSUT):
        if (root / source.folder).is_dir():
            trials.extend(_genuine(root, source))
        else:
            notes.append(f"{source.folder} is not there: no bona fide trials of {source.name}.")
    for method in methods:
        names = names_below(root / inside / method, ".wav")
        # What stands in the folder itself comes last, and so wins over the same name in the second folder.
        last = sorted(names, key=lambda name: not name.startswith(_AGAIN))
        once = {name.removeprefix(_AGAIN): name for name in last}
        if doubles := len(names) - len(once):
            notes.append(f"{method}: {doubles} files stand twice, in the folder and in {_AGAIN}; they are taken once.")
        trials.extend(_spoofed(method, f"{inside}{method}", once))
    return Listing(trials=sorted(trials, key=lambda trial: trial.id), notes=notes)


def _methods(folder: Path) -> list[str]:
    own = {source.folder.split("/")[0] for source in (_LJSPEECH, _JSUT)}
    found = [path.name for path in sorted(folder.iterdir()) if path.is_dir() and path.name not in own]
    methods = [name for name in found if not name.startswith((".", "__MACOSX"))]
    if unknown := [name for name in methods if name not in _METHODS]:
        raise ConfigError(f"{folder} has folders that are no method of WaveFake: {', '.join(unknown)}")
    if not methods:
        raise ConfigError(
            f"{folder} has no method's folder: WaveFake is the folder generated_audio, or the one that holds it"
        )
    return methods


def _genuine(root: Path, source: _Source) -> Iterator[Trial]:
    for name in names_below(root / source.folder, ".wav"):
        path = f"{source.folder}/{name}"
        yield Trial(
            id=path,
            path=path,
            unit=Unit.UTTERANCE,
            labels=labels_of(voice="bonafide"),
            group=name.removesuffix(".wav"),
            split="all",
            facts={"source": source.name, "language": source.language},
        )


def _spoofed(method: str, folder: str, names: dict[str, str]) -> Iterator[Trial]:
    vocoder, source = _METHODS[method]
    for name, where in names.items():
        # Of one sentence there are LJ001-0001_gen.wav, LJ001-0001_generated.wav and LJ001-0001.wav, by method.
        sentence = name.removesuffix(".wav").removesuffix("_gen").removesuffix("_generated")
        yield Trial(
            id=f"{method}/{name}",
            path=f"{folder}/{where}",
            unit=Unit.UTTERANCE,
            labels=labels_of(voice="spoof"),
            attack=method,
            group=sentence,
            split="all",
            facts={"source": source.name, "language": source.language, "vocoder": vocoder},
        )


DATA_SET = DataSet(
    name="wavefake",
    title="WaveFake",
    modalities=(Modality.VOICE,),
    read=_read,
    expected={"all": Counts(bonafide=18_100, spoof=117_983)},
    checksums={"generated_audio.zip": "md5:76b3e62d69f866e57ad6b1debaff434b"},
    corpora=frozenset({"wavefake", "ljspeech", "jsut"}),
    test_split="all",
    homepage="https://zenodo.org/records/5642694",
    how_to_get=(
        "Download generated_audio.zip from Zenodo and unpack it. Bona fide speech is LJSpeech-1.1 (keithito.com) and "
        "jsut_ver1.1 (Saruwatari lab), whose folders, or symbolic links to them, belong beside generated_audio in one "
        "folder."
    ),
    terms="CC BY-SA 4.0; LJSpeech is in the public domain, JSUT has terms of its own.",
    size="117,983 different WAV files, 28.9 GB as a zip file of version 1.2.0; the paper says 117,985",
    layout=(
        "generated_audio/ljspeech_melgan/LJ001-0001_gen.wav\n"
        "generated_audio/...                                 (ten methods)\n"
        "LJSpeech-1.1/wavs/LJ001-0001.wav                    (13,100 bona fide)\n"
        "jsut_ver1.1/basic5000/wav/BASIC5000_0001.wav        (5,000 bona fide)"
    ),
    traps=(
        "The files of the text-to-speech method stand twice: 16,283 in its folder and again in its folder generated.",
        "Names end in _gen.wav, for hifiGAN in _generated.wav, for waveglow in .wav: pairing by one of them loses two.",
        "One speaker a language and all other speech bona fide: who knows the speaker knows the answer.",
        "There is no split. The paper leaves one method out at a time and averages the equal error rates.",
        "Sampling rates differ: 22,050 Hz after LJSpeech, 24,000 Hz after JSUT, whose own recordings have 48,000 Hz.",
    ),
)
