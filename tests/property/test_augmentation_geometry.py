"""Points, masks, boxes and affines go where the image goes, whatever the geometry."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.support.threads import one_thread
from tests.unit.training.augment.small import seeded, small_recipe
from training.augment import Batch, Geometry, draw_samples
from training.data.case import GridCase

_one_thread = pytest.fixture(scope="module", autouse=True)(one_thread)

PATCHES = {2: (21, 26), 3: (14, 17, 12)}
SOURCES = {2: (30, 24), 3: (18, 15, 20)}
SINGLE: list[dict[str, Any]] = [
    {},
    {"mirror_axes": [0, 1]},
    {"rotate_deg": 180},
    {"scale": [0.6, 1.6]},
    {"scale": [0.6, 1.6], "scale_alike": True},
    {"crop": [0.4, 1.0]},
    {"shift_voxels": 3},
    {"elastic_voxels": 0.5, "elastic_nodes": 3},
]
STIFF = [*SINGLE[:-1], {"mirror_axes": [1], "rotate_deg": 30, "scale": [0.7, 1.4], "crop": [0.8, 1.0], "shift_voxels": 2}]
RULES = [*STIFF, SINGLE[-1], {**STIFF[-1], **SINGLE[-1]}]
UPRIGHT = [rules for rules in STIFF if "rotate_deg" not in rules]

dimensions = st.sampled_from([2, 3])
seeds = st.integers(0, 10**6)


def _sample(image: Tensor, target: Tensor, rules: dict[str, Any], seed: int, spacing: tuple[float, ...] = ()) -> Batch:
    recipe = small_recipe(rules, PATCHES[target.dim()], spacing=spacing or None)
    return draw_samples([GridCase("case", image, target)], recipe, [seeded(seed)])


def _indices(size: tuple[int, ...]) -> Tensor:
    """(voxels, dims) float64, in array order."""
    axes = torch.meshgrid(*[torch.arange(float(n), dtype=torch.float64) for n in size], indexing="ij")
    return torch.stack([axis.reshape(-1) for axis in axes], dim=1)


def _inside(places: Tensor, size: tuple[int, ...], margin: float = 0.0) -> Tensor:
    last = torch.tensor(size, dtype=torch.float64) - 1
    return ((places >= margin) & (places <= last - margin)).all(1)


def _blank(dims: int) -> Tensor:
    return torch.zeros(SOURCES[dims], dtype=torch.uint8)


@settings(max_examples=30, deadline=None)
@given(dims=dimensions, rules=st.sampled_from(RULES), seed=seeds, spaced=st.booleans())
def test_every_voxel_was_read_where_the_geometry_says(dims: int, rules: dict[str, Any], seed: int, spaced: bool) -> None:
    """Each channel holds its own index along one axis; linear interpolation keeps such a ramp exactly."""
    size = SOURCES[dims]
    ramps = _indices(size).T.reshape(dims, *size).float()
    batch = _sample(ramps, _blank(dims), rules, seed, (3.0, 1.0, 1.5)[:dims] if spaced else ())
    geometry = batch.geometries[0]
    told = geometry.to_source(_indices(geometry.patch))
    read = batch.images[0].reshape(dims, -1).T.double()
    seen = _inside(told, size)
    assert torch.allclose(read[seen], told[seen], atol=1e-3)
    far = ~_inside(told, size, margin=-1.001)
    assert not read[far].any()


@settings(max_examples=30, deadline=None)
@given(dims=dimensions, rules=st.sampled_from(RULES), seed=seeds, offset=st.floats(-0.5, 0.5))
def test_a_mask_goes_where_its_points_go(dims: int, rules: dict[str, Any], seed: int, offset: float) -> None:
    centre = torch.tensor([(n - 1) / 2 + offset for n in SOURCES[dims]], dtype=torch.float64)
    distance = (_indices(SOURCES[dims]) - centre).norm(dim=1)
    target = (distance < 5).to(torch.uint8).reshape(SOURCES[dims])
    batch = _sample(target.float()[None], target, rules, seed)
    away = (batch.geometries[0].to_source(_indices(PATCHES[dims])) - centre).norm(dim=1)
    labels = batch.targets[0].reshape(-1)
    assert (labels[away < 4] == 1).all() and (labels[away > 6] == 0).all()


@settings(max_examples=30, deadline=None)
@given(dims=dimensions, rules=st.sampled_from(RULES), seed=seeds)
def test_a_landmark_is_found_where_its_point_went(dims: int, rules: dict[str, Any], seed: int) -> None:
    point = torch.tensor([[(n - 1) / 2 + 0.3 for n in SOURCES[dims]]], dtype=torch.float64)
    away = (_indices(SOURCES[dims]) - point).square().sum(1)
    spot = (1 - away / 9).clamp_min(0).square().reshape(SOURCES[dims]).float()
    batch = _sample(spot[None], _blank(dims), rules, seed)
    geometry = batch.geometries[0]
    told = geometry.to_patch(point)
    around = point + 6 * (_indices((2,) * dims) - 0.5)
    if not bool(_inside(geometry.to_patch(around), PATCHES[dims]).all()):
        return
    weights = batch.images[0].reshape(-1, 1).double()
    found = (weights * _indices(PATCHES[dims])).sum(0) / weights.sum()
    assert (found - told[0]).abs().max() < (0.4 if "elastic_voxels" in rules else 0.1)


@settings(max_examples=30, deadline=None)
@given(dims=dimensions, rules=st.sampled_from(RULES), seed=seeds)
def test_there_and_back_is_the_same_point(dims: int, rules: dict[str, Any], seed: int) -> None:
    geometry = _sample(_blank(dims)[None].float(), _blank(dims), rules, seed).geometries[0]
    points = _indices(PATCHES[dims])
    assert torch.allclose(geometry.to_patch(geometry.to_source(points)), points, atol=1e-3)


@settings(max_examples=30, deadline=None)
@given(dims=dimensions, rules=st.sampled_from(UPRIGHT), seed=seeds, data=st.data())
def test_a_box_is_the_box_of_its_moved_mask(dims: int, rules: dict[str, Any], seed: int, data: st.DataObject) -> None:
    firsts = [data.draw(st.integers(0, n - 3)) for n in SOURCES[dims]]
    corners = [(first, data.draw(st.integers(first + 2, n - 1))) for first, n in zip(firsts, SOURCES[dims], strict=True)]
    target = _blank(dims)
    target[tuple(slice(low, high + 1) for low, high in corners)] = 1
    box = torch.tensor([[low - 0.5 for low, _ in corners] + [high + 0.5 for _, high in corners]], dtype=torch.float64)
    batch = _sample(target.float()[None], target, rules, seed)
    told, share = batch.geometries[0].boxes_to_patch(box)
    found = torch.nonzero(batch.targets[0])
    thin = float((told[0, dims:] - told[0, :dims]).min()) < 2  # a voxel at a thin sliver's corner is filled less than half
    if not len(found):
        assert thin
        return
    edges = torch.cat([found.amin(0) - 0.5, found.amax(0) + 0.5])
    allowed = 1e-9 if batch.geometries[0].exact else 0.51
    beyond = torch.cat([told[0, :dims] - edges[:dims], edges[dims:] - told[0, dims:]])
    assert (beyond if thin else beyond.abs()).max() <= allowed
    assert 0 < float(share) <= 1 + 1e-9


@settings(max_examples=30, deadline=None)
@given(dims=dimensions, rules=st.sampled_from(STIFF), seed=seeds)
def test_the_affine_of_the_patch_names_the_same_places(dims: int, rules: dict[str, Any], seed: int) -> None:
    geometry = _sample(_blank(dims)[None].float(), _blank(dims), rules, seed).geometries[0]
    source = torch.eye(4, dtype=torch.float64)
    source[:3] = torch.randn((3, 4), generator=seeded(seed), dtype=torch.float64)
    points = _indices(PATCHES[dims])
    before = _world(source, geometry.to_source(points))
    assert torch.allclose(_world(geometry.affine(source), points), before, atol=1e-9)


def _world(affine: Tensor, points: Tensor) -> Tensor:
    """Millimetres of array-ordered indices under an affine of (i, j, k, 1)."""
    index = torch.zeros((len(points), 4), dtype=torch.float64)
    index[:, : points.shape[1]], index[:, 3] = points.flip(1), 1
    return (index @ affine.T)[:, :3]


@settings(max_examples=30, deadline=None)
@given(dims=dimensions, seed=seeds)
def test_mirroring_twice_is_nothing(dims: int, seed: int) -> None:
    image = torch.randn((1, *PATCHES[dims]), generator=seeded(seed))
    target = (image[0] > 0).to(torch.uint8)
    case = GridCase("case", image, target)
    recipe = small_recipe({"mirror_axes": list(range(dims))}, PATCHES[dims])
    once = draw_samples([case], recipe, [seeded(seed)])
    again = GridCase("again", once.images[0], once.targets[0].to(torch.uint8))
    twice = draw_samples([again], recipe, [seeded(seed)])
    assert torch.equal(twice.images[0], image) and torch.equal(twice.targets[0], target.long())
    matrix = once.geometries[0].matrix
    assert np.array_equal(matrix @ matrix, np.eye(dims + 1))


def test_points_beyond_the_patch_move_as_its_border_does() -> None:
    nodes = torch.full((2, 2, 2), 3.0)
    geometry = Geometry((8, 8), (4, 4), np.eye(3), nodes)
    assert torch.equal(geometry.to_source(torch.tensor([[-5.0, 20.0]])), torch.tensor([[-2.0, 23.0]], dtype=torch.float64))
