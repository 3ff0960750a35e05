from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from training.losses import make_loss
from training.losses.dice import soft_dice_loss
from training.recipe.parts.loss import Loss

P = (0.7, 0.2, 0.5, 0.9)
TRUTH = (1, 0, 1, 0)


def _logits(*shape: int) -> Tensor:
    """Two classes whose second has the probabilities P after the softmax; (N, 2, *spatial)."""
    p = torch.tensor(P, dtype=torch.float64)
    logits: Tensor = torch.stack([torch.zeros(4, dtype=torch.float64), (p / (1 - p)).log()])
    return logits.T if not shape else logits.view(2, *shape).unsqueeze(0)


def _loss(kind: str, task: str = "segmentation", **keys: Any) -> float:
    function = make_loss(Loss.model_validate({"kind": kind, **keys}), task, 2)
    if task == "classification":
        return float(function(_logits(), torch.tensor(TRUTH)))
    return float(function(_logits(2, 2), torch.tensor(TRUTH).view(1, 2, 2)))


def _dice(p: tuple[float, ...], y: tuple[int, ...], e: float) -> float:
    """Equation 2 of the review, in plain numbers."""
    return 1 - (2 * sum(a * b for a, b in zip(p, y, strict=True)) + e) / (sum(p) + sum(y) + e)


Q, ABSENT = tuple(1 - p for p in P), tuple(1 - y for y in TRUTH)


@pytest.mark.parametrize("epsilon", [0.0, 1e-5, 1.0, 10.0])
def test_dice_is_equation_2(epsilon: float) -> None:
    assert _loss("dice", epsilon=epsilon) == pytest.approx(_dice(P, TRUTH, epsilon))
    both = (_dice(P, TRUTH, epsilon) + _dice(Q, ABSENT, epsilon)) / 2
    assert _loss("dice", epsilon=epsilon, background=True) == pytest.approx(both)


def test_dice_of_a_classifier_counts_every_class() -> None:
    both = (_dice(P, TRUTH, 1) + _dice(Q, ABSENT, 1)) / 2
    assert _loss("dice", "classification") == pytest.approx(both)
    assert _loss("dice", "classification", background=False) == pytest.approx(_dice(P, TRUTH, 1))


def test_dice_by_sample_is_the_mean_over_the_samples() -> None:
    p = torch.tensor([P[:2], P[2:]], dtype=torch.float64)
    target = torch.tensor([TRUTH[:2], TRUTH[2:]])
    loss = soft_dice_loss(torch.stack([1 - p, p], dim=1), target, epsilon=0.5, over="sample")
    assert float(loss) == pytest.approx((_dice(P[:2], TRUTH[:2], 0.5) + _dice(P[2:], TRUTH[2:], 0.5)) / 2)


@pytest.mark.parametrize("task", ["segmentation", "classification"])
def test_cross_entropy_focal_and_squares_are_their_formulas(task: str) -> None:
    right = [p if y else 1 - p for p, y in zip(P, TRUTH, strict=True)]
    entropies = [-math.log(p) for p in right]
    assert _loss("cross_entropy", task) == pytest.approx(sum(entropies) / 4)
    for gamma in (0.0, 0.5, 2.0):
        focal = sum((1 - p) ** gamma * e for p, e in zip(right, entropies, strict=True)) / 4
        assert _loss("focal", task, focal_gamma=gamma) == pytest.approx(focal)
    assert _loss("mse", task) == pytest.approx(sum((1 - p) ** 2 for p in right) / 4)


def test_class_weights_divide_the_cross_entropy_and_not_the_focal_loss() -> None:
    right = [p if y else 1 - p for p, y in zip(P, TRUTH, strict=True)]
    weights = [3.0 if y else 0.5 for y in TRUTH]
    weighted = [-w * math.log(p) for w, p in zip(weights, right, strict=True)]
    assert _loss("cross_entropy", class_weights=(0.5, 3)) == pytest.approx(sum(weighted) / sum(weights))
    focal = sum((1 - p) ** 2 * e for p, e in zip(right, weighted, strict=True)) / 4
    assert _loss("focal", class_weights=(0.5, 3)) == pytest.approx(focal)


def test_label_smoothing_spreads_a_share_of_the_truth() -> None:
    def smoothed(p: float, y: int) -> float:
        wanted = 0.8 * y + 0.1
        return -(wanted * math.log(p) + (1 - wanted) * math.log(1 - p))

    expected = sum(smoothed(p, y) for p, y in zip(P, TRUTH, strict=True)) / 4
    assert _loss("cross_entropy", label_smoothing=0.2) == pytest.approx(expected)


@pytest.mark.parametrize(
    "keys", [{}, {"class_weights": (0.5, 3)}, {"label_smoothing": 0.3}, {"class_weights": (1, 2), "label_smoothing": 0.1}]
)
def test_cross_entropy_is_torch_s(keys: dict[str, Any]) -> None:
    logits, target = torch.randn((3, 2, 5, 4)) * 3, torch.randint(0, 2, (3, 5, 4))
    weight = torch.tensor(keys["class_weights"], dtype=torch.float32) if "class_weights" in keys else None
    theirs = torch.nn.functional.cross_entropy(logits, target, weight=weight, label_smoothing=keys.get("label_smoothing", 0.0))
    ours = make_loss(Loss.model_validate({"kind": "cross_entropy", **keys}), "segmentation", 2)(logits, target)
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_the_sum_of_dice_and_cross_entropy() -> None:
    expected = 0.5 * _loss("dice", epsilon=0.1) + _loss("cross_entropy", class_weights=(1, 4))
    assert _loss("dice_cross_entropy", epsilon=0.1, dice_weight=0.5, class_weights=(1, 4)) == pytest.approx(expected)
