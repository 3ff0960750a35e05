"""Which of the matched boxes a step learns from."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from inference.networks.detection.geometry.matching import BACKGROUND


def balanced(matches: Tensor, most: int, share: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """A random choice of at most ``most`` matched and background boxes; the ignored are never chosen.

    Parameters
    ----------
    matches : int64 (P,) of `matching`.
    share : of ``most``, how many may at most be objects; background fills the rest.
    generator : on the CPU, so that a seed means the same on every device.

    Returns
    -------
    int64 indices of objects and of background, each ascending.
    """
    objects = _some(torch.nonzero(matches >= 0).flatten(), int(most * share), generator)
    background = torch.nonzero(matches == BACKGROUND).flatten()
    return objects, _some(background, most - len(objects), generator)


def _some(indices: Tensor, most: int, generator: Generator) -> Tensor:
    if len(indices) <= most:
        return indices
    chosen = torch.randperm(len(indices), generator=generator)[:most].sort().values
    return indices[chosen.to(indices.device)]
