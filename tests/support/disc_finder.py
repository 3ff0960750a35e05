"""Detection packages that find bright discs (Mask R-CNN) or balls (YOLO): small, fitted from a seed in some seven CPU-seconds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from inference.networks import build
from inference.networks.detection import Detector, boxes_of_instances, instance_masks
from tests.support.tiny_detector import arguments_of, write_tiny_detector
from training.losses.detection import Targets, detection_losses

SPACING_MM = 2.0
"""Of the grid on which balls are found."""

DARK, BRIGHT, NOISE = 0.2, 0.8, 0.05
_BATCH, _PICTURES = 4, 64


@dataclass(frozen=True)
class _Task:
    """A network, what it is shown, how long and at what rate; sides and radii are in pixels of its window."""

    network: str
    dims: int
    side: int
    radius: tuple[float, float]
    most: int
    steps: int
    rate: float
    arguments: dict[str, Any]


_DISCS = _Task(
    "mask-rcnn", 2, 48, (5.76, 9.6), 2, 60, 0.006,
    {"width": 8, "pyramid": 16, "finest": 2, "hidden": 64, "mask_pooled": 7, "proposals": 16},
)  # fmt: skip
_BALLS = _Task(
    "yolo", 3, 32, (4.0, 6.0), 4, 80, 0.01, {"pyramid": 16, "finest": 2, "convs": 1, "anchor": 2.5, "norm": "instance"}
)  # fmt: skip


def write_disc_finder(folder: Path, **changes: Any) -> Path:
    """Fit the network and write its package, which takes US images of any size; ``changes`` go over the manifest."""
    grid = {"spacing_mm": None, "patch": [_DISCS.side] * 2, "minimum_multiple": 16, "fit": "stretch"}
    return _written(folder, _DISCS, 0.5, {"name": "disc-finder", "grid": grid, **changes})


def write_ball_finder(folder: Path, **changes: Any) -> Path:
    """The same for CT of -1000 to 1000 HU, with balls of 16 to 24 mm across."""
    grid = {"spacing_mm": [SPACING_MM] * 3, "patch": [_BALLS.side] * 3, "minimum_multiple": 16}
    window = {"kind": "window", "lower": -1000.0, "upper": 1000.0}
    return _written(folder, _BALLS, 0.3, {"name": "ball-finder", "modality": "CT", "grid": grid, "intensity": window, **changes})


def _written(folder: Path, task: _Task, threshold: float, given: dict[str, Any]) -> Path:
    rules = {"thresholds": [threshold], "overlap": 0.3}
    made: dict[str, Any] = {
        "dims": task.dims,
        "arguments": task.arguments,
        "states": (_fitted(task),),
        "detection": rules,
        **given,
    }
    return write_tiny_detector(folder, task.network, **made)


def _fitted(task: _Task) -> dict[str, Tensor]:
    torch.manual_seed(0)
    network = build(task.network, arguments_of(task.network, task.dims, 1, **task.arguments))
    assert isinstance(network, Detector)
    generator = torch.Generator().manual_seed(1)
    drawn = [_picture(task, generator) for _ in range(_PICTURES)]
    optimiser = torch.optim.Adam(network.parameters(), lr=task.rate)
    for step in range(task.steps):
        optimiser.param_groups[0]["lr"] = task.rate * (1 - step / task.steps)
        batch = [drawn[place % _PICTURES] for place in range(_BATCH * step, _BATCH * (step + 1))]
        terms = detection_losses(network, network(torch.stack([b[0] for b in batch])), [b[1] for b in batch], generator)
        optimiser.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimiser.step()
    return network.state_dict()


def _picture(task: _Task, generator: torch.Generator) -> tuple[Tensor, Targets]:
    """Some objects that don't touch, or none, on noise."""
    axes = torch.meshgrid(*[torch.arange(task.side) + 0.5] * task.dims, indexing="ij")
    instances = torch.zeros([task.side] * task.dims, dtype=torch.int64)
    wanted, least, span = (
        int(torch.randint(task.most + 1, (), generator=generator)),
        task.radius[0],
        task.radius[1] - task.radius[0],
    )
    count = 0
    while count < wanted:
        radius = least + span * float(torch.rand((), generator=generator))
        middle = (radius + (task.side - 2 * radius) * torch.rand(task.dims, generator=generator)).tolist()
        distance = torch.stack([(axis - m) ** 2 for axis, m in zip(axes, middle, strict=True)]).sum(dim=0).sqrt()
        if int(instances[distance <= radius + 2].sum()) == 0:
            count += 1
            instances[distance <= radius] = count
    picture = torch.where(instances > 0, BRIGHT, DARK) + NOISE * torch.randn(instances.shape, generator=generator)
    boxes, numbers = boxes_of_instances(instances)
    return picture[None], Targets(boxes, torch.ones(len(numbers), dtype=torch.int64), instance_masks(instances))
