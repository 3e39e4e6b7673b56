"""Debian's Chromium, driven by Playwright; skips where there is none, or where the page is not bundled."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service.api import pages
from tests.service.api.bench import Bench, bench, examining, serving

playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install playwright")

from tests.service.web.browsing import AXE, Reader, reader  # noqa: E402 - needs Playwright

Open = Callable[..., Reader]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no Chromium: apt-get install chromium")
    if not (pages.STATIC / "main.js").is_file() or not AXE.is_file():
        pytest.skip("the page is not bundled: make web")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def taking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A running service that examines nothing: jobs stay in the queue."""
    with bench(tmp_path_factory.mktemp("taking")) as made, serving(made):
        made.announce()
        yield made


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A running service that examines, with the default checkpoints."""
    with bench(tmp_path_factory.mktemp("live")) as made, serving(made), examining(made):
        yield made


@pytest.fixture
def visit(chromium: Any) -> Iterator[Callable[..., Reader]]:
    """Opens a browser of its own; in the end nothing may have been complained of, and nobody else been asked."""
    readers: list[Reader] = []

    def opened(at: Bench, *, width: int = 1440, dark: bool = False, language: str = "en-GB", **values: Any) -> Reader:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            locale=language,
            **values,
        )
        readers.append(reader(context, at.base, at.key))
        return readers[-1]

    yield opened
    for one in readers:
        one.page.context.close()
    assert [(one.complaints, one.elsewhere) for one in readers] == [([], [])] * len(readers)


@pytest.fixture(scope="session")
def speaking(shared: Path) -> Path:
    """A recording with a face and a voice that browsers play."""
    return shared / "media" / "wav2lip" / "spoof" / "result_voice_wav2lip.mp4"
