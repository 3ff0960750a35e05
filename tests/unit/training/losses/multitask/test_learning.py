"""A network learns class, mask and box together, from a seed, in seconds."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.networks.detection import Selection, boxes_of_instances
from inference.networks.detection.geometry.boxes import iou_matrix
from inference.networks.multitask import MultiTask
from training.losses.detection import Targets
from training.losses.dice import dice_loss
from training.losses.multitask import FixedWeights, MultiTaskLoss, TaskLoss, UncertaintyWeights, box_loss

HEADS = {"segmentation": 2, "classification": 2, "detection": 2}


def _lesions(count: int, seed: int) -> tuple[Tensor, Tensor, Tensor, list[Targets]]:
    """Noisy images (count, 1, 24, 24) with a smooth or a ringed disc; masks; 0 smooth, 1 ringed; the disc's box."""
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
    boxes = [Targets(boxes_of_instances(mask.long())[0], torch.ones(1, dtype=torch.int64)) for mask in masks]
    return images[:, None], masks.long(), kinds, boxes


@pytest.mark.heavy
@pytest.mark.parametrize(
    "weighting",
    [
        FixedWeights(dict.fromkeys(HEADS, 1.0)),
        UncertaintyWeights({"segmentation": "plain", "classification": "entropy", "detection": "plain"}),
    ],
    ids=["fixed", "learned"],
)
def test_a_network_learns_class_mask_and_box_together(weighting: nn.Module) -> None:
    """Where a third of the cases lacks the mask, a third the class and a third the box."""
    torch.manual_seed(0)
    boxes = {"pyramid": 16, "convs": 1}
    network = MultiTask(spatial_dims=2, in_channels=1, heads=HEADS, depth=10, width=8, stem="small", boxes=boxes)
    mask_loss = partial(dice_loss, epsilon=1.0, background=False)
    tasks: dict[str, TaskLoss] = {"segmentation": mask_loss, "classification": functional.cross_entropy}
    loss = MultiTaskLoss({**tasks, "detection": box_loss(1)}, weighting)
    optimiser = torch.optim.Adam([*network.parameters(), *loss.parameters()], lr=0.01)
    images, masks, kinds, objects = _lesions(240, seed=1)
    third = torch.arange(240) % 3
    for step in range(45):
        optimiser.param_groups[0]["lr"] = 0.01 * (1 - step / 45)
        rows = torch.arange(8 * step, 8 * step + 8) % 240
        known = {task: third[rows] != number for number, task in enumerate(HEADS)}
        targets = {
            "segmentation": masks[rows],
            "classification": kinds[rows],
            "detection": [objects[row] for row in rows.tolist()],
        }
        terms = loss(network(images[rows]).by_task(), targets, known)
        optimiser.zero_grad()
        terms.total.backward()
        optimiser.step()
    dice, right, found = _figures(network.eval())
    assert dice > 0.85 and right > 0.85 and found > 0.85, (dice, right, found)
    if isinstance(weighting, UncertaintyWeights):
        assert weighting.weights()["segmentation"] > 1, "its loss fell"


def _figures(network: MultiTask) -> tuple[float, float, float]:
    """Dice of the masks, share of right classes, and share of discs whose surest box has IoU above 0.5, on fresh images."""
    fresh, truth, kinds, objects = _lesions(64, seed=2)
    with torch.inference_mode():
        outputs = network(fresh)
    found = outputs.segmentation.argmax(1)
    dice = float(2 * (found * truth).sum() / (found.sum() + truth.sum()))
    best = network.detect(outputs.detection, Selection(score=0.1, most=1))
    hits = [
        len(each) == 1 and float(iou_matrix(each.boxes, there.boxes)) > 0.5 for each, there in zip(best, objects, strict=True)
    ]
    return dice, float((outputs.classification.argmax(1) == kinds).float().mean()), sum(hits) / len(hits)
