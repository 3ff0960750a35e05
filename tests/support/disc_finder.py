"""A detection package that finds bright discs: a small Mask R-CNN, fitted from a seed in some seven CPU-seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from inference.networks import build
from inference.networks.detection import Detector, boxes_of_instances, instance_masks
from tests.support.tiny_detector import arguments_of, write_tiny_detector
from training.losses.detection import Targets, detection_losses

SIDE = 48
"""Pixels of the network's window on each axis."""

DARK, BRIGHT, NOISE = 0.2, 0.8, 0.05
_MORE: dict[str, Any] = {"width": 8, "pyramid": 16, "finest": 2, "hidden": 64, "mask_pooled": 7, "proposals": 16}
_STEPS, _BATCH, _RATE, _PICTURES = 60, 4, 0.006, 64


def write_disc_finder(folder: Path, **changes: Any) -> Path:
    """Fit the network and write its package, which takes US images of any size; ``changes`` go over the manifest."""
    grid = {"spacing_mm": None, "patch": [SIDE, SIDE], "minimum_multiple": 16, "fit": "stretch"}
    detection = {"thresholds": [0.5], "overlap": 0.3}
    given = {"name": "disc-finder", "grid": grid, **changes}
    return write_tiny_detector(folder, "mask-rcnn", arguments=_MORE, states=(_fitted(),), detection=detection, **given)


def _fitted() -> dict[str, Tensor]:
    torch.manual_seed(0)
    network = build("mask-rcnn", arguments_of("mask-rcnn", 2, 1, **_MORE))
    assert isinstance(network, Detector)
    generator = torch.Generator().manual_seed(1)
    drawn = [_picture(generator) for _ in range(_PICTURES)]
    optimiser = torch.optim.Adam(network.parameters(), lr=_RATE)
    for step in range(_STEPS):
        optimiser.param_groups[0]["lr"] = _RATE * (1 - step / _STEPS)
        batch = [drawn[place % _PICTURES] for place in range(_BATCH * step, _BATCH * (step + 1))]
        terms = detection_losses(network, network(torch.stack([b[0] for b in batch])), [b[1] for b in batch], generator)
        optimiser.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimiser.step()
    return network.state_dict()


def _picture(generator: torch.Generator) -> tuple[Tensor, Targets]:
    """None, one or two discs that don't touch, on noise."""
    line = torch.arange(SIDE) + 0.5
    instances, wanted = torch.zeros((SIDE, SIDE), dtype=torch.int64), int(torch.randint(3, (), generator=generator))
    count = 0
    while count < wanted:
        radius = SIDE * (0.12 + 0.08 * float(torch.rand((), generator=generator)))
        j, i = (radius + (SIDE - 2 * radius) * torch.rand(2, generator=generator)).tolist()
        distance = ((line[:, None] - j) ** 2 + (line[None] - i) ** 2).sqrt()
        if int(instances[distance <= radius + 2].sum()) == 0:
            count += 1
            instances[distance <= radius] = count
    picture = torch.where(instances > 0, BRIGHT, DARK) + NOISE * torch.randn(instances.shape, generator=generator)
    boxes, numbers = boxes_of_instances(instances)
    return picture[None], Targets(boxes, torch.ones(len(numbers), dtype=torch.int64), instance_masks(instances))
