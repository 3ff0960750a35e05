"""Anchors, codes of boxes, and matching."""

from __future__ import annotations

from math import prod

import pytest
import torch
from torch import Tensor

from inference.networks.detection.geometry.anchors import grid_anchors, middles, shapes
from inference.networks.detection.geometry.boxes import centres_and_sizes, iou_matrix
from inference.networks.detection.geometry.coding import (
    Weights,
    decode_deltas,
    decode_distances,
    encode_deltas,
    encode_distances,
)
from inference.networks.detection.geometry.matching import iou_match
from tests.support.torchvision_oracle import Torchvision
from tests.unit.inference.networks.detection.against_torchvision.order import turned
from tests.unit.inference.networks.detection.boxes import random_boxes

pytestmark = pytest.mark.heavy


@pytest.mark.parametrize("weights", [(1.0, 1.0), (10.0, 5.0)])
def test_deltas(torchvision: Torchvision, weights: Weights) -> None:
    # Ours has one weight for the centre and one for the size, on every axis; theirs one for each of x, y, width and height.
    coder = torchvision.coding.BoxCoder((weights[0], weights[0], weights[1], weights[1]))
    boxes, anchors = random_boxes(60, 2, 3), random_boxes(60, 2, 4)
    deltas = encode_deltas(boxes, anchors, weights)
    torch.testing.assert_close(turned(deltas), coder.encode_single(turned(boxes), turned(anchors)))
    # Wild ones too: beyond log(1000 / 16), some 4.1, a size is cut by both, and below it by neither.
    wild = 6 * weights[1] * torch.randn((60, 4), generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    sizes = wild[:, 2:] / weights[1]
    assert bool((sizes > 4.2).any()) and bool(((sizes > 3) & (sizes < 4.1)).any()) and bool((sizes < -4.2).any())
    for each in (deltas, wild):
        theirs = coder.decode_single(turned(each), turned(anchors))
        torch.testing.assert_close(turned(decode_deltas(each, anchors, weights)), theirs)


def test_distances(torchvision: Torchvision) -> None:
    # Theirs takes the middles of boxes for points, and may scale by their sizes, which we don't.
    coder = torchvision.coding.BoxLinearCoder(normalize_by_size=False)
    boxes, cells = random_boxes(60, 2, 6), random_boxes(60, 2, 7)
    points = centres_and_sizes(cells)[0]
    distances = encode_distances(boxes, points)
    torch.testing.assert_close(turned(distances), coder.encode(turned(cells), turned(boxes)))
    other = 9 * torch.rand((60, 4), generator=torch.Generator().manual_seed(8), dtype=torch.float64)
    torch.testing.assert_close(turned(decode_distances(other, points)), coder.decode(turned(other), turned(cells)))


def _theirs(torchvision: Torchvision, sizes: list[tuple[int, int]], strides: list[int], sides: list[list[float]]) -> list[Tensor]:
    """Their anchors (places, scales, ratios, 4) of each level in our order of axes; ``sides`` by level, in pixels."""
    generator = torchvision.anchors.AnchorGenerator(tuple(map(tuple, sides)), ((0.25, 1.0, 4.0),) * len(sides))
    levels = generator.grid_anchors(sizes, [(stride, stride) for stride in strides])
    # With them ratios stand before scales, and all of a place before the next place, as with us.
    return [turned(each).unflatten(0, (-1, 3, len(sides[0]))).transpose(1, 2) for each in levels]


@pytest.mark.parametrize("base", [4.0, 4.6, 7.3])
def test_anchors(torchvision: Torchvision, base: float) -> None:
    """Theirs stand on the upper left corners of cells and have corners rounded to pixels; ours have neither.

    Taken from their places, ours must be theirs before rounding. At a base of 4 there is nothing to round. A ratio is height by
    width with them; with us relative sides, whose product may be any.
    """
    sizes, strides, scales = [(5, 7), (3, 4)], [8, 16], [1.0, 1.5]
    sides = shapes(base, scales, [(1.0, 4.0), (3.0, 3.0), (8.0, 2.0)])
    anchors, counts = grid_anchors(sizes, strides, sides)
    expected = _theirs(torchvision, sizes, strides, [[base * stride * scale for scale in scales] for stride in strides])
    for ours, theirs, size, stride in zip(anchors.split(counts), expected, sizes, strides, strict=True):
        assert len(ours) == prod(size) * len(sides)
        shifted = ours.view_as(theirs) - stride / 2
        corner = (middles(size, stride, shifted.device) - stride / 2).repeat(1, 2)[:, None, None]
        assert torch.equal((shifted - corner).round() + corner, theirs)
        assert torch.allclose(shifted, theirs, atol=1e-4) == (base == 4.0)


def test_matching_by_iou(torchvision: Torchvision) -> None:
    objects, anchors = random_boxes(12, 2, 9, extent=40.0), random_boxes(900, 2, 10, extent=40.0)
    table = torchvision.ops.box_iou(turned(objects), turned(anchors))
    assert torch.allclose(iou_matrix(objects, anchors), table)
    strict = torchvision.coding.Matcher(0.6, 0.3, allow_low_quality_matches=False)
    assert iou_match(objects, anchors, 0.6, 0.3, each=False).tolist() == strict(table).tolist()
    # An object's best anchor is used by both. Ours gives it to that object; theirs to the one that it overlaps most.
    lenient = torchvision.coding.Matcher(0.8, 0.3, allow_low_quality_matches=True)
    ours, theirs = iou_match(objects, anchors, 0.8, 0.3), lenient(table.clone())
    assert torch.equal(ours.clamp(max=0), theirs.clamp(max=0)) and set(ours.tolist()) >= set(range(12))
