"""A box brought to the model's grid by the very steps that bring masks there, and taken back, is where it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from inference.networks.detection import boxes_of_instances
from inference.pipeline.place import boxes_on_source, inside, mask_on_source
from inference.pipeline.prepare import prepare, prepare_labels
from tests.support.dicom_builders import ORIENTATIONS
from tests.unit.inference.pipeline.test_detect import finder

FITS: dict[str, dict[str, Any]] = {
    "stretch": {"fit": "stretch"},
    "crop": {"fit": "crop"},
    "pad": {"fit": "pad"},
    "spacing": {"spacing_mm": [0.8, 1.3]},
    "own": {},
}


@st.composite
def spans(draw: st.DrawFn, size: int) -> tuple[int, int]:
    """First and end index of a span of four pixels or more."""
    first = draw(st.integers(0, size - 4))
    return first, draw(st.integers(first + 4, size))


@given(data=st.data(), rows=st.integers(20, 90), columns=st.integers(20, 90), fit=st.sampled_from(list(FITS)))
def test_a_box_of_an_image_comes_back(data: st.DataObject, rows: int, columns: int, fit: str) -> None:
    model = finder(2, {"patch": [48, 64], **FITS[fit]})
    (j0, j1), (i0, i1) = data.draw(spans(rows)), data.draw(spans(columns))
    _comes_back((1, rows, columns), (slice(0, 1), slice(j0, j1), slice(i0, i1)), np.eye(4), model)


@given(data=st.data(), orientation=st.sampled_from(sorted(ORIENTATIONS)), spacing=st.booleans())
def test_a_box_of_a_volume_comes_back(data: st.DataObject, orientation: str, spacing: bool) -> None:
    model = finder(3, {"patch": [32, 32, 32], "spacing_mm": [1.7, 0.8, 1.2] if spacing else None})
    shape = (data.draw(st.integers(8, 20)), data.draw(st.integers(8, 30)), data.draw(st.integers(8, 30)))
    window = tuple(slice(*data.draw(spans(size))) for size in shape)
    rows = np.array(ORIENTATIONS[orientation], dtype=np.float64).reshape(2, 3)
    affine = np.eye(4)
    affine[:3, :3] = np.c_[rows[0], rows[1] * 1.1, np.cross(*rows) * 2.0]
    _comes_back(shape, window, affine, model)


def _comes_back(shape: tuple[int, ...], window: tuple[slice, ...], affine: np.ndarray, model: Any) -> None:
    """Within half a pixel of the coarser grid: a voxel of the model's belongs to the box when most of it does.

    Half a source pixel more where the sizes have no whole ratio: a coarser voxel is then the mean of all voxels that it touches.
    """
    instances = np.zeros(shape, dtype=np.uint8)
    instances[window] = 1
    voxels = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    prepared = prepare(voxels, affine, model)
    on_model, _ = boxes_of_instances(torch.from_numpy(prepare_labels(instances, affine, model, 2).astype(np.int64)))
    dims = len(model.grid.patch)
    fit = prepared.fit
    shown = np.zeros(fit.source, dtype=np.uint8)
    shown[tuple(slice(a, a + n) for a, n in zip(fit.start, fit.taken, strict=True))] = 1
    seen = prepared.orientation.undo(shown if dims == 3 else shown[None]) * instances
    if not len(on_model):
        return
    back = inside(boxes_on_source(on_model.numpy().astype(np.float64), prepared), shape[-dims:])
    true = boxes_of_instances(torch.from_numpy(seen if dims == 3 else seen[0]))[0].numpy()
    if not len(true):
        return
    step = np.array(fit.taken) / np.array(fit.size)
    oriented = [prepared.orientation.axes_kji.index(axis) - (3 - dims) for axis in range(3 - dims, 3)]
    uneven = (step > 1) & (step != step.round())
    allowed = (0.5 * np.maximum(1.0, step) + 0.5 * uneven)[oriented] + 1e-6
    assert (np.abs(back - true) <= np.tile(allowed, 2)).all(), (back, true, allowed)


def test_a_mask_is_turned_as_its_box_is() -> None:
    """A mask marked at its first corner in the model's axes lands at the matching corner of the source box."""
    model = finder(3, {"patch": [32, 32, 32]})
    affine = np.diag([-1.0, 1.0, -1.0, 1.0])
    prepared = prepare(np.random.default_rng(0).normal(size=(12, 14, 16)).astype(np.float32), affine, model)
    box = boxes_on_source(np.array([[2.0, 3.0, 4.0, 6.0, 7.0, 8.0]]), prepared)[0]
    assert box.tolist() == [6.0, 3.0, 8.0, 10.0, 7.0, 12.0]  # k and i run the other way in the source
    mask = torch.zeros((4, 4, 4))
    mask[0, 0, 0] = 1.0
    where, marked = mask_on_source(mask, box, prepared, (12, 14, 16))
    assert [(s.start, s.stop) for s in where] == [(6, 10), (3, 7), (8, 12)]
    assert np.argwhere(marked).tolist() == [[3, 0, 3]]
