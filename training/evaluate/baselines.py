"""Simple baselines, learnt from the training part, that a network has to be clearly above."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from training.data.case import Case
from training.evaluate.class_baseline import ClassBaseline, fit_classes
from training.evaluate.mask_baseline import MaskBaseline, fit_masks

MOST_CASES = 400
"""Of the training part: more move such simple things no further."""

Baseline = MaskBaseline | ClassBaseline


def fit_baseline(task: str, classes: int, cases: Iterable[Case]) -> Baseline:
    """The baseline of a task, from the first 400 cases of the training part.

    Parameters
    ----------
    task : of the recipe.
    classes : background included.

    Raises
    ------
    ConfigError
        Code ``no-data``: there are no cases.
    """
    taken = islice(cases, MOST_CASES)
    return fit_classes(classes, taken) if task == "classification" else fit_masks(classes, taken)
