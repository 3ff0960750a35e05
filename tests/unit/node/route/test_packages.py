"""The packages on disk: what is found, and what stops the start with one line."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from inference.manifest import package_digest
from node.route.packages import scan_packages
from storage.base.errors import ConfigError
from tests.support.packages import manifest, write_package


def test_packages_are_found_by_name(tmp_path: Path) -> None:
    one, other = write_package(tmp_path, "one"), write_package(tmp_path / "more", "other")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "README.md").write_text("x")
    (tmp_path / "more").rename(tmp_path / "_more")
    other = tmp_path / "_more" / "other"
    found = scan_packages([tmp_path, other])
    assert {name: package.path for name, package in found.items()} == {"one": one, "other": other}
    assert found["one"].digest == package_digest(one)


def test_a_folder_named_twice_is_no_conflict(tmp_path: Path) -> None:
    write_package(tmp_path, "one")
    assert list(scan_packages([tmp_path, tmp_path / "one"])) == ["one"]


def test_two_packages_of_one_name(tmp_path: Path) -> None:
    write_package(tmp_path / "a", "one")
    write_package(tmp_path / "b", "one")
    with pytest.raises(ConfigError, match=r"models: .*a/one and .*b/one are both named one; remove one"):
        scan_packages([tmp_path / "a", tmp_path / "b"])


def test_unreadable_packages_stop_the_start(tmp_path: Path) -> None:
    path = write_package(tmp_path, "one")
    manifest = path / "configs" / "wetread.json"
    whole = manifest.read_text()
    for broken, message in (
        (whole[:100], "wetread.json: .*; mend the package or move it away"),
        (whole.replace('"name": "one"', '"name": "One!"'), r"wetread.json: name: "),
        (whole.replace("models/model.safetensors", "../elsewhere"), r"network\.weights: must lie in models/, \.\./elsewhere"),
        (whole.replace("models/model.safetensors", "beside.safetensors"), r"network\.weights: must lie in models/, beside"),
        (whole.replace("models/model.safetensors", "models/none"), "can't be read"),
    ):
        manifest.write_text(broken)
        with pytest.raises(ConfigError, match=message) as refused:
            scan_packages([tmp_path])
        assert "\n" not in str(refused.value)
    manifest.unlink()
    with pytest.raises(ConfigError, match=r"wetread.json: can't be read \(No such file or directory\)"):
        scan_packages([tmp_path])


def test_other_weights_than_the_manifest_names(tmp_path: Path) -> None:
    (write_package(tmp_path, "one") / "models" / "model.safetensors").write_bytes(b"tampered")
    with pytest.raises(ConfigError, match=r"model\.safetensors: is not the file that the manifest's SHA-256 names"):
        scan_packages([tmp_path])


def test_every_member_of_an_ensemble_is_checked(tmp_path: Path) -> None:
    members = [{"weights": "models/b.safetensors", "sha256": hashlib.sha256(b"b").hexdigest()}]
    network = manifest().network.model_dump() | {"more_weights": members}
    folder = write_package(tmp_path, "one", network=network) / "models"
    (folder / "b.safetensors").write_bytes(b"b")
    assert scan_packages([tmp_path]).keys() == {"one"}
    (folder / "b.safetensors").write_bytes(b"c")
    with pytest.raises(ConfigError, match=r"b\.safetensors: is not the file"):
        scan_packages([tmp_path])


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        scan_packages([tmp_path / "none"])
