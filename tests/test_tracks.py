"""Following faces: who is the same face from sample to sample."""

from __future__ import annotations

import gc
import itertools
import weakref
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from detect.config import Config, Faces
from detect.decode import LocalDecoder
from detect.faces import FaceDetector
from detect.shots import ShotWatch
from detect.tracks import FaceFollower, FollowSummary
from detect.types import FaceObservation, Frame
from tests.portraits import crowd, grainy, head, paste, photograph, scene

Pixels = NDArray[np.uint8]
STEP = Fraction(3, 10)


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector(Faces())


def _follow(
    detector: FaceDetector, pictures: Iterable[Pixels], *, step: Fraction = STEP, still: bool = False, **settings: int
) -> tuple[FollowSummary, list[list[FaceObservation]]]:
    names = (f"face-{number}" for number in itertools.count(1))
    follower = FaceFollower(detector, Faces.model_validate(settings), stream=2, names=names, still=still)
    seen = [
        follower.push(Frame(pixels=pixels, time=index * step, stream=2, index=index))
        for index, pixels in enumerate(pictures)
    ]
    return follower.finish(), seen


def _centre(observation: FaceObservation) -> float:
    return (observation.detection.box[0] + observation.detection.box[2]) / 2


# -------------------------------------------------------------------------------------------------- one face


@pytest.mark.parametrize(("pixels_a_sample", "step"), [(0, STEP), (20, STEP), (-65, Fraction(2))])
def test_a_moving_face_is_one_track(detector: FaceDetector, pixels_a_sample: int, step: Fraction) -> None:
    """Up to eight tenths of its width from one sample to the next."""
    start = 100 if pixels_a_sample >= 0 else 560
    pictures = [
        grainy(paste(scene(1), head(80), (start + pixels_a_sample * min(index, 7), 180)), index) for index in range(12)
    ]
    summary, seen = _follow(detector, pictures, step=step)
    (track,) = summary.tracks
    assert (track.id, track.stream, track.num_observations) == ("face-1", 2, 12)
    assert (track.interval.start, track.interval.end) == (Fraction(0), 11 * step)
    assert [len(faces) for faces in seen] == [1] * 12
    assert [faces[0].time for faces in seen] == [index * step for index in range(12)]
    for index, (observation,) in enumerate(seen):
        assert abs(_centre(observation) - (start + pixels_a_sample * min(index, 7))) < 12


def test_the_detector_runs_on_every_fourth_sample(detector: FaceDetector) -> None:
    pictures = [paste(scene(1), head(80), (300 + index, 180)) for index in range(12)]
    summary, seen = _follow(detector, pictures)
    assert summary.num_searches == 3
    assert [faces[0].detected for faces in seen] == [True, False, False, False] * 3
    assert summary.tracks[0].num_detected == 3
    summary, seen = _follow(detector, pictures, detect_every=1)
    assert summary.num_searches == 12
    assert all(faces[0].detected for faces in seen)


def test_a_face_that_comes_nearer_is_one_track(detector: FaceDetector) -> None:
    pictures = [paste(scene(1), head(40 * 1.25**index), (320, 180)) for index in range(7)]
    summary, _ = _follow(detector, pictures)
    assert [track.num_observations for track in summary.tracks] == [7]


@pytest.mark.parametrize("hidden", [(5,), (5, 6), (8, 9, 10)])
def test_a_face_hidden_for_a_moment_keeps_its_name(detector: FaceDetector, hidden: tuple[int, ...]) -> None:
    pictures = [paste(scene(1), head(80), (300 + 4 * index, 180)) for index in range(16)]
    for index in hidden:
        pictures[index][90:270, 200:460] = (90, 60, 40)
    summary, seen = _follow(detector, pictures)
    assert [index for index, faces in enumerate(seen) if not faces] == list(hidden)
    assert [track.num_observations for track in summary.tracks] == [16 - len(hidden)]


