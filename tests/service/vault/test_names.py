"""What a client calls its file: shown, never obeyed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.texts import visible
from service.vault.names import MAX_CHARACTERS, UNNAMED, display_name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("interview.mp4", "interview.mp4"),
        ("Глава 3, разговор.mkv", "Глава 3, разговор.mkv"),
        ("../../etc/passwd", "passwd"),
        (r"C:\cases\7\a.wav", "a.wav"),
        ("a/b\\..\\c.mov", "c.mov"),
        ("folder/", "folder"),
        ("/", UNNAMED),
        ("..", UNNAMED),
        ("C:", UNNAMED),
        (" \t\n", UNNAMED),
        ("", UNNAMED),
        ("a.mp4 . .", "a.mp4"),
        (".mp4", ".mp4"),
        ("a\0b.mp4", "a⟨U+0000⟩b.mp4"),
        ("\x1b[31mred.mp4", "⟨U+001B⟩[31mred.mp4"),
        ("\u202e4pm.exe", "⟨U+202E⟩4pm.exe"),
        ("\udcff.mp4", "⟨U+DCFF⟩.mp4"),
        ("CON", "_CON"),
        ("nul.mp4", "_nul.mp4"),
        ("com1 .tar.gz", "_com1 .tar.gz"),
        ("LPT².wav", "_LPT².wav"),
        ("console.mp4", "console.mp4"),
    ],
)
def test_names(name: str, shown: str) -> None:
    assert display_name(name) == shown


@pytest.mark.parametrize("character", ["x", "ж", "\0", "🎥", "\u0301"])
def test_a_long_name_keeps_its_extension(character: str) -> None:
    shown = display_name("a" + character * 1_000_000 + ".webm")
    assert shown.endswith("….webm")
    assert len(shown) == MAX_CHARACTERS


def test_an_extension_of_a_page_is_none() -> None:
    assert len(display_name("a." + "x" * 1000)) == MAX_CHARACTERS


@given(st.text(st.characters(codec=None, categories=None)) | st.text("./\\: \0cCoOnN\u0301aux1", max_size=400))
def test_any_name_comes_out_short_visible_and_stable(name: str) -> None:
    shown = display_name(name)
    assert 1 <= len(shown) <= MAX_CHARACTERS
    assert "/" not in shown
    assert "\\" not in shown
    assert visible(shown) == shown
    assert shown.encode("utf-8")
    assert display_name(shown) == shown
