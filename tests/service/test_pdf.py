"""The report on paper: what the page says, for archives, with foreign text as text and faces that stay unknown."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
import typst
from PIL import Image
from pypdf import PdfReader

from detect.report import AbstentionEntry, DefectEntry, Provenance, Report, Run
from detect.types import DefectKind, Reason
from service.pdf.glyphs import breakable, drawn
from service.pdf.render import _STANDARDS, _typefaces, render_pdf
from service.pdf.texts import say_printed
from service.texts import say
from tests.conftest import ROOT
from tests.service import sample_reports
from tests.service.rendered import every, rendered_page, rendered_report
from tests.service.sample_parts import SHA256, span

A4_POINTS = (595.276, 841.89)
ON_SCREEN_ONLY = re.compile(r"reveal|skip|contents")
MARKUP = '#panic("read as markup") $a^2$ *bold* _it_ `raw` = Heading @label <label> #image("/etc/passwd") \\ // /* "\''


@cache
def printed(name: str) -> bytes:
    return render_pdf(rendered_report(name))


@cache
def reader(name: str) -> PdfReader:
    return PdfReader(io.BytesIO(printed(name)))


@cache
def words(name: str) -> str:
    return words_of(reader(name))


def words_of(pdf: PdfReader) -> str:
    """All text without spaces: where lines break is the typesetter's affair."""
    return squeezed("".join(page.extract_text() for page in pdf.pages))


def squeezed(text: str) -> str:
    return re.sub("[\\s\N{FIRST STRONG ISOLATE}\N{POP DIRECTIONAL ISOLATE}]", "", text)


def named(name: str) -> Report:
    report = sample_reports.no_subject()
    return sample_reports.with_body(report, recording=report.body.recording.model_copy(update={"name": name}))


# For archives, and for readers that speak.


@every
def test_it_says_that_it_is_for_archives_and_tagged(name: str) -> None:
    pdf = reader(name)
    metadata = pdf.xmp_metadata
    assert metadata is not None
    xmp = metadata.stream.get_data().decode()
    assert "<pdfaid:part>2</pdfaid:part>" in xmp
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in xmp
    assert "<pdfuaid:part>1</pdfuaid:part>" in xmp
    root = pdf.root_object
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert root["/Lang"] == say("language")
    assert not {"/OpenAction", "/AA", "/AcroForm", "/Names"} & set(root)
    for page in pdf.pages:
        assert "/Annots" not in page
        assert np.allclose([float(page.mediabox.width), float(page.mediabox.height)], A4_POINTS, atol=0.1)


def test_every_typeface_is_in_the_file() -> None:
    fonts = [font.get_object() for page in reader("partial").pages for font in page["/Resources"]["/Font"].values()]
    assert fonts
    for font in fonts:
        (descendant,) = font["/DescendantFonts"]
        assert {"/FontFile2", "/FontFile3"} & set(descendant.get_object()["/FontDescriptor"])
        assert "/ToUnicode" in font


@every
def test_each_page_names_the_recording_and_its_place(name: str) -> None:
    pages = reader(name).pages
    for number, page in enumerate(pages, start=1):
        text = page.extract_text()
        assert say_printed("page", page=number, pages=len(pages)) in text
        assert (SHA256 in text) == (name != "hostile")


def test_its_date_is_the_reports() -> None:
    facts = reader("partial").metadata
    assert facts is not None
    assert facts.creation_date is not None
    assert facts.creation_date.isoformat() == rendered_report("partial").run.started_at
    assert facts.title == say("page.title", name="seized_phone_0093.mov")


@pytest.mark.parametrize("when", ["yesterday", "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-12:00", ""])
def test_a_time_that_is_none_is_no_date(when: str) -> None:
    report = sample_reports.failed()
    run = Run.model_validate({**report.run.model_dump(), "started_at": when})
    facts = PdfReader(io.BytesIO(render_pdf(report.model_copy(update={"run": run})))).metadata
    assert facts is not None
    assert facts.title == say("page.title", name="invoice.docx")


# The same as the page.


@pytest.mark.parametrize("name", sample_reports.ALL)
def test_it_says_what_the_page_says(name: str) -> None:
    """Every paragraph, entry and cell of the page is on paper, but for what it names as left out, and buttons."""
    text = words(name)
    missing = []
    for element in rendered_page(name).elements:
        if element.tag not in ("p", "li", "td", "th", "dt", "dd", "h2", "h3", "h4", "caption", "figcaption"):
            continue
        if ON_SCREEN_ONLY.search(element.attributes.get("class", "")) or {"nav", "svg"} & set(element.path):
            continue
        said = squeezed(element.words)
        # A bar's words are not printed: the share stands over it.
        is_bar = element.tag == "li" and re.search("% of stream . examined", element.words)
        if "details" not in element.path and said not in text and not is_bar:
            missing.append(element.words)
    assert missing == [say("faces.intro")][: len(missing)]


