"""The terms that torchvision has too, with the slopes that training follows."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.support.torchvision_oracle import Torchvision
from tests.unit.inference.networks.detection.against_torchvision.order import turned
from tests.unit.inference.networks.detection.boxes import random_boxes
from training.losses.detection.terms import giou_loss, sigmoid_focal_loss

pytestmark = pytest.mark.heavy


def _slope(losses: Tensor, of: Tensor) -> Tensor:
    weight = torch.rand(losses.shape, generator=torch.Generator().manual_seed(1), dtype=losses.dtype)
    (slope,) = torch.autograd.grad((weight * losses).sum(), of)
    return slope


@pytest.mark.parametrize(("gamma", "alpha"), [(2.0, 0.25), (0.5, 0.6), (0.0, 0.5)])
def test_focal_loss(torchvision: Torchvision, gamma: float, alpha: float) -> None:
    generator = torch.Generator().manual_seed(2)
    logits = (4 * torch.randn((50, 6), generator=generator, dtype=torch.float64)).requires_grad_()
    truth = (torch.rand((50, 6), generator=generator) < 0.3).double()
    ours, theirs = (
        sigmoid_focal_loss(logits, truth, gamma, alpha),
        torchvision.ops.sigmoid_focal_loss(logits, truth, alpha, gamma),
    )
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(_slope(ours, logits), _slope(theirs, logits))


def test_giou_loss(torchvision: Torchvision) -> None:
    guess, truth = random_boxes(200, 2, 3, extent=20.0).requires_grad_(), random_boxes(200, 2, 4, extent=20.0)
    ours = giou_loss(guess, truth)
    # Theirs adds 1e-7 to what it divides by; ours asks whether that is more than nothing.
    theirs = torchvision.ops.generalized_box_iou_loss(turned(guess), turned(truth), eps=0.0)
    assert bool((ours > 1).any()) and bool((ours < 1).any()), "boxes apart and boxes that meet"
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(_slope(ours, guess), _slope(theirs, guess))
