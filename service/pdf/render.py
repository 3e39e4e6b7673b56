"""A report as a tagged PDF/A file, A4: the only file that imports `typst`.

Typst runs in this process, without a network and without the system's typefaces, and reads nothing but a scratch folder
that holds the template, the report's content as JSON and its pictures. Foreign text reaches it as data only.
"""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

import typst

from detect.report import Report
from service.pdf.document import build_document
from weights.errors import UnmaskError

_HERE = Path(__file__).parent
_TEMPLATE = ("report.typ", "pieces.typ", "plot.typ")

_STANDARDS: Final[list[typst.PDFStandard]] = ["a-2a", "ua-1"]
"""PDF/A-2a (ISO 19005-2): for archives, self-contained and tagged. PDF/UA-1 (ISO 14289-1): for readers that speak."""


class PdfError(UnmaskError):
    """The report could not be set; the message is Typst's own."""


def render_pdf(report: Report, *, blur_faces: bool = True) -> bytes:
    """The report as PDF. The same report gives the same file, byte for byte.

    Args:
        report: The report; the name in it is the one that is printed.
        blur_faces: Whether faces are made unrecognisable. They cannot be made visible again from the file.

    Raises:
        PdfError: Typst refuses, which nothing in a report should bring about.
        OSError: there is no room for the scratch folder.
    """
    document = build_document(report, blur_faces=blur_faces)
    with tempfile.TemporaryDirectory(prefix="unmask-pdf-") as scratch:
        root = Path(scratch)
        for name in _TEMPLATE:
            (root / name).write_text(_template(name), "utf-8")
        (root / "report.json").write_text(json.dumps(document.data, ensure_ascii=False), "utf-8")
        for name, data in document.files.items():
            (root / name).write_bytes(data)
        try:
            return typst.compile(
                root / _TEMPLATE[0],
                root=root,
                font_paths=_typefaces(),
                ignore_system_fonts=True,
                # A package would have to come from here, and there is none.
                package_path=root,
                package_cache_path=root,
                pdf_standards=list(_STANDARDS),
                timestamp=0,  # the template gives the report's own date
            )
        except typst.TypstError as error:
            raise PdfError(f"the report could not be set: {error.message}") from error


@cache
def _typefaces() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False)


@cache
def _template(name: str) -> str:
    return (_HERE / name).read_text("utf-8")
