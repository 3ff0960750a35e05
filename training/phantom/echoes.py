"""What phantoms of ultrasound have in common: speckle, shadows below what absorbs, the sector, and logarithmic grey values.

An echo map holds how strongly each point scatters; what is seen is that times a Rayleigh-distributed amplitude, in decibels.
Rows run away from the probe. Absent on purpose: beams that widen with depth, reverberations.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

from training.phantom.shapes import Field

_RANGE_DB = 48.0
_GRAIN = (0.9, 1.7)


def speckle(generator: Generator, size: tuple[int, int]) -> Field:
    """Amplitudes (J, I) of mean square 1: the modulus of complex noise, wider along rows than along columns."""
    parts = [ndimage.gaussian_filter(generator.standard_normal(size), _GRAIN, mode="wrap") for _ in range(2)]
    modulus = np.hypot(*parts)
    amplitude: Field = modulus / np.sqrt(np.mean(modulus**2))
    return amplitude


def unevenness(generator: Generator, size: tuple[int, int], grain: float | tuple[float, float], spread: float) -> Field:
    """A slow random factor (J, I) about 1, log-normal, ``grain`` pixels wide (by axis where it is a pair)."""
    width = np.maximum(1, np.round(2 * np.broadcast_to(np.asarray(grain), 2))).astype(int).tolist()
    field = generator.standard_normal(size)
    for _ in range(3):  # nearly a Gaussian, at a cost that doesn't grow with its width
        field = ndimage.uniform_filter(field, width, mode="reflect")
    factor: Field = np.exp(spread * field / max(float(field.std()), 1e-9))
    return factor


def shadows(absorption: Field, strength: float) -> Field:
    """What is left (J, I) of the beam below what absorbs it, column by column."""
    left = np.exp(-strength * (np.cumsum(absorption, axis=0) - absorption))
    smooth: Field = ndimage.gaussian_filter1d(left, 2.0, axis=1)
    return smooth


def sector(generator: Generator, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which pixels (J, I) a curved probe above the image reaches."""
    rows, columns = np.indices(size, dtype=np.float64)
    above = size[0] * generator.uniform(1.2, 2.5)
    half = size[1] / 2 * generator.uniform(0.95, 1.15)
    reach = (size[0] + above) * generator.uniform(1.0, 1.1)
    across = np.abs(columns - (size[1] - 1) / 2)
    inside: NDArray[np.bool_] = (across <= half * (rows + above) / (size[0] * 0.5 + above)) & (
        np.hypot(across, rows + above) <= reach
    )
    return inside


def as_grey(generator: Generator, echo: Field) -> NDArray[np.uint8]:
    """Grey values 0 to 255 (J, I) of an echo map, where 1 is strong tissue."""
    seen = np.maximum(echo, 0) * speckle(generator, (echo.shape[0], echo.shape[1])) + 1e-6
    share = 1 + 20 * np.log10(seen / 2.5) / _RANGE_DB
    grey: NDArray[np.uint8] = np.round(255 * np.clip(share, 0, 1)).astype(np.uint8)
    return grey
