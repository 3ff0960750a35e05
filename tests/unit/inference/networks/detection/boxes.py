"""Random boxes, and what a pair of them has in common by counting."""

from __future__ import annotations

import torch
from hypothesis import strategies as st
from torch import Tensor


def random_boxes(count: int, dims: int, seed: int, *, extent: float = 30.0, longest: float = 12.0) -> Tensor:
    """Boxes (count, 2 dims) of double precision with sides from 1."""
    generator = torch.Generator().manual_seed(seed)
    lower = (extent - longest) * torch.rand((count, dims), generator=generator, dtype=torch.float64)
    side = 1 + (longest - 1) * torch.rand((count, dims), generator=generator, dtype=torch.float64)
    return torch.cat([lower, lower + side], dim=1)


def whole_boxes(dims: int, most: int = 6, size: int = 7) -> st.SearchStrategy[list[list[int]]]:
    """Lists of boxes with whole corners in a grid of ``size``; some have no extent."""
    pair = st.tuples(st.integers(0, size), st.integers(0, size)).map(sorted)
    box = st.lists(pair, min_size=dims, max_size=dims).map(lambda sides: [s[0] for s in sides] + [s[1] for s in sides])
    return st.lists(box, max_size=most)


def drawn(box: Tensor, size: int = 7) -> Tensor:
    """The voxels of a box with whole corners: bool (size, size[, size])."""
    dims = len(box) // 2
    image = torch.zeros([size] * dims, dtype=torch.bool)
    image[tuple(slice(int(box[axis]), int(box[dims + axis])) for axis in range(dims))] = True
    return image
