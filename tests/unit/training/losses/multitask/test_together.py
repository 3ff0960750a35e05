"""Losses of several tasks over cases that lack targets; and a network that learns class and mask together."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from inference.networks.multitask import MultiTask
from storage.base.errors import InputError
from training.losses.dice import dice_loss
from training.losses.multitask import FixedWeights, MultiTaskLoss, TaskLoss, UncertaintyWeights


def _two() -> MultiTaskLoss:
    return MultiTaskLoss(
        {"segmentation": functional.cross_entropy, "classification": functional.cross_entropy},
        FixedWeights({"segmentation": 1.0, "classification": 2.0}),
    )


def _batch() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    outputs = {
        "segmentation": torch.randn(3, 2, 4, 4, generator=generator),
        "classification": torch.randn(3, 5, generator=generator),
    }
    targets = {"segmentation": torch.ones(3, 4, 4, dtype=torch.int64), "classification": torch.tensor([4, 0, 2])}
    return {task: output.requires_grad_() for task, output in outputs.items()}, targets


def test_each_task_over_the_cases_that_have_its_target() -> None:
    outputs, targets = _batch()
    rows = {"segmentation": torch.tensor([True, False, True])}
    terms = _two()(outputs, targets, rows)
    mask = functional.cross_entropy(outputs["segmentation"][[0, 2]], targets["segmentation"][[0, 2]])
    kind = functional.cross_entropy(outputs["classification"], targets["classification"])
    assert float(terms.losses["segmentation"]) == pytest.approx(float(mask.detach()))
    assert float(terms.total.detach()) == pytest.approx(float((mask + 2 * kind).detach()))
    terms.total.backward()
    gradient = outputs["segmentation"].grad
    assert gradient is not None and not bool(gradient[1].any()) and bool(gradient[[0, 2]].any())


def test_what_stands_where_there_is_no_target_does_not_matter() -> None:
    outputs, targets = _batch()
    rows = {"classification": torch.tensor([True, False, False])}
    before = _two()(outputs, targets, rows).total
    targets["classification"][1:] = -77
    with torch.no_grad():
        outputs["classification"][1:] = torch.nan
    assert torch.equal(_two()(outputs, targets, rows).total, before)


@pytest.mark.parametrize("lacking", ["flags", "key"])
def test_a_task_without_any_target_is_left_out(lacking: str) -> None:
    outputs, targets = _batch()
    loss = MultiTaskLoss(_two().tasks, UncertaintyWeights({"segmentation": "plain", "classification": "entropy"}))
    rows = {"segmentation": torch.zeros(3, dtype=torch.bool)} if lacking == "flags" else {}
    if lacking == "key":
        del targets["segmentation"]
    terms = loss(outputs, targets, rows)
    terms.total.backward()
    assert list(terms.losses) == ["classification"] and outputs["segmentation"].grad is None
    grads = {key: value.grad is None for key, value in loss.named_parameters()}
    assert grads == {"weighting.s.segmentation": True, "weighting.s.classification": False}


def test_what_is_wrong_is_named() -> None:
    outputs, targets = _batch()
    none = {task: torch.zeros(3, dtype=torch.bool) for task in targets}
    with pytest.raises(InputError, match="no case of the batch has a target of any task"):
        _two()(outputs, targets, none)
    with pytest.raises(InputError, match="task box, which has no loss"):
        _two()(outputs, targets | {"box": torch.zeros(3)})
    del outputs["segmentation"]
    with pytest.raises(InputError, match="task segmentation, which has no head"):
        _two()(outputs, targets)


def _lesions(count: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Noisy images (count, 1, 24, 24) with a smooth or a ringed disc; masks; 0 smooth, 1 ringed."""
    generator = torch.Generator().manual_seed(seed)
    line = torch.arange(24.0)
    grid = torch.stack(torch.meshgrid(line, line, indexing="ij"))
    centres = 7 + 10 * torch.rand((count, 2, 1, 1), generator=generator)
    radii = 4 + 2 * torch.rand((count, 1, 1), generator=generator)
    distance = (grid - centres).square().sum(1).sqrt()
    kinds = (torch.rand(count, generator=generator) < 0.5).long()
    masks = distance <= radii
    hollow = (distance <= radii / 2) & (kinds == 1).view(-1, 1, 1)
    images = masks.float() - hollow.float() + 0.3 * torch.randn(masks.shape, generator=generator)
    return images[:, None], masks.long(), kinds


@pytest.mark.heavy
def test_a_network_learns_class_and_mask_together() -> None:
    """With weights that are learned, and where a third of the cases lacks the one target and a third the other."""
    torch.manual_seed(0)
    network = MultiTask(
        spatial_dims=2, in_channels=1, heads={"segmentation": 2, "classification": 2}, depth=10, width=8, stem="small"
    )
    tasks: dict[str, TaskLoss] = {
        "segmentation": partial(dice_loss, epsilon=1.0, background=False),
        "classification": functional.cross_entropy,
    }
    weighting = UncertaintyWeights({"segmentation": "plain", "classification": "entropy"})
    loss = MultiTaskLoss(tasks, weighting)
    optimiser = torch.optim.Adam([*network.parameters(), *loss.parameters()], lr=0.01)
    images, masks, kinds = _lesions(240, seed=1)
    third = torch.arange(240) % 3
    for step in range(60):
        for group in optimiser.param_groups:
            group["lr"] = 0.01 * (1 - step / 60)
        rows = torch.arange(8 * step, 8 * step + 8) % 240
        known = {"segmentation": third[rows] != 0, "classification": third[rows] != 1}
        targets = {"segmentation": masks[rows], "classification": kinds[rows]}
        terms = loss(network(images[rows]).by_task(), targets, known)
        optimiser.zero_grad()
        terms.total.backward()
        optimiser.step()
    fresh, truth, kind = _lesions(64, seed=2)
    with torch.inference_mode():
        outputs = network.eval()(fresh)
    found = outputs.segmentation.argmax(1)
    dice = float(2 * (found * truth).sum() / (found.sum() + truth.sum()))
    right = float((outputs.classification.argmax(1) == kind).float().mean())
    assert dice > 0.85 and right > 0.85, (dice, right)
    assert all(value > factor for value, factor in zip(weighting.weights().values(), (1.0, 2.0), strict=True)), "losses fell"
