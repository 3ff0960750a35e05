"""A simple baseline for classes: logistic regression on the mean and the spread (standard deviation) of intensity."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from storage.base.errors import ConfigError
from training.data.case import Case

_RIDGE = 1e-3

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ClassBaseline:
    """Logits are ``weights`` (classes, 3) times (mean, spread, 1), the first two standardised by the training part."""

    name: str
    weights: Array
    centre: Array
    scale: Array

    def probabilities(self, case: Case) -> Array:
        """(classes,)."""
        standard = (_intensities(case) - self.centre) / self.scale
        return _softmax(np.append(standard, 1.0) @ self.weights.T)


def fit_classes(classes: int, cases: Iterable[Case]) -> ClassBaseline:
    """Fit to these cases, which have classes."""
    rows = [(_intensities(case), case.class_index) for case in cases if case.class_index is not None]
    if not rows:
        raise ConfigError("the training part holds no cases with a class; check data.split and --data", code="no-data")
    features = np.array([row for row, _ in rows])
    wanted = np.eye(classes)[[index for _, index in rows]]
    centre, scale = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-9)
    inputs = np.column_stack([(features - centre) / scale, np.ones(len(rows))])

    def loss(flat: Array) -> tuple[float, Array]:
        weights = flat.reshape(classes, 3)
        found = _softmax(inputs @ weights.T)
        value = -np.log(np.maximum((found * wanted).sum(axis=1), 1e-12)).mean() + _RIDGE * (weights**2).sum()
        return float(value), ((found - wanted).T @ inputs / len(rows) + 2 * _RIDGE * weights).ravel()

    fitted = minimize(loss, np.zeros(classes * 3), jac=True, method="L-BFGS-B")
    return ClassBaseline("logistic regression on mean and spread of intensity", fitted.x.reshape(classes, 3), centre, scale)


def _intensities(case: Case) -> Array:
    return np.array([case.voxels_ckji.mean(dtype=np.float64), case.voxels_ckji.std(dtype=np.float64)])


def _softmax(logits: Array) -> Array:
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))
