"""Identify a recording, probe it within limits, and read it through: claims become facts before anything is decoded.

`survey` goes in numbered steps. What it refuses it refuses as an `InputError`; what is merely wrong with a recording it
says in `Media` as defects and caveats.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import BinaryIO

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream as ContainerStream
from av.video.stream import VideoStream

from detect import provenance
from detect.config import Config
from detect.container import ErrorLog, describe, open_container
from detect.decoded import Media, SamplingPlan, Stream
from detect.errors import InputError, LimitExceeded, UnreadableMedia, UnsupportedMedia
from detect.honesty import Claims, compare
from detect.identify import Identity, identify, second_nature
from detect.layout import Layout, read_boxes, read_elements, read_riff
from detect.packets import Reading, read_through
from detect.picture import survey_picture
from detect.report import AbstentionEntry, CaveatEntry, DefectEntry
from detect.sampling import plan
from detect.streams import codec_name, facts, is_attached_picture, objection, rate
from detect.timeline import Timeline, settle
from detect.types import CaveatKind, DefectKind, Modality, Reason

_MAX_VIDEO_STREAMS = 8
"""Pictures of this many streams are looked at; recorders with several cameras write up to 8."""

_OFFSET_SECONDS = Fraction(1, 2)
"""Streams that start further apart are said to: lip movement and voice are then compared at the wrong time."""

_PROGRESSIVE = 1
"""FFmpeg's AV_FIELD_PROGRESSIVE: only then is a picture's first slice sure to stand for all of it."""

_HIGH_DYNAMIC_RANGE = {16: "PQ (SMPTE ST 2084)", 18: "HLG (ARIB STD-B67)"}


def survey(file: BinaryIO, config: Config) -> Media:
    """Identify and probe a recording, check limits, read its packets through, plan the sampling.

    Args:
        file: Seekable; nothing else is opened.
        config: Limits and sampling.

    Raises:
        UnsupportedMedia: no recording, or nothing in it can be decoded by this build.
        UnreadableMedia: a recording, but damaged beyond use.
        LimitExceeded: larger than the limits allow.
    """
    # 1. By content: pictures go their own way, text and other files go no way at all.
    try:
        identity = identify(file)
        if identity.kind == "empty":
            raise UnreadableMedia("empty", "the file holds no bytes")
        if identity.kind in ("text", "foreign"):
            raise UnsupportedMedia(identity.reason, f"this is {identity.detail}, not a recording")
        if identity.kind == "heif":
            raise UnsupportedMedia("codec", f"{identity.detail} pictures are not read by this version")
        if identity.kind in ("jpeg", "png", "gif", "webp", "tiff"):
            return survey_picture(file, identity, config)
        layout = _layout(file, identity)
        other = second_nature(file, identity, layout.end)
    except OSError as error:
        raise UnreadableMedia("io_error", f"reading the file failed: {error.strerror or error}") from error

    # 2. The container, opened so that nothing else can be.
    try:
        log = ErrorLog()
        container = open_container(file, config.limits, log)
    except UnreadableMedia as error:
        if error.reason == "damaged" and identity.kind == "other":
            raise UnreadableMedia(
                "unrecognised", f"these bytes are no recording of a known format; {error.message}"
            ) from error
        if error.reason == "damaged" and layout.promised is not None and layout.promised > identity.num_bytes:
            raise _cut(layout.promised, identity.num_bytes, error.message) from error
        raise
    with container:
        media = _Survey(container, layout, config, log.lines).run()
    caveats = [CaveatEntry(kind=CaveatKind.POLYGLOT, detail=f"The file is also {what}.") for what in other]
    return media.model_copy(update={"caveats": (*caveats, *media.caveats)})


def _layout(file: BinaryIO, identity: Identity) -> Layout:
    """Walk the outer structure.

    Raises:
        UnreadableMedia: an MP4 without the box that says where its samples are.
    """
    if identity.kind == "matroska":
        return read_elements(file, identity.num_bytes)
    if identity.kind == "riff":
        return read_riff(file, identity.num_bytes)
    if identity.kind != "isobmff":
        return Layout()
    layout = read_boxes(file, identity.num_bytes)
    if not layout.boxes & {"moov", "moof"}:
        detail = (
            "the moov box, which says where pictures and sound lie, is missing: the file is cut or was never closed"
        )
        raise UnreadableMedia("truncated", detail)
    return layout


def _cut(promised: int, there: int, detail: str) -> UnreadableMedia:
    return UnreadableMedia("truncated", f"the file ends after {there} of {promised} bytes; {detail}")


@dataclass(slots=True)
class _Survey:
    """One container on its way through."""

    container: InputContainer
    layout: Layout
    config: Config
    complaints: list[str]
    why_not: dict[int, str] = field(default_factory=dict)
    defects: list[DefectEntry] = field(default_factory=list)
    caveats: list[CaveatEntry] = field(default_factory=list)
    abstentions: list[AbstentionEntry] = field(default_factory=list)

    def run(self) -> Media:
        # 3. Limits, by what the headers claim: nothing of a claimed size is allocated yet.
        self._admit()

        # 4. Read it through. From here on packets count, not headers.
        reading = read_through(self.container, self.config.limits)
        self._leave_encrypted(reading)
        timelines = {stream.index: self._timeline(stream, reading) for stream in self._examined(VideoStream)}
        counted = {index for index, timeline in timelines.items() if timeline.rate is not None}
        starts = self._starts(reading, counted)
        zero = min(starts.values(), default=Fraction(0))
        lengths = {stream.index: self._length(stream, reading, timelines, zero) for stream in self._examined()}
        duration = max((length for length in lengths.values() if length is not None), default=None)
        limit = self.config.limits.max_duration_seconds
        if duration is not None and duration > limit:
            raise LimitExceeded(
                "duration", f"the recording is {float(duration):.0f} s long; at most {limit:.0f} s are examined"
            )

        # 5. What the headers claimed against what is there.
        claims = Claims(container=self.container, layout=self.layout, num_bytes=self._num_bytes())
        defects, caveats = compare(claims, reading, duration, set(lengths))
        self.defects += defects
        self.caveats += caveats
        self._compare_starts(starts, zero)

        # 6. Which frames will be looked at.
        plans = {index: self._plan(index, timeline, reading, zero) for index, timeline in timelines.items()}

        # 7. What the file says of itself.
        begins = {index: start - zero for index, start in starts.items()} | dict.fromkeys(counted, Fraction(0))
        streams = tuple(self._stream(stream, reading, plans, begins, lengths) for stream in self.container.streams)
        return Media(
            kind="video" if plans else "audio",
            container=self.container.format.name.split(",")[0],
            duration=duration,
            zero=zero,
            streams=streams,
            defects=tuple(self.defects),
            caveats=tuple(self.caveats),
            abstentions=tuple(self.abstentions),
            provenance=provenance.state(
                container_tags=self.container.metadata,
                stream_tags={stream.index: stream.metadata for stream in self.container.streams},
                xmp=self.layout.xmp,
                c2pa=self.layout.c2pa,
                notes=self._notes(timelines),
            ),
        )

    def _num_bytes(self) -> int:
        return self.container.size

    def _admit(self) -> None:
        """Sort out streams that cannot be examined.

        Raises:
            InputError: no stream is left; the most telling objection is raised.
        """
        streams = self.container.streams
        limits = self.config.limits
        if len(streams) > limits.max_streams:
            raise LimitExceeded("streams", f"{len(streams)} streams; at most {limits.max_streams} are read")
        objections: list[InputError] = []
        num_pictures = 0
        for stream in streams:
            if not isinstance(stream, VideoStream | AudioStream):
                self.why_not[stream.index] = f"of kind '{stream.type}': neither pictures nor sound"
                continue
            if isinstance(stream, VideoStream) and is_attached_picture(stream):
                self.why_not[stream.index] = "an attached picture (a cover or thumbnail), not part of the recording"
                continue
            error = objection(stream, limits, describe(self.container, stream.index), self.complaints)
            if error is not None:
                objections.append(error)
                self._lose(stream, error)
            elif isinstance(stream, VideoStream):
                num_pictures += 1
                if num_pictures > _MAX_VIDEO_STREAMS:
                    self._leave(stream)
        if len(self.why_not) < len(streams):
            return
        if objections:
            raise min(objections, key=lambda error: not isinstance(error, LimitExceeded))
        raise UnsupportedMedia("no_streams", "the container holds neither pictures nor sound")

    def _leave_encrypted(self, reading: Reading) -> None:
        """Set aside streams whose packets are encrypted, though their header names a codec.

        Raises:
            UnsupportedMedia: no other stream is left.
        """
        for stream in self._examined():
            if reading.streams[stream.index].num_encrypted:
                error = UnsupportedMedia("encrypted", f"stream {stream.index} is encrypted")
                self._lose(stream, error)
                if not self._examined():
                    raise error

    def _lose(self, stream: ContainerStream, error: InputError) -> None:
        modality = Modality.FACE if isinstance(stream, VideoStream) else Modality.VOICE
        self.why_not[stream.index] = error.message
        self.defects.append(DefectEntry(kind=DefectKind.STREAM_LOST, stream=stream.index, detail=error.message))
        self.abstentions.append(
            AbstentionEntry(
                reason=Reason.STREAM_UNDECODABLE,
                subject=f"stream {stream.index}",
                detail=error.message,
                modality=modality,
            )
        )

    def _leave(self, stream: ContainerStream) -> None:
        why = f"only the first {_MAX_VIDEO_STREAMS} video streams are examined"
        self.why_not[stream.index] = why
        self.abstentions.append(
            AbstentionEntry(
                reason=Reason.STREAMS_BEYOND_LIMIT,
                subject=f"stream {stream.index}",
                detail=why,
                modality=Modality.FACE,
            )
        )

    def _examined(self, kind: type[ContainerStream] = ContainerStream) -> list[ContainerStream]:
        return [s for s in self.container.streams if s.index not in self.why_not and isinstance(s, kind)]

    def _timeline(self, stream: ContainerStream, reading: Reading) -> Timeline:
        assert isinstance(stream, VideoStream)  # noqa: S101  # as asked for
        unit = stream.time_base or Fraction(1, 1000)
        timeline = settle(reading.streams[stream.index], unit, codec_name(stream) or "", rate(stream))
        if timeline.repairs:
            way = "pictures were counted instead" if timeline.rate is not None else "the others were used as they are"
            detail = f"Presentation times are unsound: {'; '.join(timeline.repairs)}; {way}."
            if timeline.rate is not None:
                detail = detail[:-1] + f", at {float(timeline.rate):.3f} a second."
            self.caveats.append(CaveatEntry(kind=CaveatKind.TIMESTAMPS_REPAIRED, detail=detail, stream=stream.index))
        return timeline

    def _starts(self, reading: Reading, counted: set[int]) -> dict[int, Fraction]:
        """Where presentation begins on the container's own clock, of the streams that go by it."""
        packets = reading.streams
        return {
            stream.index: first * stream.time_base
            for stream in self._examined()
            if stream.index not in counted and (first := packets[stream.index].first) is not None and stream.time_base
        }

    def _length(
        self, stream: ContainerStream, reading: Reading, timelines: dict[int, Timeline], zero: Fraction
    ) -> Fraction | None:
        """End of a stream's presentation, seconds."""
        timeline = timelines.get(stream.index)
        if timeline is not None:
            origin = Fraction(0) if timeline.rate is not None else zero
            return timeline.end * timeline.unit - origin if len(timeline.ticks) else Fraction(0)
        last = reading.streams[stream.index].last
        return None if last is None or not stream.time_base else max(Fraction(0), last * stream.time_base - zero)

    def _compare_starts(self, starts: dict[int, Fraction], zero: Fraction) -> None:
        for index, start in starts.items():
            if start - zero > _OFFSET_SECONDS:
                detail = f"Stream {index} starts {float(start - zero):.3f} s after the recording does."
                self.caveats.append(CaveatEntry(kind=CaveatKind.AUDIO_OFFSET, detail=detail, stream=index))

    def _plan(self, index: int, timeline: Timeline, reading: Reading, zero: Fraction) -> SamplingPlan:
        stream = self.container.streams[index]
        can_skip = (
            isinstance(stream, VideoStream)
            and (stream.codec_context.field_order == _PROGRESSIVE or codec_name(stream) == "mpeg1video")
            and reading.streams[index].num_unsure == 0
        )
        return plan(timeline, zero, self.config.sampling, can_skip=can_skip)

    def _stream(
        self,
        stream: ContainerStream,
        reading: Reading,
        plans: dict[int, SamplingPlan],
        begins: dict[int, Fraction],
        lengths: dict[int, Fraction | None],
    ) -> Stream:
        index = stream.index
        turned = self.layout.clockwise_degrees.get(stream.id)
        begin, end, why_not = begins.get(index), lengths.get(index), self.why_not.get(index)
        return Stream(
            facts=facts(stream, reading.streams[index], begin, end, turned, why_not),
            plan=plans.get(index),
            seconds=None if end is None else end - (begin or 0),
        )

    def _notes(self, timelines: dict[int, Timeline]) -> list[str]:
        notes = [f"Stream {index}: {line.pauses}." for index, line in timelines.items() if line.pauses is not None]
        for stream in self._examined(VideoStream):
            assert isinstance(stream, VideoStream)  # noqa: S101  # as asked for
            name = _HIGH_DYNAMIC_RANGE.get(stream.codec_context.color_trc)
            if stream.codec_context.field_order > _PROGRESSIVE:
                notes.append(
                    f"Stream {stream.index} is interlaced. Of each sampled frame the top field was taken, its lines "
                    "interpolated."
                )
            if name is not None:
                notes.append(
                    f"Stream {stream.index} is of high dynamic range, {name}. Its pictures were mapped to the standard "
                    "range: reference white (203 cd/m2) to white, what is brighter cut, colours to BT.709."
                )
        return notes
