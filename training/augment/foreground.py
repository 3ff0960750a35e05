"""Patches around what is to be learnt: a voxel of a class, or of a single object, drawn from those that the case has."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from training.augment.draws import Draws
from training.data.case import GridCase

_KEPT = 10_000
"""So many voxels of a class are remembered at most, evenly spread, as in nnU-Net: in three dimensions 120 kB."""

_places: WeakKeyDictionary[GridCase, list[Tensor]] = WeakKeyDictionary()


def draw_focus(case: GridCase, share: float, draws: Draws) -> tuple[int, ...] | None:
    """With probability ``share`` the index of a voxel of an object, or of a class where objects aren't told; else None.

    Objects or classes are drawn evenly.
    """
    stream = draws.of("focus") if share else None
    if stream is None or not stream.chance(share):
        return None
    places = _places_of(case)
    if not places:
        return None
    chosen = places[stream.whole(0, len(places) - 1)]
    return tuple(chosen[stream.whole(0, len(chosen) - 1)].tolist())


def _places_of(case: GridCase) -> list[Tensor]:
    """By object or class that the case has, indices int32 (n, dims) of its voxels; found once a case."""
    if case not in _places:
        mask = (case.mask if case.instances is None else case.instances).cpu()
        values = [int(value) for value in torch.unique(mask) if value > 0]
        _places[case] = [_spread(torch.nonzero(mask == value)) for value in values]
    return _places[case]


def _spread(indices: Tensor) -> Tensor:
    if len(indices) > _KEPT:
        indices = indices[torch.linspace(0, len(indices) - 1, _KEPT, dtype=torch.float64).long()]
    return indices.to(torch.int32)
