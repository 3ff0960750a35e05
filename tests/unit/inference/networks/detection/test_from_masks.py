"""Boxes of what is drawn."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.networks.detection.geometry.from_masks import boxes_of_instances, components, instance_masks
from tests.unit.inference.networks.detection.boxes import drawn, whole_boxes


@settings(deadline=None, max_examples=40)
@given(st.sampled_from([2, 3]).flatmap(lambda dims: st.tuples(st.just(dims), whole_boxes(dims, most=1))))
def test_a_drawn_box_is_found(case: tuple[int, list[list[int]]]) -> None:
    dims, boxes = case
    there = [box for box in boxes if all(box[axis] < box[dims + axis] for axis in range(dims))]
    image = torch.zeros([7] * dims, dtype=torch.int64)
    for box in boxes:
        image[drawn(torch.tensor(box))] = 3
    found, numbers = boxes_of_instances(image)
    assert found.tolist() == there and numbers.tolist() == [3] * len(there)
    assert instance_masks(image).shape == (len(there), *image.shape)


def test_parts_by_label_touching_at_corners() -> None:
    image = torch.tensor(
        [
            [2, 0, 0, 1, 0],
            [0, 2, 0, 1, 0],
            [0, 0, 0, 0, 0],
            [1, 0, 0, 0, 1],
        ]
    )
    numbers, labels = components(image)
    assert labels.tolist() == [1, 1, 1, 2]
    boxes, order = boxes_of_instances(numbers)
    assert order.tolist() == [1, 2, 3, 4]
    assert boxes.tolist() == [[0, 3, 2, 4], [3, 0, 4, 1], [3, 4, 4, 5], [0, 0, 2, 2]]
    masks = instance_masks(numbers)
    assert masks.dtype == torch.bool and masks.sum(dim=(1, 2)).tolist() == [2, 1, 1, 2]


@pytest.mark.parametrize("dims", [2, 3])
def test_specks_are_left_out_and_nothing_is_fine(dims: int) -> None:
    image = torch.zeros([6] * dims, dtype=torch.uint8)
    assert boxes_of_instances(image)[0].shape == (0, 2 * dims)
    assert components(image)[1].tolist() == [] and instance_masks(image).shape == (0, *image.shape)
    image[(0,) * dims] = 1
    image[(slice(2, 4),) * dims] = 1
    numbers, labels = components(image, least=2)
    assert labels.tolist() == [1] and boxes_of_instances(numbers)[0].tolist() == [[2.0] * dims + [4.0] * dims]
