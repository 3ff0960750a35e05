"""Every network learns a tiny task: the loss falls and fresh pictures are read well, from a seed, in seconds on one thread."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.networks import build, names
from tests.unit.inference.networks.tasks import discs, shapes

pytestmark = pytest.mark.heavy

# Network, spatial dimensions, arguments, steps of eight pictures, learning rate.
SEGMENT: list[tuple[str, int, dict[str, Any], int, float]] = [
    ("unet", 2, {"channels": [8, 16, 32]}, 100, 0.03),
    ("unet", 3, {"channels": [4, 8]}, 80, 0.1),
    ("vnet", 2, {"channels": [8, 16, 32]}, 60, 0.01),
    ("vnet", 3, {"channels": [4, 8]}, 60, 0.02),
    ("attention-unet", 2, {"channels": [8, 16, 32]}, 100, 0.03),
    ("fcn", 2, {"depth": 10, "width": 8, "stem": "small"}, 80, 0.005),
    ("deeplabv3plus", 2, {"depth": 10, "width": 8, "stem": "small", "rates": [1, 2]}, 50, 0.005),
    ("swin-unetr", 2, {"width": 12, "depths": [2, 1, 1, 1], "heads": [1, 1, 2, 2], "window": 4}, 40, 0.005),
    ("resunet", 2, {"depth": 10, "width": 8, "stem": "small"}, 60, 0.02),
    ("meshnet", 2, {"width": 12, "dilations": [1, 2, 4, 2, 1]}, 80, 0.02),
]
CLASSIFY: list[tuple[str, int, dict[str, Any], int, float]] = [
    ("cnn", 2, {"channels": [8, 16, 32]}, 120, 0.01),
    ("resnet", 2, {"depth": 10, "width": 8, "stem": "small"}, 120, 0.01),
    ("densenet", 2, {"layers": [2, 2, 2], "growth": 8, "stem": "small"}, 90, 0.005),
]
# They learn in another dimension too; every network and both dimensions are in the plain suite.
TWICE = {("unet", 3), ("vnet", 2)}


def test_no_network_is_left_out() -> None:
    assert sorted({entry[0] for entry in SEGMENT + CLASSIFY}) == list(names())


def _loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy, and for maps one minus the mean soft Dice of the labels, without which the small disc comes late."""
    loss = functional.cross_entropy(logits, truth)
    if truth.ndim > 1:
        axes = (0, *range(2, logits.ndim))
        shares, wanted = logits.softmax(dim=1)[:, 1:], torch.stack([truth == 1, truth == 2], dim=1).float()
        loss = loss + 1 - (2 * (shares * wanted).sum(axes) / (shares.sum(axes) + wanted.sum(axes))).mean()
    return loss


def _fit(network: nn.Module, images: Tensor, truth: Tensor, steps: int, rate: float) -> list[float]:
    """Adam on batches of eight in turn, at a rate that falls in a straight line; the loss of each step."""
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    losses = []
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = rate * (1 - step / steps)
        chosen = torch.arange(8 * step, 8 * step + 8) % len(images)
        loss = _loss(network(images[chosen]), truth[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return losses


def _dice(guess: Tensor, truth: Tensor, label: int) -> float:
    there, found = truth == label, guess == label
    return float(2 * (there & found).sum() / (there.sum() + found.sum()))


def _each(entries: list[tuple[str, int, dict[str, Any], int, float]]) -> list[Any]:
    return [
        pytest.param(*entry, id=f"{entry[0]}-{entry[1]}d", marks=[pytest.mark.slow] if entry[:2] in TWICE else [])
        for entry in entries
    ]


@pytest.mark.parametrize(("name", "dims", "given", "steps", "rate"), _each(SEGMENT))
def test_segments_discs_by_size(name: str, dims: int, given: dict[str, Any], steps: int, rate: float) -> None:
    torch.manual_seed(0)
    network = build(name, {"spatial_dims": dims, "in_channels": 1, "out_channels": 3, **given})
    size = 32 if dims == 2 else 16
    losses = _fit(network, *discs(128, dims, size, seed=1), steps, rate)
    fresh, truth = discs(32, dims, size, seed=2)
    with torch.inference_mode():
        guess = network.eval()(fresh).argmax(dim=1)
    assert sum(losses[-5:]) < 0.4 * sum(losses[:5]), losses
    assert min(_dice(guess, truth, 1), _dice(guess, truth, 2)) > 0.75, [_dice(guess, truth, label) for label in (1, 2)]


@pytest.mark.parametrize(("name", "dims", "given", "steps", "rate"), _each(CLASSIFY))
def test_tells_discs_from_squares(name: str, dims: int, given: dict[str, Any], steps: int, rate: float) -> None:
    torch.manual_seed(0)
    network = build(name, {"spatial_dims": dims, "in_channels": 1, "out_channels": 3, **given})
    losses = _fit(network, *shapes(256, dims, 28, seed=1), steps, rate)
    fresh, truth = shapes(100, dims, 28, seed=2)
    with torch.inference_mode():
        guess = network.eval()(fresh).argmax(dim=1)
    assert sum(losses[-5:]) < 0.4 * sum(losses[:5]), losses
    assert float((guess == truth).float().mean()) > 0.9
