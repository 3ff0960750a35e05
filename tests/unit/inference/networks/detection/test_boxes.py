"""Sizes and overlaps of boxes, against voxels that are counted and against MONAI."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.networks.detection.geometry.boxes import area, clip, extended, giou, intersection, iou, iou_matrix
from tests.unit.inference.networks.detection.boxes import drawn, random_boxes, whole_boxes


@settings(deadline=None, max_examples=40)
@given(st.sampled_from([2, 3]).flatmap(lambda dims: st.tuples(st.just(dims), whole_boxes(dims), whole_boxes(dims))))
def test_overlaps_are_those_of_counted_voxels(case: tuple[int, list[list[int]], list[list[int]]]) -> None:
    dims, first, second = case
    a = torch.tensor(first, dtype=torch.float32).reshape(-1, 2 * dims)
    b = torch.tensor(second, dtype=torch.float32).reshape(-1, 2 * dims)
    table, common = iou_matrix(a, b), intersection(a[:, None], b[None])
    assert table.shape == (len(a), len(b))
    for row, one in enumerate(a):
        assert float(area(one)) == int(drawn(one).sum())
        for column, other in enumerate(b):
            both, either = int((drawn(one) & drawn(other)).sum()), int((drawn(one) | drawn(other)).sum())
            assert float(common[row, column]) == both
            assert float(table[row, column]) == pytest.approx(both / either if either else 0.0)


def test_giou_by_hand() -> None:
    box = torch.tensor([0.0, 0.0, 2.0, 2.0])
    assert float(giou(box, box)) == 1.0
    apart = torch.tensor([0.0, 3.0, 2.0, 4.0])  # hull 2 × 4, union 4 + 2
    assert float(giou(box, apart)) == pytest.approx(-2 / 8)
    across = torch.tensor([1.0, 1.0, 3.0, 3.0])  # 1 of 7 in common, hull 9
    assert float(giou(box, across)) == pytest.approx(1 / 7 - 2 / 9)


def test_boxes_without_extent_have_finite_values_and_slopes() -> None:
    point = torch.tensor([1.0, 1.0, 1.0, 1.0], requires_grad=True)
    values = torch.stack([iou(point, point), giou(point, point), giou(point, torch.tensor([0.0, 0.0, 2.0, 2.0]))])
    values.sum().backward()
    assert values.tolist() == [0.0, 0.0, -0.0]
    assert point.grad is not None and bool(torch.isfinite(point.grad).all())


@pytest.mark.parametrize("dims", [2, 3])
def test_giou_is_bounded_and_at_most_the_iou(dims: int) -> None:
    first, second = random_boxes(50, dims, 1)[:, None], random_boxes(60, dims, 2)[None]
    values, plain = giou(first, second), iou(first, second)
    assert bool((values > -1).all()) and bool((values <= plain + 1e-12).all())


def test_half_precision_is_widened() -> None:
    large = torch.tensor([0.0, 0.0, 0.0, 512.0, 512.0, 512.0], dtype=torch.float16)
    assert float(area(large)) == 512.0**3 and float(iou(large, large)) == 1.0


def test_clip_and_extent() -> None:
    boxes = torch.tensor([[-2.0, 1.0, 3.0, 9.0], [5.0, 1.0, 8.0, 2.0]])
    cut = clip(boxes, (4, 6))
    assert cut.tolist() == [[0.0, 1.0, 3.0, 6.0], [4.0, 1.0, 4.0, 2.0]]
    assert extended(cut).tolist() == [True, False] and extended(cut, least=4.0).tolist() == [False, False]


@pytest.mark.heavy
@pytest.mark.parametrize("dims", [2, 3])
def test_overlaps_equal_monais(dims: int) -> None:
    from monai.data import box_utils

    first, second = random_boxes(40, dims, 3).float(), random_boxes(30, dims, 4).float()
    assert torch.allclose(iou_matrix(first, second), torch.as_tensor(box_utils.box_iou(first, second)), atol=1e-6)
    assert torch.allclose(giou(first[:, None], second[None]), torch.as_tensor(box_utils.box_giou(first, second)), atol=1e-6)
