"""Every detector learns a tiny task: the loss falls and objects of fresh pictures are found, from a seed, in seconds."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from inference.networks.detection import DETECTORS, Detections, Detector, Selection, build_detector, paste
from inference.networks.detection.geometry.boxes import iou_matrix
from tests.unit.training.losses.detection.scenes import scenes
from training.losses.detection import Targets, detection_losses

pytestmark = pytest.mark.heavy

LITTLE: dict[str, Any] = {"depth": 10, "width": 8, "pyramid": 16}
SOLID: dict[str, Any] = {"convs": 1, "anchor": 3.0, "norm": "instance"}
TWO_STAGES: dict[str, Any] = {"hidden": 32, "proposals": 24}
MASKS: dict[str, Any] = {**TWO_STAGES, "mask_pooled": 7, "mask_convs": 1}
# Detector, spatial dimensions, its own arguments, steps of four pictures, learning rate.
TASKS: list[tuple[str, int, dict[str, Any], int, float]] = [
    ("yolo", 2, {"convs": 1}, 60, 0.01),
    ("retinanet", 2, {"convs": 1, "norm": "instance"}, 60, 0.01),
    ("faster-rcnn", 2, TWO_STAGES, 60, 0.01),
    ("mask-rcnn", 2, MASKS, 50, 0.01),
    ("yolo", 3, SOLID, 50, 0.005),
    ("retinanet", 3, SOLID, 50, 0.005),
]
# What must fall in two stages: the second one's terms rise at first, as it gets regions that are harder to tell.
FIRST = ("proposal_object", "proposal_box")


def _fit(network: Detector, images: Tensor, targets: list[Targets], steps: int, rate: float) -> list[float]:
    """Adam on batches of four in turn, at a rate that falls straight; the loss of each step (of two stages, the first's)."""
    optimiser, generator = torch.optim.Adam(network.parameters(), lr=rate), torch.Generator().manual_seed(0)
    losses = []
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = rate * (1 - step / steps)
        chosen = [place % len(images) for place in range(4 * step, 4 * step + 4)]
        terms = detection_losses(network, network(images[chosen]), [targets[place] for place in chosen], generator)
        loss = torch.stack(list(terms.values())).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(sum(float(value.detach()) for key, value in terms.items() if key in FIRST or not set(FIRST) <= set(terms)))
    return losses


def _pairs(found: list[Detections], targets: list[Targets]) -> list[tuple[int, int, int] | None]:
    """For each object, (image, detection, object) of the best box of its label with IoU above 0.5, else None."""
    pairs: list[tuple[int, int, int] | None] = []
    for image, (each, truth) in enumerate(zip(found, targets, strict=True)):
        fit = torch.where(each.labels[:, None] == truth.labels[None], iou_matrix(each.boxes, truth.boxes), 0.0)
        for place in range(len(truth)):
            best = int(fit[:, place].argmax()) if len(each) else -1
            pairs.append((image, best, place) if best >= 0 and float(fit[best, place]) > 0.5 else None)
    return pairs


def _recall(found: list[Detections], targets: list[Targets]) -> float:
    pairs = _pairs(found, targets)
    return sum(pair is not None for pair in pairs) / len(pairs)


def test_no_detector_is_left_out() -> None:
    assert {entry[0] for entry in TASKS} == set(DETECTORS)


@pytest.mark.parametrize(("name", "dims", "given", "steps", "rate"), TASKS, ids=[f"{entry[0]}-{entry[1]}d" for entry in TASKS])
def test_finds_bright_and_dark_discs(name: str, dims: int, given: dict[str, Any], steps: int, rate: float) -> None:
    torch.manual_seed(0)
    network = build_detector(name, {"spatial_dims": dims, "in_channels": 1, "out_channels": 3, **LITTLE, **given})
    size, radius = (64, (0.1, 0.2)) if dims == 2 else (32, (0.16, 0.26))
    fresh, truth = scenes(16, dims, size, seed=2, radius=radius)
    sure = Selection(score=0.3, most=4)
    before = _recall(network.eval().detect(fresh, sure), truth)
    losses = _fit(network.train(), *scenes(96, dims, size, seed=1, radius=radius), steps, rate)
    found = network.eval().detect(fresh, sure)
    after = _recall(found, truth)
    assert before < 0.1
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5]), losses
    assert after > (0.6 if dims == 2 else 0.4), (after, [len(each) for each in found])
    if name == "mask-rcnn":
        assert _mask_dice(found, truth, size) > 0.7


def _mask_dice(found: list[Detections], truth: list[Targets], size: int) -> float:
    """Mean Dice of the masks of the objects that were found."""
    shares = []
    for pair in _pairs(found, truth):
        if pair is not None:
            image, place, wanted = pair
            masks, whole = found[image].masks, truth[image].masks
            assert masks is not None and whole is not None
            guess, there = paste(masks[[place]], found[image].boxes[[place]], (size, size))[0], whole[wanted]
            shares.append(float(2 * (guess & there).sum() / (guess.sum() + there.sum())))
    return sum(shares) / len(shares)
