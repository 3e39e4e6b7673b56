"""The commands on data sets, as somebody types them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from benchmarks.__main__ import main
from benchmarks.datasets import DATA_SETS
from tests.benchmarks.datasets.real import RealMedia
from tests.benchmarks.datasets.test_contract import TREES


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("in-the-wild")
    TREES["in-the-wild"].make(root, RealMedia())
    return root


def typed(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def test_all_data_sets_are_listed_and_each_can_be_described() -> None:
    listing = typed("datasets").output
    for one in DATA_SETS:
        assert one.name in listing
        text = typed("datasets", one.name).output
        assert one.how_to_get in text
        assert all(trap in text for trap in one.traps)
    assert typed("datasets", "no-such").exit_code == 2


def test_a_copy_is_validated(copy: Path) -> None:
    found = typed("validate", "in-the-wild", copy)
    assert found.exit_code == 0
    assert "1 / 19,963" in found.output
    assert "Partial copy" in found.output


def test_a_copy_with_an_unreadable_file_fails(tmp_path: Path) -> None:
    TREES["in-the-wild"].make(tmp_path, RealMedia())
    (tmp_path / "0.wav").write_bytes(b"no sound")
    assert typed("validate", "in-the-wild", tmp_path).exit_code == 1


def test_a_run_is_scored_compared_and_shown(copy: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    ran = typed("run", "in-the-wild", copy, "--out", out, "--engine", "local", "--title", "Voices from the web")
    assert ran.exit_code == 0, ran.output
    assert "Voices from the web, split test" in ran.output
    assert "partial" in ran.output.lower()
    scored = typed("score", out)
    assert scored.output.strip() in ran.output
    compared = typed(
        "compare", out, out, "--system-a", "lfb-resnet.unmask1", "--system-b", "finding.voice"
    )  # fmt: skip
    assert compared.exit_code == 0, compared.output
    page = tmp_path / "page.html"
    assert typed("table", out, "--page", page).exit_code == 0
    assert "Voices from the web" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "in-the-wild", "--only", "codec"), "FACT=VALUE"),
        (("run", "in-the-wild", "--split", "dev"), "there are: test"),
        (("run", "in-the-wild", "--model", "no.such"), "no model is named"),
        (("run", "asvspoof5"), "unpack ASVspoof5_protocols.tar.gz"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(words: tuple[str, ...], message: str, copy: Path) -> None:
    found = typed(*words[:2], copy, *words[2:])
    assert found.exit_code == 2
    assert message in found.output


def test_launderings_are_listed() -> None:
    assert "opus_16k" in typed("launderings").output
