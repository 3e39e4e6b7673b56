"""What stands behind the result, on paper: models, claims of the file, limits, settings and run."""

from __future__ import annotations

from detect.report import Body, ModelFacts, Provenance, Report
from service import phrases
from service.conclusion import Conclusion
from service.pdf.blocks import (
    Align,
    Block,
    Room,
    Runs,
    box,
    brief,
    bullets,
    chip,
    cut,
    facts,
    heading,
    line,
    more,
    pairs,
    paragraph,
    run,
    runs,
    table,
)
from service.shown import MAX_LISTED
from service.texts import HIDDEN, rows, say, sentences, visible

_MAX_SETTINGS = 1_000
"""As many as the page shows: a configuration has some hundred."""
_XMP_LINES = 200
"""About three pages."""


def models(body: Body) -> list[Block]:
    """The section on models under its heading."""
    return [_model(model) for model in body.models] or [paragraph(say("models.none"))]


def _model(model: ModelFacts) -> Block:
    pairs_: list[tuple[str, list[Runs]]] = [
        (say("models.modality"), line(say(f"models.{model.modality}"))),
        (say("models.architecture"), line(model.architecture)),
        (say("models.licence"), line(model.licence)),
        (say("models.sha256"), line(run(model.sha256, "code"))),
        (say("models.source"), line(model.source)),
        (say("models.paper"), line(model.paper)),
        (say("models.training"), line(phrases.plain(model.training_data))),
    ]
    if model.status == "not_found":
        pairs_.append((say("models.calibration"), line(say("models.calibration_not_found"))))
    elif model.status == "uncalibrated" or not model.calibration:
        pairs_.append((say("models.calibration"), line(say("models.calibration_none"))))
    else:
        lines = [
            runs(run(name.replace("_", " ").replace(".", ", "), "quiet"), value)
            for name, value in phrases.flat(model.calibration)
        ]
        pairs_.append((say("models.calibration"), lines))
    pairs_.append((say("models.limits"), line(model.known_limits)))
    return {
        "kind": "card",
        "title": brief(model.name),
        "chip": chip(model.status),
        "role": model.status,
        "level": 2,
        "blocks": [facts(pairs_)],
    }


def provenance(claims: Provenance) -> list[Block]:
    """The section on what the file says of itself, under its heading."""
    name, value, room = say("provenance.tag"), say("provenance.value"), Room()
    blocks = [box([paragraph(say("provenance.warning"))], "claims")]
    said: list[tuple[str, list[Runs]]] = []
    if claims.c2pa is not None:
        said.append((say("provenance.c2pa"), line(claims.c2pa)))
    if claims.notes:
        notes = (runs(brief(note)) for note in claims.notes)
        said.append((say("provenance.notes"), cut(notes, len(claims.notes), MAX_LISTED, room)))
    if said:
        blocks.append(facts(said))
    if claims.container_tags:
        tags = list(claims.container_tags.items())
        blocks += pairs(tags, say("provenance.container_tags"), name, value, MAX_LISTED, room)
    for stream, tags_ in list(claims.stream_tags.items())[:MAX_LISTED]:
        caption = say("provenance.stream_tags", stream=brief(stream))
        blocks += pairs(list(tags_.items()), caption, name, value, MAX_LISTED, room)
    if claims.exif:
        blocks += pairs(list(claims.exif.items()), say("provenance.exif"), name, value, MAX_LISTED, room)
    if claims.xmp:
        lines = visible(claims.xmp).split(HIDDEN.format(0x0A))
        blocks += [heading(say("provenance.xmp"), 2), {"kind": "verbatim", "lines": lines[:_XMP_LINES]}]
        blocks += [paragraph(*rest) for rest in more(len(lines) - _XMP_LINES)]
    return blocks if len(blocks) > 1 else [*blocks, paragraph(say("provenance.none"))]


def limits(body: Body, conclusion: Conclusion) -> list[Block]:
    """The section on what a report can and cannot tell, under its heading."""
    blocks = [bullets([runs(statement) for statement in body.statements or sentences("limits.statements")])]
    if conclusion.weighs:
        columns: list[tuple[str, Align, float]] = [
            (say("limits.scale_ratio"), "left", 1),
            (say("limits.scale_llr"), "left", 1),
            (say("limits.scale_words"), "left", 2),
        ]
        steps = [[runs(cell) for cell in row] for row in rows("limits.scale_rows")]
        blocks += [heading(say("limits.scale"), 2), table(say("limits.scale_caption"), columns, steps, "dense")]
    return blocks


def settings(report: Report) -> list[Block]:
    """The section on settings and run, under its heading."""
    run_, configuration = report.run, report.body.configuration
    name, value = say("settings.name"), say("settings.value")
    blocks = [
        facts(
            [
                (say("settings.digest"), line(run(configuration.digest, "code"))),
                (say("settings.started"), line(run_.started_at)),
                (say("settings.device"), line(run_.device)),
            ]
        ),
        heading(say("settings.run"), 2),
    ]
    for key, values in (
        ("seconds", run_.seconds),
        ("decoder", run_.decoder),
        ("versions", run_.versions),
        ("host", run_.host),
    ):
        if values:
            blocks += pairs(phrases.flat(dict(values)), say(f"settings.{key}"), name, value, MAX_LISTED)
    blocks.append(heading(say("settings.configuration_all"), 2))
    listed = phrases.flat(configuration.values)
    return blocks + pairs(listed, say("settings.configuration"), name, value, _MAX_SETTINGS)
