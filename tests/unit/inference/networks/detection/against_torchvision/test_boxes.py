"""Boxes and their suppression."""

from __future__ import annotations

import pytest
import torch

from inference.networks.detection.geometry.boxes import area, clip, extended, giou, iou_matrix
from inference.networks.detection.geometry.nms import nms
from tests.support.torchvision_oracle import Torchvision
from tests.unit.inference.networks.detection.against_torchvision.order import turned
from tests.unit.inference.networks.detection.boxes import random_boxes

pytestmark = pytest.mark.heavy


@pytest.mark.parametrize("seed", range(3))
def test_areas_and_overlaps(torchvision: Torchvision, seed: int) -> None:
    first, second = random_boxes(40, 2, seed), random_boxes(30, 2, 100 + seed)
    theirs = turned(first), turned(second)
    overlaps = torchvision.ops.box_iou(*theirs)
    assert 0.1 < float((overlaps > 0).double().mean()) < 0.9, "boxes that meet and boxes that don't"
    torch.testing.assert_close(area(first), torchvision.ops.box_area(theirs[0]))
    torch.testing.assert_close(iou_matrix(first, second), overlaps)
    torch.testing.assert_close(giou(first[:, None], second[None]), torchvision.ops.generalized_box_iou(*theirs))


@pytest.mark.parametrize("seed", range(3))
def test_boxes_at_the_edge(torchvision: Torchvision, seed: int) -> None:
    size = (17, 26)
    boxes = random_boxes(200, 2, seed, extent=40.0) - 5
    expected = torchvision.ops.clip_boxes_to_image(turned(boxes), size)
    assert torch.equal(turned(clip(boxes, size)), expected) and not torch.equal(boxes, clip(boxes, size))
    # Ours asks for more than the least size, theirs for no less: boxes of exactly it tell them apart, and random ones have none.
    large = torchvision.ops.remove_small_boxes(expected, 3.0)
    assert torch.nonzero(extended(clip(boxes, size), 3.0)).flatten().tolist() == large.tolist() and 0 < len(large) < 200


@pytest.mark.parametrize("overlap", [0.1, 0.3, 0.7])
def test_suppression_with_and_without_classes(torchvision: Torchvision, overlap: float) -> None:
    count = 300  # more than one of our blocks; below the 1,000 from which theirs goes class by class
    boxes = random_boxes(count, 2, 1, extent=25.0, longest=16.0)
    generator = torch.Generator().manual_seed(2)
    scores = torch.rand(count, generator=generator, dtype=torch.float64)
    labels = torch.randint(1, 4, (count,), generator=generator)
    alike = nms(boxes, scores, overlap=overlap)
    apart = nms(boxes, scores, labels, overlap=overlap)
    assert 1 < len(alike) < len(apart) < count
    assert alike.tolist() == torchvision.ops.boxes.nms(turned(boxes), scores, overlap).tolist()
    assert apart.tolist() == torchvision.ops.batched_nms(turned(boxes), scores, labels, overlap).tolist()
