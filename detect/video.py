"""The planned frames of one video stream, upright, with exact presentation times; and what was lost on the way.

Only sampled frames are converted to RGB, and decoding stops behind the last of them. FFmpeg raises nothing for flipped
bytes or missing references: its log, its flags and the number of frames against the number of packets tell instead.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import BinaryIO

from av.codec.context import ThreadType
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from detect.bitstream import Test, is_hidden, reference_test
from detect.config import Config
from detect.container import ErrorLog, decoder_options, open_container, translated
from detect.decoded import Media, SamplingPlan, VideoOutcome
from detect.errors import UnreadableMedia
from detect.picture import read_picture
from detect.pixels import Converter, squared
from detect.provenance import clean
from detect.report import CaveatEntry, DefectEntry
from detect.streams import aspect, size_objection
from detect.types import CaveatKind, DefectKind, Frame

_SURE_OF_KEYS = frozenset({"h264", "hevc", "vvc"})
"""Their decoders in FFmpeg hold back, or mark as corrupt, what comes before a picture that can be decoded alone; the
others put out grey for what they lack."""

_CONCEALING = frozenset(
    {
        "h264", "mpeg1video", "mpeg2video", "mpeg4", "h263", "flv1", "msmpeg4v1", "msmpeg4v2", "msmpeg4v3", "wmv1",
        "wmv2", "wmv3", "vc1", "rv10", "rv20", "rv30", "rv40",
    }
)  # fmt: skip
"""Codecs whose decoders fill what they lost, and mark the frame (libavcodec/error_resilience.c). The others leave in it
whatever the memory held, differently each time: measured on HEVC, two runs on one thread gave different pixels."""

_MAX_FAILURES = 4_096
_PROGRESSIVE = 1
"""FFmpeg's AV_FIELD_PROGRESSIVE, 0 being unknown; beyond it two packets can make one frame: they cannot be counted."""


def read_frames(
    file: BinaryIO, media: Media, stream_index: int, config: Config, *, num_threads: int
) -> Iterator[Frame | VideoOutcome]:
    """Yield the planned frames of one video stream, then one `VideoOutcome`.

    Args:
        file: Seekable; the one that `survey` read.
        media: What `survey` said of it.
        stream_index: A stream with a plan.
        config: As given to `survey`.
        num_threads: Decoder threads; 0 lets FFmpeg choose. With more than one, the first sign of damage ends the run
            with `repeat_on_one_thread`: how an error is concealed would depend on the threads' order.

    Raises:
        UnreadableMedia: the stream is not there any more, or the file cannot be read.
        UnsupportedMedia: it cannot be decoded or converted after all.
        LimitExceeded: out of memory.
    """
    plan = next((stream.plan for stream in media.streams if stream.facts.index == stream_index), None)
    if plan is None:
        raise UnreadableMedia("no_plan", f"stream {stream_index} was not planned for")
    if media.kind == "image":
        yield from read_picture(file, plan, config)
        return
    with open_container(file, config.limits) as container:
        stream = next((s for s in container.streams.video if s.index == stream_index), None)
        if stream is None or stream.codec_context is None:
            raise UnreadableMedia("changed_during_read", f"stream {stream_index} was there before and is not now")
        yield from _Run(container, stream, plan, media.zero, config, num_threads).frames()


@dataclass(slots=True)
class _Taint:
    """How far damage reaches where a decoder does not conceal it: to the next picture that needs no other."""

    active: bool = False
    before: int | None = None
    """Leading pictures, shown before the key frame that they follow, may still be predicted from what lies behind."""
    times: set[int] = field(default_factory=set)

    def spread(self, packet: Packet[VideoStream], *, damaged: bool) -> None:
        """Take note of a packet that was just decoded, in decoding order."""
        if packet.is_keyframe and packet.size:
            self.before = packet.pts if self.active else None
            self.active = False
        self.active = self.active or damaged
        leading = self.before is not None and packet.pts is not None and packet.pts < self.before
        if (self.active or leading) and packet.pts is not None:
            self.times.add(packet.pts)

    def reaches(self, frame: VideoFrame) -> bool:
        """Whether a frame is damaged, or predicted from one that is."""
        return self.active if frame.pts is None else frame.pts in self.times


