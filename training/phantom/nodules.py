"""Nodules in the lungs of a phantom: uneven balls of soft tissue with partial volume, each an object of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

from training.phantom.body import Phantom

LUNGS = (1, 2)
"""Their labels in a phantom."""

_STREAM = 77
_TRIES = 40
_APART_MM = 4.0
_WAVES = 4


@dataclass(frozen=True)
class NoduleRules:
    """How many (from, to), how large (diameter in mm, from, to), how dense (HU, from, to), how uneven (share of the radius)."""

    count: tuple[int, int]
    diameter_mm: tuple[float, float]
    hu: tuple[float, float]
    uneven: float


def paint_nodules(phantom: Phantom, rules: NoduleRules, seed: int) -> NDArray[np.uint16]:
    """Paint nodules into the lungs, in place; they never touch each other.

    Small ones are as frequent as large ones by the logarithm of their diameter. A place is sought where the ball lies in the lung
    for the most part; where none is found in some tries, there is one nodule less.

    Returns
    -------
    (K, J, I), the number of the nodule that covers half of a voxel or more, from 1; 0 for none. The phantom's labels stay.
    """
    generator = np.random.default_rng((seed, _STREAM))
    lungs = np.isin(phantom.labels_kji, LUNGS)
    spacing = np.abs(np.diag(phantom.affine_lps_mm)[2::-1])
    depth_mm = ndimage.distance_transform_edt(lungs, sampling=spacing)
    instances = np.zeros(lungs.shape, dtype=np.uint16)
    number = 0
    for _ in range(int(generator.integers(rules.count[0], rules.count[1] + 1))):
        radius_mm = float(np.exp(generator.uniform(*np.log(rules.diameter_mm)))) / 2
        centre = _centre(depth_mm, instances, radius_mm, spacing, generator)
        if centre is None:
            continue
        window, cover = _ball(centre, radius_mm, spacing, rules.uneven, lungs.shape, generator)
        if not (cover >= 0.5).any():  # smaller than a voxel and between several
            continue
        number += 1
        voxels = phantom.voxels_kji[window]
        voxels += cover * (generator.uniform(*rules.hu) - ndimage.uniform_filter(voxels, 3))  # keeps the noise
        instances[window][cover >= 0.5] = number
    np.clip(np.rint(phantom.voxels_kji), -1024, 3071, out=phantom.voxels_kji)
    return instances


def _centre(
    depth_mm: NDArray[np.float64], taken: NDArray[np.uint16], radius_mm: float, spacing: NDArray[np.float64], generator: Generator
) -> NDArray[np.float64] | None:
    """A place (k, j, i), not on a voxel's centre, half a radius deep in the lung and away from other nodules."""
    places = np.argwhere(depth_mm > 0.5 * radius_mm)
    others = np.argwhere(taken > 0) * spacing
    for _ in range(_TRIES if len(places) else 0):
        centre = places[generator.integers(len(places))] + generator.uniform(-0.5, 0.5, 3)
        if not len(others) or np.linalg.norm(others - centre * spacing, axis=1).min() > 1.3 * radius_mm + _APART_MM:
            return np.asarray(centre)
    return None


def _ball(
    centre: NDArray[np.float64],
    radius_mm: float,
    spacing: NDArray[np.float64],
    uneven: float,
    size: tuple[int, ...],
    generator: Generator,
) -> tuple[tuple[slice, ...], NDArray[np.float64]]:
    """A window of the volume, and how much of each of its voxels the nodule fills, 0 to 1.

    The radius varies with the direction by a few plane waves over the sphere.
    """
    reach = radius_mm * (1 + 2 * uneven) / spacing + 1.5
    low, high = np.floor(centre - reach).astype(int), np.ceil(centre + reach).astype(int) + 1
    window = tuple(slice(max(0, a), min(n, b)) for a, b, n in zip(low, high, size, strict=True))
    axes = [(np.arange(w.start, w.stop) - c) * s for w, c, s in zip(window, centre, spacing, strict=True)]
    offset = np.stack(np.meshgrid(*axes, indexing="ij"))
    distance = np.sqrt((offset**2).sum(0))
    direction = offset / np.maximum(distance, 1e-9)
    waves = np.zeros(distance.shape)
    for _ in range(_WAVES):
        along, phase = generator.normal(size=3), generator.uniform(0, 2 * np.pi)
        waves += np.cos(2 * np.tensordot(along, direction, axes=1) + phase) / _WAVES
    rim_mm = float(spacing.mean())
    return window, np.clip(0.5 - (distance - radius_mm * (1 + 2 * uneven * waves)) / rim_mm, 0, 1)
