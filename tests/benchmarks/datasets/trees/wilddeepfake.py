"""WildDeepfake: plain tar under the name .tar.gz, one that is compressed, one unpacked, and a folder with a space."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.trials import labels_of
from tests.benchmarks.datasets.tree import Media, Row, Tree

_PACKED = {
    "real_test/1.tar.gz": ("./1/real/3/9.png", "./1/real/3/10.png", "./1/real/12/0.png"),
    "fake_test/2.tar.gz": ("./2/fake/131/942.png", "./2/fake/131/953.png"),
    "fake_train/10.tar.gz": ("10/fake/7/1.png",),
}
_COMPRESSED = "fake_train/10.tar.gz"
_UNPACKED = ("fake_test/30/fake/5/17.png", "real train/4/real/0/2.png")


def _row(folder: str, inside: str, path: str) -> Row:
    shard, word, sequence, name = inside.removeprefix("./").split("/")
    folder = folder.replace(" ", "_")
    return Row(
        id=f"{folder}/{shard}/{sequence}/{name}",
        path=f"deepfake_in_the_wild/{path}",
        labels=labels_of(face="spoof" if word == "fake" else "bonafide"),
        split=folder.partition("_")[2],
        group=f"{folder}/{shard}",
    )


_ROWS = [
    *(
        _row(archive.partition("/")[0], member, f"{archive}!/{member.removeprefix('./')}")
        for archive, members in _PACKED.items()
        for member in members
    ),
    *(_row(path.partition("/")[0], path.partition("/")[2], path) for path in _UNPACKED),
]


def _make(root: Path, media: Media) -> None:
    base = root / "deepfake_in_the_wild"
    for path in _UNPACKED:
        media.write(base / path)
    for archive, members in _PACKED.items():
        _pack(base / archive, members, media, compress=archive == _COMPRESSED)
    _pack(base / "fake_test/30.tar.gz", ("./30/fake/5/17.png",), media)
    (base / "real_test/._1.tar.gz").write_bytes(b"\0\5\x16\7")


def _pack(archive: Path, members: tuple[str, ...], media: Media, *, compress: bool = False) -> None:
    packed = io.BytesIO()
    with TemporaryDirectory() as place, tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name in members:
            media.write(Path(place) / name)
            content = (Path(place) / name).read_bytes()
            member = tarfile.TarInfo(name)  # its mtime is 0
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    archive.parent.mkdir(parents=True, exist_ok=True)
    archive.write_bytes(gzip.compress(packed.getvalue(), mtime=0) if compress else packed.getvalue())


TREE = Tree(
    name="wilddeepfake",
    make=_make,
    rows=_ROWS,
    break_label=lambda root: _pack(root / "deepfake_in_the_wild/real_test/1.tar.gz", ("./1/fake/3/9.png",), Media()),
    notes=["fake_test: archives left aside, for they lie unpacked beside them: 30.tar.gz"],
)
