"""An ellipse in a picture: where a pixel lies relative to it, and its circumference in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from training.phantom.shapes import Field


@dataclass(frozen=True)
class Ellipse:
    """Centre (row, column) and half-axes in pixels; ``angle`` in radians from the columns' direction to the first half-axis."""

    centre: tuple[float, float]
    half: tuple[float, float]
    angle: float = 0.0

    @property
    def circumference(self) -> float:
        """In pixels: 4 a E(m), the complete elliptic integral of the second kind with m = 1 - b^2 / a^2."""
        long, short = max(self.half), min(self.half)
        return 4 * long * float(special.ellipe(1 - (short / long) ** 2))

    def along(self, size: tuple[int, int]) -> tuple[Field, Field]:
        """Each pixel's place (J, I) along both half-axes, in pixels."""
        rows, columns = np.indices(size, dtype=np.float64)
        down, right = rows - self.centre[0], columns - self.centre[1]
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return cos * right + sin * down, cos * down - sin * right

    def distance(self, size: tuple[int, int]) -> Field:
        """Signed distance (J, I) in pixels, negative inside; exact at the outline to first order."""
        u, v = self.along(size)
        reach = np.hypot(u / self.half[0], v / self.half[1])
        slope = np.hypot(u / self.half[0] ** 2, v / self.half[1] ** 2)
        distance: Field = reach * (reach - 1) / np.maximum(slope, 1e-9)
        return distance
