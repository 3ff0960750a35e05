"""How far a measured length is from the true one (Bland and Altman, Lancet 1986;327:307-310)."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Agreement:
    """Differences measured - true, in millimetres.

    ``low`` and ``high`` are the 95 % limits of agreement, bias ± 1.96 standard deviations (N - 1); NaN of fewer than two.
    """

    cases: int
    bias_mm: float
    mean_absolute_mm: float
    median_absolute_mm: float
    deviation_mm: float
    low_mm: float
    high_mm: float

    def document(self) -> dict[str, float | int | None]:
        """For JSON, to four digits after the point."""
        return {key: None if math.isnan(value) else round(value, 4) for key, value in asdict(self).items()}


def agreement(measured_mm: NDArray[np.float64], true_mm: NDArray[np.float64]) -> Agreement:
    """Agreement of two (N,) arrays, N at least 1."""
    differences = measured_mm - true_mm
    bias = float(differences.mean())
    deviation = float(differences.std(ddof=1)) if differences.size > 1 else float("nan")
    return Agreement(
        cases=differences.size,
        bias_mm=bias,
        mean_absolute_mm=float(np.abs(differences).mean()),
        median_absolute_mm=float(np.median(np.abs(differences))),
        deviation_mm=deviation,
        low_mm=bias - 1.96 * deviation,
        high_mm=bias + 1.96 * deviation,
    )
