"""The terms against closed forms, and at the ends of their range."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from training.losses.detection.terms import binary_cross_entropy, giou_loss, sigmoid_focal_loss, smooth_l1_loss


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_loss_is_the_papers_equation(gamma: float) -> None:
    logits = torch.linspace(-5, 5, 21, dtype=torch.float64)
    chance = 1 / (1 + torch.exp(-logits))
    there = -0.25 * (1 - chance) ** gamma * chance.log()
    absent = -0.75 * chance**gamma * (1 - chance).log()
    assert torch.allclose(sigmoid_focal_loss(logits, torch.ones(21), gamma), there)
    assert torch.allclose(sigmoid_focal_loss(logits, torch.zeros(21), gamma), absent)


def test_without_focus_it_is_weighted_cross_entropy() -> None:
    logits, truth = torch.randn(50), (torch.rand(50) < 0.5).float()
    plain = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    assert torch.allclose(sigmoid_focal_loss(logits, truth, gamma=0.0, alpha=0.5), plain / 2, atol=1e-6)
    assert torch.allclose(binary_cross_entropy(logits, truth), plain)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_extreme_logits_have_finite_losses_and_slopes(gamma: float, dtype: torch.dtype) -> None:
    logits = torch.tensor([-1e30, -100.0, 0.0, 100.0, 1e30] * 2, dtype=dtype, requires_grad=True)
    losses = sigmoid_focal_loss(logits, torch.tensor([0.0] * 5 + [1.0] * 5), gamma)
    losses.sum().backward()
    values = losses.detach()
    assert values.dtype == torch.float32 and bool(torch.isfinite(values).all())
    assert logits.grad is not None and bool(torch.isfinite(logits.grad).all())
    assert float(values[0]) == float(values[9]) == 0.0 and float(values[4]) > 1e29


def test_smooth_l1_by_hand() -> None:
    guess, truth = torch.tensor([[0.5, 0.0, -2.0]]), torch.tensor([[0.0, 0.0, 1.0]])
    assert smooth_l1_loss(guess, truth, beta=1.0).tolist() == [0.5**2 / 2 + 3 - 0.5]
    assert smooth_l1_loss(guess, truth).tolist() == pytest.approx([0.5 - 1 / 18 + 3 - 1 / 18])


def test_giou_loss_by_hand_and_its_slope_where_boxes_are_apart() -> None:
    truth = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.0]])
    guess = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 3.0, 2.0, 4.0]], requires_grad=True)
    losses = giou_loss(guess, truth)
    assert losses.tolist() == pytest.approx([0.0, 1 + 2 / 8])
    losses.sum().backward()
    assert guess.grad is not None and float(guess.grad[1, 1]) > 0, "a far box is drawn nearer"


def test_binary_cross_entropy_of_a_share() -> None:
    chance, share = 0.3, 0.6
    logit = torch.tensor([math.log(chance / (1 - chance))])
    expected = -(share * math.log(chance) + (1 - share) * math.log(1 - chance))
    assert float(binary_cross_entropy(logit, torch.tensor([share]))) == pytest.approx(expected)
