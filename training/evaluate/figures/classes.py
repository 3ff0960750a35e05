"""Figures of class probabilities: (N, C) float64, rows that sum to 1, column 0 for "none of the labels"; truth (N,) ints."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.evaluate.figures.ranking import auc

Probabilities = NDArray[np.float64]
Classes = NDArray[np.int64]

NONE = "none of the labels"


def accuracy(probabilities: Probabilities, truth: Classes) -> float:
    """The share of cases whose most probable class is the true one; NaN of no cases."""
    return float((probabilities.argmax(axis=1) == truth).mean()) if truth.size else float("nan")


def confusion(probabilities: Probabilities, truth: Classes) -> NDArray[np.int64]:
    """Counts (C, C): row the true class, column the most probable one."""
    classes = probabilities.shape[1]
    flat = truth * classes + probabilities.argmax(axis=1)
    return np.bincount(flat, minlength=classes * classes).reshape(classes, classes)


def brier(probabilities: Probabilities, truth: Classes) -> float:
    """Mean squared distance to the truth, summed over the classes: 0 best, 2 worst (Brier 1950).

    For two classes this is twice the figure that counts one class alone.
    """
    wanted = np.eye(probabilities.shape[1])[truth]
    return float(((probabilities - wanted) ** 2).sum(axis=1).mean()) if truth.size else float("nan")


def class_auc(probabilities: Probabilities, truth: Classes, value: int) -> float:
    """One class against all others; NaN where either is absent."""
    return auc(probabilities[:, value], truth == value)


def macro_auc(probabilities: Probabilities, truth: Classes) -> float:
    """Of two classes the AUC of the label; of more the mean over the classes, each against the others, that have one."""
    if probabilities.shape[1] == 2:
        return class_auc(probabilities, truth, 1)
    each = [class_auc(probabilities, truth, value) for value in range(probabilities.shape[1])]
    known = [figure for figure in each if not np.isnan(figure)]
    return float(np.mean(known)) if known else float("nan")
