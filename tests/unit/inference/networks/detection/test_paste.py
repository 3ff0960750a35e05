"""Masks from the grid of the image to that of their boxes and back."""

from __future__ import annotations

import pytest
import torch

from inference.networks.detection.geometry.paste import cut, paste


@pytest.mark.parametrize("dims", [2, 3])
def test_there_and_back(dims: int) -> None:
    line = torch.arange(24) + 0.5
    grid = torch.stack(torch.meshgrid(*[line] * dims, indexing="ij"))
    ball = (grid - 11.3).square().sum(dim=0).sqrt() <= 7
    boxes = torch.tensor([[4.0] * dims + [19.0] * dims, [2.5] * dims + [20.2] * dims])
    back = paste(cut(torch.stack([ball, ball]), boxes, 28), boxes, [24] * dims)
    for each in back:
        assert 2 * int((each & ball).sum()) / int(each.sum() + ball.sum()) > 0.97


def test_a_full_mask_marks_the_voxels_whose_middles_are_in_the_box() -> None:
    boxes = torch.tensor([[1.0, 2.0, 3.0, 5.0], [0.4, 0.6, 1.6, 1.4], [3.0, 3.0, 9.0, 9.0], [0.6, 0.6, 1.4, 1.4]])
    marked = paste(torch.ones((4, 6, 6)), boxes, (4, 6))
    expected = torch.zeros((4, 4, 6), dtype=torch.bool)
    expected[0, 1:3, 2:5] = True
    expected[1, 0:2, 1:1] = True
    expected[2, 3:, 3:] = True
    assert torch.equal(marked, expected)


def test_threshold_and_nothing() -> None:
    mask, box = torch.full((1, 4, 4), 0.6), torch.tensor([[0.0, 0.0, 4.0, 4.0]])
    assert bool(paste(mask, box, (4, 4)).all()) and not bool(paste(mask, box, (4, 4), threshold=0.7).any())
    assert paste(mask[:0], box[:0], (4, 4)).shape == (0, 4, 4)
    assert cut(torch.zeros((0, 4, 4), dtype=torch.bool), box[:0], 8).shape == (0, 8, 8)


def test_a_cut_is_of_the_box_alone() -> None:
    image = torch.zeros((1, 8, 8), dtype=torch.uint8)
    image[0, :, 4:] = 1
    half = cut(image, torch.tensor([[2.0, 2.0, 6.0, 6.0]]), 4)
    assert half[0].tolist() == [[0.0, 0.0, 1.0, 1.0]] * 4
