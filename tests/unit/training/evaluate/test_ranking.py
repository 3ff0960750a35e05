from __future__ import annotations

import numpy as np
import pytest

from training.evaluate.figures.ranking import auc, roc, sensitivity_at, specificity_at

SCORES = np.array([0.9, 0.8, 0.8, 0.4, 0.3, 0.1])
POSITIVE = np.array([True, True, False, True, False, False])


def test_auc_by_hand() -> None:
    # pairs: 0.9 beats 3; 0.8 beats 2 and ties 1; 0.4 beats 2
    assert auc(SCORES, POSITIVE) == pytest.approx((3 + 2.5 + 2) / 9)
    assert auc(np.zeros(6), POSITIVE) == 0.5
    assert auc(-SCORES, POSITIVE) == pytest.approx(1 - (3 + 2.5 + 2) / 9)


def test_operating_points_by_hand() -> None:
    points = roc(SCORES, POSITIVE)
    assert points is not None
    assert points.thresholds.tolist() == [np.inf, 0.9, 0.8, 0.4, 0.3, 0.1]
    assert points.sensitivity.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1, 1, 1])
    assert points.specificity.tolist() == pytest.approx([1, 1, 2 / 3, 2 / 3, 1 / 3, 0])
    assert sensitivity_at(SCORES, POSITIVE, 1.0) == pytest.approx(1 / 3)
    assert sensitivity_at(SCORES, POSITIVE, 0.9) == pytest.approx(1 / 3), "no point between is made up"
    assert sensitivity_at(SCORES, POSITIVE, 2 / 3) == 1.0
    assert specificity_at(SCORES, POSITIVE, 0.5) == pytest.approx(2 / 3)
    assert points.best_threshold() == pytest.approx(0.35)  # between 0.4, where all is found, and the 0.3 below


def test_one_kind_alone_has_no_figure() -> None:
    for positive in (np.ones(6, dtype=bool), np.zeros(6, dtype=bool)):
        assert np.isnan(auc(SCORES, positive)) and roc(SCORES, positive) is None
        assert np.isnan(sensitivity_at(SCORES, positive, 0.9)) and np.isnan(specificity_at(SCORES, positive, 0.9))
