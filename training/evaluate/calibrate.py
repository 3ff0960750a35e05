"""The temperature and the thresholds of a classifier, from its validation part, for ``manifest.classification``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from inference.engine.package import LoadedModel
from training.data.case import Case
from training.evaluate.classified import true_class
from training.evaluate.facts import facts_of
from training.evaluate.figures.calibration import (
    calibration_error,
    fit_temperature,
    fit_threshold,
    negative_log_likelihood,
    tempered,
)
from training.evaluate.served import scores_of


@dataclass(frozen=True)
class Calibrated:
    """What goes into the manifest, and the likelihood and calibration error of these cases without and with it."""

    temperature: float
    thresholds: tuple[float, ...]
    cases: int
    nll_before: float
    nll_after: float
    error_before: float
    error_after: float


def calibrate(model: LoadedModel, cases: Iterable[Case]) -> Calibrated:
    """Fit temperature and thresholds of a classifier, whatever those of its manifest are.

    Parameters
    ----------
    cases : the validation part, at least one; each has a class.
    """
    taken = [(scores_of(model, case), true_class(facts_of(case))) for case in cases]
    scores, truth = np.stack([row for row, _ in taken]), np.array([value for _, value in taken], dtype=np.int64)
    temperature = fit_temperature(scores, truth)
    before, after = tempered(scores, 1.0), tempered(scores, temperature)
    return Calibrated(
        temperature=temperature,
        thresholds=tuple(fit_threshold(after, truth, label.value) for label in model.manifest.labels),
        cases=truth.size,
        nll_before=negative_log_likelihood(scores, truth),
        nll_after=negative_log_likelihood(scores, truth, temperature),
        error_before=calibration_error(before, truth),
        error_after=calibration_error(after, truth),
    )
