"""ROI align, against loops over bins and points, and on maps whose answer is known."""

from __future__ import annotations

from itertools import product
from math import floor, prod

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from inference.networks.detection.geometry.roi_align import level_of, pool_levels, roi_align
from tests.unit.inference.networks.detection.boxes import random_boxes


def _at(channel: Tensor, position: list[float]) -> float:
    """Linear interpolation between the middles of cells, beyond the outermost ones their value."""
    held = [min(max(each - 0.5, 0.0), extent - 1.0) for each, extent in zip(position, channel.shape, strict=True)]
    low = [min(floor(each), extent - 1) for each, extent in zip(held, channel.shape, strict=True)]
    total = 0.0
    for corner in product((0, 1), repeat=len(low)):
        place = [min(one + step, extent - 1) for one, step, extent in zip(low, corner, channel.shape, strict=True)]
        weight = prod(where - one if step else 1 - (where - one) for where, one, step in zip(held, low, corner, strict=True))
        total += weight * float(channel[tuple(place)])
    return total


def _plain(channel: Tensor, box: Tensor, size: int, sampling: int) -> Tensor:
    """He 2017, figure 3: the mean of each bin's points."""
    dims = channel.ndim
    lower, upper = box[:dims].tolist(), box[dims:].tolist()
    result = torch.zeros([size] * dims)
    for cell in product(range(size), repeat=dims):
        values = []
        for point in product(range(sampling), repeat=dims):
            steps = [(c + (p + 0.5) / sampling) / size for c, p in zip(cell, point, strict=True)]
            values.append(_at(channel, [lo + step * (up - lo) for lo, up, step in zip(lower, upper, steps, strict=True)]))
        result[cell] = sum(values) / len(values)
    return result


@settings(deadline=None, max_examples=15)
@given(st.sampled_from([2, 3]), st.integers(0, 1000), st.sampled_from([1, 2]), st.sampled_from([1.0, 4.0]))
def test_is_that_of_point_by_point(dims: int, seed: int, sampling: int, stride: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn((2, 2, *range(5, 5 + dims)), generator=generator)
    boxes = stride * (random_boxes(3, dims, seed, extent=9.0, longest=6.0).float() - 1)  # some reach beyond the map
    pooled = roi_align(features, [boxes[:1], boxes[1:]], 2, stride, sampling)
    assert pooled.shape == (3, 2, *[2] * dims)
    for place, image in enumerate((0, 1, 1)):
        for channel in range(2):
            expected = _plain(features[image, channel], boxes[place] / stride, 2, sampling)
            assert torch.allclose(pooled[place, channel], expected, atol=1e-4)


@pytest.mark.parametrize("dims", [2, 3])
def test_a_box_on_whole_cells_yields_them(dims: int) -> None:
    features = torch.randn((1, 3, *[8] * dims))
    box = torch.tensor([[2.0] * dims + [6.0] * dims]) * 4
    inner = features[(slice(None), slice(None), *[slice(2, 6)] * dims)]
    assert torch.allclose(roi_align(features, [box], 4, stride=4.0, sampling=1), inner, atol=1e-6)


def test_a_ramp_gives_the_middles_of_the_bins() -> None:
    ramp = (torch.arange(16.0) + 0.5).view(1, 1, 1, 16).expand(1, 1, 16, 16)
    pooled = roi_align(ramp, [torch.tensor([[3.2, 4.0, 9.7, 10.0]])], 3)
    assert pooled[0, 0].tolist() == [pytest.approx([5.0, 7.0, 9.0], abs=1e-5)] * 3


def test_no_boxes_and_gradients() -> None:
    features = torch.randn((2, 3, 6, 6), requires_grad=True)
    none = torch.zeros((0, 4))
    assert roi_align(features, [none, none], 5).shape == (0, 3, 5, 5)
    roi_align(features, [none, torch.tensor([[0.0, 0.0, 6.0, 6.0]])], 3).sum().backward()
    assert features.grad is not None
    assert float(features.grad[0].abs().sum()) == 0.0 and float(features.grad[1].sum()) == pytest.approx(27.0, rel=1e-5)


def test_each_box_comes_from_its_level_and_stays_in_its_place() -> None:
    strides = (4, 8, 16)
    levels = [torch.full((2, 1, 64 // stride, 64 // stride), float(stride)) for stride in strides]
    sides = [[10.0, 300.0, 56.0], [112.0, 111.0]]
    boxes = [torch.tensor([[0.0, 0.0, side, side] for side in image]) for image in sides]
    assert [level_of(each, strides).tolist() for each in boxes] == [[0, 2, 0], [1, 0]]
    pooled = pool_levels(levels, strides, boxes, 2)
    assert pooled[:, 0, 0, 0].tolist() == [4.0, 16.0, 4.0, 8.0, 4.0]
    assert level_of(torch.tensor([[0.0] * 3 + [28.0] * 3]), (2, 4)).tolist() == [0]
    assert level_of(torch.tensor([[0.0] * 3 + [56.0] * 3]), (2, 4)).tolist() == [1]
