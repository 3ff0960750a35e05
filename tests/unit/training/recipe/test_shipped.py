"""What ships is valid: recipes in every profile, comparisons in every variant, written-down parts, the guide."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from inference.networks import build
from training.recipe import Recipe, read_recipe
from training.recipe.comparison import read_comparison, variant_recipes

TRAINING = Path(__file__).parents[4] / "training"
RECIPES = sorted((TRAINING / "recipes").glob("*.yaml"))
COMPARISONS = sorted((TRAINING / "recipes" / "comparisons").glob("*.yaml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_shipped_recipe_is_whole_in_every_profile(path: Path) -> None:
    profiles = yaml.safe_load(path.read_text()).get("profiles", {"": {}})
    for profile in profiles:
        recipe = read_recipe(path, profile)
        assert recipe.name == path.stem and not recipe.open_keys
        network = recipe.manifest().network
        build(network.name, network.arguments)
        assert recipe.limits, "say what the model isn't good for"


def test_each_labelled_set_has_a_profile_for_two_cores_and_a_full_one() -> None:
    profiles = {path.stem: list(yaml.safe_load(path.read_text()).get("profiles", ())) for path in RECIPES}
    assert {name for name, held in profiles.items() if not name.startswith("phantom")} == {
        name for name, held in profiles.items() if held == ["cpu", "full"]
    }


@pytest.mark.parametrize("path", COMPARISONS, ids=lambda path: path.stem)
def test_a_comparison_s_variants_are_whole_and_differ(path: Path) -> None:
    comparison = read_comparison(path)
    variants = variant_recipes(comparison, path)
    assert len({recipes[0].model_dump_json() for recipes in variants.values()}) == len(variants)
    tests = {recipe.data.split.model_dump_json() for recipes in variants.values() for recipe in recipes}
    assert len(tests) == 1, "variants must be measured on the same cases"
    for recipes in variants.values():
        network = recipes[0].manifest().network
        build(network.name, network.arguments)


@pytest.mark.parametrize("path", sorted((TRAINING / "recipes" / "splits").glob("*.json")), ids=lambda path: path.stem)
def test_no_case_is_written_into_two_parts(path: Path) -> None:
    parts = json.loads(path.read_text())
    assert parts.keys() == {"train", "validate", "test"} and all(parts.values())
    names = [name for listed in parts.values() for name in listed]
    assert len(set(names)) == len(names)


def test_no_examination_of_fetal_heads_is_parted() -> None:
    parts = json.loads((TRAINING / "recipes" / "splits" / "fetal-head-us.json").read_text())
    examinations = {part: {name.partition("_")[0] for name in names} for part, names in parts.items()}
    assert not examinations["train"] & examinations["test"] and not examinations["validate"] & examinations["test"]


def test_the_guide_s_recipe_is_valid_and_names_every_comparison_and_recipe() -> None:
    guide = (TRAINING / "README.md").read_text()
    (example,) = re.findall(r"```yaml\n(.*?)```", guide, re.S)
    assert "package.network.arguments" in Recipe.model_validate(yaml.safe_load(example)).open_keys
    assert all(f"{path.stem}.yaml" in guide for path in COMPARISONS) and all(path.stem in guide for path in RECIPES)
