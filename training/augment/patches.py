"""Augmentation as torch operations on one case at a time, every draw from one generator.

A patch is read from the case through a single ``grid_sample`` that holds mirroring, rotation, scaling, shift and elastic
deformation together, so voxels are interpolated once. Labels go through the same grid as class shares, then the largest wins.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from training.recipe.augment import Augment

_MODES = {2: "bilinear", 3: "trilinear"}


def _uniform(low: float, high: float, generator: Generator) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))


def _rotation(dims: int, limit_deg: float, generator: Generator) -> Tensor:
    """A (dims, dims) rotation: the product of one turn in each plane of axes, each within ``limit_deg``."""
    matrix = torch.eye(dims)
    for first in range(dims):
        for second in range(first + 1, dims):
            angle = math.radians(_uniform(-limit_deg, limit_deg, generator))
            turn = torch.eye(dims)
            turn[first, first] = turn[second, second] = math.cos(angle)
            turn[first, second], turn[second, first] = -math.sin(angle), math.sin(angle)
            matrix = matrix @ turn
    return matrix


def sampling_grid(source: Sequence[int], patch: Sequence[int], rules: Augment, generator: Generator) -> Tensor:
    """Where each voxel of the patch lies in the source.

    Returns
    -------
    Tensor (1, *patch, dims) for ``grid_sample`` with ``align_corners=False``: last axis in (i, j[, k]) order, -1..1.
    """
    dims = len(patch)
    axes = [torch.arange(n, dtype=torch.float32) - (n - 1) / 2 for n in patch]
    place = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    factors = torch.tensor([1 / _uniform(*rules.scale, generator) for _ in range(dims)])
    for axis in rules.mirror_axes:
        factors[axis] *= -1.0 if _uniform(0, 1, generator) < 0.5 else 1.0
    place = (place * factors) @ _rotation(dims, rules.rotate_deg, generator).T
    if rules.elastic_voxels:
        place = place + _elastic(patch, rules, generator)
    place = place + torch.tensor([_centre(n, p, rules.shift_voxels, generator) for n, p in zip(source, patch, strict=True)])
    normal = (2 * place + 1) / torch.tensor([float(n) for n in source]) - 1
    return normal.flip(-1)[None]


def _centre(size: int, patch: int, shift: float, generator: Generator) -> float:
    """The patch's centre in source indices: anywhere the patch still lies inside, give or take ``shift`` voxels."""
    slack = abs(size - patch) / 2 + shift
    return (size - 1) / 2 + _uniform(-slack, slack, generator)


def _elastic(patch: Sequence[int], rules: Augment, generator: Generator) -> Tensor:
    """A smooth displacement in voxels (*patch, dims): normal at coarse nodes, interpolated between them."""
    dims = len(patch)
    strength = _uniform(0, rules.elastic_voxels, generator)
    nodes = torch.randn((1, dims, *[rules.elastic_nodes] * dims), generator=generator) * strength
    return F.interpolate(nodes, size=tuple(patch), mode=_MODES[dims], align_corners=True)[0].movedim(0, -1)


def change_intensity(image: Tensor, rules: Augment, generator: Generator) -> Tensor:
    """Gamma, contrast, brightness, loss of resolution and noise on a patch (C, *spatial)."""
    low, high = float(image.min()), float(image.max())
    if high > low:
        image = ((image - low) / (high - low)) ** _uniform(*rules.gamma, generator) * (high - low) + low
    mean = image.mean()
    image = (image - mean) * _uniform(*rules.contrast, generator) + mean
    image = image + _uniform(-rules.brightness, rules.brightness, generator)
    if _uniform(0, 1, generator) < rules.coarsen:
        image = _coarsen(image, _uniform(1.0, 2.0, generator))
    return image + torch.randn(image.shape, generator=generator) * _uniform(0, rules.noise, generator)


def _coarsen(image: Tensor, factor: float) -> Tensor:
    """As if taken with voxels ``factor`` times as large."""
    size = tuple(image.shape[1:])
    mode = _MODES[len(size)]
    small = F.interpolate(image[None], size=tuple(max(1, round(n / factor)) for n in size), mode=mode, align_corners=False)
    return F.interpolate(small, size=size, mode=mode, align_corners=False)[0]


def draw_patch(
    image: Tensor, target: Tensor, classes: int, patch: Sequence[int], rules: Augment, generator: Generator
) -> tuple[Tensor, Tensor]:
    """One augmented patch of a case.

    Parameters
    ----------
    image, target : float32 (C, *spatial) and uint8 (*spatial) on the model's grid.
    generator : the only source of chance.

    Returns
    -------
    float32 (C, *patch) and int64 (*patch). Outside the case the image is 0 and the target background.
    """
    grid = sampling_grid(target.shape, patch, rules, generator)
    sampled = F.grid_sample(image[None], grid, mode="bilinear", padding_mode="zeros", align_corners=False)[0]
    shares = F.one_hot(target.long(), classes).movedim(-1, 0)[1:].float()
    covered = F.grid_sample(shares[None], grid, mode="bilinear", padding_mode="zeros", align_corners=False)[0]
    background = 1 - covered.sum(0, keepdim=True)
    return change_intensity(sampled, rules, generator), torch.cat([background, covered]).argmax(0)
