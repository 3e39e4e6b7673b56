"""A reader at a browser: what he does, and what the browser had to complain of."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

from tests.conftest import ROOT

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
WAIT_MILLISECONDS = 10_000
_EXPECTED = ("401 (Unauthorized)", "415 (Unsupported Media Type)")
"""Answers that the page asks for on purpose: whether somebody is logged in, whether a recording can be played."""


@dataclass
class Reader:
    """One tab of one browser."""

    page: Page
    base: str
    key: str
    complaints: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    """Requests that went to another server."""
    uploads: list[dict[str, str]] = field(default_factory=list)
    """Headers of each piece of an upload."""

    def __post_init__(self) -> None:
        self.page.set_default_timeout(WAIT_MILLISECONDS)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._see)

    def _hear(self, message: ConsoleMessage) -> None:
        expected = message.text.endswith(tuple(f"of {status}" for status in _EXPECTED))
        if message.type == "error" and not expected and not any(status in message.text for status in _EXPECTED):
            self.complaints.append(message.text)

    def _see(self, request: Request) -> None:
        if not request.url.startswith((self.base, "data:", "blob:")):
            self.elsewhere.append(request.url)
        if request.method == "PATCH":
            self.uploads.append(request.headers)

    def go(self, address: str) -> None:
        """Open an address of the service."""
        self.page.goto(f"{self.base}{address}")

    def log_in(self, key: str | None = None, address: str = "/") -> None:
        """Begin a session."""
        self.go(address)
        self.page.fill("input[name=key]", key or self.key)
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector("nav")

    def open_case(self, name: str) -> str:
        """Open a case in the page; returns its address."""
        self.go("/cases")
        self.page.wait_for_selector("input[name=name]", state="attached")
        if not self.page.is_visible("input[name=name]"):
            self.page.click("summary")
        self.page.fill("input[name=name]", name)
        self.page.click("form button[type=submit]")
        self.page.wait_for_selector("#files", state="attached")
        return self.page.url.removeprefix(self.base)

    def hand_in(self, *paths: Path) -> None:
        """Choose files, and wait until the service has them."""
        self.page.set_input_files("#files", list(paths))
        for path in paths:
            self.page.wait_for_selector(f".transfer-done:has-text({json.dumps(path.name)})")

    def open_result(self, name: str) -> None:
        """Go from a case to a recording's result, when it is there."""
        self.page.wait_for_selector(f".jobs li:has-text({json.dumps(name)}) .chip-examined")
        self.page.click(f".jobs a:has-text({json.dumps(name)})")
        self.page.wait_for_selector("#details dl", state="attached")
        self.page.wait_for_selector("canvas[data-ready], .stage-refused, .stage-sound")

    def faults(self) -> list[str]:
        """What axe finds that would keep somebody out: WCAG 2.2, levels A and AA."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: dict[str, Any] = self.page.evaluate(
            "() => axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
        )
        return [
            f"{entry['impact']} {entry['id']}: {entry['help']}; {[node['target'] for node in entry['nodes'][:3]]}"
            for entry in found["violations"]
            if entry["impact"] in ("serious", "critical")
        ]

    def is_wider_than_the_screen(self) -> bool:
        """Whether the page scrolls sideways."""
        return bool(self.page.evaluate("() => document.documentElement.scrollWidth > window.innerWidth"))


def reader(context: BrowserContext, base: str, key: str) -> Reader:
    """A tab in a context."""
    return Reader(page=context.new_page(), base=base, key=key)