@every
def test_the_result_comes_first_and_the_sections_in_order(name: str) -> None:
    sections = ("conclusion", "completeness", "timeline", "faces", "voices", "models", "provenance", "limits")
    titles = [entry.title for entry in _top(reader(name).outline)]
    expected = [say(f"heading.{section}") for section in (*sections, "settings")]
    assert [title for title in titles if title in expected] == expected


def _top(outline: list[object]) -> list[object]:
    return [entry for entry in outline if not isinstance(entry, list)]


def test_an_uncalibrated_report_weighs_nothing() -> None:
    text = words("uncalibrated")
    assert squeezed(say("conclusion.uncalibrated")) in text
    assert "ENFSI" not in text
    assert squeezed(say("conclusion.scale_end_1")) not in text


@every
def test_the_same_report_gives_the_same_file(name: str) -> None:
    assert render_pdf(rendered_report(name)) == printed(name)


def test_another_process_gives_the_same_file() -> None:
    code = (
        "import hashlib; from tests.service import sample_reports; from service.pdf.render import render_pdf;"
        "print(hashlib.sha256(render_pdf(sample_reports.partial())).hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Kathmandu"}
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=True)
    assert answer.stdout.decode().strip() == hashlib.sha256(printed("partial")).hexdigest()


# Foreign text.


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (MARKUP, MARKUP),
        ("nul\0and\x1b[31mescape", "nul⟨U+0000⟩and⟨U+001B⟩[31mescape"),
        ("gpj.\N{RIGHT-TO-LEFT OVERRIDE}4pm.exe", "gpj.⟨U+202E⟩4pm.exe"),
        ("bad\udcffname", "bad⟨U+DCFF⟩name"),
        ("Добрый день Καλημέρα naïve Łódź", "Добрый день Καλημέρα naïve Łódź"),
        ("cafe\N{COMBINING ACUTE ACCENT}.mp4", "café.mp4"),
        ("\u6620\u50cf.mp4", "⟨U+6620⟩⟨U+50CF⟩.mp4"),
        ("\U0001f600\N{VARIATION SELECTOR-16}.mov", "⟨U+1F600⟩⟨U+FE0F⟩.mov"),
        ("q\N{COMBINING ENCLOSING CIRCLE}", "q⟨U+20DD⟩"),
        ("\N{ZERO WIDTH SPACE}", "⟨U+200B⟩"),
        ('{"json": "\\u0000"}', '{"json": "\\u0000"}'),
    ],
)
def test_a_name_is_printed_as_it_is(name: str, shown: str) -> None:
    assert squeezed(shown) in words_of(PdfReader(io.BytesIO(render_pdf(named(name)))))


@pytest.mark.parametrize("name", ["\u05e2\u05d1\u05e8\u05d9\u05ea 12.mp4", "\u0639\u0631\u0628\u064a 12.mp4"])
def test_a_name_written_from_the_right_is_drawn(name: str) -> None:
    text = words_of(PdfReader(io.BytesIO(render_pdf(named(name)))))
    assert set(squeezed(name)) - set(text) == set()
    assert "U+05" not in text
    assert "U+06" not in text


@pytest.mark.parametrize("unit", ["x", "x ", "\u4e2d", "a/", "\u05d0", "#"])
def test_a_name_of_five_thousand_characters_is_cut_and_stays_on_the_page(unit: str) -> None:
    pdf = PdfReader(io.BytesIO(render_pdf(named((unit * 5_000)[:5_000]))))
    assert len(pdf.pages) <= 6
    assert "5,000charactersinall" in words_of(pdf)
    # A line that ran off the page would be one of hundreds of characters.
    assert max(len(line) for page in pdf.pages for line in page.extract_text().splitlines()) < 150


def test_a_word_can_be_found_in_the_file() -> None:
    """Places to break are no characters of the words around them."""
    assert "ismanipulated" in words("partial")
    assert "seized_phone_0093.mov" in words("partial")


def test_hostile_text_everywhere_is_printed_and_does_nothing() -> None:
    text = words("hostile")
    for said in ("<script>alert(1)</script>", "{{7*7}}", "nul⟨U+0000⟩and⟨U+001B⟩[31mescape⟨U+0007⟩", "gpj.⟨U+202E⟩4pm"):
        assert said in text
    assert "440moretags" in text


