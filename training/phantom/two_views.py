"""Phantoms in two series on grids of their own, of which neither alone tells what is marked.

``mr`` is fine and shows bodies by their edges; ``pet`` is coarse and blurred, and shows them by their uptake. Of the bodies of a
phantom some show in both (the marked ones), some in ``mr`` alone and some in ``pet`` alone, all drawn alike: whoever sees one
series can find the bodies in it, and can but guess which of them the other shows too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Affine = NDArray[np.float64]

MR_SIZE_KJI, MR_SPACING_MM_KJI = (20, 32, 32), (3.0, 2.0, 2.0)
PET_SIZE_KJI, PET_SPACING_MM_KJI = (18, 20, 20), (4.0, 4.0, 4.0)
_RADII_MM = (5.5, 9.0)
_GAP_MM = 2.0
_RIM_MM = 7.0
_BLUR_MM = 2.5
_TRIES = 400
_NOISE, _SHADE, _BRIGHT = 0.25, 0.4, 1.5
_KINDS = ("both", "mr", "mr", "pet", "pet")


@dataclass(frozen=True, eq=False)
class View:
    """One series: voxels float32 (K, J, I) without a unit, index (i, j, k, 1) to LPS millimetres."""

    voxels_kji: NDArray[np.float32]
    affine_lps_mm: Affine


@dataclass(frozen=True, eq=False)
class TwoViews:
    """Both series of one phantom, and the labels uint8 (K, J, I) on the grid of ``mr``: 1 where both show a body."""

    mr: View
    pet: View
    labels_kji: NDArray[np.uint8]


@dataclass(frozen=True)
class _Body:
    centre_lps_mm: NDArray[np.float64]
    radii_mm: NDArray[np.float64]
    kind: str

    def cover(self, points_mm: NDArray[np.float64], soft_mm: float) -> NDArray[np.float64]:
        """Share of each voxel that lies within, of points (3, K, J, I): from 0 to 1 over ``soft_mm`` at the surface."""
        offset = (points_mm - self.centre_lps_mm[:, None, None, None]) / self.radii_mm[:, None, None, None]
        distance = (np.sqrt((offset**2).sum(axis=0)) - 1) * float(self.radii_mm.min())
        return np.asarray(np.clip(0.5 - distance / soft_mm, 0, 1))


def make_two_views(seed: int) -> TwoViews:
    """One phantom; two seeds are two people. ``pet`` is shifted against ``mr`` by up to a voxel and reaches beyond it."""
    random = np.random.default_rng(seed)
    mr_affine = _affine(MR_SIZE_KJI, MR_SPACING_MM_KJI, random.uniform(-20, 20, 3))
    middle = mr_affine @ [*((np.array(MR_SIZE_KJI[::-1]) - 1) / 2), 1.0]
    pet_affine = _affine(PET_SIZE_KJI, PET_SPACING_MM_KJI, middle[:3] + random.uniform(-2, 2, 3))
    bodies = _bodies(random, middle[:3])
    mr_points, pet_points = _points(MR_SIZE_KJI, mr_affine), _points(PET_SIZE_KJI, pet_affine)
    mr = _painted([body for body in bodies if body.kind != "pet"], mr_points, MR_SPACING_MM_KJI, random)
    pet = _painted([body for body in bodies if body.kind != "mr"], pet_points, PET_SPACING_MM_KJI, random, _BLUR_MM)
    marked = [body.cover(mr_points, 1.0) >= 0.5 for body in bodies if body.kind == "both"]
    labels = np.logical_or.reduce(marked).astype(np.uint8)
    return TwoViews(View(mr, mr_affine), View(pet, pet_affine), labels)


def _affine(size_kji: tuple[int, ...], spacing_mm_kji: tuple[float, ...], middle_mm: NDArray[np.float64]) -> Affine:
    spacing = np.array(spacing_mm_kji[::-1])
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = middle_mm - spacing * (np.array(size_kji[::-1]) - 1) / 2
    return affine


def _points(size_kji: tuple[int, ...], affine: Affine) -> NDArray[np.float64]:
    """LPS millimetres (3, K, J, I) of the voxels' centres."""
    kji = np.indices(size_kji, dtype=np.float64)
    return np.asarray(np.einsum("ab,bkji->akji", affine[:3, :3], kji[::-1]) + affine[:3, 3, None, None, None])


def _bodies(random: np.random.Generator, middle_mm: NDArray[np.float64]) -> list[_Body]:
    """Bodies that touch neither each other nor the rim: one that both series show, then others in a drawn order while there is
    room, so that no kind is smaller than another for coming last.
    """
    reach = np.array(MR_SIZE_KJI[::-1]) * MR_SPACING_MM_KJI[::-1] / 2 - _RIM_MM
    bodies: list[_Body] = []
    kinds = ["both", *random.permutation(_KINDS).tolist()]
    for _ in range(_TRIES):
        if not kinds:
            break
        body = _Body(middle_mm + random.uniform(-reach, reach), random.uniform(*_RADII_MM, 3), kinds[0])
        if all(_apart(body, other) for other in bodies):
            bodies.append(body)
            kinds = kinds[1:]
    return bodies


def _apart(one: _Body, other: _Body) -> bool:
    distance = float(np.linalg.norm(one.centre_lps_mm - other.centre_lps_mm))
    return distance > float(one.radii_mm.max() + other.radii_mm.max()) + _GAP_MM


def _painted(
    bodies: list[_Body],
    points_mm: NDArray[np.float64],
    spacing_mm_kji: tuple[float, ...],
    random: np.random.Generator,
    blur_mm: float = 0.0,
) -> NDArray[np.float32]:
    """Bodies on a ground that is shaded slowly, blurred where asked, and noise."""
    shape = points_mm.shape[1:]
    shade = ndimage.zoom(random.normal(0, _SHADE, (4, 4, 4)), [n / 4 for n in shape], order=1, grid_mode=True, mode="nearest")
    image = shade
    for body in bodies:
        image = image + _BRIGHT * random.uniform(0.8, 1.2) * body.cover(points_mm, min(spacing_mm_kji))
    if blur_mm:
        image = ndimage.gaussian_filter(image, [blur_mm / step for step in spacing_mm_kji])
    return np.asarray(image + random.normal(0, _NOISE, shape), dtype=np.float32)
