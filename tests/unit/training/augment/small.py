"""Small recipes and cases for the tests of augmentation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Generator

from tests.unit.training.tiny import tiny_recipe
from training.data.case import GridCase
from training.recipe import Recipe
from training.recipe.parts.augment import Augment


def seeded(seed: int) -> Generator:
    return Generator().manual_seed(seed)


@cache
def _base() -> Recipe:
    return tiny_recipe()


def small_recipe(
    rules: dict[str, Any],
    patch: Sequence[int],
    task: str = "segmentation",
    spacing: Sequence[float] | None = None,
    foreground_share: float = 0.0,
) -> Recipe:
    """A recipe of three classes, background included, whose model's grid has the patch's number of axes."""
    recipe = _base()
    package = {**recipe.package, "task": task, "labels": recipe.package["labels"][:2]}
    package["grid"] = {"spacing_mm": list(spacing) if spacing else None, "patch": list(patch)}
    fit = recipe.fit.model_copy(update={"patch": tuple(patch), "foreground_share": foreground_share})
    return recipe.model_copy(update={"augment": Augment.model_validate(rules), "fit": fit, "package": package})


def noise_case(size: Sequence[int], seed: int = 1, channels: int = 1, class_index: int | None = None) -> GridCase:
    """White noise, with labels 0, 1 and 2 strewn over it."""
    image = torch.randn((channels, *size), generator=seeded(seed))
    target = torch.randint(0, 3, tuple(size), generator=seeded(seed + 1)).to(torch.uint8)
    return GridCase(f"case-{seed}", image, target, class_index)


EVERYTHING: dict[str, Any] = {
    "mirror_axes": [0, 1],
    "rotate_deg": 25,
    "scale": [0.8, 1.25],
    "crop": [0.8, 1],
    "shift_voxels": 2,
    "elastic_voxels": 1,
    "gamma": [0.6, 1.6],
    "gamma_invert": 0.5,
    "contrast": [0.7, 1.4],
    "brightness": 0.3,
    "noise": 0.2,
    "speckle": 0.2,
    "coarsen": 0.5,
    "cutout": 0.3,
    "lesions": {"probability": 0.7, "label": 2, "count": [1, 2], "radius_voxels": [1.5, 3]},
    "probability": {"rotate": 0.5, "elastic": 0.5, "gamma": 0.6, "scale": 0.5, "crop": 0.5, "noise": 0.7},
}