@dataclass(slots=True)
class _Run:
    """One pass over one stream."""

    container: InputContainer
    stream: VideoStream
    plan: SamplingPlan
    zero: Fraction
    config: Config
    num_threads: int
    log: ErrorLog = field(default_factory=ErrorLog)
    targets: deque[int] = field(init=False)
    """Of the plan, in ticks: what else comes is compared in whole numbers, which takes a tenth of the time."""
    last: int = field(init=False)
    end: int = field(init=False)
    codec: str = field(init=False)
    """FFmpeg's canonical name."""
    translation: AbstractContextManager[None] = field(init=False)
    converter: Converter = field(init=False)
    test: Test | None = field(init=False)
    unit: Fraction = field(init=False)
    """Seconds a tick."""
    origin: Fraction = field(init=False)
    """Time of tick 0."""
    last_tick: int | None = None
    """Of the last frame that was handed out."""
    num_output: int = 0
    num_decoded: int = 0
    """Those that belong to the stretch up to the last target."""
    num_expected: int = 0
    num_failed: int = 0
    """Packets that the decoder refused, and reads that failed, without a word in the log."""
    num_errors: int = 0
    """Both kinds of failure so far."""
    num_garbage: int = 0
    num_oversize: int = 0
    num_sampled: int = 0
    seen_key: bool = False
    """Whether a frame was put out that needs no other, or one behind it."""
    key_pts: int | None = None
    """Of the first packet that the container marks as such a frame: not every decoder does."""
    fed_key: bool = False
    taint: _Taint = field(default_factory=_Taint)
    formats: Counter[tuple[int, int, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        context = self.stream.codec_context
        self.codec = context.codec.canonical_name
        self.translation = translated(f"stream {self.stream.index}")
        self.converter = Converter(aspect(self.stream))
        self.test = reference_test(context.codec.canonical_name, context.extradata)
        if self.plan.rate is not None:
            self.unit, self.origin = 1 / self.plan.rate, Fraction(0)
        else:
            self.unit, self.origin = self.stream.time_base or Fraction(1, 1000), -self.zero
        self.targets = deque(self._tick(target) for target in self.plan.targets)
        self.last, self.end = self.targets[-1] if self.targets else 0, self._tick(self.plan.end)

    def frames(self) -> Iterator[Frame | VideoOutcome]:
        """Decode, choose, convert; then sum up."""
        self._set_up()
        spare: tuple[VideoFrame, int] | None = None
        try:
            for frame in self._decoded():
                if self._must_repeat(frame):
                    break
                tick = self._shown_at(frame)
                if (
                    not self._usable(frame, tick)
                    or tick is None
                    or (self.last_tick is not None and tick <= self.last_tick)
                ):
                    continue
                spare = frame, tick
                if self.targets and tick >= self.targets[0]:
                    while self.targets and self.targets[0] <= tick:
                        self.targets.popleft()
                    yield self._converted(*spare)
                    spare = None
                if not self.targets and self.plan.rate is None:
                    break
        finally:  # also where nobody wants the rest
            self._release()
        if self._must_repeat():
            yield VideoOutcome(num_decoded=self.num_output, num_expected=None, repeat_on_one_thread=True)
            return
        if spare is not None and self.targets:  # nothing came at or behind the last target: what came before stands in
            yield self._converted(*spare)
        yield self._outcome()

    def _set_up(self) -> None:
        context = self.stream.codec_context
        context.thread_count = self.num_threads
        context.thread_type = ThreadType.NONE if self.num_threads == 1 else ThreadType.AUTO
        context.options = decoder_options(self.config.limits)
        if self.plan.decoder == "nonref":
            context.skip_frame = "NONREF"
        for other in self.container.streams:
            if other.index != self.stream.index:
                other.discard = Discard.all

    def _decoded(self) -> Iterator[VideoFrame]:
        """What the decoder puts out, in order of presentation."""
        if not self.plan.targets:
            return
        alone = set(self.targets) if self.plan.decoder == "keyframes" else None
        packets = self.container.demux(self.stream)
        failures = 0
        while failures < _MAX_FAILURES:
            try:
                with ErrorLog(), translated("the container"):  # what reading complains of, `survey` has said
                    packet = next(packets, None)
            except UnreadableMedia as error:
                if error.reason == "io_error":
                    raise
                failures += 1
                packets = self.container.demux(self.stream)
                continue
            if packet is None:
                return
            if packet.size == 0 and packet.dts is not None:  # in AVI: the picture before, once more
                continue
            if alone is not None:
                if packet.size and packet.is_keyframe and packet.pts in alone:
                    self._expect(packet)
                    yield from self._decode_alone(packet)
                continue
            self._expect(packet)
            yield from self._decode(packet)

    def _decode(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        before = self.log.count
        frames: list[VideoFrame] = []
        try:
            with self.log, self.translation:
                frames = self.stream.decode(packet)
        except UnreadableMedia:
            self.num_failed += self.log.count == before  # a failure that FFmpeg did not log
        if packet is not None and self.codec not in _CONCEALING:
            self.taint.spread(packet, damaged=self.log.count + self.num_failed > self.num_errors)
        self.num_errors = self.log.count + self.num_failed
        return frames

    def _decode_alone(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        """Decode a key frame without its neighbours, and leave nothing of it behind."""
        frames = self._decode(packet) + self._decode(None)
        with self.log, self.translation:
            self.stream.codec_context.flush_buffers()
        return frames

    def _release(self) -> None:
        """Let FFmpeg's threads come to rest: freed at work, one that logs an error would wait for us for ever."""
        with self.log, self.translation:
            self.stream.codec_context.flush_buffers()

    def _must_repeat(self, frame: VideoFrame | None = None) -> bool:
        damaged = self.log.disturbed or self.num_failed > 0 or (frame is not None and frame.is_corrupt)
        return self.num_threads != 1 and damaged

    def _expect(self, packet: Packet[VideoStream]) -> None:
        """Note that this packet promises a frame, unless it is hidden, skipped, or behind the last target."""
        if not packet.size or packet.is_discard or is_hidden(self.codec, packet):
            return
        if packet.is_keyframe and not self.fed_key:
            self.fed_key, self.key_pts = True, packet.pts
        if self.plan.decoder == "nonref" and self.test is not None and self.test(memoryview(packet)) is False:
            return
        if self.plan.rate is not None or (packet.pts is not None and packet.pts <= self.last):
            self.num_expected += 1

    def _tick(self, time: Fraction) -> int:
        """Exact for targets, which are times of pictures."""
        return int((time - self.origin) / self.unit)

    def _shown_at(self, frame: VideoFrame) -> int | None:
        """Tick of presentation; counts the frame."""
        position = self.num_output
        self.num_output += 1
        if self.plan.rate is not None:
            self.num_decoded += 1
            return position
        pts = frame.pts
        self.num_decoded += pts is not None and pts <= self.last
        return pts

    def _usable(self, frame: VideoFrame, tick: int | None) -> bool:
        """Whether a frame shows what was recorded."""
        self.seen_key = self.seen_key or frame.key_frame or self.codec in _SURE_OF_KEYS or self._behind_key(frame)
        if tick is not None and tick > self.end:
            return False
        if frame.is_corrupt or not self.seen_key or self.taint.reaches(frame):
            self.num_garbage += 1
            return False
        shape = frame.width, frame.height, frame.format.name
        if shape not in self.formats and not self._fits(frame):
            self.num_oversize += 1
            return False
        self.formats[shape] += 1
        return True

    def _fits(self, frame: VideoFrame) -> bool:
        width, height = squared(frame.width, frame.height, aspect(self.stream))
        return size_objection("a frame", width, height, self.config.limits) is None

    def _behind_key(self, frame: VideoFrame) -> bool:
        """Whether the container says that a frame needs no other, or comes after such a one."""
        if self.key_pts is None or frame.pts is None or self.plan.rate is not None:
            return self.fed_key
        return frame.pts >= self.key_pts

    def _converted(self, frame: VideoFrame, tick: int) -> Frame:
        with self.log, self.translation:
            pixels = self.converter.upright(frame)
        self.num_sampled += 1
        self.last_tick = tick
        return Frame(
            pixels=pixels,
            time=tick * self.unit + self.origin,
            stream=self.stream.index,
            index=self.num_sampled - 1,
            pts=frame.pts,
            key_frame=frame.key_frame,
        )

    def _outcome(self) -> VideoOutcome:
        index = self.stream.index
        defects = []
        if self.log.count or self.num_failed:
            said = f": {clean(self.log.lines[0])}" if self.log.lines else ""
            defects.append(
                DefectEntry(
                    kind=DefectKind.DECODE_ERRORS,
                    stream=index,
                    detail=f"The decoder reported errors in stream {index}, first{said}." if said else
                    f"The decoder refused packets of stream {index}.",
                    count=self.log.count + self.num_failed,
                )
            )  # fmt: skip
        if self.num_garbage:
            detail = (
                f"{self.num_garbage} frames of stream {index} are damaged or lack what they are predicted from; "
                "they were not used."
            )
            defects.append(
                DefectEntry(kind=DefectKind.GARBAGE_FRAMES, stream=index, detail=detail, count=self.num_garbage)
            )
        missing = self.num_expected - self.num_decoded if self.stream.codec_context.field_order <= _PROGRESSIVE else 0
        if missing > 0:
            detail = f"{self.num_decoded} of {self.num_expected} frames of stream {index} could be decoded."
            defects.append(DefectEntry(kind=DefectKind.FRAMES_MISSING, stream=index, detail=detail, count=missing))
        if self.num_oversize:
            detail = (
                f"{self.num_oversize} frames of stream {index} change to a size outside the limits and were not used."
            )
            defects.append(
                DefectEntry(kind=DefectKind.FRAMES_MISSING, stream=index, detail=detail, count=self.num_oversize)
            )
        caveats = []
        if len(self.formats) > 1:
            counts = list(self.formats.items())[:4]
            kinds = ", ".join(f"{width} x {height} {name} ({count})" for (width, height, name), count in counts)
            detail = f"Frames of stream {index} change their size or pixel format: {kinds}."
            caveats.append(CaveatEntry(kind=CaveatKind.FORMAT_CHANGES, detail=detail, stream=index))
        return VideoOutcome(
            num_decoded=self.num_decoded,
            num_expected=self.num_expected if self.stream.codec_context.field_order <= _PROGRESSIVE else None,
            defects=tuple(defects),
            caveats=tuple(caveats),
        )
