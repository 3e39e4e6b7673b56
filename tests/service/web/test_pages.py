"""What the server gives for the page: documents, parts, and texts in two languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.api import pages
from service.api.pages import LANGUAGES, language_for, texts
from tests.service.api.bench import Bench

APP = Path(pages.__file__).parents[1] / "web" / "app"
REPORT_ONLY = {"conclusion"}
"""Of these tables the report needs more than the page."""


def entries(table: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Each text with its path; one that depends on a number is one text."""
    for name, value in table.items():
        if isinstance(value, dict) and set(value) != {"one", "other"}:
            yield from entries(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def flat(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def test_both_languages_say_the_same_things() -> None:
    english, german = (dict(entries(texts(language))) for language in LANGUAGES)
    assert set(english) == set(german)
    for path, text in english.items():
        other = german[path]
        assert type(other) is type(text), path
        if isinstance(text, list):
            assert len(other) == len(text), path
        holes = [set(re.findall(r"\{(\w+)", flat(each))) for each in (text, other)]
        assert holes[0] == holes[1], path


def test_the_page_says_nothing_that_has_no_text_and_has_no_text_that_it_does_not_say() -> None:
    script = "\n".join(path.read_text(encoding="utf-8") for path in APP.glob("*.ts"))
    known = dict(entries(texts("en")))
    tables = {path.partition(".")[0] for path in known}
    named = {
        text for text in re.findall(r"[\"`]([a-z_]+\.[a-z0-9_.]+)[\"`]", script) if text.partition(".")[0] in tables
    }
    assert named - set(known) - {path.rpartition(".")[0] for path in known} == {"report.pdf"} & named
    made = [
        re.compile(re.sub(r"\\\$\\\{.*?\\\}", "[a-z0-9_]+", re.escape(text)))
        for text in re.findall(r"`([a-z_]+\.[^`]*\$\{[^`]*)`", script)
    ]
    grouped = set(re.findall(r"word\(\"([a-z_]+)\"", script))
    document = (APP.parent / "page.html").read_text(encoding="utf-8") + (APP.parent / "page_missing.html").read_text(
        encoding="utf-8"
    )
    unsaid = [
        path
        for path in known
        if path not in named
        and path.partition(".")[0] not in grouped | REPORT_ONLY
        and not any(pattern.fullmatch(path) for pattern in made)
        and f"${path.removeprefix('shell.')}" not in document
    ]
    assert unsaid == []


@pytest.mark.parametrize("address", ["/", "/cases", "/cases/case_0", "/jobs/job_0", "/audit", "/people", "/models"])
def test_every_address_of_the_page_gives_the_same_document(taking: Bench, address: str) -> None:
    answer = httpx.get(f"{taking.base}{address}", headers={"Accept-Language": "de"})
    built = (pages.STATIC / "main.js").is_file()
    assert answer.status_code == (200 if built else 503)
    assert '<html lang="de">' in answer.text
    assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert httpx.head(f"{taking.base}{address}").status_code == answer.status_code


def test_a_page_that_is_not_built_says_so(taking: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "STATIC", tmp_path)
    answer = httpx.get(taking.base)
    assert answer.status_code == 503
    assert "make web" in answer.text
    assert httpx.get(f"{taking.base}/static/main.js").status_code == 404
    assert httpx.get(f"{taking.base}/health/live").status_code == 200


def test_parts_are_kept_by_browsers_and_asked_about(taking: Bench) -> None:
    first = httpx.get(f"{taking.base}/texts/de.json")
    assert first.json()["menu"]["cases"] == "Fälle"
    again = httpx.get(f"{taking.base}/texts/de.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["..%2fpage.html", "%2e%2e/app.py", "main.ts", "nothing.js", "a" * 100])
def test_nothing_but_the_parts_is_given(taking: Bench, name: str) -> None:
    assert httpx.get(f"{taking.base}/static/{name}").status_code in (404, 422)
    assert httpx.get(f"{taking.base}/texts/fr.json").status_code == 422


@pytest.mark.parametrize(
    ("chosen", "accepted", "otherwise", "expected"),
    [
        (None, "de-CH,de;q=0.9,en;q=0.8", "en", "de"),
        (None, "fr;q=1, en;q=0.3, de;q=0.2", "de", "en"),
        (None, "fr", "de", "de"),
        (None, "de;q=0, en;q=0.1", "de", "en"),
        (None, "de;q=high, *", "en", "en"),
        (None, "", "de", "de"),
        ("en", "de", "de", "en"),
        ("fr", "de", "en", "de"),
    ],
)
def test_the_language_is_that_of_the_switch_of_the_browser_of_the_setting(
    chosen: str | None, accepted: str, otherwise: Any, expected: str
) -> None:
    assert language_for(chosen, accepted, otherwise) == expected
