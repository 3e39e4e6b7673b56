"""Perturbations on checkpoints that lie in the repository: within their bounds, and the way they are meant to go."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.robustness import attempts
from benchmarks.robustness.adversarial import FACE_BOUNDS, VOICE_BOUNDS_DB, attack, drawn, measure_adversarial
from benchmarks.robustness.pgd import Levels, Target, as_arrays, network_input
from benchmarks.robustness.white_box import WhiteBox
from detect.errors import ConfigError
from detect.models import CATALOGUE, FaceSpec, VoiceSpec
from detect.types import Modality
from tests.benchmarks.robustness.sources import speechlike
from training.protocol import Label, Trial

FACE, VOICE = "mobilenet-hf.unmask1", "lfb-resnet.unmask1"
NOWHERE = Path("/nonexistent")
"""The project's own checkpoints lie beside the code."""


def crop(seed: int, side: int) -> Levels:
    """A smooth picture with some grain, so that there is room above and below."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side] / side
    base = 120 + 60 * np.sin(3 * rows + seed)[..., None] * np.cos(4 * columns)[..., None] + np.array([20, 0, -20])
    return np.rint(base + random.normal(0, 4, (side, side, 3))).clip(0, 255).astype(np.int32)


def window(seconds: float) -> Levels:
    return np.rint(speechlike(seconds, 16_000) * 8_000).astype(np.int32)


def trial(number: int, label: Label, group: str = "") -> Trial:
    return Trial(path=f"{number}.png", label=label, attack="-", group=group or f"g{number}", split="test", facts={})


@pytest.fixture(scope="module")
def face() -> WhiteBox:
    return WhiteBox(FACE, NOWHERE)


@pytest.fixture(scope="module")
def voice() -> WhiteBox:
    return WhiteBox(VOICE, NOWHERE)


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_gradients_flow_through_the_very_input_that_is_scored(name: str) -> None:
    spec = CATALOGUE[name]
    if isinstance(spec, FaceSpec):
        levels = [crop(1, spec.input.size_px), crop(2, spec.input.size_px)]
        exact = spec.prepare(np.stack(as_arrays(spec, levels)).astype(np.uint8))
        padded = torch.from_numpy(np.stack(levels)).float()
    else:
        assert isinstance(spec, VoiceSpec)
        levels = [window(1.3), window(spec.input.num_samples / 16_000)]
        exact = spec.prepare([one.astype(np.float32) for one in as_arrays(spec, levels)])
        padded = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(one).float() for one in levels], batch_first=True)
    given = network_input(spec, padded, [len(one) for one in levels])
    torch.testing.assert_close(given, exact, atol=2e-6, rtol=0)


@pytest.mark.parametrize("bound", [0, 1, 4])
def test_a_crop_stays_within_its_bound_and_its_logit_goes_the_way_it_is_pushed(bound: int, face: WhiteBox) -> None:
    clean = crop(1, 160)
    pushed = [Target(levels=clean, bound=bound, towards=towards, seed=1) for towards in (-1, 1)]
    lowered, raised = face.perturbed(pushed, 4)
    for changed in (lowered, raised):
        assert changed.dtype == np.int32
        assert np.abs(changed - clean).max() == bound
        assert 0 <= changed.min() <= changed.max() <= 255
    logits = face.scores([lowered, clean, raised])
    assert logits[0] < logits[1] < logits[2] or (bound == 0 and logits[0] == logits[1] == logits[2])


def test_black_and_white_stay_in_range(face: WhiteBox) -> None:
    extremes = np.zeros((160, 160, 3), np.int32)
    extremes[80:] = 255
    (changed,) = face.perturbed([Target(levels=extremes, bound=8, towards=1, seed=1)], 3)
    assert changed.min() == 0
    assert changed.max() == 255
    assert np.abs(changed - extremes).max() <= 8


def test_windows_of_any_length_stay_within_their_bounds_and_go_the_way_they_are_pushed(voice: WhiteBox) -> None:
    short, whole = window(0.8), window(4.0)
    targets = [
        Target(levels=short, bound=20, towards=1, seed=1),
        Target(levels=whole, bound=10, towards=-1, seed=1),
    ]
    raised, lowered = voice.perturbed(targets, 3)
    assert raised.shape == short.shape
    assert lowered.shape == whole.shape
    assert np.abs(raised - short).max() == 20
    assert np.abs(lowered - whole).max() == 10
    before, after = voice.scores([short, whole]), voice.scores([raised, lowered])
    assert after[0] > before[0]
    assert after[1] < before[1]


def test_neighbours_in_the_batch_and_runs_make_no_difference(face: WhiteBox) -> None:
    targets = [Target(levels=crop(number, 160), bound=2, towards=-1, seed=number) for number in range(3)]
    together = face.perturbed(targets, 2)
    assert all(np.array_equal(a, b) for a, b in zip(together, face.perturbed(targets, 2), strict=True))
    alone = face.perturbed(targets[1:2], 2)[0]
    assert np.mean(alone != together[1]) < 0.02, "the network's arithmetic depends on the batch in the last bits"


def test_a_larger_bound_pushes_farther_and_other_checkpoints_are_scored_alike(face: WhiteBox) -> None:
    inputs = [(trial(number, label), crop(number, 160)) for number, label in enumerate(("bonafide", "spoof"))]
    found = list(attack(face, [face], inputs, steps=3))
    assert [(one.bound, one.label) for one in found] == [
        (b, label) for b in FACE_BOUNDS for label in ("bonafide", "spoof")
    ]
    assert all(one.levels == one.bound for one in found)
    for label, towards in (("bonafide", 1), ("spoof", -1)):
        gained = [towards * (one.adversarial - one.clean) for one in found if one.label == label]
        assert gained[0] > 0
        assert gained[-1] > gained[0]


def test_a_soft_window_with_no_room_stays_as_it_is(voice: WhiteBox) -> None:
    soft = (window(1.0) / 10).astype(np.int32)
    found = {one.bound: one for one in attack(voice, [voice], [(trial(1, "spoof"), soft)], steps=2)}
    assert list(found) == list(VOICE_BOUNDS_DB)
    rms = np.sqrt(np.mean(np.square(soft, dtype=float)))
    for bound, one in found.items():
        assert one.levels == int(rms * 10 ** (bound / 20))
    assert found[-60].levels == 0
    assert found[-60].adversarial == found[-60].clean
    assert found[-30].adversarial < found[-30].clean


def test_trials_are_drawn_by_group_whatever_their_order() -> None:
    trials = [trial(number, "spoof" if number % 3 else "bonafide", group=f"g{number // 4}") for number in range(60)]
    chosen = drawn(trials, 12)
    assert chosen == drawn(trials[::-1], 12)
    assert max(Counter((one.group, one.label) for one in chosen).values()) == 1
    with pytest.raises(ConfigError, match="there are 30 to draw"):
        drawn(trials, 31)
    with pytest.raises(ConfigError, match="of both classes"):
        drawn([one for one in trials if one.is_spoof], 5)


def test_unknown_checkpoints_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no model is named nobody"):
        WhiteBox("nobody", tmp_path)


@pytest.mark.shared
@pytest.mark.slow
def test_the_whole_measurement_on_real_trials(shared: Path, tmp_path: Path) -> None:
    faces = [FACE, "meso4.df"]
    measure_adversarial(shared, tmp_path, face=faces, voice=[VOICE], crops=4, utterances=2, steps=2)
    record, rows = attempts.read(tmp_path)
    assert [victim.name for victim in record.victims] == [*faces, VOICE]
    assert record.victim(FACE).flag_basis == "calibration"
    assert record.victim("meso4.df").flag_basis == "clean EER"
    pairs = Counter((one.source, one.target) for one in rows if one.modality is Modality.FACE)
    assert set(pairs) == {(source, target) for source in faces for target in faces}
    assert set(pairs.values()) == {record.num_trials[Modality.FACE] * len(FACE_BOUNDS)}
    moved = {
        pair: np.mean([
            (one.adversarial - one.clean) * (-1 if one.is_spoof else 1)
            for one in rows if (one.source, one.target) == pair and one.bound == 8
        ])
        for pair in pairs
    }  # fmt: skip
    assert all(moved[name, name] > 2 for name in faces), "white box"
    assert all(moved[name, name] > abs(moved[name, other]) for name in faces for other in faces if other != name)