def test_the_most_that_can_be_said_is_a_hundred_pages() -> None:
    long = "word/" * 600
    report = sample_reports.many_tracks(60)
    tags = {f"{number} {long}": long for number in range(100)}
    claims = Provenance(
        container_tags=tags, stream_tags={str(number): tags for number in range(100)}, exif=tags, xmp=long * 30,
        notes=[long] * 100,
    )  # fmt: skip
    recording = report.body.recording
    report = sample_reports.with_body(
        report,
        recording=recording.model_copy(
            update={"name": long, "provenance": claims, "streams": recording.streams * 50, "chain": long}
        ),
        abstentions=[
            AbstentionEntry(reason=reason, subject=long, detail=long, span=span(1, 2))
            for reason in Reason
            for _ in range(80)
        ],
        defects=[DefectEntry(kind=kind, stream=0, detail=long) for kind in DefectKind for _ in range(80)],
        tracks=[track.model_copy(update={"id": long}) for track in report.body.tracks],
    )
    pdf = PdfReader(io.BytesIO(render_pdf(report)))
    assert len(pdf.pages) < 130
    text = words_of(pdf)
    for reason in Reason:
        assert squeezed(say(f"reason.{reason}")) in text
    for statement in sample_reports.partial().body.statements:
        assert squeezed(statement) in text


def test_every_sign_that_is_let_through_has_a_glyph() -> None:
    """Typst refuses to make PDF/A of text that no typeface of it can draw."""
    signs = " ".join(map(chr, sorted(drawn())))
    source = '#set document(title: [t])\n#set text(font: sys.inputs.font, lang: "en")\n#sys.inputs.signs'
    for font in ("Libertinus Serif", "DejaVu Sans Mono"):
        made = typst.compile(
            source.encode(),
            font_paths=_typefaces(),
            ignore_system_fonts=True,
            sys_inputs={"font": font, "signs": signs},
            pdf_standards=list(_STANDARDS),
        )
        assert made.startswith(b"%PDF")


def test_long_words_have_places_to_break() -> None:
    assert breakable("short words stay") == "short words stay"
    assert max(map(len, re.split("[\N{ZERO WIDTH SPACE}]", breakable("x" * 500)))) <= 20
    assert breakable("hearing_2024-05-17_full_session.mkv").count("\N{ZERO WIDTH SPACE}") >= 4


# Pictures.


def _pictures(pdf: PdfReader) -> list[Image.Image]:
    return [image.image.convert("RGB") for page in pdf.pages for image in page.images if image.image is not None]


def _detail(picture: Image.Image) -> float:
    """What is lost when a picture is drawn from ten cells a side: nothing, where it was."""
    pixels = picture.resize((144, 144))
    coarse = pixels.resize((10, 10), Image.Resampling.BOX).resize(pixels.size, Image.Resampling.BICUBIC)
    return float(np.abs(np.asarray(pixels, np.float32) - np.asarray(coarse, np.float32)).mean())


def test_faces_are_blurred_for_good_unless_asked_otherwise() -> None:
    report = rendered_report("supports_manipulation")
    veiled = [picture for picture in _pictures(reader("supports_manipulation")) if picture.width == picture.height]
    open_ = [
        picture
        for picture in _pictures(PdfReader(io.BytesIO(render_pdf(report, blur_faces=False))))
        if picture.width == picture.height
    ]
    assert len(veiled) == len(open_) == 6
    assert max(map(_detail, veiled)) < 4 < min(map(_detail, open_))
    assert squeezed(say_printed("blurred")) in words("supports_manipulation")


def test_no_byte_of_a_faces_file_goes_into_a_blurred_report() -> None:
    report = rendered_report("supports_manipulation")
    for exhibit in report.body.exhibits:
        data = base64.b64decode(report.exhibits[exhibit.id])
        assert data[len(data) // 2 :][:64] not in printed("supports_manipulation")


@pytest.mark.parametrize("data", [b"no picture", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b""])
def test_a_picture_that_cannot_be_read_is_said_to_be_missing(data: bytes) -> None:
    report = rendered_report("supports_manipulation")
    first = report.body.exhibits[0]
    exhibits = [first.model_copy(update={"sha256": hashlib.sha256(data).hexdigest()}), *report.body.exhibits[1:]]
    pictures = {**report.exhibits, first.id: base64.b64encode(data).decode()}
    changed = sample_reports.with_body(report, exhibits=exhibits).model_copy(update={"exhibits": pictures})
    assert squeezed(say("faces.picture_missing", id=first.id)) in words_of(PdfReader(io.BytesIO(render_pdf(changed))))


def test_a_picture_of_a_thousand_million_pixels_is_not_drawn() -> None:
    target = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(target, "PNG")
    test_a_picture_that_cannot_be_read_is_said_to_be_missing(target.getvalue())
