"""What may ship of a package with boxes: thresholds that fitting chose pass, other changes don't; its floor is AP50."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from inference.manifest import Detection, package_digest
from inference.networks import build
from tests.unit.training.several import three_recipe
from training.export.package import export_package
from training.recipe import Recipe
from training.run.ship import faults

RULES = Detection(score=0.02, most=10, thresholds=(0.3125,))


def _told(recipe: Recipe, folder: Path, rules: Detection, **figures: float) -> str:
    """What speaks against the package of an untrained network with these rules and measured figures of its lesions."""
    torch.manual_seed(4)
    network = recipe.manifest().network
    export_package(recipe, [build(network.name, network.arguments)], folder, rules)
    (folder / "docs" / "README.md").write_text("Not for clinical use.")
    measured = {
        "model": {"digest": package_digest(folder)},
        "figures": {"as is": {"Lesion": {metric: {"value": value} for metric, value in figures.items()}}},
    }
    (folder / "docs" / "test.json").write_text(json.dumps(measured))
    return "; ".join(faults(folder, recipe))


def test_chosen_thresholds_of_boxes_pass_within_bounds(tmp_path: Path) -> None:
    recipe = three_recipe()
    assert _told(recipe, tmp_path, RULES) == ""
    told = _told(recipe, tmp_path, RULES.model_copy(update={"thresholds": (0.9995,)}))
    assert told == "its threshold of 0.9995 makes every box a finding, or none; look at its scores"


@pytest.mark.parametrize(
    "stated",
    [{"package": {"detection": {"thresholds": [0.5]}}}, {"evaluation": {"calibrate": False}}],
    ids=["stated", "unfitted"],
)
def test_thresholds_that_the_recipe_decides_must_be_its_own(stated: dict[str, object], tmp_path: Path) -> None:
    told = _told(three_recipe(**stated), tmp_path, RULES)
    assert told.startswith("detection is {'score': 0.02, 'thresholds': [0.3125]") and "[0.5]" in told


def test_other_rules_of_boxes_are_the_recipes(tmp_path: Path) -> None:
    told = _told(three_recipe(), tmp_path, RULES.model_copy(update={"overlap": 0.4}))
    assert told.startswith("detection is {'score': 0.02, 'thresholds': [0.3125], 'overlap': 0.4")


def test_a_detectors_floor_is_its_average_precision(tmp_path: Path) -> None:
    recipe = three_recipe(floor={"Lesion": 0.5})
    assert _told(recipe, tmp_path, RULES, ap50=0.6) == ""
    assert _told(recipe, tmp_path, RULES, ap50=0.4) == "Lesion: ap50 0.4 is below the recipe's floor of 0.5"
    assert _told(recipe, tmp_path, RULES, dice=0.4, ap50=0.6) == "Lesion: dice 0.4 is below the recipe's floor of 0.5"
