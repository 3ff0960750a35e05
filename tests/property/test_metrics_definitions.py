"""Figures against brute force on cases that hypothesis makes up."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from training.evaluate.figures.calibration import calibration_error, fit_temperature, negative_log_likelihood, tempered
from training.evaluate.figures.dice import dice
from training.evaluate.figures.ranking import auc, roc, sensitivity_at
from training.evaluate.figures.surface import surface_distances

FEW = settings(max_examples=40, deadline=None)
MASKS = arrays(bool, (5, 6))
SCORES = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=14)


@FEW
@given(SCORES)
def test_auc_is_the_share_of_pairs_in_order(rows: list[tuple[int, bool]]) -> None:
    scores, positive = np.array([row[0] / 5 for row in rows]), np.array([row[1] for row in rows])
    pairs = [float(a > b) + 0.5 * float(a == b) for a in scores[positive] for b in scores[~positive]]
    found = auc(scores, positive)
    assert np.isnan(found) if not pairs else abs(found - np.mean(pairs)) < 1e-12
    points = roc(scores, positive)
    if points is not None:  # the area below the points, by trapezes, is the same
        area = np.trapezoid(points.sensitivity, 1 - points.specificity)
        assert abs(float(area) - found) < 1e-12


@FEW
@given(SCORES, st.sampled_from([0.0, 0.5, 0.8, 1.0]))
def test_sensitivity_at_specificity_is_the_best_of_all_thresholds(rows: list[tuple[int, bool]], wanted: float) -> None:
    scores, positive = np.array([row[0] / 5 for row in rows]), np.array([row[1] for row in rows])
    if positive.all() or not positive.any():
        return
    thresholds = [*np.unique(scores), np.inf]
    allowed = [(scores[positive] >= t).mean() for t in thresholds if (scores[~positive] < t).mean() >= wanted]
    assert abs(sensitivity_at(scores, positive, wanted) - max(allowed)) < 1e-12


@FEW
@given(MASKS, MASKS, st.sampled_from([(1.0, 1.0), (2.0, 0.5)]))
def test_distances_are_those_of_all_pairs(ours: np.ndarray, theirs: np.ndarray, spacing: tuple[float, float]) -> None:
    found = surface_distances(ours, theirs, spacing)
    assert found.to_truth.size == 0 or found.to_truth.min() >= 0
    if not (ours.any() and theirs.any()):
        return
    edges = []
    for mask in (ours, theirs):
        framed = np.pad(mask, 1)
        inner = framed[:-2, 1:-1] & framed[2:, 1:-1] & framed[1:-1, :-2] & framed[1:-1, 2:]
        edges.append(np.argwhere(mask & ~inner) * np.array(spacing))
    table = np.linalg.norm(edges[0][:, None] - edges[1][None], axis=2)
    assert np.allclose(np.sort(found.to_truth), np.sort(table.min(axis=1)))
    assert np.allclose(np.sort(found.to_predicted), np.sort(table.min(axis=0)))
    assert found.hausdorff_mm(100) == max(table.min(axis=1).max(), table.min(axis=0).max())


@FEW
@given(MASKS, MASKS)
def test_figures_of_overlap_are_symmetric_and_bounded(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert dice(ours, theirs, 1) == dice(theirs, ours, 1)
    there, back = surface_distances(ours, theirs, (1.0, 2.0)), surface_distances(theirs, ours, (1.0, 2.0))
    assert there.hausdorff_mm() == back.hausdorff_mm() and 0.0 <= there.dice(1.0) <= there.dice(2.0) <= 1.0
    assert (
        (dice(ours, theirs, 1) == 1.0) == bool((ours == theirs).all()) == (there.mean_mm() == 0.0 and ours.sum() == theirs.sum())
    )


@settings(max_examples=10, deadline=None)
@given(arrays(np.float64, (8, 2, 3), elements=st.floats(-6, 6)), arrays(np.int64, 8, elements=st.integers(0, 2)))
def test_a_temperature_never_makes_the_likelihood_worse(scores: np.ndarray, truth: np.ndarray) -> None:
    temperature = fit_temperature(scores, truth)
    assert negative_log_likelihood(scores, truth, temperature) <= negative_log_likelihood(scores, truth)
    after = tempered(scores, temperature)
    assert abs(negative_log_likelihood(scores, truth, temperature) + np.log(after[np.arange(8), truth]).mean()) < 1e-9
    assert np.allclose(after.sum(axis=1), 1.0) and 0.0 <= calibration_error(after, truth) <= 1.0
