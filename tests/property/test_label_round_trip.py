"""Whatever way a scanner lays a volume out, the label map lies on the voxels it was found in."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from inference.pipeline import labels_on_source, prepare, segment
from inference.pipeline.orient import orientation_of, spacing_of
from tests.support.packages import manifest

LAYOUTS = [(order, signs) for order in permutations(range(3)) for signs in product((1, -1), repeat=3)]


class _Threshold(nn.Module):
    """Class by the voxel's value: 0 below 0.25, 1 between, 2 above 0.75."""

    def forward(self, image: Tensor) -> Tensor:
        return torch.cat([0.25 - image, 0.25 - (image - 0.5).abs(), image - 0.75], dim=1)


def _affine(
    order: tuple[int, ...], signs: tuple[int, ...], spacing: tuple[float, ...], tilt_rad: float
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Index axis n runs along patient axis order[n], turned by up to half a right angle about the third axis."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for index_axis in range(3):
        affine[order[index_axis], index_axis] = signs[index_axis] * spacing[index_axis]
    turn = np.eye(3)
    turn[:2, :2] = [[np.cos(tilt_rad), -np.sin(tilt_rad)], [np.sin(tilt_rad), np.cos(tilt_rad)]]
    affine[:3, :3] = turn @ affine[:3, :3]
    affine[:3, 3] = [-40.0, 12.5, 900.0]
    return affine


@settings(max_examples=60, deadline=None)
@given(
    layout=st.sampled_from(LAYOUTS),
    size=st.tuples(*[st.integers(2, 9)] * 3),
    spacing=st.tuples(*[st.sampled_from([0.5, 1.0, 3.0])] * 3),
    tilt=st.floats(-0.7, 0.7),
    seed=st.integers(0, 99),
)
def test_labels_come_back_voxel_for_voxel(
    layout: tuple[tuple[int, ...], tuple[int, ...]],
    size: tuple[int, int, int],
    spacing: tuple[float, float, float],
    tilt: float,
    seed: int,
) -> None:
    truth = np.random.default_rng(seed).integers(0, 3, size)
    affine = _affine(*layout, spacing, tilt)
    model = manifest(
        grid={"spacing_mm": None, "patch": [8, 8, 8], "minimum_multiple": 2},
        intensity={"kind": "window", "lower": 0, "upper": 2},
        postprocess={"mirror_axes": [2]},
    )
    prepared = prepare(truth.astype(np.float32), affine, model)
    labels = labels_on_source(segment(_Threshold(), prepared, model), prepared, model)
    assert np.array_equal(labels, truth)


@given(layout=st.sampled_from(LAYOUTS), tilt=st.floats(-0.7, 0.7))
def test_oriented_axes_run_left_posterior_head(layout: tuple[tuple[int, ...], tuple[int, ...]], tilt: float) -> None:
    affine = _affine(*layout, (0.5, 1.0, 3.0), tilt)
    orientation = orientation_of(affine)
    k, j, i = np.indices((4, 5, 6))
    places = np.einsum("wa,akji->wkji", affine[:3, :3], np.stack([i, j, k]).astype(float))
    left, posterior, head = (orientation.apply(place) for place in places)
    assert (np.diff(left, axis=2) > 0).all()
    assert (np.diff(posterior, axis=1) > 0).all()
    assert (np.diff(head, axis=0) > 0).all()
    by_patient_axis = {layout[0][n]: (0.5, 1.0, 3.0)[n] for n in range(3)}
    assert np.allclose(spacing_of(affine, orientation), [by_patient_axis[2], by_patient_axis[1], by_patient_axis[0]])
