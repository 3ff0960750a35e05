"""Folds, averages and starts from earlier weights, on a classification."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from inference.engine.package import load_package
from inference.manifest import package_digest, read_manifest
from inference.networks import build
from storage.base.errors import ConfigError
from tests.unit.training.run.made import run
from tests.unit.training.small import spots_recipe, write_spots
from training.data import fold_names, read_parts
from training.run.average import mean_weights
from training.run.single import Finished

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return write_spots(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def folds(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Finished]:
    out = tmp_path_factory.mktemp("folds")
    return out, run(spots_recipe(ensemble={"folds": 3}), out, data)


def test_folds_make_one_package_of_several_networks(folds: tuple[Path, Finished]) -> None:
    out, done = folds
    model = load_package(done.package)
    assert len(model.networks) == 3 and len(list((done.package / "models").iterdir())) == 3
    stated = model.manifest.classification
    assert stated is not None and stated.temperature != 1.0  # fitted to the folds' own held-out cases
    rows = json.loads((out / "report.json").read_text())["tables"][0]["rows"]
    assert [row[0] for row in rows] == ["member 1", "member 2", "member 3", "ensemble"]
    assert "### Members" in (done.package / "docs" / "README.md").read_text()


def test_no_fold_sees_the_test_part_and_each_case_is_held_out_once(data: Path) -> None:
    dataset = read_parts(spots_recipe(), data)
    held = [name for _, names in fold_names(dataset, 3, 3) for name in names]
    assert sorted(held) == sorted([*dataset.names("train"), *dataset.names("validate")])
    assert not set(held) & set(dataset.names("test"))


def test_members_are_taken_up_one_by_one(folds: tuple[Path, Finished], data: Path) -> None:
    out, done = folds
    before = package_digest(done.package)
    kept = (out / "fold-1" / "checkpoint.pt").stat().st_mtime_ns
    (out / "fold-2" / "checkpoint.pt").unlink()
    again = run(spots_recipe(ensemble={"folds": 3}), out, data)
    assert package_digest(again.package) == before
    assert (out / "fold-1" / "checkpoint.pt").stat().st_mtime_ns == kept


def test_a_run_starts_from_a_package_and_carries_its_terms_on(folds: tuple[Path, Finished], data: Path, tmp_path: Path) -> None:
    transfer = {"weights": str(folds[1].package), "freeze": 1, "layer_rate": 0.5}
    recipe = spots_recipe(transfer=transfer, ensemble={"folds": 2, "combine": "weights"})
    recipe = recipe.model_copy(update={"package": {**recipe.package, "weights_licence": "CC-BY-SA-4.0"}})
    done = run(recipe, tmp_path, data)
    manifest = read_manifest(done.package)
    assert manifest.weights_licence == "CC-BY-SA-4.0" and not manifest.network.more_weights
    assert "began as those of package spots 1.0.0" in manifest.attribution
    card = (done.package / "docs" / "README.md").read_text()
    digest = read_manifest(folds[1].package).network.weights_sha256
    assert digest in card and "their weights averaged" in card
    licence = (done.package / "LICENSE").read_text()
    assert "SPDX: Apache-2.0" in licence and "SPDX: CC-BY-SA-4.0" in licence


def test_the_last_checkpoints_are_averaged_and_a_stopped_run_averages_the_same(data: Path, tmp_path: Path) -> None:
    recipe = spots_recipe(ensemble={"average_last": 2})
    done = run(recipe, tmp_path / "whole", data)
    assert sorted(path.stem for path in (tmp_path / "whole" / "snapshots").iterdir()) == ["00000006", "00000008"]
    plain = run(spots_recipe(), tmp_path / "plain", data)
    assert package_digest(done.package) != package_digest(plain.package)
    assert package_digest(run(recipe, tmp_path / "whole", data).package) == package_digest(done.package)


def test_mean_of_weights_is_the_mean() -> None:
    networks = [build("unet", {"spatial_dims": 2, "in_channels": 1, "out_channels": 2, "channels": [2, 4]}) for _ in range(3)]
    states = [network.state_dict() for network in networks]
    mean = mean_weights(states)
    for key, value in mean.items():
        if value.is_floating_point():
            assert torch.allclose(value, sum(state[key] for state in states) / 3, atol=1e-6), key
    assert mean["head.weight"].data_ptr() != states[2]["head.weight"].data_ptr()


def test_terms_that_exclude_each_other_end_the_run_before_it_begins(
    folds: tuple[Path, Finished], data: Path, tmp_path: Path
) -> None:
    recipe = spots_recipe(transfer={"weights": str(folds[1].package)})
    recipe = recipe.model_copy(update={"package": {**recipe.package, "weights_licence": "GPL-3.0-only"}})
    with pytest.raises(ConfigError, match="can't be passed on under GPL"):
        run(recipe, tmp_path, data)
    assert not (tmp_path / "checkpoint.pt").exists()
