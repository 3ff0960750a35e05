"""Recipes of several tasks: what each head is given, and what is refused by its key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from storage.base.errors import ConfigError
from tests.unit.training.several import several_document, several_recipe, three_document, three_recipe
from tests.unit.training.small import spots_document
from training.recipe.read import recipe_from

HERE = Path("recipe.yaml")


def test_each_head_has_a_recipe_of_its_own() -> None:
    recipe = several_recipe()
    assert recipe.heads == ("segmentation", "classification") and (recipe.classes, recipe.image_classes) == (2, 3)
    masks, classes = (recipe.of_head(head) for head in recipe.heads)
    assert (masks.loss.kind, classes.loss.kind, classes.loss.label_smoothing) == ("dice_cross_entropy", "cross_entropy", 0.05)
    assert (masks.classes, classes.classes, masks.task, classes.task) == (2, 3, "segmentation", "classification")
    assert classes.manifest().labels == recipe.manifest().classes and masks.manifest().classification is None
    assert masks.heads == ("segmentation",) and masks.of_head("segmentation") is masks


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"loss": {"weights": {}}}, r"loss\.weights: is missing; write learned"),
        ({"loss": {"weights": {"segmentation": 1.0}}}, r"loss\.weights: needs a number for each of segmentation, classification"),
        ({"loss": {"weights": {"segmentation": 1, "classification": 0}}}, r"loss\.weights\.classification: is 0"),
        ({"loss": {"weights": "guessed"}}, r"loss\.weights"),
        ({"loss": {"kind": "dice"}}, r"loss\.kind: is of one task; of several say loss\.heads\.segmentation\.kind"),
        ({"loss": {"heads": {"boxes": {}}}}, r"loss\.heads: names boxes, which is no head"),
        ({"loss": {"heads": {"classification": {"kind": "dice"}}}}, r"loss\.heads\.classification\.kind: dice compares masks"),
        ({"loss": {"heads": {"classification": {"class_weights": [1, 2]}}}}, r"classification\.class_weights: needs 3 numbers"),
        ({"fit": {"foreground_share": 0.5}}, r"fit\.foreground_share: is for masks alone"),
        ({"fit": {"patch": [16, 16]}}, r"fit\.patch: must be package\.grid\.patch \(\[32, 32\]\)"),
        ({"augment": {"lesions": {"probability": 0.5, "label": 1}}}, r"augment\.lesions: changes what class"),
        ({"package": {"classes": []}}, r"package\.classes: name the classes of the image"),
        ({"floor": {"Lung": 0.5}}, r"floor: names 'Lung', which is no label .* Benign lesion, Lesion, Malignant lesion"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        recipe_from(several_document(**changes), HERE)


def test_a_head_for_boxes_has_the_labels_of_the_masks_and_rules_of_its_own() -> None:
    recipe = three_recipe()
    masks, classes, boxes = (recipe.of_head(head) for head in recipe.heads)
    assert boxes.manifest().labels == masks.manifest().labels and boxes.manifest().classification is None
    assert boxes.manifest().detection == recipe.manifest().detection and recipe.manifest().classification is not None
    assert (masks.manifest().detection, classes.manifest().detection) == (None, None)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"data": {"instances": ""}}, r"data\.instances: is missing; write parts"),
        ({"loss": {"heads": {"detection": {"kind": "mse"}}}}, r"loss\.heads\.detection: the losses of boxes follow"),
        ({"loss": {"weights": {"segmentation": 1, "classification": 1}}}, r"a number for each of .*classification, detection"),
        ({"loss": {"weights": {}}}, r"such as {segmentation: 1, classification: 1, detection: 1}"),
    ],
)
def test_what_boxes_lack_is_named(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        recipe_from(three_document(**changes), HERE)


def test_a_single_task_has_no_weights_of_several() -> None:
    with pytest.raises(ConfigError, match=r"loss\.weights: is for several tasks at once"):
        recipe_from(spots_document(loss={"weights": "learned"}), HERE)
