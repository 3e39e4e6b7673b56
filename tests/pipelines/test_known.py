"""Known-file sets in every format."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from detect.errors import ConfigError
from pipelines.known import KnownSets, Match

ALGORITHMS = ("md5", "sha1", "sha256")

Write = Callable[[str, str | bytes], Path]


def digests_of(content: bytes) -> dict[str, str]:
    return {name: hashlib.new(name, content).hexdigest() for name in ALGORITHMS}


KNOWN, OTHER = digests_of(b"known"), digests_of(b"other")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


MD5, SHA1, SHA256 = (KNOWN[name] for name in ALGORITHMS)
NSRL = '"SHA-1","MD5","CRC32","FileName","FileSize","ProductCode","OpSystemCode","SpecialCode"\r\n'


@pytest.mark.parametrize(
    ("content", "algorithms"),
    [
        (f"{MD5}\n", {"md5"}),
        (f"{SHA1.upper()}\r\n", {"sha1"}),
        (f"# of 2026\n\n{SHA256}", {"sha256"}),
        (f"\ufeff{SHA256}\n", {"sha256"}),
        (f"# MD5\n{MD5}  a name\n", {"md5"}),
        (f"{OTHER['md5']}\n{SHA256}\n", {"md5", "sha256"}),
        (f'{SHA256}  folder/a, "b" # c.mov\n{OTHER["sha256"]} *binary.mov\n', {"sha256"}),
        (f"\\{SHA256}  two\\nlines.mov\n", {"sha256"}),
        (f"SHA256 (a (b) = c.mov) = {SHA256}\n", {"sha256"}),
        (f"MD5\n{MD5}\n", {"md5"}),
        (f'name,md5,size\n"a, b",{MD5},3\n#c,{OTHER["md5"]},3\n', {"md5"}),
        (f"name;SHA-256 hash\nx;{SHA256}\n", {"sha256"}),
        (f"Path\tmd5sum\tsha_1\nx\t{MD5}\t{SHA1}\n", {"sha1"}),
        (f"md5,sha256\n{OTHER['md5']},{OTHER['sha256']}\n{MD5},\n", {"md5", "sha256"}),
        (f'#TYPE Hash\r\n"Algorithm","Hash","Path"\r\n"SHA256","{SHA256.upper()}","C:\\x"\r\n', {"sha256"}),
        (f'{NSRL}"{SHA1.upper()}","{MD5.upper()}","0A0B0C0D","na""me, x.dll",17,8762,"362",""\r\n', {"sha1"}),
        (f'{NSRL}"{SHA1}","{MD5}","0A0B0C0D","two\nlines",17,8762,"362",""\n', {"sha1"}),
        (NSRL.encode() + f'"{SHA1}","{MD5}","0A0B0C0D","\xff\x00.dll",17,8762,"362",""\n'.encode("latin-1"), {"sha1"}),
    ],
)
def test_formats(write: Write, cache: Path, content: str | bytes, algorithms: set[str]) -> None:
    sets = KnownSets([write("list.txt", content)], [], cache)
    assert sets.algorithms == algorithms
    assert sets.match(KNOWN) == Match("ok", "list.txt")
    assert sets.match(digests_of(b"a third")) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "names no digest"),
        ("# nothing\n\n", "names no digest"),
        ("md5,name\n", "names no digest"),
        (f"{MD5}\n\nnot hexadecimal\n", "line 3: 'not hexadecimal' names no digest"),
        (f"{MD5}\n{MD5[:-1]}\n", "line 2: .* has not the length"),
        (hashlib.sha512().hexdigest(), "line 1: .* has not the length"),
        (f"{MD5},name\n", "line 1: .* names no digest"),
        (f"MD5 (name) = {SHA1}\n", "line 1: .* is not a digest by md5"),
        (f"md5,name\n{MD5},a\n{SHA1},b\n", "line 3: .* is not a digest by md5"),
        (f"md5,name\n{MD5},a\n,b\n", "line 3: no digest"),
        (f"md5,name\n{MD5},a,b\n", "line 2: 3 columns; the header has 2"),
        (f"md5,name\n{MD5},a\n{MD5}", "line 3: 1 columns; the header has 2"),
        (f"md5,name\n{' '.join([MD5[:2]] * 11)},a\n", "line 2: .* is not hexadecimal"),
        (f"md5,name\n{'g' * 32},a\n", "line 2: .* is not hexadecimal"),
        (f"md5,MD5 hash\n{MD5},{MD5}\n", "line 1: two columns"),
        (f'# x\nmd5,name\n{MD5},"' + f"{'x' * 60_000}\n" * 3, "line [345]: field larger"),
        ("a" * 70_000, "line 1: longer than 65536 bytes"),
        (f"{MD5}\n".encode("utf-16"), "line 1: the list is UTF-16"),
        (b"PK\x03\x04" + bytes(100), "line 1: .* names no digest"),
    ],
)
def test_malformed(write: Write, cache: Path, content: str | bytes, message: str) -> None:
    path = write("list.txt", content)
    with pytest.raises(ConfigError, match=message) as caught:
        KnownSets([], [path], cache)
    assert str(path) in str(caught.value)
    assert not [entry for entry in cache.iterdir() if entry.is_dir()]


def test_alert_wins_and_names_are_told_apart(write: Write, cache: Path) -> None:
    ok, alert = write("ok/list.txt", f"{SHA256}\n{OTHER['sha256']}\n"), write("alert/list.txt", f"{MD5}\n")
    odd = alert.with_name(os.fsdecode(b"odd\xff\x1b.txt"))
    odd.write_text(f"{digests_of(b'third')['sha1']}\n")
    sets = KnownSets([ok], [alert, odd], cache)
    assert sets.algorithms == set(ALGORITHMS)
    assert sets.match(KNOWN) == Match("alert", str(alert))
    assert sets.match(OTHER) == Match("ok", str(ok))
    assert sets.match(digests_of(b"third")) == Match("alert", "odd\\xff\\x1b.txt")


def test_a_stronger_digest_in_the_row_decides(write: Write, cache: Path) -> None:
    """A file made to share a known file's MD5 is not that file."""
    sets = KnownSets([write("list.csv", f"md5,sha1,name\n{MD5},{SHA1},x\n")], [], cache)
    assert sets.algorithms == {"sha1"}
    assert sets.match({**OTHER, "md5": MD5}) is None


