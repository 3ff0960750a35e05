"""Deltas and distances: both ways, and by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.networks.detection.geometry.boxes import centres_and_sizes
from inference.networks.detection.geometry.coding import (
    centreness,
    decode_deltas,
    decode_distances,
    encode_deltas,
    encode_distances,
)
from tests.unit.inference.networks.detection.boxes import random_boxes


@settings(deadline=None, max_examples=40)
@given(st.sampled_from([2, 3]), st.integers(0, 10_000), st.sampled_from([(1.0, 1.0), (10.0, 5.0)]))
def test_deltas_come_back(dims: int, seed: int, weights: tuple[float, float]) -> None:
    boxes, anchors = random_boxes(5, dims, seed), random_boxes(5, dims, seed + 1)
    assert torch.allclose(decode_deltas(encode_deltas(boxes, anchors, weights), anchors, weights), boxes)


def test_deltas_by_hand() -> None:
    anchor, box = torch.tensor([0.0, 0.0, 4.0, 10.0]), torch.tensor([2.0, 0.0, 4.0, 20.0])
    expected = [(3 - 2) / 4, (10 - 5) / 10, math.log(2 / 4), math.log(20 / 10)]
    assert encode_deltas(box, anchor).tolist() == pytest.approx(expected)
    assert encode_deltas(box, anchor, (10.0, 5.0)).tolist() == pytest.approx(
        [10 * expected[0], 10 * expected[1], 5 * expected[2], 5 * expected[3]]
    )


def test_wild_deltas_stay_finite() -> None:
    box = decode_deltas(torch.tensor([0.0, 0.0, 1e6, 80.0]), torch.tensor([0.0, 0.0, 16.0, 16.0]))
    assert centres_and_sizes(box)[1].tolist() == pytest.approx([1000.0, 1000.0])


@settings(deadline=None, max_examples=40)
@given(st.sampled_from([2, 3]), st.integers(0, 10_000))
def test_distances_come_back(dims: int, seed: int) -> None:
    boxes, points = random_boxes(5, dims, seed), 30 * torch.rand((5, dims), dtype=torch.float64)
    distances = encode_distances(boxes, points)
    assert torch.allclose(decode_distances(distances, points), boxes)
    lower, upper = boxes.chunk(2, dim=1)
    inside = ((points > lower) & (points < upper)).all(dim=1)
    assert torch.equal((distances > 0).all(dim=1), inside)


def test_centreness_by_hand() -> None:
    assert float(centreness(torch.tensor([2.0, 3.0, 2.0, 3.0]))) == 1.0
    assert float(centreness(torch.tensor([1.0, 2.0, 4.0, 4.0]))) == pytest.approx(math.sqrt(1 / 4 * 2 / 4))
    assert float(centreness(torch.tensor([1.0, 1.0, 2.0, 8.0, 1.0, 2.0]))) == pytest.approx((1 / 8) ** (1 / 3))
    assert float(centreness(torch.tensor([0.0, 1.0, 4.0, 1.0]))) == 0.0
