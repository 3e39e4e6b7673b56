"""A run of a data set in archives: interrupted, resumed, and every trial accounted for."""

from __future__ import annotations

import contextlib
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.datasets import data_set
from benchmarks.runs.features import of_sound
from benchmarks.runs.finder import Finder, chain_of, read_members
from benchmarks.runs.plan import plan
from benchmarks.runs.run import Watching, run
from benchmarks.scorefile import RUN, SEGMENTS, read, read_record
from benchmarks.trials import Trial, Unit, labels_of, split_sha256
from detect.analyze import Analyzer
from detect.decode import LocalDecoder
from detect.errors import ConfigError
from pipelines.dispatcher import Standing
from pipelines.items import Entry
from tests.benchmarks.datasets.real import RealMedia
from tests.benchmarks.runs.test_trees import asked, watching

_HEADER = "path,label,attack,group,split\n"


def _trial(path: str) -> Trial:
    return Trial(id=path, path=path, unit=Unit.UTTERANCE, labels=labels_of(voice="spoof"), group="a", split="test")


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight sounds in an archive, one that is no sound, one that is another under a second name, one that is lost."""
    root = tmp_path_factory.mktemp("sounds")
    media, rows = RealMedia(), []
    with zipfile.ZipFile(root / "all.zip", "w") as archive:
        for number in range(8):
            archive.writestr(f"s/{number}.wav", media.content(".wav", number))
            rows.append(f"all.zip!/s/{number}.wav,{('bonafide', 'spoof')[number % 2]},x,g{number // 2},test")
        archive.writestr("s/text.wav", b"this is no sound")
        archive.writestr("s/again.wav", media.content(".wav", 3))
    rows += [f"all.zip!/s/{name}.wav,spoof,x,g9,test" for name in ("text", "again", "lost")]
    (root / "protocol.csv").write_text(_HEADER + "\n".join(rows) + "\n")
    return root


def _stopping_after(count: int) -> Watching:
    stop = threading.Event()

    def tell(standing: Standing) -> None:
        if standing.num_ended >= count:
            stop.set()

    @contextlib.contextmanager
    def scan() -> Iterator[Callable[[Standing], None]]:
        yield tell

    return Watching(scan=scan, features=lambda _done, _all: None, stop=stop, prepare=lambda: None)


def test_a_stopped_run_goes_on_and_accounts_for_every_trial(sounds: Path, tmp_path: Path) -> None:
    request = asked("protocol", sounds, tmp_path / "run")
    assert run(request, plan(request), _stopping_after(2)) == "interrupted"
    assert not (tmp_path / "run" / RUN).exists(), "a run without its end has no record"

    again = asked("protocol", sounds, tmp_path / "run", resume=True)
    assert run(again, plan(again), watching()) == "done"
    scored = read(tmp_path / "run")
    rows = {row.id.rpartition("/")[2]: row for row in scored.rows}
    assert {name: row.state for name, row in rows.items()} == {
        **{f"{number}.wav": "examined" for number in range(8)},
        "text.wav": "unsupported",
        "again.wav": "examined",
        "lost.wav": "missing",
    }
    assert rows["again.wav"].llrs == rows["3.wav"].llrs
    assert rows["text.wav"].abstentions == {"recording": "unsupported", "voice": "unsupported"}
    assert float(rows["0.wav"].shortcuts["leading_silence_seconds"]) >= 0
    assert {"loudness_db", "duration_seconds", "audio_codec", "num_bytes"} <= rows["0.wav"].shortcuts.keys()
    assert not (tmp_path / "run" / SEGMENTS).exists()

    record = scored.record
    assert (record.num_trials, record.num_missing, record.partial, record.development) == (11, 1, True, False)
    assert record.split_sha256 == split_sha256(data_set("protocol").read(sounds).trials)
    assert {one.name for one in record.systems} == {"lfb-resnet.unmask1", "finding.voice", "finding.recording"}


def test_scores_are_those_of_a_scan_of_the_file_alone(sounds: Path, tmp_path: Path) -> None:
    request = asked("protocol", sounds, tmp_path / "run", limit=2)
    run(request, plan(request), watching())
    for row in read(tmp_path / "run").rows:
        if row.state != "examined":
            continue
        member = row.id.partition("!/")[2]
        path = tmp_path / "alone.wav"
        with zipfile.ZipFile(sounds / "all.zip") as archive:
            path.write_bytes(archive.read(member))
        body = Analyzer(request.config, decoder=LocalDecoder()).examine(path).body
        voice = next(finding for finding in body.findings if finding.subject == "voice")
        assert row.llrs["finding.voice"] == pytest.approx(voice.llr, abs=1e-4)
        assert row.logits["lfb-resnet.unmask1"] == pytest.approx(voice.scores[0].logit, abs=1e-4)


def test_another_run_is_not_written_into_the_same_folder(sounds: Path, tmp_path: Path) -> None:
    request = asked("protocol", sounds, tmp_path / "run", limit=2)
    run(request, plan(request), watching())
    assert read_record(tmp_path / "run").limit == 2
    other = asked("protocol", sounds, tmp_path / "run", resume=True)
    with pytest.raises(ConfigError, match="source differs"):
        run(other, plan(other), watching())


def test_a_checkpoint_that_is_not_there_stops_the_run_before_it_begins(sounds: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no-such"):
        asked("protocol", sounds, tmp_path / "run", models=("no-such.model",))


@pytest.mark.parametrize("form", ["x.tar.gz", "x.tar", "x.zip", "unpacked"])
def test_members_are_found_in_archives_and_where_they_were_unpacked(form: str, tmp_path: Path) -> None:
    names = ["one/a.wav", "one/b.wav", "c.wav"]
    for name in names:
        (tmp_path / "x" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "x" / name).write_bytes(name.encode())
    archive = "x.tar.gz" if form == "unpacked" else form
    if form.endswith("zip"):
        with zipfile.ZipFile(tmp_path / form, "w") as opened:
            for name in names:
                opened.write(tmp_path / "x" / name, name)
    elif form != "unpacked":
        with tarfile.open(tmp_path / form, "w:gz" if form.endswith("gz") else "w") as packed:
            packed.add(tmp_path / "x", arcname=".")
    if form != "unpacked":
        (tmp_path / "x").rename(tmp_path / "elsewhere")
    trials = [_trial(f"{archive}!/{name}") for name in ("one/a.wav", "c.wav", "d.wav")]
    found = [entry for batch in Finder(tmp_path, trials).find(tmp_path / "scratch", 1 << 20) for entry in batch]
    assert {entry.chain for entry in found} == {chain_of(trial) for trial in trials[:2]}
    assert {entry.num_bytes for entry in found} == {len("one/a.wav"), len("c.wav")}
    assert all(_bytes(entry, tmp_path) in (b"one/a.wav", b"c.wav") for entry in found)


def _bytes(entry: Entry, folder: Path) -> bytes:
    if entry.spool is not None:
        return (folder / "scratch" / entry.spool).read_bytes()
    return Path(entry.locator[0].key).read_bytes()


def test_an_archive_that_is_cut_off_is_an_error(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as packed:
        packed.add(__file__, arcname="a.wav")
    whole = (tmp_path / "x.tar.gz").read_bytes()
    (tmp_path / "x.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConfigError, match="cannot be read"):
        _read_all(tmp_path / "x.tar.gz", "a.wav")


def _read_all(archive: Path, name: str) -> None:
    for _, chunks in read_members(archive, [name]):
        list(chunks)


def test_what_has_no_sound_has_no_loudness(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    RealMedia().write(picture)
    assert of_sound(picture, LocalDecoder()) == {}
    (tmp_path / "b.wav").write_bytes(b"no sound")
    assert of_sound(tmp_path / "b.wav", LocalDecoder()) == {}
