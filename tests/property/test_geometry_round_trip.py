"""A voxel's place in the patient, against the place it was made at, over orientations, spacings and list orders."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from inference.volume import assemble
from tests.support import dicom_builders as build

Shape = tuple[int, int, int]
Made = tuple[Shape, build.Spacing, tuple[float, ...], tuple[float, float, float]]

MILLIMETRE = st.floats(0.3, 7.0).map(lambda value: round(value, 3))
COORDINATE = st.floats(-400.0, 400.0).map(lambda value: round(value, 3))


@st.composite
def _series(draw: st.DrawFn) -> Made:
    shape = draw(st.tuples(st.integers(2, 6), st.integers(1, 5), st.integers(1, 5)))
    spacing = draw(st.tuples(MILLIMETRE, MILLIMETRE, MILLIMETRE))
    orientation = build.ORIENTATIONS[draw(st.sampled_from(sorted(build.ORIENTATIONS)))]
    return shape, spacing, orientation, draw(st.tuples(COORDINATE, COORDINATE, COORDINATE))


def _place(index: Shape, spacing: build.Spacing, orientation: build.Vector, first: build.Vector) -> NDArray[np.float64]:
    """PS3.3 equation C.7.6.2.1-1, written down once more, by hand."""
    k, j, i = index
    along_row, down_column = np.array(orientation[:3]), np.array(orientation[3:])
    normal = np.cross(along_row, down_column)
    return np.asarray(first) + i * spacing[2] * along_row + j * spacing[1] * down_column + k * spacing[0] * normal


@settings(deadline=None, max_examples=80)
@given(series=_series(), data=st.data())
def test_a_landmark_is_found_where_it_was_put(series: Made, data: st.DataObject) -> None:
    shape, spacing, orientation, first = series
    k, j, i = (data.draw(st.integers(0, size - 1)) for size in shape)
    pixels = np.zeros(shape, dtype=np.int16)
    pixels[k, j, i] = 700
    datasets = build.ct_series(*shape, spacing=spacing, orientation=orientation, first_position=first, pixels=pixels)
    shuffled = data.draw(st.permutations(datasets))

    volume = assemble(shuffled)

    found_k, found_j, found_i = (int(found[0]) for found in np.nonzero(volume.voxels_kji == 700))
    expected = _place((k, j, i), spacing, orientation, first)
    assert np.abs(volume.affine_lps_mm @ [found_i, found_j, found_k, 1] - [*expected, 1]).max() < 1e-3
    assert volume.slices[found_k].sop_instance_uid == datasets[k].SOPInstanceUID


@settings(deadline=None, max_examples=40)
@given(series=_series(), data=st.data())
def test_list_order_never_matters(series: Made, data: st.DataObject) -> None:
    shape, spacing, orientation, first = series
    datasets = build.ct_series(*shape, spacing=spacing, orientation=orientation, first_position=first)
    one, other = assemble(datasets), assemble(data.draw(st.permutations(datasets)))

    assert np.array_equal(one.voxels_kji, other.voxels_kji)
    assert np.array_equal(one.affine_lps_mm, other.affine_lps_mm)
    assert one.slices == other.slices


@settings(deadline=None, max_examples=40)
@given(series=_series(), data=st.data())
def test_frames_of_one_instance_are_placed_like_instances(series: Made, data: st.DataObject) -> None:
    shape, spacing, orientation, first = series
    pixels = np.arange(np.prod(shape)).reshape(shape)
    order = data.draw(st.permutations(range(shape[0])))
    single = assemble(build.mr_series(*shape, spacing=spacing, orientation=orientation, first_position=first, pixels=pixels))
    multi = assemble([build.enhanced_mr(pixels, spacing, orientation, first, order=order)])

    assert np.array_equal(multi.voxels_kji, 2 * single.voxels_kji)  # the builder's frames have slope 2
    assert np.allclose(multi.affine_lps_mm, single.affine_lps_mm, atol=1e-9)
    assert [ref.frame_number for ref in multi.slices] == [order.index(k) + 1 for k in range(shape[0])]


@settings(deadline=None, max_examples=40)
@given(series=_series())
def test_voxel_axes_are_right_handed_and_spaced_as_made(series: Made) -> None:
    shape, spacing, orientation, first = series
    volume = assemble(build.mr_series(*shape, spacing=spacing, orientation=orientation, first_position=first))

    assert np.linalg.det(volume.affine_lps_mm[:3, :3]) > 0
    assert np.allclose(volume.spacing_ijk_mm, spacing[::-1], atol=1e-6)