def test_a_face_that_was_away_for_long_is_another_track(detector: FaceDetector) -> None:
    """Nobody can say after three rounds that it is the same person, so it is not said."""
    pictures = [paste(scene(1), head(80), (300 if index < 4 or index > 20 else -500, 180)) for index in range(26)]
    summary, seen = _follow(detector, pictures)
    assert [track.id for track in summary.tracks] == ["face-1", "face-2"]
    assert summary.tracks[0].interval.end == 3 * STEP
    # Detection rounds fall on every fourth sample after the last one.
    assert 21 * STEP <= summary.tracks[1].interval.start <= 24 * STEP
    assert not any(seen[4:21])


# --------------------------------------------------------------------------------------------------- shots


def test_a_cut_ends_the_track_though_the_face_stays_in_place(detector: FaceDetector) -> None:
    pictures = [paste(scene(1 if index < 7 else 5), head(80), (320, 180)) for index in range(12)]
    summary, seen = _follow(detector, pictures)
    assert [track.num_observations for track in summary.tracks] == [7, 5]
    assert summary.tracks[1].interval.start == 7 * STEP
    assert seen[7][0].detected, "after a cut the whole detector runs"


def _pan(offset: int) -> Pixels:
    wide = scene(6, (360, 1600))
    return np.ascontiguousarray(wide[:, offset : offset + 640])


def _grey(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)[..., None].repeat(3, axis=2)


@pytest.mark.parametrize(
    ("before", "after", "is_cut"),
    [
        pytest.param(scene(1), scene(5), True, id="another place"),
        pytest.param(np.zeros((360, 640, 3), np.uint8), scene(5), True, id="from black"),
        pytest.param(_grey(scene(5)), _grey(scene(8)), True, id="black and white"),
        pytest.param(_pan(0), _pan(120), False, id="the camera pans"),
        pytest.param(scene(1), np.minimum(scene(1) * 1.4, 255).astype(np.uint8), False, id="a flash"),
        pytest.param(paste(scene(1), head(90), (120, 180)), paste(scene(1), head(90), (500, 180)), False, id="walking"),
        pytest.param(grainy(scene(1), 1, 12), grainy(scene(1), 2, 12), False, id="noise"),
    ],
)
def test_cuts_are_told_from_motion_and_light(before: Pixels, after: Pixels, is_cut: bool) -> None:
    watch = ShotWatch()
    assert not watch.is_cut(before), "there is nothing before the first sample"
    assert watch.is_cut(after) == is_cut


# ------------------------------------------------------------------------------------------------ two faces


def test_people_who_cross_keep_their_names(detector: FaceDetector) -> None:
    """The one in front hides the other for some samples."""
    pictures = []
    for index in range(16):
        picture = paste(scene(1), head(80, person=1), (540 - 28 * index, 170))
        pictures.append(paste(picture, head(90), (100 + 28 * index, 190)))
    summary, seen = _follow(detector, pictures)
    assert len(summary.tracks) == 2
    start, end = ({face.track: _centre(face) for face in seen[index]} for index in (0, 15))
    assert start.keys() == end.keys() == {"face-1", "face-2"}
    for name in start:
        assert (start[name] < 320) == (end[name] > 320)


def test_somebody_else_in_the_same_place_is_another_track(detector: FaceDetector) -> None:
    pictures = [paste(scene(1), head(80, person=int(index > 5)), (320, 180)) for index in range(12)]
    summary, _ = _follow(detector, pictures)
    assert [track.num_observations for track in summary.tracks] == [6, 6]


def test_two_faces_lost_at_once_are_searched_for_once(detector: FaceDetector) -> None:
    both = paste(paste(scene(1), head(80), (160, 180)), head(80, person=1), (460, 180))
    summary, seen = _follow(detector, [both, both, scene(1), scene(1), both, both])
    assert len(summary.tracks) == 2
    assert [len(faces) for faces in seen] == [2, 2, 0, 0, 2, 2]
    # Samples 0 and 2: both lost faces are found again by looking where they were.
    assert summary.num_searches == 2


# ------------------------------------------------------------------------------------------------ many faces


