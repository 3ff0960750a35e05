"""Paints an anatomy onto a grid of any size: densities with partial volume, slow texture and correlated noise, and labels.

Work goes slice by slice, two at a time, so a 512 x 512 x 120 study needs little more memory than its result. Everything follows
from the seed, the size and the spacing; the anatomy and its deformation follow from the seed alone.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from training.phantom.anatomy import Tissue, draw_anatomy, draw_bend
from training.phantom.shapes import Field, Point

_NODES = (12, 16, 16)
_REACH_MM = (480.0, 560.0, 560.0)
_BEND_MARGIN_MM = 30.0
_NOISE_HU = 18.0
_CULL_MM = 6.0
_THREADS = 2
_NOISE_VOLUME_MM3 = 1.6


@dataclass(frozen=True, eq=False)
class Phantom:
    """Voxels float32 (HU) and labels uint8, both (K, J, I); affine of index (i, j, k, 1) to LPS millimetres."""

    voxels_kji: NDArray[np.float32]
    labels_kji: NDArray[np.uint8]
    affine_lps_mm: NDArray[np.float64]


def make_phantom(seed: int, size_kji: tuple[int, int, int], spacing_mm_kji: tuple[float, float, float]) -> Phantom:
    """Make one phantom, centred in its grid but for a few millimetres.

    Parameters
    ----------
    seed : decides everything; two seeds are two people.
    size_kji, spacing_mm_kji : the grid; k runs to the head, j to the posterior, i to the left.
    """
    generator = np.random.default_rng(seed)
    tissues = draw_anatomy(generator)
    bend = draw_bend(generator, _NODES)
    grain = generator.normal(size=(40, 48, 48)).astype(np.float32)
    middle = generator.uniform(-1, 1, size=3) * (10.0, 10.0, 20.0)
    noise_hu = _NOISE_HU * generator.uniform(0.7, 1.4)
    affine = _affine(size_kji, spacing_mm_kji, middle)
    voxels = np.empty(size_kji, dtype=np.float32)
    labels = np.zeros(size_kji, dtype=np.uint8)

    def paint(k: int) -> None:
        point = _bent(_slice_point(affine, size_kji, k), bend)
        height = float(affine[2, 3] + k * spacing_mm_kji[0])
        _paint(voxels[k], labels[k], tissues, point, _texture(point, grain), height, spacing_mm_kji)
        voxels[k] += _noise(np.random.default_rng((seed, k)), size_kji[1:], noise_hu, spacing_mm_kji)

    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        list(pool.map(paint, range(size_kji[0])))
    return Phantom(np.clip(np.rint(voxels), -1024, 3071, out=voxels), labels, affine)


def _affine(
    size_kji: tuple[int, int, int], spacing_mm_kji: tuple[float, float, float], middle_lps: NDArray[np.float64]
) -> NDArray[np.float64]:
    spacing = np.array(spacing_mm_kji[::-1])
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = np.round(middle_lps - spacing * (np.array(size_kji[::-1]) - 1) / 2, 3)
    return affine


def _slice_point(affine: NDArray[np.float64], size_kji: tuple[int, int, int], k: int) -> Point:
    """Millimetre coordinates of slice k, each broadcast to (J, I)."""
    x = (affine[0, 3] + affine[0, 0] * np.arange(size_kji[2])).astype(np.float32)
    y = (affine[1, 3] + affine[1, 1] * np.arange(size_kji[1])).astype(np.float32)
    shape = size_kji[1:]
    z = np.float32(affine[2, 3] + affine[2, 2] * k)
    return np.broadcast_to(x, shape), np.broadcast_to(y[:, None], shape), np.broadcast_to(z, shape)


def _bent(point: Point, bend: Field) -> Point:
    """The point moved by the displacement field, which is read linearly between its nodes."""
    x, y, z = point
    share = float(np.clip(z[0, 0] / _REACH_MM[0] + 0.5, 0, 1)) * (_NODES[0] - 1)
    lower = min(int(share), _NODES[0] - 2)
    plane = bend[:, lower] + (bend[:, lower + 1] - bend[:, lower]) * np.float32(share - lower)
    rows = _hat(y[:, 0], _REACH_MM[1], _NODES[1])
    columns = _hat(x[0], _REACH_MM[2], _NODES[2])
    moved = [rows @ plane[axis] @ columns.T for axis in range(3)]
    return x + moved[0], y + moved[1], z + moved[2]


def _hat(place_mm: Field, reach_mm: float, nodes: int) -> Field:
    """Linear interpolation weights (points, nodes)."""
    share = np.clip(place_mm / reach_mm + 0.5, 0, 1) * (nodes - 1)
    weights: Field = np.clip(1 - np.abs(share[:, None] - np.arange(nodes)), 0, 1).astype(np.float32)
    return weights


def _texture(point: Point, grain: Field) -> Field:
    """A slow random field of unit size, about 12 mm wide in grain."""
    _, y, z = point
    k = int(np.clip(z.mean() / 12 + grain.shape[0] / 2, 0, grain.shape[0] - 1))
    rows = _hat(y[:, 0], _REACH_MM[1], grain.shape[1])
    columns = _hat(point[0][0], _REACH_MM[2], grain.shape[2])
    field: Field = rows @ grain[k] @ columns.T
    return field


def _paint(
    voxels: Field,
    labels: NDArray[np.uint8],
    tissues: list[Tissue],
    point: Point,
    texture: Field,
    height_mm: float,
    spacing_mm_kji: tuple[float, float, float],
) -> None:
    """Fill one slice (J, I) in place."""
    voxels[...] = -1000.0
    soft = np.float32(np.prod(spacing_mm_kji) ** (1 / 3))
    for tissue in tissues:
        if not tissue.z_mm[0] - _BEND_MARGIN_MM <= height_mm <= tissue.z_mm[1] + _BEND_MARGIN_MM:
            continue
        box = _where(tissue, point, spacing_mm_kji[1:], float(soft))
        if box is None:
            continue
        here = (point[0][box], point[1][box], point[2][box])
        cover = np.clip(0.5 - tissue.shape.distance(here) / soft, 0, 1)
        voxels[box] += cover * (tissue.hu + tissue.texture_hu * texture[box] - voxels[box])
        if tissue.label is not None:
            labels[box][cover >= 0.5] = tissue.label


def _where(tissue: Tissue, point: Point, spacing_mm_ji: tuple[float, ...], soft_mm: float) -> tuple[slice, slice] | None:
    """Rows and columns outside which the tissue can't be, from its distance at every few pixels; None when it is nowhere."""
    step = max(1, round(_CULL_MM / max(spacing_mm_ji)))
    sparse = (point[0][::step, ::step], point[1][::step, ::step], point[2][::step, ::step])
    near = tissue.shape.distance(sparse) < soft_mm + 2 * step * max(spacing_mm_ji)
    rows, columns = np.flatnonzero(near.any(1)), np.flatnonzero(near.any(0))
    if not len(rows):
        return None
    first_row, last_row = max(0, (int(rows[0]) - 1) * step), (int(rows[-1]) + 1) * step + 1
    first_column, last_column = max(0, (int(columns[0]) - 1) * step), (int(columns[-1]) + 1) * step + 1
    return slice(first_row, last_row), slice(first_column, last_column)


def _noise(
    generator: np.random.Generator, size: tuple[int, ...], noise_hu: float, spacing_mm_kji: tuple[float, float, float]
) -> Field:
    """Noise of neighbouring voxels that hang together a little, weaker in larger voxels."""
    white = generator.standard_normal(size, dtype=np.float32)
    joined = ndimage.uniform_filter(white, size=2, mode="wrap") + 0.5 * white
    strength = noise_hu * np.sqrt(_NOISE_VOLUME_MM3 / np.prod(spacing_mm_kji)) / 0.87
    noise: Field = joined * np.float32(strength)
    return noise
