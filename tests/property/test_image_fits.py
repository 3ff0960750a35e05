"""However a 2-D image is brought to the model's size, a place in it is the same place on the way in and on the way out."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from inference.manifest import Manifest
from inference.pipeline import Prepared, labels_on_source, prepare
from tests.support.packages import manifest

FITS = st.sampled_from(["stretch", "crop", "pad"])
SIZES = st.tuples(st.integers(24, 90), st.integers(24, 90))
PATCHES = st.tuples(st.integers(24, 60), st.integers(24, 60))


def _model(fit: str, patch: tuple[int, int]) -> Manifest:
    return manifest(
        inputs=[{"name": "image", "modality": ["US"], "spatial_dims": 2}],
        grid={"spacing_mm": None, "patch": list(patch), "fit": fit},
        intensity={"kind": "window", "lower": 0.0, "upper": 1.0},
    )


def _places(prepared: Prepared, axis: int) -> NDArray[np.float64]:
    """Source index of every voxel of the resampled box along one axis, by its centre (half-pixel convention)."""
    fit = prepared.fit
    inner = np.arange(fit.size[axis]) + 0.5
    return np.asarray(fit.start[axis] + inner * fit.taken[axis] / fit.size[axis] - 0.5)


@settings(max_examples=40, deadline=None)
@given(fit=FITS, size=SIZES, patch=PATCHES, axis=st.sampled_from([0, 1]))
def test_a_ramp_lies_where_the_half_pixel_convention_puts_it(
    fit: str, size: tuple[int, int], patch: tuple[int, int], axis: int
) -> None:
    ramp = np.zeros((1, *size), dtype=np.float32)
    ramp += np.arange(size[axis], dtype=np.float32).reshape([-1, 1] if axis == 0 else [1, -1]) / 100
    prepared = prepare(ramp, np.eye(4), _model(fit, patch))
    assert tuple(prepared.image.shape) == (1, *patch)
    inner = prepared.fit.lift(prepared.image)[0].numpy() * 100
    seen = np.moveaxis(inner, axis, 0)
    assert np.ptp(seen, axis=1).max() < 1e-3
    # Averages run over whole source pixels, interpolation stops at the rim: each is half a pixel at most.
    assert np.abs(seen[:, 0] - _places(prepared, axis)).max() <= 0.5 + 1e-3


@settings(max_examples=40, deadline=None)
@given(fit=FITS, size=SIZES, patch=PATCHES, place=st.tuples(st.floats(0.3, 0.7), st.floats(0.3, 0.7)))
def test_a_landmark_comes_back_to_its_place(
    fit: str, size: tuple[int, int], patch: tuple[int, int], place: tuple[float, float]
) -> None:
    model = _model(fit, patch)
    source = np.zeros((1, *size), dtype=np.float32)
    way = prepare(source, np.eye(4), model).fit
    step = np.array([max(1.0, taken / count) for taken, count in zip(way.taken, way.size, strict=True)])
    middle = np.array(way.start) + np.array(place) * way.taken
    (top, left), (bottom, right) = np.floor(middle - 1.6 * step).astype(int), np.ceil(middle + 1.6 * step).astype(int)
    source[0, max(0, top) : bottom, max(0, left) : right] = 1
    centre = np.argwhere(source[0]).mean(axis=0)
    # Each voxel's share of the landmark stands for the score of a network that marks it.
    prepared = prepare(source, np.eye(4), model)
    labels = labels_on_source(torch.cat([1 - prepared.image, prepared.image]), prepared, model)
    assert labels.shape == source.shape and labels.dtype == np.uint8
    assert (np.abs(np.argwhere(labels[0]).mean(axis=0) - centre) <= 0.5 * step + 1e-6).all()