def test_a_crowd_is_followed_up_to_the_limit_and_counted(detector: FaceDetector) -> None:
    summary, seen = _follow(detector, [crowd()] * 3)
    assert len(summary.tracks) == 16
    assert [len(faces) for faces in seen] == [16] * 3
    assert 150 < summary.num_faces_beyond_limit <= 184


def test_the_largest_faces_are_followed(detector: FaceDetector) -> None:
    """Small faces at the start do not take the places of large ones that come later."""
    small = paste(scene(1), head(40), (100, 100))
    both = paste(small, head(100, person=1), (420, 200))
    summary, seen = _follow(detector, [small] * 4 + [both] * 4, max_faces=1)
    assert [track.num_observations for track in summary.tracks] == [4, 4]
    assert seen[-1][0].detection.size_px > 80
    assert summary.num_faces_beyond_limit == 1


# ------------------------------------------------------------------------------------------------- few faces


def test_a_tiny_face_in_a_large_frame_is_noticed(detector: FaceDetector) -> None:
    pictures = [grainy(paste(scene(1, (1080, 1920)), head(13), (900, 400)), index, 1) for index in range(6)]
    summary, seen = _follow(detector, pictures)
    assert len(summary.tracks) == 1
    assert seen[0][0].quality.size_px < 18


def test_small_faces_are_not_looked_for_beside_large_ones(detector: FaceDetector) -> None:
    """It would cost five ordinary looks and could change no score."""
    picture = paste(paste(scene(1, (1080, 1920)), head(13), (900, 400)), head(160), (1400, 500))
    summary, _ = _follow(detector, [picture])
    assert len(summary.tracks) == 1


@pytest.mark.parametrize("kind", ["noise", "background", "cartoon"])
def test_where_there_is_nobody_nobody_is_followed(detector: FaceDetector, kind: str) -> None:
    rng = np.random.default_rng(0)
    cartoon = scene(2)
    cv2.circle(cartoon, (320, 180), 100, (255, 220, 120), -1)
    cv2.circle(cartoon, (285, 150), 12, (0, 0, 0), -1)
    cv2.circle(cartoon, (355, 150), 12, (0, 0, 0), -1)
    cv2.ellipse(cartoon, (320, 210), (45, 30), 0, 0, 180, (0, 0, 0), 5)
    pictures = {
        "noise": [rng.integers(0, 256, (360, 640, 3), dtype=np.uint8) for _ in range(8)],
        "background": [scene(2)] * 8,
        "cartoon": [cartoon] * 8,
    }
    summary, seen = _follow(detector, pictures[kind])
    assert summary.tracks == []
    assert not any(seen)
    assert summary.num_searches <= 8


def test_a_still_picture_is_searched_once_and_never_static(detector: FaceDetector) -> None:
    summary, seen = _follow(detector, [photograph()], still=True)
    (track,) = summary.tracks
    assert (track.num_observations, track.num_detected, track.static) == (1, 1, False)
    assert track.interval.duration == 0
    assert seen[0][0].detected


def test_nothing_pushed_nothing_found(detector: FaceDetector) -> None:
    summary, _ = _follow(detector, [])
    assert (summary.tracks, summary.num_faces_beyond_limit, summary.num_searches) == ([], 0, 0)


# ----------------------------------------------------------------------------------------------- photographs


def _filmed(index: int, *, zoom: float = 0, shake: float = 0) -> Pixels:
    """A photograph as a camera sees it."""
    rng = np.random.default_rng(index)
    scale = 1.4 + zoom * index
    x, y = rng.normal(0, shake, 2)
    matrix = np.array([[scale, 0, 320 - 252 * scale + x], [0, scale, 180 - 145 * scale + y]])
    return grainy(np.asarray(cv2.warpAffine(photograph(), matrix, (640, 360)), np.uint8), index)


@pytest.mark.parametrize("filming", [{}, {"zoom": 0.02}, {"shake": 3.0}], ids=["on a tripod", "with a zoom", "by hand"])
def test_a_photograph_is_static_however_it_is_filmed(detector: FaceDetector, filming: dict[str, float]) -> None:
    summary, _ = _follow(detector, [_filmed(index, **filming) for index in range(12)])
    assert [(track.num_observations, track.static) for track in summary.tracks] == [(12, True)]


