"""Anchors, and which of them learns which object."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.networks.detection.geometry.anchors import RATIOS, grid_anchors, shapes
from inference.networks.detection.geometry.boxes import area, centres_and_sizes, iou_matrix
from inference.networks.detection.geometry.matching import BACKGROUND, IGNORED, atss, iou_match
from tests.unit.inference.networks.detection.boxes import random_boxes

SIZES = {2: ([8, 6], [4, 3]), 3: ([4, 8, 6], [2, 4, 3])}


@pytest.mark.parametrize("dims", [2, 3])
def test_anchors_stand_around_the_middles_of_their_cells(dims: int) -> None:
    sides = shapes(4.0, [1.0, 2.0], RATIOS[dims])
    anchors, counts = grid_anchors(SIZES[dims], (4, 8), sides)
    cells = [int(torch.tensor(size).prod()) for size in SIZES[dims]]
    assert counts == tuple(count * len(sides) for count in cells) and len(anchors) == sum(counts)
    middles, lengths = centres_and_sizes(anchors)
    assert middles[0].tolist() == pytest.approx([2.0] * dims)
    assert middles[len(sides)].tolist() == pytest.approx([2.0] * (dims - 1) + [6.0])
    assert middles[-1].tolist() == pytest.approx([8.0 * size - 4.0 for size in SIZES[dims][1]])
    assert torch.allclose(lengths[: len(sides)], 4 * sides) and torch.allclose(lengths[-len(sides) :], 8 * sides)
    assert torch.allclose(area(anchors[: len(sides) // 2]), torch.tensor(16.0**dims))


def test_order_is_that_of_the_heads() -> None:
    from inference.networks.detection.parts.heads import by_place

    said = torch.arange(2 * 6 * 2 * 3.0).view(1, 12, 2, 3).expand(2, 12, 2, 3)  # 2 anchors with 6 values, at 2 × 3 places
    rows = by_place([said, said[..., :1]], 6)
    assert rows.shape == (2, 16, 6)
    assert rows[0, 0].tolist() == said[0, :6, 0, 0].tolist() and rows[1, 3].tolist() == said[1, 6:, 0, 1].tolist()
    assert rows[0, 15].tolist() == said[0, 6:, 1, 0].tolist()


@settings(deadline=None, max_examples=20)
@given(st.sampled_from([2, 3]), st.integers(1, 6), st.integers(0, 10_000))
def test_every_object_has_an_anchor_and_no_anchor_two(dims: int, count: int, seed: int) -> None:
    anchors, counts = grid_anchors(SIZES[dims], (4, 8), shapes(2.0, [1.0], [[1.0] * dims]))
    boxes = random_boxes(count, dims, seed, extent=16.0, longest=10.0).float()
    matches = atss(boxes, anchors, counts, candidates=3)
    assert set(matches.tolist()) >= set(range(count)), "even where several want the same"
    assert int(matches.max()) < count and int(matches.min()) >= BACKGROUND
    plain = atss(boxes, anchors, counts, candidates=3, rescue=False)
    middle = centres_and_sizes(anchors)[0]
    for place in torch.nonzero(plain >= 0).flatten():
        box = boxes[plain[place]]
        assert bool((middle[place] > box[:dims]).all()) and bool((middle[place] < box[dims:]).all())


def test_an_object_smaller_than_a_cell_is_rescued() -> None:
    anchors, counts = grid_anchors([[4, 4]], (8,), shapes(2.0, [1.0], [[1.0, 1.0]]))
    speck = torch.tensor([[0.0, 0.0, 2.0, 2.0]])
    assert int((atss(speck, anchors, counts, rescue=False) >= 0).sum()) == 0
    assert torch.nonzero(atss(speck, anchors, counts) == 0).flatten().tolist() == [0]


def test_by_iou_as_in_the_paper() -> None:
    objects = torch.tensor([[0.0, 0.0, 10.0, 10.0], [50.0, 50.0, 60.0, 60.0], [90.0, 90.0, 99.0, 99.0]])
    anchors = torch.tensor(
        [
            [0.0, 0.0, 10.0, 8.0],  # IoU 0.8 with the first
            [0.0, 0.0, 10.0, 5.0],  # 0.5: neither
            [0.0, 0.0, 10.0, 2.0],  # 0.2: background
            [50.0, 50.0, 60.0, 52.0],  # 0.2, but the second's best
            [50.0, 58.0, 60.0, 60.0],  # and this one ties
            [70.0, 70.0, 80.0, 80.0],  # nothing's; the third has none at all
        ]
    )
    assert iou_match(objects, anchors).tolist() == [0, IGNORED, BACKGROUND, 1, 1, BACKGROUND]
    assert iou_match(objects, anchors, each=False).tolist() == [0, IGNORED, *[BACKGROUND] * 4]
    assert iou_match(objects, anchors, high=0.5, low=0.5, each=False).tolist() == [0, 0, *[BACKGROUND] * 4]


def test_the_best_anchor_of_two_objects_goes_to_the_nearer_one() -> None:
    objects = torch.tensor([[0.0, 0.0, 10.0, 1.0], [0.0, 0.0, 10.0, 2.0]])
    assert iou_match(objects, torch.tensor([[0.0, 0.0, 10.0, 10.0]])).tolist() == [1]


@pytest.mark.parametrize("dims", [2, 3])
def test_without_objects_all_is_background(dims: int) -> None:
    anchors, counts = grid_anchors(SIZES[dims], (4, 8), shapes(2.0, [1.0], [[1.0] * dims]))
    none = torch.zeros((0, 2 * dims))
    for matches in (atss(none, anchors, counts), iou_match(none, anchors)):
        assert matches.tolist() == [BACKGROUND] * len(anchors)
    assert iou_match(anchors[:2], anchors[:0]).shape == (0,)


@pytest.mark.heavy
@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("ratios", [1, 3])
def test_atss_equals_monais(dims: int, ratios: int) -> None:
    from monai.apps.detection.utils.ATSS_matcher import ATSSMatcher

    forms = [[1.0] * dims, [0.7, *[1.4] * (dims - 1)], [1.4, *[0.7] * (dims - 1)]][:ratios]
    sizes = [[8] * dims, [4] * dims]
    anchors, counts = grid_anchors(sizes, (4, 8), shapes(2.5, [1.0], forms))
    boxes = random_boxes(12, dims, 7, extent=32.0, longest=20.0).float()
    cells = [count // ratios for count in counts]
    # Five: MONAI takes no more candidates of a level than it has places, however many anchors these have.
    table, expected = ATSSMatcher(num_candidates=5)(boxes, anchors, cells, ratios)
    matches = atss(boxes, anchors, counts, ratios, candidates=5, rescue=False)
    assert matches.tolist() == expected.tolist() and int((matches >= 0).sum()) >= 10
    assert torch.allclose(iou_matrix(boxes, anchors), table, atol=1e-6)
