"""Suppression, against the papers' algorithms box by box and against MONAI."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from inference.networks.detection.geometry import nms as module
from inference.networks.detection.geometry.boxes import iou
from inference.networks.detection.geometry.nms import nms, soft_nms
from tests.unit.inference.networks.detection.boxes import random_boxes


def _case(dims: int, count: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Crowded boxes; scores that tie now and then; labels 1 and 2."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randint(1, 40, (count,), generator=generator).double() / 40
    return random_boxes(count, dims, seed, extent=20.0), scores, 1 + torch.randint(2, (count,), generator=generator)


def _plain(boxes: Tensor, scores: Tensor, labels: Tensor, overlap: float) -> list[int]:
    left, kept = sorted(range(len(boxes)), key=lambda place: (-float(scores[place]), place)), []
    while left:
        best = left.pop(0)
        kept.append(best)
        left = [each for each in left if labels[each] != labels[best] or float(iou(boxes[each], boxes[best])) <= overlap]
    return kept


def _plain_soft(boxes: Tensor, scores: Tensor, labels: Tensor, linear: bool) -> list[tuple[int, float]]:
    """Bodla 2017, figure 2, with overlap 0.3, sigma 0.5 and a least score of 0.05."""
    now = {place: float(score) for place, score in enumerate(scores)}
    kept = []
    while now:
        best = min(now, key=lambda place: (-now[place], -float(scores[place]), place))
        if now[best] < 0.05:
            break
        kept.append((best, now.pop(best)))
        for each in now:
            share = float(iou(boxes[each], boxes[best])) if labels[each] == labels[best] else 0.0
            now[each] *= (1 - share if share > 0.3 else 1.0) if linear else math.exp(-(share**2) / 0.5)
    return kept


@settings(deadline=None, max_examples=40)
@given(st.sampled_from([2, 3]), st.integers(0, 25), st.integers(0, 10_000), st.sampled_from([0.0, 0.3, 0.7]))
def test_greedy_is_that_of_box_by_box(dims: int, count: int, seed: int, overlap: float) -> None:
    boxes, scores, labels = _case(dims, count, seed)
    expected = _plain(boxes, scores, labels, overlap)
    assert nms(boxes, scores, labels, overlap=overlap).tolist() == expected
    assert nms(boxes, scores, labels, overlap=overlap, most=3).tolist() == expected[:3]


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    boxes, scores, _ = _case(3, 200, 1)
    whole = nms(boxes, scores, overlap=0.2)
    monkeypatch.setattr(module, "BLOCK", 7)
    assert torch.equal(nms(boxes, scores, overlap=0.2), whole) and 20 < len(whole) < 180


def test_candidates_are_bounded_by_score(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CANDIDATES", 2)
    boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0], [2.0, 2.0, 3.0, 3.0], [4.0, 4.0, 5.0, 5.0]])
    scores = torch.tensor([0.5, 0.9, 0.7])
    assert nms(boxes, scores).tolist() == [1, 2] and soft_nms(boxes, scores)[0].tolist() == [1, 2]


@settings(deadline=None, max_examples=40)
@given(st.sampled_from([2, 3]), st.integers(0, 15), st.integers(0, 10_000), st.booleans())
def test_soft_is_that_of_box_by_box(dims: int, count: int, seed: int, linear: bool) -> None:
    boxes, scores, labels = _case(dims, count, seed)
    expected = _plain_soft(boxes, scores, labels, linear)
    decay = "linear" if linear else "gaussian"
    kept, values = soft_nms(boxes, scores, labels, decay=decay, overlap=0.3, sigma=0.5, least=0.05)  # type: ignore[arg-type]
    assert kept.tolist() == [each[0] for each in expected]
    assert values.tolist() == pytest.approx([each[1] for each in expected])
    assert soft_nms(boxes, scores, labels, decay=decay, overlap=0.3, least=0.05, most=2)[0].tolist() == kept[:2].tolist()  # type: ignore[arg-type]


def test_equal_boxes_are_soft_suppressed_to_nothing_by_the_linear_one() -> None:
    boxes, scores = torch.tensor([[0.0, 0.0, 2.0, 2.0]] * 2), torch.tensor([0.8, 0.9])
    assert soft_nms(boxes, scores, decay="linear")[0].tolist() == [1]
    kept, values = soft_nms(boxes, scores, decay="gaussian")
    assert kept.tolist() == [1, 0] and values.tolist() == pytest.approx([0.9, 0.8 * math.exp(-2)])


@pytest.mark.heavy
@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("overlap", [0.1, 0.5])
def test_greedy_equals_monais(dims: int, overlap: float) -> None:
    from monai.data import box_utils

    boxes = random_boxes(300, dims, 5).float()
    scores = torch.rand(300, generator=torch.Generator().manual_seed(6))
    expected = box_utils.non_max_suppression(boxes, scores, overlap)
    assert nms(boxes, scores, overlap=overlap).tolist() == expected.tolist()