def test_no_sets(cache: Path) -> None:
    sets = KnownSets([], [], cache)
    assert sets.algorithms == frozenset()
    assert sets.match({}) is None


def test_a_list_that_cannot_be_read(tmp_path: Path, cache: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(ConfigError, match=str(path)):
            KnownSets([path], [], cache)


def test_a_cache_that_cannot_be_written(write: Write) -> None:
    file = write("file", "")
    with pytest.raises(ConfigError, match="Not a directory"):
        KnownSets([write("list.txt", SHA256)], [], file / "cache")


def files_of(cache: Path) -> Mapping[Path, int]:
    return {path: path.stat().st_ino for path in cache.rglob("*") if path.is_file()}


def test_the_cache_is_used_again_until_the_list_changes(write: Write, cache: Path) -> None:
    path = write("list.txt", f"{SHA256}\n")
    KnownSets([path], [], cache)
    before = files_of(cache)
    assert KnownSets([path], [], cache).match(KNOWN)
    assert files_of(cache) == before
    path.write_text(f"{OTHER['sha256']}\n")
    sets = KnownSets([path], [], cache)
    assert sets.match(OTHER)
    assert sets.match(KNOWN) is None


def test_whoever_watches_sees_that_a_list_is_being_sorted(write: Write, cache: Path) -> None:
    path, beats = write("list.txt", f"{SHA256}\n" * 50_000), []
    KnownSets([path], [], cache, on_progress=lambda: beats.append(1))
    assert len(beats) >= 5
    beats.clear()
    KnownSets([path], [], cache, on_progress=lambda: beats.append(1))
    assert not beats


def test_a_list_that_changes_while_it_is_read(write: Write, cache: Path) -> None:
    path = write("list.txt", f"{SHA256}\n")

    def replace() -> None:
        new = write("new.txt", f"{OTHER['sha256']}\n")
        new.replace(path)

    with pytest.raises(ConfigError, match="changed while it was read"):
        KnownSets([path], [], cache, on_progress=replace)
    sets = KnownSets([path], [], cache)
    assert sets.match(OTHER)
    assert sets.match(KNOWN) is None


@pytest.mark.parametrize("damage", ["cut", "contents", "missing", "count"])
def test_a_damaged_cache_is_made_anew(write: Write, cache: Path, damage: str) -> None:
    path = write("list.txt", f"{SHA256}\n{OTHER['sha256']}\n")
    KnownSets([path], [], cache)
    (data,), (contents,) = cache.rglob("sha256"), cache.rglob("contents.json")
    match damage:
        case "cut":
            data.write_bytes(data.read_bytes()[:40])
        case "contents":
            contents.write_text('{"sha256": 2')
        case "missing":
            data.unlink()
        case "count":
            contents.write_text('{"sha256": "2"}')
    sets = KnownSets([path], [], cache)
    assert sets.match(KNOWN)
    assert sets.match(OTHER)


def test_a_cache_cut_after_it_was_opened(write: Write, cache: Path) -> None:
    sets = KnownSets([write("list.txt", f"{SHA256}\n{OTHER['sha256']}\n")], [], cache)
    os.truncate(next(cache.rglob("sha256")), 0)
    with pytest.raises(ConfigError, match="was cut"):
        sets.match(KNOWN)


def test_processes_that_start_together_build_once(write: Write, cache: Path, tmp_path: Path) -> None:
    path = write("list.txt", "".join(f"{hashlib.sha256(b'%d' % n).hexdigest()}\n" for n in range(20_000)))
    code = (
        "import sys; from pathlib import Path; from pipelines.known import KnownSets; "
        "sets = KnownSets([Path(sys.argv[1])], [], Path(sys.argv[2])); "
        "print(sets.match({'sha256': sys.argv[3]}) is not None, next(Path(sys.argv[2]).rglob('sha256')).stat().st_ino)"
    )
    wanted = hashlib.sha256(b"777").hexdigest()
    command = [sys.executable, "-c", code, str(path), str(cache), wanted]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = {child.communicate()[0] for child in children}
    assert all(child.returncode == 0 for child in children)
    (answer,) = answers
    assert answer.startswith("True")


MINIMAL = """
    CREATE TABLE FILE (
        sha256 VARCHAR NOT NULL, sha1 VARCHAR NOT NULL, md5 VARCHAR NOT NULL, crc32 VARCHAR NOT NULL,
        file_name VARCHAR NOT NULL, file_size INTEGER NOT NULL, package_id INTEGER NOT NULL,
        CONSTRAINT PK_FILE__FILE PRIMARY KEY (sha256, sha1, md5, crc32, file_name, file_size, package_id)
    );
    CREATE TABLE VERSION (version VARCHAR NOT NULL);
"""
FULL = """
    CREATE TABLE METADATA (
        metadata_id INTEGER PRIMARY KEY, bytes INTEGER, sha256 VARCHAR, sha1 VARCHAR, md5 VARCHAR, extension VARCHAR
    );
    CREATE VIEW FILE AS SELECT sha256, sha1, md5 FROM METADATA;
"""


def rds(path: Path, schema: str, *rows: Mapping[str, str | None]) -> Path:
    """A database of version 3 of the NSRL's RDS."""
    database = sqlite3.connect(path)
    database.executescript(schema)
    for row in rows:
        values = [row[name] for name in ("sha256", "sha1", "md5")]
        if "TABLE FILE" in schema:
            database.execute("INSERT INTO FILE VALUES (?, ?, ?, '0A0B0C0D', 'setup.exe', 5, 1)", values)
        else:
            database.execute("INSERT INTO METADATA (sha256, sha1, md5) VALUES (?, ?, ?)", values)
    database.commit()
    database.close()
    return path


def upper(digests: Mapping[str, str]) -> dict[str, str | None]:
    return {name: digest.upper() for name, digest in digests.items()}


INDEX = "CREATE INDEX by_sha256 ON METADATA (sha256);"
WEAK_INDEX = "CREATE INDEX by_md5 ON METADATA (md5);"


@pytest.mark.parametrize(
    ("schema", "is_cached"),
    [
        (MINIMAL, False),
        (FULL, True),
        (FULL + INDEX, False),
        (FULL + WEAK_INDEX, True),
        (FULL.replace("CREATE VIEW FILE AS SELECT sha256, sha1, md5 FROM METADATA", ""), True),
    ],
)
@pytest.mark.parametrize("case", [upper, dict])
def test_rds_3(
    tmp_path: Path,
    cache: Path,
    schema: str,
    is_cached: bool,
    case: Callable[[Mapping[str, str]], dict[str, str | None]],
) -> None:
    path = rds(tmp_path / "RDS ?#%41.db", schema, case(KNOWN), case(OTHER))
    before = path.read_bytes()
    sets = KnownSets([path], [], cache)
    assert sets.algorithms == {"sha256"}
    assert sets.match(KNOWN) == Match("ok", path.name)
    assert sets.match(OTHER) == Match("ok", path.name)
    assert sets.match({**KNOWN, "sha256": digests_of(b"third")["sha256"]}) is None
    assert cache.exists() == is_cached
    assert path.read_bytes() == before
    assert {entry.name for entry in tmp_path.iterdir()} <= {path.name, cache.name}


@pytest.mark.parametrize("lacking", ["", None])
def test_rds_rows_without_the_strongest_digest_are_not_lost(tmp_path: Path, cache: Path, lacking: str | None) -> None:
    path = rds(tmp_path / "RDS.db", FULL + INDEX, upper(KNOWN), {**upper(OTHER), "sha256": lacking})
    sets = KnownSets([], [path], cache)
    assert sets.algorithms == {"sha1", "sha256"}
    assert sets.match(KNOWN)
    assert sets.match(OTHER)


@pytest.mark.parametrize("schema", [MINIMAL, FULL])
def test_rds_with_an_update_in_its_log(tmp_path: Path, cache: Path, schema: str) -> None:
    path = rds(tmp_path / "RDS.db", schema, upper(OTHER))
    assert KnownSets([path], [], cache).match(KNOWN) is None
    table = "FILE" if schema == MINIMAL else "METADATA"
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode = wal")
    database.execute(f"UPDATE {table} SET sha256 = ?", [SHA256.upper()])  # noqa: S608 - constants
    database.commit()
    size = path.stat().st_size
    assert KnownSets([path], [], cache).match(KNOWN)
    database.execute(f"UPDATE {table} SET sha256 = ?", [OTHER["sha256"].upper()])  # noqa: S608 - constants
    database.commit()
    assert KnownSets([path], [], cache).match(KNOWN) is None
    assert path.stat().st_size == size
    database.close()


def test_databases_that_are_no_rds(tmp_path: Path, cache: Path) -> None:
    other = rds(tmp_path / "other.db", "CREATE TABLE METADATA (name VARCHAR);")
    with pytest.raises(ConfigError, match="without the digests of an NSRL RDS"):
        KnownSets([other], [], cache)
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"SQLite format 3\x00" + b"\xff" * 5_000)
    with pytest.raises(ConfigError, match="cannot be read"):
        KnownSets([broken], [], cache)
    malformed = rds(tmp_path / "malformed.db", FULL, upper(KNOWN), {"sha256": "abc", "sha1": None, "md5": None})
    with pytest.raises(ConfigError, match="line 2: 'abc' has not the length"):
        KnownSets([malformed], [], cache)


def test_rds_damaged_after_it_was_opened(tmp_path: Path, cache: Path) -> None:
    rows = [upper(digests_of(b"%d" % number)) for number in range(500)]
    path = rds(tmp_path / "RDS.db", MINIMAL, *rows)
    sets = KnownSets([path], [], cache)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * (size - 8192))
    with pytest.raises(ConfigError, match="cannot be read"):
        _ = [sets.match(digests_of(b"%d" % number)) for number in range(500)]
