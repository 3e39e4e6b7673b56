"""Faces and voices on paper: what was followed and heard, with the pictures that drove the scores."""

from __future__ import annotations

from dataclasses import dataclass, field

from detect.report import Body, Report, Track, Voice
from detect.types import Modality
from service import figures, phrases, shown
from service.pdf.blocks import Block, brief, heading, paragraph, score_table
from service.pdf.pictures import printable
from service.pdf.texts import say_printed
from service.shown import Picture, Subject
from service.texts import say


@dataclass(slots=True, kw_only=True)
class Album:
    """The pictures of one document, on their way into files."""

    blur_faces: bool
    files: dict[str, bytes] = field(default_factory=dict)
    """Name to bytes. Names are ours: `picture-1.jpg`."""

    def picture(self, picture: Picture) -> Block:
        """A picture with its words, or the words that it is missing."""
        found = printable(picture, blur_faces=self.blur_faces)
        exhibit = picture.exhibit
        if found is None or exhibit is None:
            return {"file": "", "alt": "", "caption": say("faces.picture_missing", id=picture.id)}
        data, ending = found
        name = f"picture-{len(self.files) + 1}.{ending}"
        self.files[name] = data
        # A reader that speaks has to have something to say of every picture.
        return {"file": name, "alt": exhibit.alternative_text or exhibit.kind, "caption": exhibit.caption}


def faces(report: Report, album: Album) -> list[Block]:
    """The section on faces under its heading."""
    body = report.body
    subjects = shown.tracks(report)
    if not subjects:
        return [_nothing(body, "faces", Modality.FACE)]
    blocks = [paragraph(_count("faces", len(body.tracks), len(subjects)))]
    if any(exhibit.kind != "spectrogram" for exhibit in body.exhibits):
        blocks.append(paragraph(say_printed("blurred" if album.blur_faces else "unblurred")))
        blocks.append(paragraph(say("faces.heat_map_note")))
    for subject in subjects:
        blocks += _track(subject, album)
    return blocks


def voices(report: Report, album: Album) -> list[Block]:
    """The section on voices under its heading."""
    body = report.body
    subjects = shown.voices(report)
    if not subjects:
        return [_nothing(body, "voices", Modality.VOICE)]
    blocks = [paragraph(_count("voices", len(body.voices), len(subjects)))]
    for subject in subjects:
        blocks += _voice(subject, album)
    return blocks


def _track(subject: Subject, album: Album) -> list[Block]:
    track = subject.entry
    assert isinstance(track, Track)  # noqa: S101 - for the type checker
    samples, name = track.samples, brief(track.id)
    said = say(
        "faces.facts",
        span=figures.interval(track.span),
        duration=figures.length(track.span.end_seconds - track.span.start_seconds),
        stream=track.stream,
        samples=track.num_samples,
        scored=track.num_scored,
        sizes=phrases.between([sample.size_px for sample in samples]),
        sharpness=phrases.between([sample.sharpness for sample in samples]),
        yaws=phrases.between([sample.yaw_degrees for sample in samples]),
    )
    blocks = [heading(name, 2), paragraph(said, say("faces.static") if track.static else None)]
    if subject.moments:
        moments = [[album.picture(picture) for picture in moment] for moment in subject.moments]
        blocks.append({"kind": "pictures", "moments": moments})
    else:
        blocks.append(paragraph(say("faces.pictures_none"), role="quiet"))
    rest = say("faces.samples", count=subject.num_rows, track=name)
    return [*blocks, score_table(track.scores, name), _not_printed(rest)]


def _voice(subject: Subject, album: Album) -> list[Block]:
    voice = subject.entry
    assert isinstance(voice, Voice)  # noqa: S101 - for the type checker
    name = brief(voice.id)
    said = say(
        "voices.facts_mixed" if voice.channel is None else "voices.facts_channel",
        stream=voice.stream,
        channel=voice.channel,
        speech=figures.length(voice.speech_seconds),
        utterances=len(voice.utterances),
        clipped=figures.percent(100 * voice.clipped_fraction),
    )
    band = None if voice.bandwidth_hz is None else say("voices.bandwidth", hertz=round(voice.bandwidth_hz))
    blocks = [heading(name, 2), paragraph(said, band)]
    for moment in subject.moments:
        blocks += [{"kind": "spectrogram", **album.picture(picture)} for picture in moment]
    rest = say("voices.utterances", count=subject.num_rows, voice=name)
    return [*blocks, score_table(voice.scores, name), _not_printed(rest)]


def _not_printed(what: str) -> Block:
    return paragraph(f"{what} ({say_printed('json')}).", role="quiet")


def _nothing(body: Body, section: str, modality: Modality) -> Block:
    why = phrases.reasons(body, modality)
    return paragraph(say(f"{section}.none"), say("page.why", reasons=" ".join(why)) if why else None)


def _count(section: str, count: int, num_shown: int) -> str:
    words = say(f"{section}.count", count=count)
    rest = count - num_shown
    return f"{words} {say('page.shown', shown=num_shown, count=rest)}" if rest > 0 else words
