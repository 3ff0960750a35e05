"""What is drawn from maps of features: regions, the levels they come from, the pyramid; with the slopes that training follows."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from inference.networks.detection.geometry.boxes import clip
from inference.networks.detection.geometry.roi_align import level_of, roi_align
from inference.networks.detection.parts.pyramid import Pyramid
from tests.support.torchvision_oracle import Torchvision
from tests.unit.inference.networks.detection.against_torchvision.order import turned
from tests.unit.inference.networks.detection.boxes import random_boxes

pytestmark = pytest.mark.heavy


def _random(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("stride", "size", "sampling"), [(1, 7, 2), (4, 7, 2), (8, 3, 1), (4, 14, 3)])
def test_regions(torchvision: Torchvision, stride: int, size: int, sampling: int) -> None:
    """Their ``aligned=True``. Boxes lie in the image, as ours always do here, and some at its edge.

    Their C++ takes 0 for samples more than half a cell outside, their Python and we the outermost values.
    """
    features = _random(2, 3, 12, 17, seed=stride).requires_grad_()
    boxes = stride * clip(random_boxes(30, 2, 11, extent=22.0, longest=12.0).float() - 3, (12, 17))
    boxes = boxes[(boxes[:, 2:] > boxes[:, :2]).all(dim=1)]
    split = [boxes[:9], boxes[9:]]
    ours = roi_align(features, split, size, stride, sampling)
    theirs = torchvision.ops.roi_align(features, [turned(each) for each in split], size, 1 / stride, sampling, aligned=True)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    weight = _random(*ours.shape, seed=12)
    slopes = [torch.autograd.grad((weight * each).sum(), features)[0] for each in (ours, theirs)]
    torch.testing.assert_close(*slopes, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("strides", "finest"), [((4, 8, 16, 32), 2), ((2, 4, 8), 1)])
def test_levels_of_regions(torchvision: Torchvision, strides: tuple[int, ...], finest: int) -> None:
    """Theirs counts levels as Lin 2017 does: level k has a stride of 2 to the power of k."""
    sides = 2 ** (3 + 7 * torch.rand((300, 2), generator=torch.Generator().manual_seed(13)))
    boxes = torch.cat([torch.zeros_like(sides), sides], dim=1)
    mapper = torchvision.poolers.LevelMapper(finest, finest + len(strides) - 1)
    levels = level_of(boxes, strides)
    assert levels.tolist() == mapper([turned(boxes)]).tolist() and len(levels.unique()) == len(strides)


def test_pyramid(torchvision: Torchvision) -> None:
    inners = (3, 5, 7)
    ours, theirs = Pyramid(2, inners, 4), torchvision.ops.FeaturePyramidNetwork(list(inners), 4)
    names, values = list(ours.state_dict()), list(theirs.state_dict().values())
    assert [name.split(".")[0] for name in names] == ["lateral"] * 6 + ["smooth"] * 6
    moved = [value + 0.1 * _random(*value.shape, seed=20 + place) for place, value in enumerate(values)]  # biases start at 0
    ours.load_state_dict(dict(zip(names, moved, strict=True)))
    theirs.load_state_dict(dict(zip(theirs.state_dict(), moved, strict=True)))
    maps = [_random(2, inner, 16 >> level, 24 >> level, seed=level).requires_grad_() for level, inner in enumerate(inners)]
    sets = ours(maps), list(theirs({str(level): each for level, each in enumerate(maps)}).values())
    for one, other in zip(*sets, strict=True):
        torch.testing.assert_close(one, other)
    slopes = [torch.autograd.grad(sum((each**2).sum() for each in levels), maps) for levels in sets]
    torch.testing.assert_close(*slopes, rtol=1e-4, atol=1e-4)
