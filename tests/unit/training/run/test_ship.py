"""Which packages may ship: a run's own, and none that was changed, unmeasured, too weak or of closed terms."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from inference.manifest import package_digest
from storage.base.errors import ConfigError
from tests.unit.training.run.made import run
from tests.unit.training.small import spots_document, write_spots
from training.recipe import read_recipe
from training.run.ship import faults, planned_for, ship

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A finished run's package, and the recipe that made it in its second profile."""
    torch.set_num_threads(1)
    folder = write_spots(tmp_path_factory.mktemp("run"))
    document = spots_document(evaluation={"bootstrap": 20, "worst_cases": 0, "baseline": False})
    document["profiles"] = {"other": {"seed": 4}, "full": {"fit": {"steps": 6}}}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    return run(read_recipe(folder / "recipe.yaml", "full"), folder / "run", folder).package, folder / "recipe.yaml"


@pytest.fixture
def package(made: tuple[Path, Path], tmp_path: Path) -> Path:
    return shutil.copytree(made[0], tmp_path / "package")


def _changed(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values, indent=2))


def _faults(package: Path, made: tuple[Path, Path], **package_keys: Any) -> str:
    recipe = planned_for(package, made[1])
    recipe = recipe.model_copy(update={"package": {**recipe.package, **package_keys}})
    return "; ".join(faults(package, recipe))


def test_a_fitted_package_goes_in_and_replaces_the_one_of_its_name(
    made: tuple[Path, Path], package: Path, tmp_path: Path
) -> None:
    shipped = tmp_path / "bundles"
    (shipped / "spots" / "old").mkdir(parents=True)
    assert planned_for(package, made[1]).fit.steps == 6
    target = ship(package, made[1], shipped)
    assert [path.name for path in shipped.iterdir()] == ["spots"] and not (target / "old").exists()
    assert package_digest(target) == package_digest(package) and (target / "LICENSE").is_file()


def test_what_fitting_decides_is_held_within_bounds(made: tuple[Path, Path], package: Path) -> None:
    manifest = package / "configs" / "wetread.json"
    assert _faults(package, made) == ""
    _changed(manifest, classification={"temperature": 19.9, "thresholds": [0.0001]})
    told = _faults(package, made)
    assert "temperature of 19.9 is at the end" in told and "threshold of 0.0001 calls all or nothing" in told
    assert "measured on other weights or another manifest" in told


def test_a_package_of_another_recipe_is_refused(made: tuple[Path, Path], package: Path, tmp_path: Path) -> None:
    _changed(package / "configs" / "wetread.json", title="Stains")
    with pytest.raises(ConfigError, match="title is Stains in the package and Spots in the recipe"):
        ship(package, made[1], tmp_path)
    (package / "docs" / "plan.json").unlink()
    with pytest.raises(ConfigError, match=r"plan\.json is of no profile of .*recipe\.yaml as it is now"):
        ship(package, made[1], tmp_path)


def test_too_weak_closed_or_unmeasured_packages_are_refused(made: tuple[Path, Path], package: Path) -> None:
    recipe = planned_for(package, made[1])
    low = json.loads((package / "docs" / "test.json").read_text())["figures"]["as is"]["Spot"]["auc"]["value"]
    above = recipe.model_copy(update={"floor": {"Spot": min(1.0, low + 0.01)}})
    assert (low == 1.0) or any("below the recipe's floor" in fault for fault in faults(package, above))
    _changed(package / "configs" / "wetread.json", weights_licence="LicenseRef-ours")
    told = _faults(package, made, weights_licence="LicenseRef-ours")
    assert "doesn't let everybody have them" in told and "LICENSE isn't the text" in told
    (package / "docs" / "test.json").unlink()
    assert "test.json is missing" in _faults(package, made)
