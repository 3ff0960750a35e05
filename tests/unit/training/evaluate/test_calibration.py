from __future__ import annotations

import math

import numpy as np
import pytest

from training.evaluate.figures.calibration import (
    calibration_error,
    fit_temperature,
    fit_threshold,
    negative_log_likelihood,
    reliability,
    tempered,
)
from training.evaluate.figures.classes import accuracy, brier, class_auc, confusion, macro_auc


def _overconfident(count: int, temperature: float, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Scores (count, 1, classes) that are right once divided by ``temperature``."""
    random = np.random.default_rng(1)
    honest = random.normal(0, 1.5, (count, classes))
    chances = np.exp(honest) / np.exp(honest).sum(axis=1, keepdims=True)
    truth = np.array([random.choice(classes, p=row) for row in chances])
    return (honest * temperature)[:, None], truth


def test_calibration_error_by_hand() -> None:
    probabilities = np.array([[0.05, 0.95], [0.05, 0.95], [0.35, 0.65], [0.65, 0.35]])
    truth = np.array([1, 0, 1, 0])
    # the bin of 0.95 is right half of the time, that of 0.65 always
    assert calibration_error(probabilities, truth) == pytest.approx((2 * 0.45 + 2 * 0.35) / 4)
    assert [(b.cases, b.accuracy) for b in reliability(probabilities, truth)] == [(2, 1.0), (2, 0.5)]


def test_certain_and_right_is_perfect() -> None:
    probabilities, truth = np.eye(3)[[0, 1, 2, 1]], np.array([0, 1, 2, 1])
    assert (calibration_error(probabilities, truth), brier(probabilities, truth)) == (0.0, 0.0)
    assert (accuracy(probabilities, truth), macro_auc(probabilities, truth)) == (1.0, 1.0)
    assert confusion(probabilities, truth).tolist() == [[1, 0, 0], [0, 2, 0], [0, 0, 1]]


def test_brier_by_hand() -> None:
    assert brier(np.array([[0.2, 0.8], [0.6, 0.4]]), np.array([1, 1])) == pytest.approx((2 * 0.04 + 2 * 0.36) / 2)


def test_macro_auc_leaves_out_a_class_that_no_case_has() -> None:
    probabilities = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.5, 0.4, 0.1]])
    assert macro_auc(probabilities, np.array([0, 1, 0])) == 1.0
    assert math.isnan(class_auc(probabilities, np.array([0, 1, 0]), 2))


def test_the_temperature_is_found() -> None:
    scores, truth = _overconfident(4000, 2.5)
    assert fit_temperature(scores, truth) == pytest.approx(2.5, rel=0.06)
    after = tempered(scores, fit_temperature(scores, truth))
    assert calibration_error(after, truth) < 0.03 < 0.1 < calibration_error(tempered(scores, 1.0), truth)


def test_no_temperature_in_the_neighbourhood_is_better() -> None:
    scores, truth = _overconfident(500, 0.4)
    best = fit_temperature(scores, truth)
    loss = negative_log_likelihood(scores, truth, best)
    for other in np.geomspace(0.05, 20, 200):
        assert loss <= negative_log_likelihood(scores, truth, float(other)) + 1e-7


def test_scores_that_are_far_too_sure_are_cooled() -> None:
    """In single precision such probabilities are 0 and 1, and of equal likelihood over a wide range of temperatures."""
    scores, truth = _overconfident(300, 400.0)
    assert fit_temperature(scores, truth) == 20.0
    assert negative_log_likelihood(scores, truth) > negative_log_likelihood(scores, truth, 20.0) > 1.0


def test_what_can_not_be_bettered_stays() -> None:
    assert fit_temperature(np.zeros((4, 1, 2)), np.array([0, 1, 0, 1])) == 1.0
    assert fit_temperature(np.zeros((0, 1, 2)), np.zeros(0, dtype=np.int64)) == 1.0


def test_members_are_averaged_after_the_softmax() -> None:
    scores = np.array([[[0.0, 2.0], [0.0, -2.0]]])
    assert tempered(scores, 1.0)[0].tolist() == pytest.approx([0.5, 0.5])
    assert tempered(np.array([[[0.0, 1000.0]]]), 1.0)[0].tolist() == [0.0, 1.0]


def test_threshold_parts_the_classes() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.3, 0.7]])
    assert fit_threshold(probabilities, np.array([0, 0, 1, 1]), 1) == 0.4
    assert fit_threshold(probabilities, np.array([1, 1, 1, 1]), 1) == 0.5
    certain = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert 0 < fit_threshold(certain, np.array([1, 0]), 1) < 1
