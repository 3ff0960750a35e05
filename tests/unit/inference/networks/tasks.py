"""Tiny tasks with known answers: mark small and large discs; tell discs from squares."""

from __future__ import annotations

import torch
from torch import Tensor


def _grid(dims: int, size: int) -> Tensor:
    """Positions (1, dims, [size,] size, size)."""
    line = torch.arange(size, dtype=torch.float32)
    return torch.stack(torch.meshgrid(*[line] * dims, indexing="ij"))[None]


def _place(count: int, dims: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    """Centres (count, dims, 1, …)."""
    return (low + (high - low) * torch.rand((count, dims), generator=generator)).view(count, dims, *[1] * dims)


def discs(count: int, dims: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
    """Noisy pictures (count, 1, …) of one small and one large bright disc (balls in 3-D), and their labels 1 and 2.

    In 2-D nothing but the size tells the two apart; in 3-D, where a step takes long, the small one is brighter too. They lie in
    opposite halves of the last axis, at random which.
    """
    generator = torch.Generator().manual_seed(seed)
    grid = _grid(dims, size)
    labels = torch.zeros((count, *[size] * dims), dtype=torch.int64)
    swap = torch.rand(count, generator=generator) < 0.5
    small, large = (0.11, 0.2) if dims == 2 else (0.14, 0.24)
    for label, radius in ((1, small * size), (2, large * size)):
        centre = _place(count, dims, 0.3 * size, 0.7 * size, generator)
        left = swap if label == 1 else ~swap
        centre[:, -1].view(count)[:] = torch.where(left, 0.24 * size, 0.76 * size)
        distance = (grid - centre).square().sum(dim=1).sqrt()
        labels[distance <= radius] = label
    noise = 0.3 * torch.randn(labels.shape, generator=generator)
    brightness = torch.tensor([0.0, 1.0 if dims == 2 else 1.6, 1.0])
    return (brightness[labels] + noise)[:, None], labels


def shapes(count: int, dims: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
    """Noisy pictures (count, 1, …) of a disc (class 1) or a square of the same area (class 2) at a random place."""
    generator = torch.Generator().manual_seed(seed)
    grid = _grid(dims, size)
    offset = grid - _place(count, dims, 0.4 * size, 0.6 * size, generator)
    classes = 1 + (torch.rand(count, generator=generator) < 0.5).to(torch.int64)
    radius = 0.3 * size
    half_side = radius * (torch.pi**0.5 / 2 if dims == 2 else (4 * torch.pi / 3) ** (1 / 3) / 2)
    disc = offset.square().sum(dim=1).sqrt() <= radius
    square = offset.abs().amax(dim=1) <= half_side
    chosen = torch.where((classes == 1).view(count, *[1] * dims), disc, square)
    return (chosen.float() + 0.3 * torch.randn(chosen.shape, generator=generator))[:, None], classes
