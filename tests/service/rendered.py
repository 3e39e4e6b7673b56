"""Every sample report, rendered once for all tests that read it."""

from __future__ import annotations

from functools import cache

import pytest

from detect.report import Report
from service.render import render_html
from tests.service import sample_reports
from tests.service.page import Page

EVERY = {**sample_reports.ALL, "hostile": sample_reports.hostile}


@cache
def rendered_report(name: str) -> Report:
    return EVERY[name]()


@cache
def rendered_html(name: str) -> str:
    return render_html(rendered_report(name))


@cache
def rendered_page(name: str) -> Page:
    return Page(rendered_html(name))


every = pytest.mark.parametrize("name", EVERY)
