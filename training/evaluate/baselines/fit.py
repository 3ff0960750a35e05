"""Simple baselines, learnt from the training part, that a network has to be clearly above."""

from __future__ import annotations

from collections.abc import Iterable

from training.data.case import Case
from training.evaluate.baselines.classes import ClassBaseline, fit_classes
from training.evaluate.baselines.masks import MaskBaseline, fit_masks
from training.evaluate.baselines.objects import BoxBaselines, fit_boxes
from training.evaluate.baselines.uptake import UptakeBaseline

Baseline = MaskBaseline | UptakeBaseline | ClassBaseline | BoxBaselines


def fit_baseline(task: str, classes: int, cases: Iterable[Case]) -> Baseline:
    """The baseline of a task, from the training part, which is read once.

    Parameters
    ----------
    task : of the recipe.
    classes : background included.

    Raises
    ------
    ConfigError
        Code ``no-data``: there are no cases.
    """
    if task == "detection":
        return fit_boxes(cases)
    return fit_classes(classes, cases) if task == "classification" else fit_masks(classes, cases)
