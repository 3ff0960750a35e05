from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from storage.base.errors import ConfigError
from training.recipe import read_recipe

RECIPES = sorted((Path(__file__).parents[4] / "training" / "recipes").glob("*.yaml"))
HIPPOCAMPUS = next(path for path in RECIPES if path.stem == "hippocampus-mr")
# CID 7150: anatomy, what is morphologically abnormal, disease
CATEGORIES = {"91723000", "49755003", "64572001"}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_shipped_recipes_are_valid_and_not_for_clinical_use(path: Path) -> None:
    manifest = read_recipe(path).manifest()
    assert manifest.name == path.stem
    assert not manifest.clinical_use and manifest.intended_use.startswith("Not for clinical use.")
    assert {label.category.value for label in manifest.labels} <= CATEGORIES


def test_hippocampus_states_no_side() -> None:
    recipe = read_recipe(HIPPOCAMPUS)
    assert [label.laterality for label in recipe.manifest().labels] == [None, None]
    assert recipe.augment.mirror_axes == (2,)


def _changed(tmp_path: Path, key: str, value: Any) -> Path:
    document = yaml.safe_load(HIPPOCAMPUS.read_text())
    part = document
    *way, last = key.split(".")
    for name in way:
        part = part[name]
    part[last] = value
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("fit.steps", 0, r"recipe\.yaml: fit\.steps"),
        ("fit.epochs", 3, r"fit\.epochs: no such key"),
        ("fit.patch", [32, 48], r"one number per spatial dimension"),
        ("fit.patch", [33, 48, 32], r"multiples of package\.grid\.minimum_multiple"),
        ("data.kind", "folder", r"data"),
        ("data.split", {"kind": "ranges", "train": [1, 200], "validate": [200, 240], "test": [241, 400]}, r"must not overlap"),
        ("floor", {"Amygdala": 0.9}, r"'Amygdala', which is no label"),
        ("package.labels", [], r"package|labels"),
    ],
)
def test_wrong_recipe_names_file_and_key(tmp_path: Path, key: str, value: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        read_recipe(_changed(tmp_path, key, value))


def test_no_recipe_and_no_yaml(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        read_recipe(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("a: [")
    with pytest.raises(ConfigError, match="no valid YAML"):
        read_recipe(tmp_path / "bad.yaml")
