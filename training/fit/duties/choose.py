"""The duty of whichever task a recipe has."""

from __future__ import annotations

from training.fit.duties.classification import Classification
from training.fit.duties.detection import Detection
from training.fit.duties.duty import Duty
from training.fit.duties.multitask import Multitask
from training.fit.duties.segmentation import Segmentation
from training.recipe import Recipe

DUTIES: dict[str, type[Duty]] = {
    "segmentation": Segmentation,
    "classification": Classification,
    "detection": Detection,
    "multitask": Multitask,
}
"""By ``package.task``."""


def duty_of(recipe: Recipe) -> Duty:
    """The duty of a planned recipe."""
    return DUTIES[recipe.task](recipe)
