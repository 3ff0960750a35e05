"""`wetread models add | check | list | remove | reinstate` as a person types them, with real packages."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml

from inference.manifest import package_digest
from node.commands import models as command
from node.models.checking import check_package
from storage import packages
from storage.base.clock import SystemClock
from storage.database import open_database
from tests.support.in_process import wetread_here
from tests.support.packages import write_package
from tests.support.ports import free_port
from tests.support.tiny_package import write_tiny_package
from tests.support.wetread_node import node_settings

Ask = Callable[..., CompletedProcess[str]]


@pytest.fixture
def models(tmp_path: Path) -> Ask:
    """`wetread models …` against a node's empty store, within this process: starting one for each takes seconds."""
    settings, config = node_settings(tmp_path, free_port(), None, []), tmp_path / "wetread.yaml"
    config.write_text(yaml.safe_dump(settings))
    db = open_database(settings["store"]["database"], SystemClock())
    db.migrate()
    db.dispose()
    return lambda *words: wetread_here("models", *words, "--config", config)


def _listed(models: Ask) -> list[tuple[str, str]]:
    return [(row["version"], row["state"]) for row in json.loads(models("list", "--json").stdout)]


def test_a_quarantined_package_is_active_again_and_an_unknown_digest_is_named(models: Ask, tmp_path: Path) -> None:
    path = write_package(tmp_path / "elsewhere", "liver")
    digest = package_digest(path)
    db = open_database(f"sqlite:///{tmp_path / 'wetread.db'}", SystemClock())
    with db.write() as s:
        package = packages.register(s, "liver", "1.0.0", digest, str(path), {}, db.clock.utc())
        packages.quarantine(s, package.id, "its output breaks its manifest", db.clock.utc())
    db.dispose()
    wrong = models("reinstate", "none")
    assert wrong.returncode == 1 and "begins with none; see `wetread models list`" in wrong.stderr
    done = models("reinstate", digest[:12])
    assert (done.returncode, done.stdout.strip()) == (0, "liver 1.0.0 is active")
    assert _listed(models) == [("1.0.0", "active")]


@pytest.mark.heavy
def test_a_package_comes_and_goes(models: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "check_package", cache(check_package))  # it takes seconds, and the files stay as they are
    package = write_tiny_package(tmp_path / "made")
    digest = package_digest(package)
    dry = models("add", package, "--dry-run", "--json")
    told = json.loads(dry.stdout)
    assert (told["digest"], told["what"], told["added"], told["rules"]) == (digest, "copy", False, [])
    assert _listed(models) == [] and not (tmp_path / "models").exists()
    added = models("add", package)
    assert added.returncode == 0 and f"digest {digest}" in added.stdout
    assert f"copied to {tmp_path / 'models' / 'tiny-1.0.0'}" in added.stdout and "no rule in force names tiny" in added.stdout
    assert "in use already" in models("add", package).stdout
    shown = models("list").stdout
    assert "segmentation" in shown and digest[:12] in shown and "weights Apache-2.0" in shown and "(gone)" not in shown
    removed = models("remove", "tiny")
    assert removed.returncode == 0 and "no package of the name tiny is left" in removed.stdout
    again = models("reinstate", digest[:8])
    assert again.returncode == 1 and "tiny-1.0.0 is gone; bring it back by `wetread models add PACKAGE`" in again.stderr
    assert _listed(models) == [("1.0.0", "retired")] and "(gone)" in models("list").stdout


def _no_licence(package: Path) -> None:
    path = package / "configs" / "wetread.json"
    path.write_text(json.dumps({key: value for key, value in json.loads(path.read_text()).items() if key != "weights_licence"}))


def _torn_weights(package: Path) -> None:
    path = package / "models" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def _nowhere(package: Path) -> None:
    package.rename(package.with_name("elsewhere"))


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_no_licence, "configs/wetread.json: weights_licence: "),
        pytest.param(_torn_weights, "models/model.safetensors: SHA-256 differs", marks=pytest.mark.slow),
        (_nowhere, "made: no such package; give a folder or one of: "),
    ],
)
def test_a_broken_package_is_refused_by_name(models: Ask, tmp_path: Path, spoil: Callable[[Path], None], said: str) -> None:
    package = write_tiny_package(tmp_path / "made")
    spoil(package)
    refused = models("add", package)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("wetread: ") and said in refused.stderr and refused.stderr.count("\n") == 1
    assert _listed(models) == [] and not (tmp_path / "models").exists()
