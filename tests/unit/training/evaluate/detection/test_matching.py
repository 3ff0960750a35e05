"""Overlaps, hits and matching: worked by hand, against voxels, and against loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.training.evaluate.detection.made import drawn_images, image, slow_matches
from training.evaluate.detection.matching import match
from training.evaluate.detection.overlap import box_iou, box_overlap, centre_inside, centre_near, mask_iou, mask_overlap
from training.evaluate.detection.records import box_sizes


def test_overlaps_worked_by_hand() -> None:
    boxes = np.array([[0, 0, 2, 2], [0, 0, 4, 4], [5, 5, 5, 9]], float)
    others = np.array([[1, 1, 3, 3], [0, 0, 2, 2], [2, 0, 4, 2], [5, 5, 5, 9]], float)
    expected = [[1 / 7, 1, 0, 0], [4 / 16, 4 / 16, 4 / 16, 0], [0, 0, 0, 0]]
    assert box_iou(boxes, others) == pytest.approx(np.array(expected))
    assert box_sizes(boxes).tolist() == [4, 16, 0]


@pytest.mark.parametrize("dims", [2, 3])
def test_overlaps_of_boxes_are_those_of_their_pixels(dims: int) -> None:
    """Half-open boxes with whole corners are masks of the pixels from the lower to before the upper corner."""
    random = np.random.default_rng(dims)
    low = random.integers(0, 6, (12, dims))
    boxes = np.concatenate([low, low + random.integers(1, 5, (12, dims))], axis=1).astype(float)
    masks = np.zeros((12, *[11] * dims), bool)
    for mask, box in zip(masks, boxes.astype(int), strict=True):
        mask[tuple(slice(box[axis], box[dims + axis]) for axis in range(dims))] = True
    assert box_iou(boxes[:5], boxes[5:]) == pytest.approx(mask_iou(masks[:5], masks[5:]))
    assert mask_iou(masks[:0], masks).shape == (0, 12)
    assert mask_iou(np.zeros((1, 3, 3), bool), np.zeros((1, 3, 3), bool)).tolist() == [[0]]


def test_masks_are_needed_to_compare_masks() -> None:
    with pytest.raises(ValueError, match="no instance masks"):
        mask_overlap(image("a", [], []))


def test_a_centre_hits_inside_the_box_or_within_the_radius() -> None:
    one = image("a", [((4, 4, 6, 6), 0.9), ((4, 9, 6, 11), 0.8), ((8, 9, 10, 11), 0.7), ((-3, 4, -1, 6), 0.6)], [(0, 0, 10, 20)])
    assert centre_inside(one)[:, 0] == pytest.approx([0.5, 1.0, 0.2, -0.4])
    assert centre_near(one)[:, 0] == pytest.approx([1 - 5 / 7.5, 1.0, 1 - 4 / 7.5, 1 - np.hypot(7, 5) / 7.5])


def test_one_box_an_object_the_surest_first() -> None:
    closeness = np.array([[0.6, 0.0], [0.9, 0.55], [0.8, 0.0]])
    taken = match(closeness, np.array([0.7, 0.9, 0.8]), np.array([0.5, 0.55, 0.85]))
    assert taken.tolist() == [[-1, 0, -1], [-1, 0, -1], [-1, 0, -1]]
    assert match(closeness, np.array([0.95, 0.9, 0.8]), np.array([0.5])).tolist() == [[0, 1, -1]]


def test_equal_scores_go_in_the_order_of_the_input_and_of_equal_overlaps_the_last_is_taken() -> None:
    closeness = np.array([[0.8, 0.8], [0.8, 0.0]])
    assert match(closeness, np.array([0.5, 0.5]), np.array([0.5])).tolist() == [[1, 0]]
    assert match(closeness[::-1], np.array([0.5, 0.5]), np.array([0.5])).tolist() == [[0, 1]]


def test_what_is_set_aside_is_taken_only_where_nothing_else_is_free() -> None:
    closeness = np.array([[0.9, 0.6], [0.9, 0.6], [0.9, 0.6]])
    taken = match(closeness, np.array([3.0, 2.0, 1.0]), np.array([0.5]), np.array([True, False]))
    assert taken.tolist() == [[1, 0, -1]]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), dims=st.sampled_from([2, 3]), levels=st.sampled_from([4, 1000]))
def test_matching_is_that_of_plain_loops(seed: int, dims: int, levels: int) -> None:
    for one in drawn_images(seed, 3, 3, dims, levels):
        for threshold in (0.3, 0.5):
            taken = match(box_overlap(one), one.scores, np.array([threshold]))[0]
            order = np.argsort(-one.scores, kind="stable")
            assert [bool(hit) for hit in taken[order] >= 0] == [hit for _, hit in slow_matches(one, threshold)]
            used = taken[taken >= 0]
            assert len(set(used.tolist())) == len(used)


def test_shapes_that_do_not_fit_are_refused() -> None:
    good = image("a", [((0, 0, 1, 1), 0.5)], [])
    for change in ({"scores": np.zeros(2)}, {"scores": np.array([np.nan])}, {"boxes": np.zeros((1, 6))}):
        with pytest.raises(ValueError, match="a: "):
            type(good)(**{**vars(good), **change})
