"""Training pairs of faces: what is changed, what is not, and that a look knows no label."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from detect.types import UInt8Array
from tests.portraits import head, photograph, scene
from tests.portraits import paste as paste_head
from training.face.augment import apply, draw_look
from training.face.blend import blend_fake, paste, region_mask, self_blend
from training.face.config import FaceTraining, read_config
from training.face.data import PairBatches, Pictures
from training.face.prepare import Found, find_faces, load, save, wanted
from training.protocol import read_protocol

CONFIG = Path(__file__).parents[2] / "training" / "face.toml"


@pytest.fixture(scope="module")
def picture() -> UInt8Array:
    """A face that fills a picture of 224 px, as a tight crop does."""
    return np.asarray(cv2.resize(photograph()[52:184, 158:290], (224, 224), interpolation=cv2.INTER_CUBIC))


@pytest.fixture(scope="module")
def dataset(picture: UInt8Array, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four groups of tight crops, and two wide pictures without a counterpart."""
    folder = tmp_path_factory.mktemp("faces")
    rows = []
    for group in range(4):
        tinted = np.clip(picture * np.float32(0.7 + 0.1 * group), 0, 255).astype(np.uint8)
        for label, pixels in (("bonafide", tinted), ("spoof", tinted[:, ::-1])):
            name = f"{group}_{label}.png"
            cv2.imwrite(str(folder / name), pixels[..., ::-1])
            rows.append((name, "tight", label, "-", f"g{group}", "train" if group < 3 else "val"))
    for label in ("bonafide", "spoof"):
        cv2.imwrite(str(folder / f"wide_{label}.png"), portrait_scene()[..., ::-1])
        rows.append((f"wide_{label}.png", "wide", label, "-", f"w_{label}", "train"))
    with (folder / "protocol.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("path", "dataset", "label", "attack", "group", "split"), *rows])
    return folder


def portrait_scene() -> UInt8Array:
    return np.asarray(paste_head(scene(0, (256, 256)), head(100), (128, 128)))


def small_config(**batch: object) -> FaceTraining:
    config = read_config(CONFIG)
    pairs = config.batch.model_copy(update={"pairs": 3, "sizes_px": (64,), "size_shares": (1.0,)} | batch)
    return config.model_copy(update={"batch": pairs, "tight_datasets": ("tight",)})


@pytest.fixture(scope="module")
def found(dataset: Path) -> Found:
    tight = frozenset({"tight"})
    return find_faces(dataset, wanted(read_protocol(dataset), tight), tight=tight)


def test_a_look_does_the_same_to_both_pictures_of_a_pair(picture: UInt8Array) -> None:
    other = picture.copy()
    other[100:110, 100:110] = 255 - other[100:110, 100:110]
    for seed in range(20):
        look = draw_look(np.random.default_rng(seed))
        assert np.array_equal(apply(look, picture, 96), apply(look, picture, 96))
        first, second = apply(look, picture, 96).astype(int), apply(look, other, 96).astype(int)
        # Far from the change only what a codec spreads differs.
        assert np.abs(first[:16] - second[:16]).mean() < 3


def test_a_plain_look_is_only_a_crop(picture: UInt8Array) -> None:
    looks = [draw_look(np.random.default_rng(seed)) for seed in range(200)]
    plain = [look for look in looks if not (look.jpeg or look.h264_crf or look.noise or look.blur)]
    assert 10 < len(plain) < 150
    assert {look.jpeg > 0 for look in looks} == {look.h264_crf > 0 for look in looks} == {True, False}


def test_self_blending_changes_a_region_and_leaves_the_rest(picture: UInt8Array) -> None:
    changed_shares = []
    for seed in range(20):
        target, spoof = self_blend(picture, None, np.random.default_rng(seed))
        assert target.shape == spoof.shape == picture.shape
        difference = np.abs(target.astype(int) - spoof.astype(int)).max(axis=2)
        changed_shares.append(float((difference > 2).mean()))
        assert difference[:8].max() <= 2, "the top border is no face"
    assert max(changed_shares) > 0.2
    assert sum(share > 0.005 for share in changed_shares) >= 17


def test_blending_a_fake_shows_both_pictures(picture: UInt8Array) -> None:
    fake = np.ascontiguousarray(255 - picture)
    blended = blend_fake(fake, picture, None, np.random.default_rng(1)).astype(int)
    assert np.array_equal(blended[:6], picture[:6])
    assert np.abs(blended - picture).max() > 20


def test_a_mask_lies_where_the_landmarks_are() -> None:
    landmarks = np.array([(38, 52), (74, 52), (56, 72), (42, 92), (71, 92)], np.float32)
    for seed in range(10):
        mask = region_mask((224, 224), landmarks, np.random.default_rng(seed))
        assert mask.shape == (224, 224)
        assert 0 <= mask.min() <= mask.max() <= 1
        rows, columns = np.nonzero(mask > 0.1)
        assert rows.max() < 150
        assert columns.max() < 150


def test_pasting_with_an_empty_mask_gives_the_target(picture: UInt8Array) -> None:
    assert np.array_equal(paste(255 - picture, picture, np.zeros(picture.shape[:2], np.float32)), picture)


def test_batch_k_is_a_function_of_the_seed_and_k(dataset: Path, found: Found) -> None:
    trials = [trial for trial in read_protocol(dataset) if trial.split == "train"]
    first, second = (PairBatches(dataset, trials, found, small_config()) for _ in range(2))
    for step in (5, 0, 5):
        pixels, labels = first(step)
        assert pixels.shape == (6, 3, 64, 64)
        assert labels.tolist() == [0, 1, 0, 1, 0, 1]
        assert float(pixels.min()) >= -1
        assert float(pixels.max()) <= 1
        assert torch.equal(pixels, second(step)[0])
    assert not torch.equal(first(0)[0], first(1)[0])


def test_every_kind_of_pair_is_made(dataset: Path, found: Found) -> None:
    trials = [trial for trial in read_protocol(dataset) if trial.split == "train"]
    for share in ("blended_share", "self_blended_share", "unpaired_share"):
        batches = PairBatches(dataset, trials, found, small_config(**{share: 1.0}))
        pixels, _ = batches(0)
        assert not torch.equal(pixels[0], pixels[1])


def test_wide_pictures_are_cut_and_tight_ones_kept(dataset: Path, found: Found) -> None:
    pictures = Pictures(dataset, found, frozenset({"tight"}))
    trials = {trial.path: trial for trial in read_protocol(dataset)}
    wide, landmarks = pictures.read(trials["wide_bonafide.png"])
    assert wide.shape == (224, 224, 3)
    assert landmarks is not None
    assert ((landmarks > 20) & (landmarks < 204)).all(), "the landmarks lie inside the crop"
    tight, _ = pictures.read(trials["0_bonafide.png"])
    assert tight.shape == (224, 224, 3)


def test_what_was_found_is_kept(found: Found, tmp_path: Path) -> None:
    assert not np.isnan(found.boxes).any(), "every picture has a face"
    save(found, tmp_path / "faces.npz")
    again = load(tmp_path / "faces.npz")
    assert again.paths == found.paths
    assert np.array_equal(again.landmarks, found.landmarks)
