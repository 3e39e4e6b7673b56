"""Following faces from sample to sample: which of them are the same face.

Frames arrive one at a time and are not kept. Each push has four steps:

1. cut       another scene ends every track; a face is never followed from one shot into the next
2. follow    each face is looked for near where it was, without searching the frame
3. detect    every n-th sample, after a cut, and when a face was lost: the whole detector, once
4. settle    detections are given to tracks, the rest become new tracks while there is room

Samples may lie seconds apart, so a face may have moved by more than its width and somebody else may stand where it was.
So place and appearance are weighed together (`_Track.unlikeness`): the farther away, the more alike it must look.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detect.appearance import Appearance
from detect.boxes import overlaps
from detect.config import Faces
from detect.crops import assess, crop_face
from detect.shots import ShotWatch
from detect.stillness import Stillness
from detect.types import Detection, FaceObservation, FaceTrack, Frame, Interval, UInt8Array

_MAX_DISTANCE, _MAX_DIFFERENCE = 3.0, 0.3
"""How far, in sides of its box, and how unlike a face may have become; half the one leaves half the other. Measured on
33 recordings: of 1,017 pairs of samples up to 1 s apart, 99 % lie within .29 sides and .10 of colour; of 516 pairs of
different people, half differ by .58 or more, and 1 % by less than .20."""
_MAX_GROWTH = 1.7
"""Largest ratio of sizes between samples: somebody who walks up to the camera at 2 m/s doubles in about 1 s."""
_MIN_SHIFT = 0.15
"""A face that has moved by less, in sides of its box, is looked for only where it was: O-Net finds it from there."""
_SAME_FACE = 0.4
"""Intersection over union above which two boxes show one face."""
_MAX_MISSES = 2
"""Detection rounds that a face may be hidden for and still be the same track when it is back."""
_TAKES_PLACE = 1.5
"""When all places are taken, a face this much larger than the smallest followed takes its place: otherwise a crowd
of small faces at the start would hide a large one that comes later."""
_MAX_FINE_LOOKS = 8
"""Shots of one stream in which small faces are looked for where no others are: such a look costs five ordinary ones."""
_CROP_PX, _CROP_MARGIN = 64, 1.5
"""What a face's appearance is taken from: the face with hair and collar, and little of the background it moves over."""


