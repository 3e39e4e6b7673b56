"""WaveFake: three ways to end a name, files that stand twice, and one of the two bona fide sources."""

from __future__ import annotations

from pathlib import Path

from benchmarks.trials import labels_of
from tests.benchmarks.datasets.tree import Media, Row, Tree

_TTS = "common_voices_prompts_from_conformer_fastspeech2_pwg_ljspeech"
_SPOOFED = (
    ("ljspeech_melgan", "LJ001-0001_gen.wav", "LJ001-0001", "melgan", "en"),
    ("ljspeech_melgan", "LJ001-0002_gen.wav", "LJ001-0002", "melgan", "en"),
    ("ljspeech_hifiGAN", "LJ001-0001_generated.wav", "LJ001-0001", "hifiGAN", "en"),
    ("ljspeech_waveglow", "LJ001-0001.wav", "LJ001-0001", "waveglow", "en"),
    ("jsut_parallel_wavegan", "BASIC5000_0001_gen.wav", "BASIC5000_0001", "parallel_wavegan", "ja"),
    (_TTS, "gen_0.wav", "gen_0", "parallel_wavegan", "en"),
    (_TTS, "gen_1.wav", "gen_1", "parallel_wavegan", "en"),
)
_GENUINE = ("LJ001-0001", "LJ001-0002")


def _make(root: Path, media: Media) -> None:
    for method, name, *_ in _SPOOFED:
        media.write(root / f"generated_audio/{method}/{name}")
    for name in ("gen_0.wav", "gen_1.wav"):
        media.write(root / f"generated_audio/{_TTS}/generated/{name}")
    (root / "generated_audio/ljspeech_melgan/._LJ001-0001_gen.wav").write_bytes(b"AppleDouble")
    for sentence in _GENUINE:
        media.write(root / f"LJSpeech-1.1/wavs/{sentence}.wav")


def _claim_another_method(root: Path) -> None:
    (root / "generated_audio/ljspeech_new_method").mkdir()


TREE = Tree(
    name="wavefake",
    make=_make,
    rows=[
        *(
            Row(
                id=f"{method}/{name}",
                path=f"generated_audio/{method}/{name}",
                labels=labels_of(voice="spoof"),
                split="all",
                attack=method,
                group=sentence,
                facts={"vocoder": vocoder, "language": language},
            )
            for method, name, sentence, vocoder, language in _SPOOFED
        ),
        *(
            Row(
                id=f"LJSpeech-1.1/wavs/{sentence}.wav",
                path=f"LJSpeech-1.1/wavs/{sentence}.wav",
                labels=labels_of(voice="bonafide"),
                split="all",
                group=sentence,
                facts={"source": "ljspeech", "language": "en"},
            )
            for sentence in _GENUINE
        ),
    ],
    break_label=_claim_another_method,
    notes=[
        f"{_TTS}: 2 files stand twice",
        "jsut_ver1.1/basic5000/wav is not there",
        "Methods that are not there: ljspeech_melgan_large",
    ],
)
