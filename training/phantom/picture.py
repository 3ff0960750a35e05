"""What a generator of pictures gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Picture:
    """One grey image with what is true of it.

    Attributes
    ----------
    pixels : uint8 (J, I), rows from top to bottom. mask : uint8 (J, I), 0 or 1. class_index : None where there are no classes.
    spacing_mm : side of a pixel. truths : measured by the generator itself, in closed form.
    """

    pixels: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    class_index: int | None
    spacing_mm: float
    truths: Mapping[str, float] = field(default_factory=dict)
