"""Finding, cutting out and judging faces."""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from facenet_pytorch import MTCNN
from facenet_pytorch.models.mtcnn import PNet
from numpy.typing import NDArray

from detect.boxes import overlaps
from detect.config import Faces
from detect.crops import area_crops, assess, crop_face
from detect.errors import DeviceError
from detect.faces import FaceDetector, _Proposals
from detect.types import Detection
from tests.portraits import FACE_BOX, crowd, grainy, head, paste, photograph, scene


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector(Faces())


def _boxes(faces: list[Detection]) -> NDArray[np.float32]:
    return np.array([face.box for face in faces], np.float32).reshape(-1, 4)


# -------------------------------------------------------------------------------- the networks are the library's


def test_proposals_equal_the_library_s_network() -> None:
    image = grainy(scene(3, (100, 138)), seed=0)
    pixels = (torch.from_numpy(image[None]).permute(0, 3, 1, 2).float() - 127.5) / 128
    with torch.inference_mode():
        offsets, probabilities = PNet()(pixels)
        ours, our_offsets = _Proposals(PNet())(image[None], torch.device("cpu"))
    np.testing.assert_allclose(ours, probabilities[:, 1].numpy(), atol=1e-5)
    np.testing.assert_allclose(our_offsets, offsets.permute(0, 2, 3, 1).numpy(), atol=1e-5)


def test_strips_of_a_large_picture_join_without_a_seam() -> None:
    image = grainy(scene(3, (512, 640)), seed=0)
    network = _Proposals(PNet())
    with torch.inference_mode():
        strips, _ = network(image[None], torch.device("cpu"))
        whole, _ = network(image[None, :140], torch.device("cpu"))
    assert strips.shape == (1, 251, 315)
    np.testing.assert_allclose(strips[:, : whole.shape[1]], whole, atol=1e-5)


def test_crops_for_the_second_network_equal_the_library_s() -> None:
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (90, 160, 3), dtype=np.uint8)
    corner = rng.integers(0, (140, 70), (50, 2))
    boxes = np.concatenate((corner, np.minimum(corner + rng.integers(1, 80, (50, 2)), (160, 90))), axis=1)
    pixels = torch.from_numpy(frame).permute(2, 0, 1)[None].float()
    for box, crop in zip(boxes, area_crops(frame, boxes, 24), strict=True):
        left, top, right, bottom = box
        expected = torch.nn.functional.interpolate(pixels[:, :, top:bottom, left:right], (24, 24), mode="area")
        np.testing.assert_allclose(crop, expected[0].permute(1, 2, 0).numpy(), atol=1e-3)


def test_the_portrait_is_found_where_the_library_finds_it(detector: FaceDetector) -> None:
    image = photograph()
    (face,) = detector.detect([image])[0]
    boxes, _, landmarks = MTCNN(keep_all=True).detect(image, landmarks=True)
    assert overlaps(_boxes([face]), boxes.astype(np.float32))[0, 0] > 0.9
    assert np.abs(face.landmarks - landmarks[0]).max() < 3
    assert face.probability > 0.99