class Detector(Protocol):
    """Finds faces; `detect.faces.FaceDetector`, or an engine that has one."""

    def detect(self, frames: Sequence[UInt8Array], *, fine: bool = False) -> list[list[Detection]]:
        """Faces of each frame, largest first; `fine`: only those too small for an ordinary look."""
        ...

    def refine(self, frame: UInt8Array, boxes: NDArray[np.float64]) -> list[Detection | None]:
        """The face near each of (n, 4) boxes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowSummary:
    """What came of one stream."""

    tracks: list[FaceTrack]
    """In order of first appearance."""
    num_faces_beyond_limit: int
    """Most faces seen at the same time and not followed, because of `max_faces`."""
    num_searches: int
    """Frames on which the whole detector ran."""


class FaceFollower:
    """Follows the faces of one video stream.

    Args:
        detector: Finds faces.
        config: Settings; `detect_every` and `max_faces` are read.
        stream: Index of the stream.
        names: Yields `face-1`, `face-2`, ...; one is taken for each new track.
        still: A still picture: every frame is searched, and no face is called static.
    """

    def __init__(
        self, detector: Detector, config: Faces, *, stream: int, names: Iterator[str], still: bool = False
    ) -> None:
        self._detector, self._config, self._stream, self._names, self._still = detector, config, stream, names, still
        self._shots = ShotWatch()
        self._tracks: list[_Track] = []
        self._ended: list[_Track] = []
        self._num_until_search = 0
        self._may_look_finely = True
        self._num_fine_looks = self._num_searches = self._num_beyond = 0

    def push(self, frame: Frame) -> list[FaceObservation]:
        """Find and follow the faces of the next sample.

        Args:
            frame: Later than those before.

        Returns:
            The faces in it, in order of first appearance.

        Raises:
            DeviceError: the detector's device failed.
        """
        if self._shots.is_cut(frame.pixels) or self._still:
            self._end(self._tracks)
            self._num_until_search, self._may_look_finely = 0, True
        seen: list[_Sighting] = []
        if self._num_until_search > 0:
            seen = self._follow(frame, self._tracks)
        followed = [sighting.track for sighting in seen]
        lost = any(track.num_misses == 0 and track not in followed for track in self._tracks)
        if self._num_until_search == 0 or lost:
            seen = self._search(frame)
            self._num_until_search = self._config.detect_every
        self._num_until_search -= 1
        # Hidden faces that are back may be more than there are places.
        seen.sort(key=lambda one: one.face.detection.size_px, reverse=True)
        self._end([sighting.track for sighting in seen[self._config.max_faces :]])
        seen = sorted(seen[: self._config.max_faces], key=lambda one: one.track.number)
        return [self._record(frame, sighting) for sighting in seen]

    def finish(self) -> FollowSummary:
        """End all tracks."""
        self._end(self._tracks)
        ended = sorted(self._ended, key=lambda track: track.number)
        return FollowSummary(
            tracks=[track.summary(self._stream, still=self._still) for track in ended],
            num_faces_beyond_limit=self._num_beyond,
            num_searches=self._num_searches,
        )

    def _follow(self, frame: Frame, tracks: Sequence[_Track]) -> list[_Sighting]:
        """Look for faces near where they were, or where their motion has taken them."""
        asked = [(track, box) for track in tracks for box in track.expected(frame.time)]
        if not asked:
            return []
        answers = self._detector.refine(frame.pixels, np.array([box for _, box in asked], np.float64))
        faces = [_Face.of(frame.pixels, answer) if answer else None for answer in answers]
        pairs = [(track, face) for (track, _), face in zip(asked, faces, strict=True) if face]
        return _assign(pairs, frame.time, detected=False)

    def _search(self, frame: Frame) -> list[_Sighting]:
        """Run the detector, give its faces to tracks, look again for tracks that got none, start new ones."""
        found = self._detector.detect([frame.pixels])[0]
        self._num_searches += 1
        if not found and not self._tracks and self._may_look_finely and self._num_fine_looks < _MAX_FINE_LOOKS:
            found = self._detector.detect([frame.pixels], fine=True)[0]
            self._may_look_finely = False
            self._num_fine_looks += 1
        # Detections come largest first; more than twice the places cannot matter.
        faces = [_Face.of(frame.pixels, detection) for detection in found[: 2 * self._config.max_faces]]
        seen = _assign([(track, face) for track in self._tracks for face in faces], frame.time, detected=True)
        matched = [sighting.track for sighting in seen]
        unmatched = [track for track in self._tracks if track not in matched]
        given = [sighting.face for sighting in seen]
        for sighting in self._follow(frame, unmatched):
            if not sighting.face.shows_one_of(given):
                seen.append(sighting)
                given.append(sighting.face)
        matched = [sighting.track for sighting in seen]
        for track in self._tracks:
            track.num_misses = 0 if track in matched else track.num_misses + 1
        self._end([track for track in self._tracks if track.num_misses > _MAX_MISSES])
        new = [face for face in faces if not face.shows_one_of(given)]
        self._num_beyond = max(
            self._num_beyond, len(seen) + len(new) + len(found) - len(faces) - self._config.max_faces
        )
        return self._admit(seen, new)

    def _admit(self, seen: list[_Sighting], new: Sequence[_Face]) -> list[_Sighting]:
        """Start tracks for new faces, the largest first, as far as there are places."""
        for face in new:
            if len(seen) >= self._config.max_faces:
                smallest = min(seen, key=lambda sighting: sighting.face.detection.size_px)
                if face.detection.size_px < _TAKES_PLACE * smallest.face.detection.size_px:
                    break
                seen.remove(smallest)
                self._end([smallest.track])
            track = _Track(next(self._names), number=len(self._tracks) + len(self._ended))
            self._tracks.append(track)
            seen.append(_Sighting(track=track, face=face, detected=True))
        # Hidden faces wait for as many places; the newest of them are the likeliest to come back.
        hidden = [track for track in self._tracks if track.num_misses > 0]
        self._end(hidden[: -self._config.max_faces])
        return seen

    def _record(self, frame: Frame, sighting: _Sighting) -> FaceObservation:
        """Take a sighting into its track."""
        detection = sighting.face.detection
        sighting.track.take(sighting, frame.time)
        if not self._still:
            sighting.track.stillness.look(frame.pixels, detection)
        return FaceObservation(
            track=sighting.track.id,
            stream=self._stream,
            time=frame.time,
            detection=detection,
            detected=sighting.detected,
            quality=assess(frame.pixels, detection),
        )

    def _end(self, tracks: Sequence[_Track]) -> None:
        self._ended.extend(tracks)
        self._tracks = [track for track in self._tracks if track not in tracks]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Face:
    """A face in the present frame."""

    detection: Detection
    appearance: Appearance

    @classmethod
    def of(cls, pixels: UInt8Array, detection: Detection) -> _Face:
        crop = crop_face(pixels, detection, size_px=_CROP_PX, margin=_CROP_MARGIN)
        return cls(detection=detection, appearance=Appearance.of(crop))

    def shows_one_of(self, others: Sequence[_Face]) -> bool:
        """Whether this is one of other faces found in the same frame."""
        boxes = np.array([other.detection.box for other in others], np.float32).reshape(-1, 4)
        mine = np.array([self.detection.box], np.float32)
        return bool(overlaps(mine, boxes).max(initial=0) > _SAME_FACE)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sighting:
    """A track seen in the present frame."""

    track: _Track
    face: _Face
    detected: bool


class _Track:
    """A face while it is followed."""

    def __init__(self, name: str, *, number: int) -> None:
        self.id, self.number = name, number
        self.num_misses = 0
        self.stillness = Stillness()
        self._num_observations = self._num_detected = 0
        self._start = self._end = Fraction(0)
        self._face: _Face | None = None
        self._centre = self._velocity = np.zeros(2)
        self._side = 1.0

    def take(self, sighting: _Sighting, time: Fraction) -> None:
        """Take in a sighting."""
        self.num_misses = 0
        centre, side = _place(sighting.face.detection)
        if self._num_observations == 0:
            self._start = time
        elif time > self._end:
            self._velocity = (centre - self._centre) / float(time - self._end)
        self._num_observations += 1
        self._num_detected += sighting.detected
        self._end, self._face, self._centre, self._side = time, sighting.face, centre, side

    def expected(self, time: Fraction) -> list[NDArray[np.float64]]:
        """Boxes in which to look for the face: where it was, and where it would be had it kept moving."""
        assert self._face is not None  # noqa: S101 - a track begins with a sighting
        box = np.array(self._face.detection.box)
        shift = self._shift(time)
        if np.hypot(*shift) < _MIN_SHIFT * self._side:
            return [box]
        return [box, box + np.tile(shift, 2)]

    def unlikeness(self, face: _Face, time: Fraction) -> float:
        """How unlike this track a face is: 0 for the same in the same place, above 1 for somebody else."""
        assert self._face is not None  # noqa: S101 - a track begins with a sighting
        centre, side = _place(face.detection)
        if not 1 / _MAX_GROWTH < side / self._side < _MAX_GROWTH:
            return np.inf
        away = min(np.hypot(*(centre - self._centre)), np.hypot(*(centre - self._centre - self._shift(time))))
        difference = self._face.appearance.colour_distance(face.appearance)
        return float(away / max(side, self._side) / _MAX_DISTANCE + difference / _MAX_DIFFERENCE)

    def summary(self, stream: int, *, still: bool) -> FaceTrack:
        """The track as it is reported."""
        return FaceTrack(
            id=self.id,
            stream=stream,
            interval=Interval(start=self._start, end=self._end),
            num_observations=self._num_observations,
            num_detected=self._num_detected,
            static=self.stillness.is_static and not still,
        )

    def _shift(self, time: Fraction) -> NDArray[np.float64]:
        """How far its motion would have taken the face by now, at most by its side: a head turns back sooner."""
        shift = self._velocity * float(time - self._end)
        length = float(np.hypot(*shift))
        return shift * min(1.0, self._side / length) if length > 0 else shift


def _place(detection: Detection) -> tuple[NDArray[np.float64], float]:
    """Centre and longer side of a face's box, pixels."""
    left, top, right, bottom = detection.box
    return np.array([(left + right) / 2, (top + bottom) / 2]), max(right - left, bottom - top)


def _assign(pairs: Sequence[tuple[_Track, _Face]], time: Fraction, *, detected: bool) -> list[_Sighting]:
    """Give faces to tracks, the likeliest pair first; each track gets one face, each face one track."""
    weighed = [(track.unlikeness(face, time), i) for i, (track, face) in enumerate(pairs)]
    given: list[_Sighting] = []
    for unlikeness, i in sorted(weighed):
        track, face = pairs[i]
        taken = any(track is one.track for one in given) or face.shows_one_of([one.face for one in given])
        if unlikeness < 1 and not taken:
            given.append(_Sighting(track=track, face=face, detected=detected))
    return given
