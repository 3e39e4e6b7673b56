"""Voice batches repeat, degrade both classes alike, and train a network that can be resumed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from detect.errors import ConfigError
from detect.models.spec import VoiceInput, VoiceSpec
from tests.training.voices import data_set, vowels
from training.voice.augment import Chain
from training.voice.config import Augmentation, VoiceConfig
from training.voice.data import VoiceBatches, trimmed
from training.voice.prepare import prepare
from training.voice.train import evaluate, train
from training.voice.trials import score, waveforms

_CONFIG = Path(__file__).parents[2] / "training" / "voice.toml"


class _Small(torch.nn.Module):
    """Two numbers from the levels of 40 stretches of a window."""

    def __init__(self) -> None:
        super().__init__()
        self.line = torch.nn.Linear(40, 2)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        size = windows.shape[1] // 40
        levels = windows[:, : 40 * size].reshape(len(windows), 40, size).square().mean(2)
        logits: torch.Tensor = self.line(torch.log(levels + 1e-6))
        return logits


_SPEC = VoiceSpec(
    name="small.test",
    input=VoiceInput(rate_hz=16_000, num_samples=16_000),
    spoof_index=1,
    paper="none",
    build=_Small,
)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("voice")
    data = data_set(folder / "data")
    told: list[str] = []
    prepare(data, folder / "work", None, seed=1, report=told.append)
    assert told
    return data, folder / "work"


@pytest.fixture
def config() -> VoiceConfig:
    filed = VoiceConfig.load(_CONFIG).model_dump()
    filed["batch"] |= {"makers": {"world": 1.0, "griffin_lim": 1.0}, "made_pairs": 2, "labelled_pairs": 1, "singles": 1}
    filed["schedule"] |= {"steps": 4, "warmup_steps": 1, "validate_every": 2, "workers": 0, "precision": "float32"}
    return VoiceConfig.model_validate(filed)


def test_batch_k_is_a_function_of_k(prepared: tuple[Path, Path], config: VoiceConfig) -> None:
    first, second = (VoiceBatches(*prepared, config) for _ in range(2))
    second(3)
    windows, labels = first(7)
    again, _ = second(7)
    assert torch.equal(windows, again)
    assert not torch.equal(windows[:, :1_000], first(8)[0][:, :1_000])
    assert labels.tolist() == [0, 1] * 4
    assert windows.dtype == torch.float32
    assert windows.shape[0] == 8
    assert torch.isfinite(windows).all()
    assert windows.abs().max() <= 1.0


def test_a_chain_does_to_one_what_it_does_to_the_other() -> None:
    always = Augmentation(**dict.fromkeys(Augmentation.model_fields, 1.0))
    for seed in range(6):
        chain = Chain(always, np.random.default_rng(seed))
        sound = vowels(seed)
        heard = chain(sound)
        assert heard.dtype == np.float32
        assert heard.shape == sound.shape
        np.testing.assert_array_equal(heard, chain(sound))
        np.testing.assert_array_equal(heard, Chain(always, np.random.default_rng(seed))(sound))
        assert np.abs(heard - chain(vowels(seed + 20))).max() > 1e-3


def test_nothing_but_the_level_changes_where_nothing_is_likely() -> None:
    sound = vowels()
    config = VoiceConfig.load(_CONFIG).augmentation.none()
    heard = Chain(config, np.random.default_rng(0))(sound)
    assert abs(float(np.corrcoef(heard, sound)[0, 1])) > 0.9999


def test_silence_at_both_ends_is_trimmed() -> None:
    sound = vowels()
    quiet = np.zeros(8_000, np.float32)
    kept = trimmed(np.concatenate([quiet, sound, quiet]))
    assert len(kept) <= len(sound) + 640
    assert len(trimmed(quiet)) == len(quiet)


def test_what_was_not_prepared_is_named(prepared: tuple[Path, Path], config: VoiceConfig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="run `prepare` first"):
        VoiceBatches(prepared[0], tmp_path, config)


def test_a_resumed_training_ends_with_the_same_weights(
    prepared: tuple[Path, Path], config: VoiceConfig, tmp_path: Path
) -> None:
    data, work = prepared

    def run(name: str, stop_after: int | None = None) -> Path | None:
        return train(
            _SPEC,
            config,
            data=data,
            work=work,
            run=tmp_path / name,
            device=torch.device("cpu"),
            stop_after=stop_after,
        )

    assert run("whole") is not None
    assert run("cut", stop_after=2) is None
    assert run("cut") is not None
    whole, cut = (load_file(tmp_path / name / "last.safetensors") for name in ("whole", "cut"))
    assert all(torch.equal(whole[name], cut[name]) for name in whole)


def test_a_second_stage_begins_where_the_first_ended(
    prepared: tuple[Path, Path], config: VoiceConfig, tmp_path: Path
) -> None:
    data, work = prepared
    cpu = torch.device("cpu")
    best = train(_SPEC, config, data=data, work=work, run=tmp_path / "first", device=cpu)
    still = config.model_dump() | {"initial": "../first/best.safetensors"}
    still["schedule"] |= {"learning_rate": 1e-12}
    second = VoiceConfig.model_validate(still)
    after = train(_SPEC, second, data=data, work=work, run=tmp_path / "second", device=cpu)
    assert best is not None
    assert after is not None
    for name, weights in load_file(best).items():
        torch.testing.assert_close(load_file(after)[name], weights)
    metrics = evaluate(_SPEC, data, run=tmp_path / "second", seed=1, device="cpu")
    assert 0 <= metrics["eer"] <= 1
    assert metrics["auc_both"] == pytest.approx((metrics["auc"] + metrics["auc_laundered"]) / 2)


def test_utterances_are_scored_one_by_one(prepared: tuple[Path, Path]) -> None:
    torch.manual_seed(0)
    network = _SPEC.build()
    trials = list(waveforms(prepared[0], "val"))
    assert [trial.label for trial, _ in trials] == ["bonafide", "spoof"] * 2
    together = score(network, _SPEC, [sound for _, sound in trials])
    alone = [score(network, _SPEC, [sound])[0] for _, sound in trials]
    assert together == pytest.approx(alone, abs=1e-5)
    assert network.training
