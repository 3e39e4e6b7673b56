"""Finding checkpoints on this machine, and refusing altered ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.weights.origin import CONTENT, OTHER, a_checkpoint
from weights import WeightsError, WeightsMismatch, WeightsNotFound, load_manifest, locate, search_folders, verify

NET = a_checkpoint()


def put(folder: Path, content: bytes = CONTENT) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "Net.pth"
    path.write_bytes(content)
    return path


def test_folders_are_searched_in_the_stated_order(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given, first, second = (tmp_path / name for name in ("given", "first", "second"))
    monkeypatch.setenv("UNMASK_WEIGHTS", f"{first}{os.pathsep}{second}")
    assert search_folders([given])[:4] == (given, first, second, cache)
    for folder in (cache, second, first, given):
        expected = put(folder)
        assert locate(NET, [given]) == expected


def test_an_absent_checkpoint_says_what_to_type(cache: Path) -> None:
    with pytest.raises(WeightsNotFound) as caught:
        locate(NET)
    for part in ("unmask weights fetch net.corpus", "--from DIR", "UNMASK_WEIGHTS", "Net.pth", str(cache)):
        assert part in str(caught.value)
    assert verify(NET).state == "absent"


def test_an_absent_checkpoint_of_the_installation_is_not_to_be_fetched() -> None:
    with pytest.raises(WeightsNotFound, match="Install again"):
        locate(a_checkpoint(kind="default", url=None, repository=None, commit=None))


@pytest.mark.parametrize("content", [OTHER, CONTENT[:-1], b""])
def test_an_altered_file_stops_the_search(tmp_path: Path, cache: Path, content: bytes) -> None:
    put(cache)
    altered = put(tmp_path / "given", content)
    with pytest.raises(WeightsMismatch) as caught:
        locate(NET, [tmp_path / "given"])
    assert str(altered) in str(caught.value)
    presence = verify(NET, [tmp_path / "given"])
    assert (presence.state, presence.path) == ("mismatch", altered)
    assert verify(NET).state == "present"


def test_a_mismatch_names_both_digests(cache: Path) -> None:
    put(cache, OTHER)
    with pytest.raises(WeightsMismatch, match=NET.sha256) as caught:
        locate(NET)
    assert a_checkpoint(OTHER).sha256 in str(caught.value)


def test_a_change_after_the_first_look_is_seen(cache: Path) -> None:
    path = put(cache)
    before = path.stat()
    locate(NET)
    with path.open("r+b") as file:
        file.write(b"\xff\xfe\xfd")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_size == before.st_size
    with pytest.raises(WeightsMismatch):
        locate(NET)


def test_something_else_than_a_file_is_refused(cache: Path) -> None:
    cache.mkdir(parents=True)
    os.mkfifo(cache / "Net.pth")
    with pytest.raises(WeightsMismatch, match="plain file"):
        locate(NET)


def test_a_name_that_nobody_has() -> None:
    with pytest.raises(WeightsNotFound, match=r"aasist\.asvspoof5.*mesoinception4\.df"):
        load_manifest().checkpoint("aasist.nowhere")


@pytest.mark.shared
def test_every_upstream_file_is_the_one_the_manifest_names(shared: Path) -> None:
    for checkpoint in load_manifest().checkpoints:
        if checkpoint.kind == "upstream":
            presence = verify(checkpoint, [shared / "weights" / "upstream"])
            assert presence.state == "present", presence.detail


@pytest.mark.shared
def test_keras_files_are_converted_once_and_verified_each_time(shared: Path, cache: Path) -> None:
    checkpoint = load_manifest().checkpoint("meso4.df")
    folders = [shared / "weights" / "upstream"]
    converted = locate(checkpoint, folders)
    assert converted == cache / "Meso4_DF.safetensors"
    assert [entry.name for entry in cache.iterdir()] == [converted.name]
    first = converted.stat()
    assert locate(checkpoint, folders) == converted
    assert locate(checkpoint) == converted  # without the original, too
    assert converted.stat().st_mtime_ns == first.st_mtime_ns
    content = bytearray(converted.read_bytes())
    content[-1] ^= 1
    converted.write_bytes(content)
    with pytest.raises(WeightsMismatch, match=r"Meso4_DF\.safetensors"):
        locate(checkpoint, folders)
    with pytest.raises(WeightsMismatch, match=r"Meso4_DF\.safetensors"):
        locate(checkpoint)
    assert verify(checkpoint).state == "mismatch"


@pytest.mark.shared
def test_a_cache_that_cannot_be_written_says_so(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match="UNMASK_CACHE"):
        locate(load_manifest().checkpoint("meso4.df"), [shared / "weights" / "upstream"])
