"""Distances against closed forms: cubes and squares, as they are and shifted."""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluate.figures.sizes import mask_size, own_grid, size_error_percent
from training.evaluate.figures.surface import surface, surface_distances


def _cube(start: tuple[int, int, int], side: int = 6, shape: tuple[int, int, int] = (20, 20, 20)) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(first, first + side) for first in start)] = True
    return mask


def test_the_surface_of_a_cube_is_its_shell() -> None:
    assert surface(_cube((5, 5, 5))).sum() == 6**3 - 4**3
    assert surface(np.ones((4, 4), dtype=bool)).sum() == 12  # the end of the grid is outside


def test_equal_masks_have_no_distance() -> None:
    found = surface_distances(_cube((5, 5, 5)), _cube((5, 5, 5)), (3.0, 2.0, 1.0))
    assert (found.dice(0.0), found.hausdorff_mm(), found.mean_mm()) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize(("axis", "spacing"), [(0, 3.0), (1, 2.0), (2, 0.5)])
def test_a_shift_is_measured_in_millimetres_of_its_axis(axis: int, spacing: float) -> None:
    start = [5, 5, 5]
    start[axis] += 2
    found = surface_distances(_cube((start[0], start[1], start[2])), _cube((5, 5, 5)), (3.0, 2.0, 0.5))
    assert found.hausdorff_mm(100) == pytest.approx(2 * spacing)
    face = 36 / (6**3 - 4**3)  # the outermost face alone is two steps off
    assert found.dice(0.99 * 2 * spacing) <= 1 - face + 1e-9
    assert found.dice(2 * spacing) == 1.0


def test_points_apart_are_their_distance_apart() -> None:
    ours, theirs = np.zeros((9, 9), dtype=bool), np.zeros((9, 9), dtype=bool)
    ours[1, 1], theirs[4, 5] = True, True
    found = surface_distances(ours, theirs, (1.0, 1.0))
    assert (found.mean_mm(), found.hausdorff_mm(), found.dice(4.9), found.dice(5.0)) == (5.0, 5.0, 0.0, 1.0)


def test_empty_masks() -> None:
    nothing, something = np.zeros((3, 4), dtype=bool), np.eye(3, 4, dtype=bool)
    both = surface_distances(nothing, nothing, (1.0, 1.0))
    assert (both.dice(0.0), both.hausdorff_mm(), both.mean_mm()) == (1.0, 0.0, 0.0)
    for pair in ((nothing, something), (something, nothing)):
        one = surface_distances(*pair, (1.0, 1.0))
        assert (one.dice(4.0), one.hausdorff_mm(), one.mean_mm()) == (0.0, 5.0, 5.0)  # the diagonal of 3 mm x 4 mm


def test_an_image_has_no_surface_along_k() -> None:
    labels, spacing = own_grid(np.ones((1, 5, 5), dtype=np.uint8), np.diag([0.5, 0.25, 9.0, 1.0]))
    assert labels.shape == (5, 5) and spacing == (0.25, 0.5)
    assert mask_size(labels == 1, spacing) == 25 * 0.125
    assert own_grid(np.ones((2, 5, 5), dtype=np.uint8), np.diag([0.5, 0.25, 9.0, 1.0]))[1] == (9.0, 0.25, 0.5)


def test_error_of_a_size() -> None:
    assert size_error_percent(150.0, 100.0) == 50.0 and size_error_percent(0.0, 0.0) == 0.0
    assert np.isnan(size_error_percent(1.0, 0.0))


@pytest.mark.heavy
@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")  # of MONAI's to itself
@pytest.mark.parametrize("dims", [2, 3])
def test_as_monai_measures(dims: int) -> None:
    import torch
    from monai.metrics.hausdorff_distance import compute_hausdorff_distance
    from monai.metrics.surface_dice import compute_surface_dice
    from monai.metrics.surface_distance import compute_average_surface_distance
    from scipy import ndimage

    random = np.random.default_rng(dims)
    for _ in range(5):
        spacing = tuple(random.uniform(0.5, 3.0, dims).tolist())
        noise = random.normal(size=(2, *(14,) * dims))
        ours, theirs = (ndimage.gaussian_filter(layer, 1.5) > 0.02 for layer in noise)
        found = surface_distances(ours, theirs, spacing)
        pred, true = (torch.from_numpy(np.stack([~mask, mask])[None].astype(np.float32)) for mask in (ours, theirs))
        hd95 = compute_hausdorff_distance(pred, true, percentile=95, spacing=spacing)
        mean = compute_average_surface_distance(pred, true, symmetric=True, spacing=spacing)
        share = compute_surface_dice(pred, true, class_thresholds=[1.3], spacing=spacing)
        theirs_say = [float(tensor[0, 0]) for tensor in (hd95, mean, share)]
        assert [found.hausdorff_mm(), found.mean_mm(), found.dice(1.3)] == pytest.approx(theirs_say, rel=1e-5)
