"""Temperature and thresholds of a classifier, or of one of several heads, fitted to cases that no network had learnt from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from inference.engine.heads import models_of_heads
from inference.engine.package import LoadedModel
from inference.manifest import Classification
from inference.pipeline.detect import rules_of
from training.data import Case, DataSet
from training.evaluate.calibrate import Calibrated, calibrate
from training.evaluate.detected.case import detect_case, keeping_all
from training.evaluate.detected.thresholds import Chosen, choose_thresholds
from training.evaluate.figures.calibration import (
    calibration_error,
    fit_temperature,
    fit_threshold,
    negative_log_likelihood,
    tempered,
)
from training.evaluate.served import scores_of
from training.recipe import Recipe
from training.run.member import Desk
from training.run.networks import Fitted


def calibrated(recipe: Recipe, whole: LoadedModel, fitted: Fitted, dataset: DataSet, desk: Desk) -> Calibrated | None:
    """Fit them, unless the recipe states them or wants none.

    A single network is judged on the validation part. Of an ensemble each member is judged on its own fold, and the scores are
    pooled: the whole ensemble has seen every case, so that its scores on them would be too good.
    """
    if "classification" not in recipe.rules_from_cases:
        return None
    model = models_of_heads(whole)["classification"]
    if len(fitted.members) == 1:
        return calibrate(model, desk.track.cases("calibrating", dataset.named(fitted.members[0].held_out)))
    pairs = list(_judged(whole, fitted, dataset, desk))
    scores, truth = np.stack([row for row, _ in pairs]), np.array([value for _, value in pairs], dtype=np.int64)
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


def thresholds_chosen(recipe: Recipe, model: LoadedModel, fitted: Fitted, dataset: DataSet, desk: Desk) -> Chosen | None:
    """A detector's, unless the recipe states them or wants none; of an ensemble each member is judged on its own fold."""
    if "detection" not in recipe.rules_from_cases:
        return None
    images = []
    for member in fitted.members:
        whole = LoadedModel(model.manifest, model.digest, (member.network.eval(),))
        alone = keeping_all(models_of_heads(whole)["detection"])
        images += [detect_case(alone, case) for case in desk.track.cases("calibrating", dataset.named(member.held_out))]
    return choose_thresholds(images, rules_of(model.manifest))


def as_manifest(found: Calibrated) -> Classification:
    """What goes into the manifest."""
    return Classification(temperature=found.temperature, thresholds=found.thresholds)


def _judged(whole: LoadedModel, fitted: Fitted, dataset: DataSet, desk: Desk) -> Iterator[tuple[NDArray[np.float64], int]]:
    """Scores (passes, classes) and true class of every held-out case."""
    for member in fitted.members:
        alone = models_of_heads(LoadedModel(whole.manifest, whole.digest, (member.network.eval(),)))["classification"]
        for case in desk.track.cases("calibrating", dataset.named(member.held_out)):
            yield scores_of(alone, case), _class_of(case)


def _class_of(case: Case) -> int:
    assert case.class_index is not None, "a classification's cases have classes; the data's checks saw to it"
    return case.class_index
