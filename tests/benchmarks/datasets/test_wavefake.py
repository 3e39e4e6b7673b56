"""WaveFake: the folder may be given either way, and what stands only in the second folder is not lost."""

from __future__ import annotations

from pathlib import Path

from benchmarks.datasets.wavefake import DATA_SET
from tests.benchmarks.datasets.tree import Media
from tests.benchmarks.datasets.trees.wavefake import TREE

_TTS = "common_voices_prompts_from_conformer_fastspeech2_pwg_ljspeech"


def test_ids_do_not_depend_on_which_folder_is_given(tmp_path: Path) -> None:
    TREE.make(tmp_path, Media())
    spoofed = {trial.id for trial in DATA_SET.read(tmp_path).trials if trial.is_spoof}
    assert {trial.id for trial in DATA_SET.read(tmp_path / "generated_audio").trials} == spoofed


def test_a_file_that_is_only_in_the_second_folder_is_taken_from_there(tmp_path: Path) -> None:
    Media().write(tmp_path / _TTS / "gen_0.wav")
    Media().write(tmp_path / _TTS / "generated/gen_0.wav")
    Media().write(tmp_path / _TTS / "generated/gen_1.wav")
    paths = [trial.path for trial in DATA_SET.read(tmp_path).trials]
    assert paths == [f"{_TTS}/gen_0.wav", f"{_TTS}/generated/gen_1.wav"]


def test_bona_fide_speech_may_be_a_symbolic_link(tmp_path: Path) -> None:
    Media().write(tmp_path / "elsewhere/LJSpeech-1.1/wavs/LJ001-0001.wav")
    Media().write(tmp_path / "set/generated_audio/ljspeech_waveglow/LJ001-0001.wav")
    (tmp_path / "set/LJSpeech-1.1").symlink_to(tmp_path / "elsewhere/LJSpeech-1.1")
    genuine, spoofed = DATA_SET.read(tmp_path / "set").trials
    assert (genuine.is_spoof, spoofed.is_spoof) == (False, True)
    assert genuine.group == spoofed.group == "LJ001-0001"