def test_fewer_than_eight_samples_do_not_make_a_face_static(detector: FaceDetector) -> None:
    summary, _ = _follow(detector, [_filmed(index) for index in range(7)])
    assert [track.static for track in summary.tracks] == [False]


def test_a_speaking_face_is_not_static(detector: FaceDetector) -> None:
    mouths = itertools.cycle((0, 5, 9, 3))
    pictures = [grainy(paste(scene(1), head(90, mouth_px=next(mouths)), (320, 180)), index) for index in range(12)]
    summary, _ = _follow(detector, pictures)
    assert [track.static for track in summary.tracks] == [False]


def test_a_face_that_moves_before_its_background_is_not_static(detector: FaceDetector) -> None:
    tiles = np.random.default_rng(0).integers(0, 256, (24, 43, 3), dtype=np.uint8).repeat(15, axis=0).repeat(15, axis=1)
    busy = scene(1) // 2 + tiles[:360, :640] // 4
    pictures = [paste(busy, head(90), (300 + 6 * (index % 3), 180)) for index in range(12)]
    summary, _ = _follow(detector, pictures)
    assert [track.static for track in summary.tracks] == [False]


# ---------------------------------------------------------------------------------------------- how it works


def test_the_same_frames_give_the_same_observations(detector: FaceDetector) -> None:
    pictures = [
        grainy(paste(paste(scene(1), head(60), (100 + 30 * index, 120)), head(80, person=1), (450, 200)), index)
        for index in range(9)
    ]
    first, second = (_follow(detector, pictures) for _ in range(2))
    assert first[0] == second[0]
    for one, other in zip(itertools.chain(*first[1]), itertools.chain(*second[1]), strict=True):
        assert (one.track, one.time, one.detected, one.quality) == (
            other.track,
            other.time,
            other.detected,
            other.quality,
        )
        assert one.detection.box == other.detection.box
        np.testing.assert_array_equal(one.detection.landmarks, other.detection.landmarks)


def test_frames_are_not_kept(detector: FaceDetector) -> None:
    follower = FaceFollower(detector, Faces(), stream=0, names=(f"face-{i}" for i in itertools.count(1)))
    for index in range(3):
        pixels = paste(scene(1), head(80), (300, 180))
        kept = weakref.ref(pixels)
        follower.push(Frame(pixels=pixels, time=index * STEP, stream=0, index=index))
        del pixels
        gc.collect()
        assert kept() is None


# ------------------------------------------------------------------------------------------------ recordings


def _sampled(path: Path, num_frames: int) -> Sequence[Frame]:
    config = Config.model_validate({"sampling": {"min_frames": num_frames, "decoder": "nonref"}})
    decoder = LocalDecoder()
    media = decoder.survey(path, config)
    (stream,) = [stream.facts.index for stream in media.streams if stream.plan]
    return [part for part in decoder.frames(path, media, stream, config, num_threads=1) if isinstance(part, Frame)]


@pytest.mark.shared
@pytest.mark.slow
def test_everybody_in_the_recordings_is_one_unbroken_track(detector: FaceDetector, shared: Path) -> None:
    """Each recording shows one person in one shot; in one a photograph hangs on the wall, too. Every third is taken."""
    paths = [path for path in sorted((shared / "media").rglob("*.mp*")) if path.suffix in {".mp4", ".mpg"}]
    for path in paths[::3]:
        frames = _sampled(path, 12)
        names = (f"face-{number}" for number in itertools.count(1))
        follower = FaceFollower(detector, Faces(min_probability=0.8), stream=0, names=names)
        for frame in frames:
            follower.push(frame)
        tracks = follower.finish().tracks
        assert max(track.num_observations for track in tracks) >= len(frames) - 1, path.name
        assert sum(track.num_observations >= 4 for track in tracks) == 1 + ("yhffcuhhjy" in path.name), path.name
        assert not any(track.static for track in tracks if track.num_observations >= 8), path.name
