from __future__ import annotations

import numpy as np
import pytest

from inference.volume.geometry import Stack, plane_affine, slice_normal, stack_slices
from storage.base.errors import InputError
from tests.support.dicom_builders import AXIAL, ORIENTATIONS, slice_positions

SPACING = np.array([0.8, 0.7])


def _positions(along: list[float], sideways: list[float] | None = None) -> np.ndarray:
    return np.column_stack([np.zeros(len(along)), sideways or np.zeros(len(along)), along])


def _stack(positions: np.ndarray, orientations: np.ndarray | None = None) -> Stack:
    return stack_slices(positions, np.tile(AXIAL, (len(positions), 1)) if orientations is None else orientations, SPACING)


def _refusal(positions: np.ndarray, orientations: np.ndarray | None = None) -> InputError:
    with pytest.raises(InputError) as caught:
        _stack(positions, orientations)
    return caught.value


def test_first_pixel_spacing_value_is_the_step_along_j() -> None:
    affine = _stack(_positions([0, 2])).affine_lps_mm
    assert affine.tolist() == [[0.7, 0, 0, 0], [0, 0.8, 0, 0], [0, 0, 2, 0], [0, 0, 0, 1]]


def test_order_follows_the_normal_not_the_list() -> None:
    assert _stack(_positions([4, 0, 2])).order == (1, 2, 0)
    flipped = np.tile(ORIENTATIONS["flipped-column"], (3, 1))
    assert _stack(_positions([4, 0, 2]), flipped).order == (0, 2, 1)


def test_rounded_positions_are_even_enough() -> None:
    along = np.round(np.arange(60) * 0.6254, 2)
    assert _stack(_positions(along.tolist())).affine_lps_mm[2, 2] == pytest.approx(0.6254, abs=2e-4)


@pytest.mark.parametrize("count", [3, 4, 60, 1000])
@pytest.mark.parametrize("missing", [1, -2, 0.5])
def test_one_missing_slice_is_a_gap(count: int, missing: float) -> None:
    along = list(range(count + 1))
    del along[int(count * missing) if isinstance(missing, float) else missing]
    error = _refusal(_positions([float(value) for value in along]))
    assert error.reason_code == "slice-gap"
    assert error.facts["step_mm"] == 2 and "send the missing slices" in error.message


def test_gap_message_says_where() -> None:
    error = _refusal(_positions([0, 5, 10, 20]))
    assert "10.000 mm between slices 3 and 4 of 4, usually 5.000 mm" in error.message


def test_two_images_at_one_position() -> None:
    error = _refusal(_positions([0, 5, 5.001, 10]))
    assert (error.reason_code, error.facts["images"], error.facts["positions"]) == ("duplicate-position", 4, 3)


@pytest.mark.parametrize(("degrees", "refused"), [(0.05, False), (0.5, True), (20.0, True)])
def test_tilt(degrees: float, refused: bool) -> None:
    along = np.arange(5) * 3.0
    positions = _positions(along.tolist(), (along * np.tan(np.radians(degrees))).tolist())
    if refused:
        error = _refusal(positions)
        assert error.reason_code == "gantry-tilt" and error.facts["degrees"] == pytest.approx(degrees, abs=0.01)
    else:
        assert np.allclose(_stack(positions).affine_lps_mm[:3, 2], positions[1])


def test_one_slice_shifted_sideways() -> None:
    assert _refusal(_positions([0, 2, 4, 6], [0, 0, 5, 0])).reason_code == "gantry-tilt"


def test_mixed_orientation_counts_them() -> None:
    orientations = np.array([ORIENTATIONS[name] for name in ("axial", "coronal", "sagittal", "axial")], dtype=float)
    error = _refusal(_positions([0, 2, 4, 6]), orientations)
    assert (error.reason_code, error.facts["orientations"]) == ("mixed-orientation", 3)


def test_cosines_that_wobble_in_the_last_decimal_are_parallel() -> None:
    orientations = np.tile(ORIENTATIONS["oblique-30"], (3, 1))
    orientations[1] += 5e-6
    positions = slice_positions(3, (2, 1, 1), ORIENTATIONS["oblique-30"], (0, 0, 0))
    assert _stack(positions, orientations).order == (0, 1, 2)


@pytest.mark.parametrize("orientation", [(1, 0, 0, 1, 0, 0), (1, 0, 0, 0, 0.5, 0), (0, 0, 0, 0, 0, 0), (1, 0, 0, 0.1, 1, 0)])
def test_broken_cosines(orientation: tuple[float, ...]) -> None:
    with pytest.raises(InputError) as caught:
        slice_normal(np.array(orientation, dtype=float))
    assert caught.value.reason_code == "missing-geometry"


def test_single_plane_steps_by_its_thickness() -> None:
    affine = plane_affine(np.array([1.0, 2, 3]), np.array(ORIENTATIONS["coronal"], dtype=float), SPACING, 4.0)
    assert np.allclose(affine[:3, 2], [0, 4, 0]) and affine[:3, 3].tolist() == [1, 2, 3]
