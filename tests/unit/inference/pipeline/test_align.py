"""Alignment by affines: fields that are known everywhere in the patient come out where they belong, to float precision."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.pipeline.align import align, grid_affine

CT = np.array([[0.98, 0, 0, -250.0], [0, 0.98, 0, -240.0], [0, 0, 3.27, -629.0], [0, 0, 0, 1]])
SLOPES, AT_ZERO = np.array([0.25, -0.5, 0.125]), 40.0


def turned(degrees: float, spacing_ijk: tuple[float, float, float], origin: tuple[float, float, float]) -> NDArray[np.float64]:
    """Axes turned about the patient's long axis and then about the left-right one."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    affine = np.eye(4)
    rotation = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    affine[:3, :3] = rotation * np.array(spacing_ijk)
    affine[:3, 3] = origin
    return affine


def ramp(affine: NDArray[np.float64], size_kji: tuple[int, int, int]) -> NDArray[np.float32]:
    """A field that rises evenly through the patient, sampled at voxel centres."""
    k, j, i = np.indices(size_kji)
    places = np.stack([i, j, k, np.ones(size_kji)], axis=-1) @ affine.T
    return np.asarray(places[..., :3] @ SLOPES + AT_ZERO, dtype=np.float32)


def test_its_own_grid_changes_nothing() -> None:
    voxels = np.random.default_rng(1).normal(size=(7, 9, 11)).astype(np.float32)
    for affine in (np.eye(4), CT, turned(31.0, (0.7, 0.8, 2.5), (3.0, -200.0, 17.0))):
        values, inside = align(voxels, affine, affine, voxels.shape)
        assert np.array_equal(values, voxels) and inside.all()


def test_a_shift_by_whole_voxels_moves_them_and_shows_where_there_is_nothing() -> None:
    voxels = np.arange(4 * 5 * 6, dtype=np.float32).reshape(4, 5, 6)
    grid = CT.copy()
    grid[:3, 3] += CT[:3, 0] * 2 - CT[:3, 2]  # two columns to the left of the patient, one slice down
    values, inside = align(voxels, CT, grid, voxels.shape)
    assert np.array_equal(values[1:, :, :4], voxels[:3, :, 2:])
    assert inside[1:, :, :4].all() and inside.sum() == 3 * 5 * 4


@pytest.mark.parametrize("degrees", [0.0, 17.0, -40.0])
@pytest.mark.parametrize("spacing", [(0.5, 0.6, 1.0), (1.3, 0.9, 3.0), (5.47, 5.47, 3.27)])
def test_a_ramp_through_the_patient_is_itself_on_any_grid(degrees: float, spacing: tuple[float, float, float]) -> None:
    affine = turned(degrees, spacing, (-20.0, 5.0, -30.0))
    size, wanted = (40, 44, 48), (4, 5, 6)
    middle = affine @ np.array([24, 22, 20, 1.0])
    grid = turned(8.0, (1.1, 1.2, 1.5), (middle[0], middle[1], middle[2]))
    values, inside = align(ramp(affine, size), affine, grid, wanted)
    assert inside.all()
    assert np.abs(values - ramp(grid, wanted)).max() < 1e-4


def test_fine_voxels_are_averaged_for_a_coarse_grid_and_move_nowhere() -> None:
    """CT of 1 mm on a PET grid of 4 mm: the ramp stays, and noise of deviation 1 falls to that of a mean of 125 voxels."""
    ct, pet = np.diag([1.0, 1.0, 1.0, 1.0]), np.diag([4.0, 4.0, 4.0, 1.0])
    pet[:3, 3] = 6.0
    values, inside = align(ramp(ct, (48, 48, 48)), ct, pet, (9, 9, 9))
    assert inside.all() and np.abs(values - ramp(pet, (9, 9, 9))).max() < 1e-4
    noise = np.random.default_rng(2).normal(size=(48, 48, 48)).astype(np.float32)
    assert 0.05 < float(align(noise, ct, pet, (9, 9, 9))[0].std()) < 0.15


def test_the_field_of_view_ends_half_a_voxel_beyond_the_centres() -> None:
    pet, ct = np.diag([4.0, 4.0, 4.0, 1.0]), np.eye(4)
    ct[:3, 3] = -4.0
    _, inside = align(np.ones((3, 3, 3), dtype=np.float32), pet, ct, (16, 16, 16))
    lit = np.flatnonzero(inside.any(axis=(0, 1)))
    assert (lit[0], lit[-1]) == (2, 14)  # -2 mm to 10 mm of a field of view from -2 to 10


def test_a_coarser_grid_covers_the_same_field_of_view() -> None:
    coarse = grid_affine(CT, (40, 100, 200), (20, 50, 50))
    corner = np.array([-0.5, -0.5, -0.5, 1.0])
    assert np.allclose(coarse @ corner, CT @ corner)
    assert np.allclose(coarse @ np.array([49.5, 49.5, 19.5, 1.0]), CT @ np.array([199.5, 99.5, 39.5, 1.0]))