@pytest.mark.shared
def test_faces_of_recordings_are_found_where_the_library_finds_them(detector: FaceDetector, shared: Path) -> None:
    """On one frame of each of twelve recordings; the library itself moves by as much when the frame is reduced."""
    found = []
    for path in sorted((shared / "media").rglob("*.mp4"))[::2][:12]:
        capture = cv2.VideoCapture(str(path))
        frame = np.asarray(capture.read()[1][..., ::-1], np.uint8).copy()
        capture.release()
        scale = min(1.0, 640 / max(frame.shape[:2]))
        reduced = np.asarray(cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
        boxes, _, points = MTCNN(keep_all=True, min_face_size=20).detect(reduced, landmarks=True)
        faces = detector.detect([frame])[0]
        overlap = overlaps(_boxes(faces), (boxes[:1] / scale).astype(np.float32))[:, 0]
        best = int(overlap.argmax())
        left, _, right, _ = faces[best].box
        assert np.abs(faces[best].landmarks - points[0] / scale).max() < 0.07 * (right - left), path.name
        found.append(overlap[best])
    assert min(found) > 0.75
    assert np.mean(found) > 0.88


def test_loading_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        FaceDetector(Faces())
    assert not said
    assert capfd.readouterr() == ("", "")


def test_a_device_that_is_not_there_is_a_device_error() -> None:
    with pytest.raises(DeviceError, match="face detector"):
        FaceDetector(Faces(), device="cuda:99")


# -------------------------------------------------------------------------------------------- what is found


def test_landmarks_stand_in_their_order(detector: FaceDetector) -> None:
    left_eye, right_eye, nose, left_mouth, right_mouth = detector.detect([photograph()])[0][0].landmarks
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < nose[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


@pytest.mark.parametrize("size", [(720, 1280), (1080, 1920), (1280, 720), (2160, 3840)])
def test_boxes_are_in_pixels_of_the_full_frame(detector: FaceDetector, size: tuple[int, int]) -> None:
    centre = (size[1] * 0.7, size[0] * 0.4)
    (face,) = detector.detect([paste(scene(1, size), head(120), centre)])[0]
    left, top, right, bottom = face.box
    assert abs((left + right) / 2 - centre[0]) < 12
    assert abs((top + bottom) / 2 - centre[1]) < 20
    assert abs(right - left - 120) < 20


def test_a_face_at_the_border_is_clipped_to_the_frame(detector: FaceDetector) -> None:
    (face,) = detector.detect([paste(scene(1), head(120), (15, 180))])[0]
    assert face.box[0] == 0
    assert face.box[2] > 50


def test_frames_of_any_size_in_one_call_give_what_each_gives_alone(detector: FaceDetector) -> None:
    frames = [photograph(), paste(scene(1), head(60), (200, 150)), scene(2), photograph()[:300, 50:]]
    together = detector.detect(frames)
    assert [len(faces) for faces in together] == [1, 1, 0, 1]
    for frame, faces in zip(frames, together, strict=True):
        for one, other in zip(detector.detect([frame])[0], faces, strict=True):
            assert one.box == other.box
            assert one.probability == other.probability
            np.testing.assert_array_equal(one.landmarks, other.landmarks)


def test_the_largest_face_comes_first(detector: FaceDetector) -> None:
    frame = paste(paste(scene(1), head(50), (120, 180)), head(100), (420, 180))
    sizes = [face.size_px for face in detector.detect([frame])[0]]
    assert len(sizes) == 2
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("face_px", [12, 15])
def test_small_faces_are_noticed(detector: FaceDetector, face_px: int) -> None:
    small, large = (paste(scene(1, size), head(face_px), (200, 150)) for size in ((360, 640), (1440, 2560)))
    (face,) = detector.detect([small])[0]
    assert abs(face.size_px - face_px) < 4
    assert detector.detect([small], fine=True) == [[]], "an ordinary look on a small frame leaves nothing out"
    assert detector.detect([large]) == [[]]
    (face,) = detector.detect([large], fine=True)[0]
    assert abs(face.size_px - face_px) < 4


def test_a_crowd_is_counted(detector: FaceDetector) -> None:
    assert len(detector.detect([crowd()])[0]) > 150


@pytest.mark.parametrize("grain_px", [1, 4, 12])
def test_noise_costs_no_more_than_its_bound(detector: FaceDetector, grain_px: int) -> None:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (1080 // grain_px, 1920 // grain_px, 3), dtype=np.uint8)
    noise = np.asarray(cv2.resize(coarse, (1920, 1080), interpolation=cv2.INTER_CUBIC), np.uint8)
    small = np.asarray(cv2.resize(photograph()[20:240, 110:330], (48, 48), interpolation=cv2.INTER_AREA), np.uint8)
    tiled = np.tile(small, (23, 40, 1))

    def seconds(frame: NDArray[np.uint8]) -> float:
        start = time.process_time()
        detector.detect([frame])
        return time.process_time() - start

    flat = min(seconds(np.full_like(noise, 90)) for _ in range(3))
    assert seconds(noise) < 12 * flat + 0.2
    assert seconds(tiled) < 30 * flat + 0.5
    assert detector.detect([noise]) == [[]]


def _cartoon() -> NDArray[np.uint8]:
    drawing = np.full((480, 640, 3), 255, np.uint8)
    cv2.circle(drawing, (320, 240), 120, (255, 220, 120), -1)
    cv2.circle(drawing, (320, 240), 120, (0, 0, 0), 4)
    for x in (280, 360):
        cv2.circle(drawing, (x, 205), 14, (0, 0, 0), -1)
    cv2.ellipse(drawing, (320, 275), (55, 35), 0, 0, 180, (0, 0, 0), 6)
    return drawing


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(_cartoon(), id="cartoon"),
        pytest.param(np.zeros((480, 640, 3), np.uint8), id="black"),
        pytest.param(scene(4), id="background"),
        pytest.param(np.zeros((1, 1, 3), np.uint8), id="one pixel"),
        pytest.param(np.zeros((13, 700, 3), np.uint8), id="strip"),
        pytest.param(np.zeros((5, 9000, 3), np.uint8), id="line"),
    ],
)
def test_there_is_no_face(detector: FaceDetector, frame: NDArray[np.uint8]) -> None:
    assert detector.detect([frame]) == [[]]
    assert detector.detect([frame], fine=True) == [[]]


def test_no_frames_no_answers(detector: FaceDetector) -> None:
    assert detector.detect([]) == []
    assert detector.refine(scene(0), np.zeros((0, 4))) == []


# ------------------------------------------------------------------------------------------------ following


@pytest.mark.parametrize("shift", [(0, 0), (0.15, -0.1), (-0.2, 0.1)])
def test_a_face_is_found_again_near_where_it_was(detector: FaceDetector, shift: tuple[float, float]) -> None:
    frame = paste(scene(1, (720, 1280)), head(120), (700, 300))
    (face,) = detector.detect([frame])[0]
    size = np.array(face.box[2:]) - face.box[:2]
    (again,) = detector.refine(frame, np.array([face.box + np.tile(shift * size, 2)]))
    assert again is not None
    assert overlaps(_boxes([face]), _boxes([again]))[0, 0] > 0.85
    assert np.abs(again.landmarks - face.landmarks).max() < 0.05 * size[0]


def test_looking_again_and_again_does_not_drift(detector: FaceDetector) -> None:
    frame = photograph()
    (face,) = detector.detect([frame])[0]
    again: Detection | None = face
    for _ in range(20):
        assert again is not None
        (again,) = detector.refine(frame, np.array([again.box]))
    assert again is not None
    assert overlaps(_boxes([face]), _boxes([again]))[0, 0] > 0.85


def test_where_no_face_is_none_is_found(detector: FaceDetector) -> None:
    frame = paste(scene(1), head(80), (120, 180))
    boxes = np.array(
        [[80, 120, 160, 230], [400, 100, 480, 200], [-90, -90, -10, -10], [600, 300, 900, 900], [5, 5, 5, 5]]
    )
    found = detector.refine(frame, boxes.astype(np.float64))
    assert [face is not None for face in found] == [True, False, False, False, False]


# ------------------------------------------------------------------------------------------------ cutting out


def _detection(box: tuple[float, float, float, float], roll: float = 0, yaw: float = 0, pitch: float = 0) -> Detection:
    """A face whose landmarks are those of an average head, turned and seen from far away."""
    eyes_mouth_nose = np.array(
        [[-3.15, 2.62, 3.47], [3.15, 2.62, 3.47], [0, -1.13, 7.48], [-2.46, -4.34, 4.28], [2.46, -4.34, 4.28]]
    )
    a, b, c = np.radians([yaw, pitch, roll])
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    nod = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    lean = np.array([[np.cos(c), np.sin(c), 0], [-np.sin(c), np.cos(c), 0], [0, 0, 1]])
    seen = (eyes_mouth_nose @ (lean @ nod @ turn).T)[:, :2] * (1, -1)
    scale = (box[2] - box[0]) / 12
    middle = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
    return Detection(box=box, landmarks=(middle + scale * seen).astype(np.float32), probability=1.0)


def test_a_crop_of_the_right_size_is_a_copy() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    crop = crop_face(frame, _detection((100, 80, 180, 180)), size_px=130, margin=1.3)
    np.testing.assert_array_equal(crop, frame[65:195, 75:205])
    crop[:] = 0
    assert frame[65:195, 75:205].any(), "the crop is not a window into the frame"


def test_a_face_that_leans_a_little_is_not_resampled() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    crop = crop_face(frame, _detection((100, 80, 180, 180), roll=15), size_px=100, margin=1.0)
    np.testing.assert_array_equal(crop, frame[80:180, 90:190])


def test_shrinking_averages() -> None:
    frame = (np.indices((400, 400)).sum(axis=0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, axis=2)
    for roll in (0, 30):
        crop = crop_face(frame, _detection((0, 0, 400, 400), roll=roll), size_px=50, margin=0.5)
        assert np.ptp(crop) < 40, "a fine pattern becomes grey and not a coarse pattern"
        assert abs(crop.mean() - 127.5) < 8


def test_outside_the_frame_the_border_is_repeated() -> None:
    frame = np.zeros((100, 100, 3), np.uint8)
    frame[:, :50] = (200, 10, 30)
    for roll in (0, 25):
        crop = crop_face(frame, _detection((0, 20, 30, 60), roll=roll), size_px=64, margin=3.0)
        assert crop.shape == (64, 64, 3)
        assert tuple(crop[32, 0]) == (200, 10, 30)


@pytest.mark.parametrize("angle", [45, -45, 30])
def test_a_leaning_face_is_cut_out_upright(detector: FaceDetector, angle: int) -> None:
    middle = ((FACE_BOX[0] + FACE_BOX[2]) / 2, (FACE_BOX[1] + FACE_BOX[3]) / 2)
    turned = cv2.warpAffine(
        photograph(), cv2.getRotationMatrix2D(middle, angle, 1), (512, 512), borderMode=cv2.BORDER_REFLECT
    )
    frame = np.asarray(turned, np.uint8)
    (face,) = detector.detect([frame])[0]
    assert abs(assess(frame, face).roll_degrees + angle) < 12
    crop = crop_face(frame, face, size_px=256, margin=1.6)
    (upright,) = detector.detect([crop])[0]
    assert abs(assess(crop, upright).roll_degrees) < 12
    left, top, right, bottom = upright.box
    assert abs((left + right) / 2 - 128) < 25
    assert abs((top + bottom) / 2 - 128) < 30


def test_a_rotated_crop_lands_on_the_landmarks() -> None:
    """A dot painted where an eye is must be where an upright face has that eye."""
    frame = np.zeros((400, 400, 3), np.uint8)
    face = _detection((150, 130, 250, 250), roll=40)
    x, y = face.landmarks[0]
    cv2.circle(frame, (round(float(x)), round(float(y))), 3, (255, 255, 255), -1)
    crop = crop_face(frame, face, size_px=240, margin=2.0)
    row, column = np.argwhere(crop[..., 0] > 100).mean(axis=0)
    upright = _detection((150, 130, 250, 250)).landmarks[0]
    assert abs(column - (120 + upright[0] - 200)) < 2
    assert abs(row - (120 + upright[1] - 190)) < 2


# ------------------------------------------------------------------------------------------------ judging


@pytest.mark.parametrize("yaw", [-80, -40, 0, 25, 60])
@pytest.mark.parametrize("pitch", [-20, 0, 20])
@pytest.mark.parametrize("roll", [-35, 0, 18])
def test_yaw_and_roll_are_told_from_landmarks(yaw: float, pitch: float, roll: float) -> None:
    quality = assess(
        np.zeros((300, 300, 3), np.uint8), _detection((100, 100, 200, 220), roll=roll, yaw=yaw, pitch=pitch)
    )
    assert abs(quality.yaw_degrees - yaw) < 9
    if abs(yaw) < 50 and not pitch:
        assert abs(quality.roll_degrees - roll) < 1


def test_blur_and_smallness_lower_quality(detector: FaceDetector) -> None:
    frame = photograph()
    (face,) = detector.detect([frame])[0]
    sharp = assess(frame, face)
    blurred = assess(np.asarray(cv2.GaussianBlur(frame, (0, 0), 3), np.uint8), face)
    assert sharp.sharpness > 100
    assert blurred.sharpness < 10
    assert sharp.size_px == face.size_px == pytest.approx(FACE_BOX[2] - FACE_BOX[0], abs=5)
    assert abs(sharp.yaw_degrees) < 10


# ------------------------------------------------------------------------------------------------ accelerator


@pytest.mark.cuda
def test_cuda_finds_the_same_faces(cuda: str, detector: FaceDetector) -> None:
    frames = [photograph(), paste(scene(1, (512, 512)), head(60), (200, 150)), scene(2, (512, 512))]
    for here, there in zip(detector.detect(frames), FaceDetector(Faces(), cuda).detect(frames), strict=True):
        assert len(here) == len(there)
        for one, other in zip(here, there, strict=True):
            np.testing.assert_allclose(one.box, other.box, atol=2)
