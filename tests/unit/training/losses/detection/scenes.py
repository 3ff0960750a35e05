"""Tiny scenes with known objects: bright (label 1) and dark (label 2) discs or balls on noise."""

from __future__ import annotations

import torch
from torch import Tensor

from inference.networks.detection import boxes_of_instances, instance_masks
from training.losses.detection import Targets


def scenes(
    count: int, dims: int, size: int, seed: int, *, most: int = 2, radius: tuple[float, float] = (0.1, 0.2)
) -> tuple[Tensor, list[Targets]]:
    """Pictures (count, 1, [size,] size, size) with 1 to ``most`` objects that don't touch, radii in shares of the size."""
    generator = torch.Generator().manual_seed(seed)
    pictures, targets = [], []
    for _ in range(count):
        wanted = 1 + int(torch.randint(most, (), generator=generator))
        instances, labels = _place(dims, size, wanted, radius, generator)
        brightness = torch.tensor([0.0, *(1.0 if label == 1 else -1.0 for label in labels)])
        noise = 0.3 * torch.randn(instances.shape, generator=generator)
        pictures.append((brightness[instances] + noise)[None])
        boxes, numbers = boxes_of_instances(instances)
        targets.append(Targets(boxes, torch.tensor(labels)[numbers - 1], instance_masks(instances)))
    return torch.stack(pictures), targets


def _place(
    dims: int, size: int, wanted: int, radius: tuple[float, float], generator: torch.Generator
) -> tuple[Tensor, list[int]]:
    """A map of instances and their labels."""
    line = torch.arange(size) + 0.5
    grid = torch.stack(torch.meshgrid(*[line] * dims, indexing="ij"))
    instances = torch.zeros([size] * dims, dtype=torch.int64)
    labels: list[int] = []
    while len(labels) < wanted:
        long = size * (radius[0] + (radius[1] - radius[0]) * float(torch.rand((), generator=generator)))
        centre = long + (size - 2 * long) * torch.rand(dims, generator=generator)
        distance = (grid - centre.view(dims, *[1] * dims)).square().sum(dim=0).sqrt()
        if int(instances[distance <= long + 2].sum()) == 0:
            labels.append(1 + int(torch.randint(2, (), generator=generator)))
            instances[distance <= long] = len(labels)
    return instances, labels
