"""Pictures of people who don't exist, for tests and demonstrations where no data is at hand. The seed decides everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.random import Generator

from training.phantom.breast import draw_breast
from training.phantom.chest import draw_chest
from training.phantom.fetal_head import draw_fetal_head
from training.phantom.picture import Picture

PictureKind = Literal["fetal-head", "breast", "chest"]

_DRAW: dict[PictureKind, Callable[[Generator, tuple[int, int], int | None], Picture]] = {
    "fetal-head": draw_fetal_head,
    "breast": draw_breast,
    "chest": draw_chest,
}
_SIZES: dict[PictureKind, tuple[int, int]] = {"fetal-head": (270, 400), "breast": (200, 256), "chest": (64, 64)}
CLASSES: dict[PictureKind, int] = {"fetal-head": 0, "breast": 3, "chest": 2}
"""How many classes a kind tells apart."""


def make_picture(kind: PictureKind, seed: int, size_ji: tuple[int, int] | None = None, class_index: int | None = None) -> Picture:
    """Draw one picture.

    Parameters
    ----------
    size_ji : rows and columns, 32 or more each; None: as is usual for the kind.
    class_index : what to show; None: drawn. Ignored where a kind has no classes.
    """
    size = size_ji or _SIZES[kind]
    if min(size) < 32:
        raise ValueError(f"a picture of {size[0]} x {size[1]} pixels is too small to hold anything; 32 at least")
    if class_index is not None and CLASSES[kind] and not 0 <= class_index < CLASSES[kind]:
        raise ValueError(f"{kind} has no class {class_index}")
    return _DRAW[kind](np.random.default_rng((seed, sum(kind.encode()))), size, class_index)
