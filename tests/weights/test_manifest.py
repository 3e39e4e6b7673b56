"""The manifest: complete, consistent, and refused where it is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from weights import WeightsError, load_manifest
from weights.manifest import PACKAGE_FOLDER

PACKAGED = (PACKAGE_FOLDER / "manifest.toml").read_text()


def altered(tmp_path: Path, old: str, new: str) -> Path:
    assert old in PACKAGED
    path = tmp_path / "manifest.toml"
    path.write_text(PACKAGED.replace(old, new, 1))
    return path


def test_the_packaged_manifest_is_sound() -> None:
    manifest = load_manifest()
    assert manifest.default_names("face")
    assert manifest.default_names("voice")
    for checkpoint in manifest.checkpoints:
        card = manifest.card_path(checkpoint).read_text()
        assert checkpoint.name in card
        assert checkpoint.licence in card
        assert checkpoint.known_limits.strip()
        calibration = manifest.calibration_path(checkpoint)
        assert calibration is None or calibration.is_file()
        if checkpoint.kind == "upstream":
            assert checkpoint.commit is not None
            assert checkpoint.commit in (checkpoint.url or "")
    fusion = manifest.fusion_path()
    assert fusion is None or fusion.is_file()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('kind = "upstream"', 'kind = "upstream"\nsurprise = 1'),
        ('kind = "upstream"', 'kind = "somewhere"'),
        ('file = "AASIST-L.pth"', 'file = "../AASIST-L.pth"'),
        ('file = "AASIST-L.pth"', 'file = "AASIST.pth"'),
        ('name = "aasist.asvspoof2019"', 'name = "aasist.asvspoof5"'),
        ('name = "aasist.asvspoof2019"', 'name = "meso4.asvspoof2019"'),
        ('voice = ["lfb-resnet.unmask1"]', 'voice = ["meso4.df"]'),
        ('voice = ["lfb-resnet.unmask1"]', 'voice = ["nobody.knows"]'),
        ('url = "https://', 'url = "http://'),
        ("num_bytes = ", "num_bytes = -"),
        ('sha256 = "', 'sha256 = "x'),
        ("value = 0.99", "value = nan"),
        ("converted = { ", "# "),
        ("[defaults]", 'folder = "/"\n[defaults]'),
        ("[defaults]", "[defaults"),
    ],
)
def test_a_manifest_with_a_mistake_is_refused(tmp_path: Path, old: str, new: str) -> None:
    path = altered(tmp_path, old, new)
    with pytest.raises(WeightsError, match=r"manifest\.toml"):
        load_manifest(path)


def test_files_filed_with_a_manifest_lie_beside_it(tmp_path: Path) -> None:
    path = altered(tmp_path, "[[checkpoints]]", 'fusion = "fusion.json"\n[[checkpoints]]')
    with pytest.raises(WeightsError, match="fusion"):  # a key under [defaults] is not one of the manifest
        load_manifest(path)
    path.write_text(PACKAGED)
    manifest = load_manifest(path)
    assert manifest.fusion_path() == tmp_path / "fusion.json"
    own = manifest.checkpoint("mobilenet-hf.unmask1")
    assert manifest.calibration_path(own) == tmp_path / "mobilenet-hf.unmask1.calibration.json"
    assert manifest.calibration_path(manifest.checkpoint("meso4.df")) is None


def test_no_manifest_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none\.toml"):
        load_manifest(tmp_path / "none.toml")


def test_looking_at_the_manifest_loads_nothing_heavy() -> None:
    script = (
        "import sys, weights; weights.load_manifest();"
        "print([name for name in ('torch', 'requests', 'h5py', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
