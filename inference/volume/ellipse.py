"""The ellipse that a mask in an image stands for, and its circumference.

The ellipse is the one whose filled area has the mask's centre and second central moments: a filled ellipse with semi-axes
a and b has variances a²/4 and b²/4 along them. It uses every pixel of the mask, so that a frayed rim moves it little.

The pixels count as points at their centres. A mask says whether a pixel's *centre* is inside (that is how an outline is
filled and how classes win a pixel), and sums over the grid points inside a shape estimate its moments without bias; to add the
1/12 of a squared pixel that a pixel taken as a square has would make every ellipse too large.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Ellipse:
    """An ellipse in an image.

    Attributes
    ----------
    centre : (row, column), fractional pixel indices from 0; whole numbers are pixel centres.
    semi_major_mm, semi_minor_mm : a >= b >= 0.
    angle_rad : of the major axis, from the direction of rising column towards that of rising row, in [0, pi).
    """

    centre: tuple[float, float]
    semi_major_mm: float
    semi_minor_mm: float
    angle_rad: float

    @property
    def circumference_mm(self) -> float:
        """By the second approximation of S. Ramanujan, Modular equations and approximations to pi (1914).

        Relative error below 2e-5 for b/a from 0.1 on, and 4e-4 at worst (b = 0).
        """
        a, b = self.semi_major_mm, self.semi_minor_mm
        if a == 0.0:
            return 0.0
        h = ((a - b) / (a + b)) ** 2
        return math.pi * (a + b) * (1 + 3 * h / (10 + math.sqrt(4 - 3 * h)))


def ellipse_of(mask: NDArray[np.bool_], spacing_mm: tuple[float, float]) -> Ellipse:
    """The ellipse with the mask's moments up to the second.

    Parameters
    ----------
    mask : bool (J, I), rows and columns; several parts count as one.
    spacing_mm : distance between rows, between columns (the order of Pixel Spacing, PS3.3 10.7.1.3).

    Raises
    ------
    ValueError
        The mask is empty or has other than two axes.
    """
    if mask.ndim != 2 or not mask.any():
        raise ValueError("mask: needs two axes and a pixel that is set")
    rows, columns = np.nonzero(mask)
    centre = float(rows.mean()), float(columns.mean())
    y_mm, x_mm = (rows - centre[0]) * spacing_mm[0], (columns - centre[1]) * spacing_mm[1]
    xx, xy, yy = float((x_mm**2).mean()), float((x_mm * y_mm).mean()), float((y_mm**2).mean())
    middle, half = (xx + yy) / 2, math.hypot((xx - yy) / 2, xy)
    return Ellipse(
        centre=centre,
        semi_major_mm=2 * math.sqrt(middle + half),
        semi_minor_mm=2 * math.sqrt(max(0.0, middle - half)),
        angle_rad=(0.5 * math.atan2(2 * xy, xx - yy)) % math.pi,
    )


def circumference_mm(mask: NDArray[np.bool_], spacing_mm: tuple[float, float]) -> float:
    """Circumference of ``ellipse_of(mask, spacing_mm)``."""
    return ellipse_of(mask, spacing_mm).circumference_mm
