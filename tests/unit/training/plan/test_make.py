from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from storage.base.errors import ConfigError
from tests.unit.training.small import spots_document
from tests.unit.training.tiny import tiny_document
from training.plan import Fingerprint, digest_of, given_plan, make_plan, multiple_fault, read_plan, write_plan
from training.plan.steps import LEAST_STEPS
from training.recipe import Recipe

FOUND = Fingerprint(30, (36, 50, 34), (1.0, 1.0, 1.0), (1.0, 1.0, 1.0), (36.0, 50.0, 34.0), (-50.4, 199.6, 60.0, 30.0), 1)


def _open(**changes: Any) -> Recipe:
    document = tiny_document()
    document["fit"] |= {
        "steps": "auto",
        "batch": "auto",
        "patch": "auto",
        "schedule": {"warmup_steps": 100},
        "validate_every": 9999,
    }
    document["package"] |= {
        "grid": {"spacing_mm": "auto", "patch": "auto", "minimum_multiple": "auto"},
        "intensity": "auto",
        "network": {"name": "unet", "arguments": "auto"},
    }
    document["budget"] = {"seconds": 900, "memory_gb": 4}
    return Recipe.model_validate({**document, **changes})


def _by_width(recipe: Recipe) -> float:
    """A step's seconds as they might be: by the square of the first width."""
    return float(0.01 * (recipe.manifest().network.arguments["channels"][0] / 8) ** 2)


def test_everything_open_is_decided_with_a_reason_and_fits_together() -> None:
    plan = make_plan(_open(), FOUND, lambda recipe: 0.1)
    assert plan.recipe.open_keys == () and multiple_fault(plan.recipe) == ""
    manifest, extent = plan.recipe.manifest(), plan.recipe.fit.extent
    assert manifest.grid.spacing_mm == (1.0, 1.0, 1.0)
    assert manifest.grid.patch == extent.patch == (40, 56, 40) and manifest.grid.minimum_multiple == 8
    assert manifest.network.arguments["channels"] == [32, 64, 128, 256] and extent.batch >= 2
    assert manifest.intensity.model_dump() == {"kind": "window", "lower": -50.0, "upper": 200.0}
    assert extent.steps == 8100 and all(one.why for one in plan.decisions)
    assert plan.estimates["parameters"] > 0 and plan.estimates["step_memory_gb"] < 4


@pytest.mark.heavy
def test_the_widest_network_that_learns_long_enough_is_taken() -> None:
    widths = {}
    for seconds in (900, 90, 9):
        plan = make_plan(_open(budget={"seconds": seconds}), FOUND, _by_width)
        widths[seconds] = plan.recipe.manifest().network.arguments["channels"][0]
        steps = plan.recipe.fit.extent.steps
        assert steps >= LEAST_STEPS or widths[seconds] == 8
        assert plan.recipe.fit.schedule.warmup_steps == min(100, steps // 10) and plan.recipe.fit.validate_every <= steps
    assert widths == {900: 32, 90: 16, 9: 8}


def test_folds_share_the_seconds() -> None:
    alone, five = (make_plan(_open(ensemble={"folds": folds}), FOUND, lambda recipe: 0.1) for folds in (0, 5))
    assert alone.recipe.fit.extent.steps == 5 * five.recipe.fit.extent.steps
    assert "parted among 5 folds" in {one.key: one.why for one in five.decisions}["fit.steps"]


@pytest.mark.heavy
def test_less_memory_makes_smaller_patches_and_too_little_is_refused() -> None:
    patches = [make_plan(_open(budget={"seconds": 9, "memory_gb": gb}), FOUND, _by_width).recipe.fit.extent for gb in (1, 0.03)]
    assert patches[0].patch > patches[1].patch and patches[1].batch >= 2
    with pytest.raises(ConfigError, match=r"budget\.memory_gb: a step takes about .* more than 0\.0001"):
        make_plan(_open(budget={"seconds": 9, "memory_gb": 0.0001}), FOUND, _by_width)
    with pytest.raises(ConfigError, match=r"budget\.seconds: is missing, and fit\.steps is auto"):
        make_plan(_open(budget={}), FOUND, _by_width)


def test_a_classifier_sees_its_images_whole() -> None:
    document = spots_document()
    document["fit"] |= {"batch": "auto", "patch": "auto"}
    document["package"]["network"] = {"name": "resnet", "arguments": "auto"}
    plan = make_plan(
        Recipe.model_validate(document), Fingerprint(400, (12, 12), (1, 1), (1, 1), (12, 12), (0, 1, 0, 1), 1), _by_width
    )
    assert plan.recipe.fit.extent.patch == (12, 12) and plan.recipe.fit.extent.batch == 16
    assert plan.recipe.manifest().network.arguments["stem"] == "small"


def test_a_plan_is_read_back_for_its_recipe_alone(tmp_path: Path) -> None:
    recipe = _open()
    plan = make_plan(recipe, FOUND, lambda planned: 0.1)
    write_plan(plan, tmp_path / "plan.json")
    again = read_plan(tmp_path / "plan.json", recipe)
    assert again.recipe == plan.recipe and again.document() == json.loads((tmp_path / "plan.json").read_text())
    changed = recipe.model_copy(update={"seed": 5})
    with pytest.raises(ConfigError, match="made for another recipe or profile"):
        read_plan(tmp_path / "plan.json", changed)
    assert digest_of(recipe.model_copy(update={"limits": ("None.",)})) == digest_of(recipe)
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"plan\.json: no plan of a run"):
        read_plan(tmp_path / "plan.json", recipe)
    with pytest.raises(ConfigError, match=r"none\.json: can't be read"):
        read_plan(tmp_path / "none.json", recipe)


def test_a_multiple_that_the_network_cannot_take_is_named() -> None:
    document = tiny_document()
    document["package"]["grid"]["minimum_multiple"] = 2
    plan = given_plan(Recipe.model_validate(document))
    assert plan.decisions == () and "multiples of 4; set 4" in multiple_fault(plan.recipe)
